"""The texts in AVIF and HEIF files: the EXIF block among their items. No bpy here.

ISO/IEC 14496-12, ``iinf`` and ``iloc``. Node packs write the same texts there as into WebP.
"""

from __future__ import annotations

import io
from typing import BinaryIO

from . import exif
from .bounded import MAX_PARTS, MAX_TEXT, Texts, exactly, number
from .isobmff import boxes, meta_boxes


def texts(file: BinaryIO) -> Texts:
    """Yield the texts of a file's EXIF block."""
    end = file.seek(0, 2)
    file.seek(0)
    for box in boxes(file, end):
        if box.kind == b"meta" and box.length <= MAX_TEXT:
            found = meta_boxes(exactly(file, box.length))
            place, length = _places(found.get(b"iloc", b"")).get(_exif_item(found.get(b"iinf", b"")), (0, 0))
            file.seek(place)
            block = exactly(file, length)
            yield from exif.texts(block[4 + number(block[:4]) :])  # the TIFF head may come after something else
            return


def _exif_item(data: bytes) -> int:
    """Return the number of the item that is EXIF; -1 for none."""
    head = 6 if data[:1] == b"\0" else 8
    file = io.BytesIO(data[head:])
    for box in boxes(file, len(data) - head):
        body = file.read(max(0, box.length))
        id_length = 2 if body[:1] == b"\2" else 4
        if body[6 + id_length : 10 + id_length] == b"Exif":
            return number(body[4 : 4 + id_length])
    return -1


def _places(data: bytes) -> dict[int, tuple[int, int]]:
    """Return where each item's first piece is in the file, and how long it is."""
    file = io.BytesIO(data)
    version = number(exactly(file, 4)[:1])
    sizes = exactly(file, 2)
    id_length = 4 if version > 1 else 2
    found: dict[int, tuple[int, int]] = {}
    for _ in range(min(number(exactly(file, id_length)), MAX_PARTS)):
        item = number(exactly(file, id_length))
        method = number(exactly(file, 2)) & 15 if version else 0
        base = number(exactly(file, 2 + (sizes[1] >> 4))[2:])
        for piece in range(number(exactly(file, 2))):
            exactly(file, sizes[1] & 15 if version else 0)
            place, length = number(exactly(file, sizes[0] >> 4)), number(exactly(file, sizes[0] & 15))
            if not piece and not method:  # counted from the start of the file
                found[item] = base + place, length
    return found
