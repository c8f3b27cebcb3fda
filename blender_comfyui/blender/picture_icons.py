"""Icons by number: pictures of ours, a bounded number of them, and Blender's own."""

from collections.abc import Hashable
from functools import cache

import bpy
import bpy.utils.previews
import numpy


class PictureIcons:
    """Pictures by whatever tells them apart. The one that was not seen for longest makes room for the next."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._icons: bpy.utils.previews.ImagePreviewCollection | None = None
        self._slots: dict[Hashable, str] = {}  # names of icons; what was seen last is last

    def seen(self, key: Hashable) -> int | None:
        """Return the icon of a picture, which is seen by that; None where it is not there.

        A Blender without a window numbers none of them: it is 0 there.
        """
        if key not in self._slots:
            return None
        self._slots[key] = slot = self._slots.pop(key)
        return self._icons[slot].icon_id

    def put(self, key: Hashable, width: int, height: int, pixels: bytes) -> None:
        """Take a picture (float32 RGBA from the bottom row up), in the place of an earlier one."""
        icon = self._icon_for(key)
        icon.image_size = width, height
        icon.image_pixels_float.foreach_set(_as_drawn(pixels))

    def forget(self) -> None:
        """Leave nothing behind."""
        if self._icons is not None:
            bpy.utils.previews.remove(self._icons)
        self._icons, self._slots = None, {}

    def _icon_for(self, key: Hashable) -> "bpy.types.ImagePreview":
        if self._icons is None:
            self._icons = bpy.utils.previews.new()
        if key not in self._slots:
            full = len(self._slots) >= self._kept
            slot = self._slots.pop(next(iter(self._slots))) if full else str(len(self._slots))
            self._slots[key] = slot
        slot = self._slots[key]
        return self._icons[slot] if slot in self._icons else self._icons.new(slot)


def _as_drawn(pixels: bytes) -> numpy.ndarray:
    """Blender draws icons as if their colours had been multiplied by their alpha: otherwise clear parts shine."""
    found = numpy.frombuffer(pixels, dtype=numpy.float32).reshape(-1, 4)
    alpha = found[:, 3:]
    if alpha.min(initial=1.0) < 1.0:
        found = numpy.concatenate((found[:, :3] * alpha, alpha), axis=1)
    return found.ravel()


@cache
def icon_number(name: str) -> int:
    """Return the number of one of Blender's own icons."""
    return bpy.types.UILayout.bl_rna.functions["label"].parameters["icon"].enum_items[name].value
