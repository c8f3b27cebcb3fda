"""What every sink needs: the scene that was asked from, paths relative to the .blend, and the undo step."""

from collections.abc import Mapping
from pathlib import Path

import bpy
from bpy.types import Scene


class CannotPlace(Exception):
    """The target is gone, or the file cannot be read; str() is a sentence for the person."""


def scene_of(context: Mapping[str, str]) -> Scene:
    """Return the scene that a request was made in; raise CannotPlace when it is gone."""
    name = context.get("scene", "")
    scene = bpy.data.scenes.get(name)
    if scene is None:
        raise CannotPlace(f"The scene “{name}” that asked for this is gone. Place the result in the open one instead.")
    return scene


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
