"""The texts in WebP and JPEG files: EXIF blocks and comments. No bpy here.

WebP: https://developers.google.com/speed/webp/docs/riff_container; JPEG: ITU T.81, annex B.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import BinaryIO

from . import exif
from .bounded import MAX_PARTS, MAX_TEXT, Cut, Texts, exactly, number, text_of

_EXIF_MARK = b"Exif\0\0"
_COMMENT, _APP1, _SCAN, _END = 0xFE, 0xE1, 0xDA, 0xD9
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length


def webp_texts(file: BinaryIO) -> Texts:
    """Yield the texts of a WebP file; its EXIF chunk mostly comes last."""
    file.seek(12)
    for _ in range(MAX_PARTS):
        head = exactly(file, 8)
        length = number(head[4:], little=True)
        if head[:4] == b"EXIF":
            yield from exif.texts(exactly(file, length))
            file.seek(length % 2, 1)
        else:
            file.seek(length + length % 2, 1)


def jpeg_texts(file: BinaryIO) -> Texts:
    """Yield the texts of a JPEG file. A block of more than 64 KB is split into segments, which are put together."""
    block = bytearray()
    with contextlib.suppress(Cut):
        for marker, length in _segments(file):
            body = exactly(file, length) if marker in (_COMMENT, _APP1) else b""
            if marker == _COMMENT:
                yield "comment", text_of(body)
            elif body.startswith(_EXIF_MARK) and len(block) < MAX_TEXT:
                block += body[len(_EXIF_MARK) :]
            file.seek(length - len(body), 1)
    yield from exif.texts(bytes(block))


def _segments(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Yield marker and length of the segments before the picture; whoever takes one reads it or seeks over it."""
    file.seek(2)
    for _ in range(MAX_PARTS):
        marker = exactly(file, 1)[0]
        while marker == 0xFF:  # once by the book, or more often as padding
            marker = exactly(file, 1)[0]
        if marker in (_SCAN, _END):
            return
        if marker not in _ALONE:
            yield marker, max(0, number(exactly(file, 2)) - 2)
