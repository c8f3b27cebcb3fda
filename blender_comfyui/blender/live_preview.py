"""The picture on the way, as an icon for the panel.

Blender decodes it: the bytes go into one hidden image without users (so no .blend ever holds it), its pixels, thinned
out, into a preview. That takes 2 to 4 ms for the 512 pixels that ComfyUI sends, and no file; loading a preview from a
file would leave one in the person's thumbnail cache for each step.
"""

import time

import bpy
import bpy.utils.previews
import numpy
from bpy.types import Image

from .job_list import Entry

SIDE = 256  # pixels at most, in the panel
INTERVAL = 0.2  # seconds between two pictures
_CARRIER = ".ComfyUI Preview"


class LivePreview:
    """The newest picture of the job that runs; a server runs one at a time."""

    def __init__(self) -> None:
        self._icons: bpy.utils.previews.ImagePreviewCollection | None = None
        self._job_id = ""
        self._shown = b""
        self._next = 0.0

    def icon_of(self, entry: Entry) -> int:
        """Return the icon of this job's picture, 0 where there is none yet."""
        return self._icons["live"].icon_id if self._icons and self._job_id == entry.id else 0

    def show(self, entry: Entry) -> bool:
        """Take over the job's newest picture unless the last one is too young; return whether it did."""
        if not entry.preview or entry.preview is self._shown or time.monotonic() < self._next:
            return False
        self._job_id, self._shown = entry.id, entry.preview
        self._next = time.monotonic() + INTERVAL
        self._icons = self._icons or bpy.utils.previews.new()
        icon = self._icons.get("live") or self._icons.new("live")
        pixels = _thinned(_decode(entry.preview))
        icon.image_size = pixels.shape[1], pixels.shape[0]
        icon.image_pixels_float.foreach_set(pixels.ravel())
        return True

    def forget(self) -> None:
        """Leave nothing behind."""
        self._job_id, self._shown = "", b""
        if carrier := bpy.data.images.get(_CARRIER):
            bpy.data.images.remove(carrier)
        if self._icons is not None:
            bpy.utils.previews.remove(self._icons)
            self._icons = None


def _decode(encoded: bytes) -> numpy.ndarray:
    """Return the picture's pixels, shape (height, width, 4), bottom row first."""
    carrier = _carrier()
    carrier.pack(data=encoded, data_len=len(encoded))
    carrier.source = "FILE"
    carrier.buffers_free()
    width, height = carrier.size
    pixels = numpy.empty(width * height * carrier.channels, dtype=numpy.float32)
    carrier.pixels.foreach_get(pixels)
    return pixels.reshape(height, width, -1)


def _carrier() -> Image:
    # By name each time: undo and opening a file take it away.
    return bpy.data.images.get(_CARRIER) or bpy.data.images.new(_CARRIER, 1, 1)


def _thinned(pixels: numpy.ndarray) -> numpy.ndarray:
    step = -(-max(pixels.shape[:2]) // SIDE)
    return numpy.ascontiguousarray(pixels[::step, ::step])
