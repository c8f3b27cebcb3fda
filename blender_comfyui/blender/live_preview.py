"""The picture on the way, as an icon for the panel.

Its pixels, thinned out, go into a preview. No file is written: loading a preview from a file would leave one in the
person's thumbnail cache for each step.
"""

import time

import bpy
import bpy.utils.previews

from . import compat
from .job_list import Entry

SIDE = 256  # pixels at most, in the panel
INTERVAL = 0.2  # seconds between two pictures
_NAME = "live"


class LivePreview:
    """The newest picture of the job that runs; a server runs one at a time."""

    def __init__(self) -> None:
        self._icons: bpy.utils.previews.ImagePreviewCollection | None = None
        self._job_id = ""
        self._shown = b""
        self._next = 0.0

    def icon_of(self, entry: Entry) -> int:
        """Return the icon of this job's picture, 0 where there is none yet."""
        return self._icon().icon_id if self._job_id == entry.id else 0

    def show(self, entry: Entry) -> bool:
        """Take over the job's newest picture unless the last one is too young; return whether it did."""
        if not entry.preview or entry.preview is self._shown or time.monotonic() < self._next:
            return False
        self._job_id, self._shown = entry.id, entry.preview
        self._next = time.monotonic() + INTERVAL
        icon = self._icon()
        pixels = compat.decode(entry.preview, SIDE)
        icon.image_size = pixels.shape[1], pixels.shape[0]
        icon.image_pixels_float.foreach_set(pixels.ravel())
        return True

    def _icon(self) -> "bpy.types.ImagePreview":
        if self._icons is None:
            self._icons = bpy.utils.previews.new()
            self._icons.new(_NAME)
        return self._icons[_NAME]

    def forget(self) -> None:
        """Leave nothing behind."""
        self._job_id, self._shown = "", b""
        compat.end_decoding()
        if self._icons is not None:
            bpy.utils.previews.remove(self._icons)
            self._icons = None
