"""Results as images, shown in an open Image Editor that shows nothing else."""

from collections.abc import Iterator

import bpy
from bpy.types import Image, SpaceImageEditor

from ...generation.outcome import Output
from .. import compat
from ..job_list import Entry, Result
from . import ledger
from .names import data_block_name
from .recipe import KEY, recipe
from .target import CannotPlace, blender_path, push_undo, scene_of


def place(entry: Entry, result: Result) -> str:
    """Make an image of the file, keep it with the scene, show it; return its name. Raises CannotPlace."""
    scene = scene_of(entry.target)
    image = _load(result.output)
    image.name = data_block_name(entry.making.label, entry.making.seed, compat.MAX_NAME_BYTES)
    image[KEY] = recipe(entry, result)
    ledger.enter(scene, entry.id, result.number, image)
    if not entry.placed:
        _show(image)
    push_undo(f"ComfyUI: {image.name}")
    return image.name


def _load(output: Output) -> Image:
    try:
        image = bpy.data.images.load(str(output.path), check_existing=False)
    except RuntimeError as error:
        raise CannotPlace(f"“{output.path.name}” cannot be read from {output.path.parent}: it was moved.") from error
    image.filepath_raw = blender_path(output.path)
    return image


def _show(image: Image) -> None:
    """Show it where an earlier result is shown, else in an empty Image Editor; take nobody's picture away."""
    spaces = list(_image_editors())
    ours = [space for space in spaces if space.image is not None and space.image.get(KEY)]
    empty = [space for space in spaces if space.image is None]
    for space in (ours or empty)[:1]:
        space.image = image


def _image_editors() -> Iterator[SpaceImageEditor]:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            # A UV Editor is an Image Editor too, but its picture belongs to the unwrapping.
            if area.ui_type == "IMAGE_EDITOR" and not area.spaces.active.use_image_pin:
                yield area.spaces.active
