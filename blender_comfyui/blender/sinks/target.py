"""What every sink needs: the scene that was asked from, paths relative to the .blend, and the undo step."""

from collections.abc import Mapping
from pathlib import Path

import bpy
from bpy.types import Scene

from .. import blend_file


class CannotPlace(Exception):
    """The target is gone, or the file cannot be read; str() is a sentence for the person."""


def scene_of(context: Mapping[str, str]) -> Scene:
    """Return the scene that a request was made in; raise CannotPlace when it is gone, or belongs to another file."""
    found = _by_number(context) if _has_number(context) else _by_name(context)
    if found is None:
        name = context.get("scene", "")
        raise CannotPlace(f"The scene “{name}” that asked for this is gone. Place the result in the open one instead.")
    if found.library is not None:  # nothing that is put there is saved with the open file
        raise CannotPlace(
            f"The scene “{found.name}” is linked from another file. Place the result in one of this file."
        )
    return found


def _has_number(context: Mapping[str, str]) -> bool:
    """Whether the scene's number tells more than its name: the person may have renamed it."""
    return bool(context.get("scene_uid")) and blend_file.is_same_opening(context)


def _by_number(context: Mapping[str, str]) -> Scene | None:
    return next((scene for scene in bpy.data.scenes if str(scene.session_uid) == context["scene_uid"]), None)


def _by_name(context: Mapping[str, str]) -> Scene | None:
    """A linked scene may have the same name as one of our own."""
    own = (scene for scene in bpy.data.scenes if scene.library is None)
    return next((scene for scene in own if scene.name == context.get("scene", "")), None)


def blender_path(path: Path) -> str:
    """Return `path` as Blender keeps it: relative to the .blend where that is saved (and on the same drive)."""
    if not bpy.data.filepath:
        return str(path)
    try:
        return bpy.path.relpath(str(path))
    except ValueError:  # Windows: another drive
        return str(path)


def push_undo(message: str) -> None:
    """Make one undo step of what was just changed. Background Blenders have no undo."""
    windows = bpy.context.window_manager.windows
    if bpy.app.background or not windows:
        return
    with bpy.context.temp_override(window=windows[0]):
        bpy.ops.ed.undo_push(message=message)
