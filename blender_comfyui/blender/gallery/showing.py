"""A result before the person's eyes: its strip at the playhead, or its picture in an Image Editor."""

from collections.abc import Iterator

import bpy
from bpy.types import Area, Context, Image

from ...generation.history import FileRecord, Record
from .. import compat
from ..sinks.recipe import KEY
from ..sinks.target import CannotPlace, blender_path, push_undo
from . import placing


def show(context: Context, record: Record, file: FileRecord) -> str:
    """Show a result; return a sentence about what was done. Raises CannotPlace where its file cannot be read."""
    found = placing.strip_of(record, file)
    if found is not None and placing.image_of(record, file) is None:
        scene, strip = found
        _show_strip(context, scene, strip)
        return f"The playhead is at “{strip.name}”"
    image = placing.image_of(record, file)
    loaded = image is None
    if image is None:
        image = _load(file)
    area = next(_image_editors(), None) or _new_window(context)
    area.spaces.active.image = image
    area.tag_redraw()
    if not loaded:
        return f"“{image.name}” is shown"
    push_undo(f"Show {image.name}")
    return f"“{image.name}” is shown for a look only: Place keeps it with the scene"


def _show_strip(context: Context, scene: "bpy.types.Scene", strip: "bpy.types.Strip") -> None:
    for other in compat.strips(scene.sequence_editor):
        other.select = False
    strip.select = True
    scene.sequence_editor.active_strip = strip
    scene.frame_current = compat.strip_range(strip)[0]
    if hasattr(context.workspace, "sequencer_scene"):
        context.workspace.sequencer_scene = scene
    elif context.window is not None:
        context.window.scene = scene


def _load(file: FileRecord) -> Image:
    try:
        image = bpy.data.images.load(str(file.path), check_existing=True)
    except RuntimeError as error:
        raise CannotPlace(f"“{file.path.name}” cannot be read from {file.path.parent}: it was moved.") from error
    image.filepath_raw = blender_path(file.path)
    return image


def _image_editors() -> Iterator[Area]:
    """Image Editors, first those that show a result or nothing. A UV Editor's picture belongs to the unwrapping."""
    areas = [
        area
        for window in bpy.context.window_manager.windows
        for area in window.screen.areas
        if area.ui_type == "IMAGE_EDITOR" and not area.spaces.active.use_image_pin
    ]
    yield from sorted(areas, key=_shows_another_picture)


def _shows_another_picture(area: Area) -> bool:
    image = area.spaces.active.image
    return image is not None and not image.get(KEY)


def _new_window(context: Context) -> Area:
    if bpy.app.background:
        raise CannotPlace("There is no Image Editor to show it in.")
    known = set(context.window_manager.windows)
    bpy.ops.wm.window_new()
    [window] = set(context.window_manager.windows) - known
    area = window.screen.areas[0]
    area.ui_type = "IMAGE_EDITOR"
    return area
