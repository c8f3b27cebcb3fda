"""What was placed in this .blend, kept in it: no result is placed twice, whatever happens in between.

A scene's `comfyui.results` has a line for each output that a sink placed. It is written in the same undo step, goes
to the disk in the same file, and stays when the picture itself is let go.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import bpy
from bpy.app.handlers import persistent
from bpy.types import ID, Image, Scene

from .. import compat
from .recipe import KEY, names_output


@dataclass
class _Lines:
    """All lines of the file, read anew where their number changed, or anything may have."""

    signature: tuple[tuple[str, int], ...] | None = None
    keys: frozenset[str] = frozenset()


_lines = _Lines()


def key(job_id: str, number: int) -> str:
    return f"{job_id}/{number}"


def holds(job_id: str, number: int) -> bool:
    """Whether this output has a line. Fast enough for drawing."""
    signature = tuple((scene.name, len(scene.comfyui.results)) for scene in bpy.data.scenes)
    if signature != _lines.signature:
        _lines.keys = frozenset(line.name for scene in bpy.data.scenes for line in scene.comfyui.results)
        _lines.signature = signature
    return key(job_id, number) in _lines.keys


def placed_as(job_id: str, number: int) -> str | None:
    """Return the name of what this output became, '' where that is gone, None where it was never placed here."""
    made = next((block for block in _made() if names_output(block[KEY], job_id, number)), None)
    if made is not None:
        return made.name
    return "" if holds(job_id, number) else None


def present_name(job_id: str, number: int, name: str) -> str:
    """Return how what was made as `name` is called now, '' where it is gone. Fast enough for drawing a few."""
    for scene in bpy.data.scenes:
        line = scene.comfyui.results.get(key(job_id, number))
        if line is not None and line.image is not None:
            return line.image.name
        if scene.sequence_editor is not None and name in compat.strips(scene.sequence_editor):
            return name
    image = bpy.data.images.get(name)
    return name if image is not None and image.get(KEY) else ""


def enter(scene: Scene, job_id: str, number: int, image: Image | None = None) -> None:
    """Write down that an output was placed in this scene, and keep its image with it."""
    line = scene.comfyui.results.add()
    line.name = key(job_id, number)
    # a fake user would keep it for ever; this one goes with the scene
    line.image = image


def release(scene: Scene) -> int:
    """Let go of the images that nothing else uses; return how many. The lines stay."""
    unused = [line for line in scene.comfyui.results if line.image is not None and line.image.users <= 1]
    for line in unused:
        line.image = None
    return len(unused)


def _made() -> Iterator["ID | bpy.types.Strip"]:
    """All images and strips of this file that a sink made."""
    yield from (image for image in bpy.data.images if image.library is None and image.get(KEY))
    for scene in bpy.data.scenes:
        if scene.sequence_editor is not None:
            yield from (strip for strip in compat.strips(scene.sequence_editor) if strip.get(KEY))


@persistent
def _forget(_scene_or_file: object) -> None:
    _lines.signature = None


_HANDLERS = (bpy.app.handlers.load_post, bpy.app.handlers.undo_post, bpy.app.handlers.redo_post)


def register() -> None:
    for handlers in _HANDLERS:
        handlers.append(_forget)


def unregister() -> None:
    for handlers in _HANDLERS:
        handlers.remove(_forget)
