"""The texts in MP4, M4V, MOV and M4A files: their boxes, as far as texts go. No bpy here.

ComfyUI's SaveVideo writes them through PyAV with ``movflags=use_metadata_tags`` (``comfy_api/latest/_input_impl/
video_types.py``): ``moov/udta/meta`` with ``keys`` (namespace mdta) and an ``ilst`` whose items are numbered by them.
Other programs write iTunes items, ``©cmt`` most of all, or text right into ``udta``.
ISO/IEC 14496-12; Apple's QuickTime File Format, "Metadata".
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from .bounded import MAX_PARTS, MAX_TEXT, Cut, Texts, exactly, number, text_of

_INTO = (b"moov", b"udta")
_ITUNES = {b"\xa9cmt": "comment", b"desc": "description", b"ldes": "description"}
_DEEPEST = 4


class Box(NamedTuple):
    """``length`` is the body's; the file stands before it when the box is handed out."""

    kind: bytes
    length: int


def texts(file: BinaryIO) -> Texts:
    """Yield the texts of a file by name: ``prompt``, ``workflow``, ``comment`` …"""
    end = file.seek(0, 2)
    file.seek(0)
    yield from _texts_in(file, end, 0)


def frame_size(file: BinaryIO) -> tuple[int, int] | None:
    """Return width and height of the first track that has any; None where the file has no such track.

    Raises Cut for a file that was not written, or did not come, to its end.
    """
    end = file.seek(0, 2)
    file.seek(0)
    sizes: list[tuple[int, int]] = []
    seen = set()
    for box in boxes(file, end, whole=True):
        seen.add(box.kind)
        if box.kind == b"moov":
            sizes = list(_track_sizes(file, box.length))
    if not {b"moov", b"mdat"} <= seen:
        raise Cut
    return sizes[0] if sizes else None


def _track_sizes(file: BinaryIO, length: int) -> Iterator[tuple[int, int]]:
    for track in boxes(file, length):
        if track.kind != b"trak":
            continue
        for box in boxes(file, track.length):
            if box.kind == b"tkhd" and 8 <= box.length <= MAX_TEXT:
                width, height = struct.unpack(">II", exactly(file, box.length)[-8:])  # in 65536ths of a pixel
                if width and height:
                    yield width >> 16, height >> 16


def _texts_in(file: BinaryIO, length: int, depth: int) -> Texts:
    for box in boxes(file, length):
        start = file.tell()
        if box.kind in _INTO and depth < _DEEPEST:
            yield from _texts_in(file, box.length, depth + 1)
        elif box.kind == b"meta" and box.length <= MAX_TEXT:
            yield from _meta_texts(exactly(file, box.length))
        elif box.kind == b"\xa9cmt":
            yield "comment", text_of(exactly(file, box.length)[4:])  # after length and language
        file.seek(start + box.length)


def boxes(file: BinaryIO, length: int, whole: bool = False) -> Iterator[Box]:
    """Yield the boxes in the next bytes of a file; whoever takes one may leave the file anywhere.

    Where all have to be ``whole``, raise Cut for one that goes beyond these bytes.
    """
    place, end = file.tell(), file.tell() + length
    for _ in range(MAX_PARTS):
        if place + 8 > end:
            if whole and place < end:
                raise Cut
            return
        file.seek(place)
        head = exactly(file, 8)
        size, head_length = number(head[:4]), 8
        if size == 1:
            size, head_length = number(exactly(file, 8)), 16
        elif size == 0:  # up to the end
            size = end - place
        if size < head_length or (whole and size > end - place):
            raise Cut
        yield Box(head[4:], min(size, end - place) - head_length)
        place += size


def meta_boxes(data: bytes) -> dict[bytes, bytes]:
    """Return the boxes in the body of a ``meta`` box, which has a version in front everywhere but in QuickTime."""
    body = data if data[4:8] in (b"hdlr", b"keys", b"ilst") else data[4:]
    return _boxes_of(body)


def _boxes_of(data: bytes) -> dict[bytes, bytes]:
    file = io.BytesIO(data)
    found: dict[bytes, bytes] = {}
    for box in boxes(file, len(data)):
        found.setdefault(box.kind, file.read(max(0, box.length)))
    return found


def _meta_texts(data: bytes) -> Texts:
    found = meta_boxes(data)
    names = dict(enumerate(_keys(found.get(b"keys", b"")), 1))
    items = found.get(b"ilst", b"")
    file = io.BytesIO(items)
    for box in boxes(file, len(items)):
        body = file.read(max(0, box.length))
        parts = _boxes_of(body)
        name = names.get(number(box.kind)) or _ITUNES.get(box.kind, "")
        if box.kind == b"----":
            name = text_of(parts.get(b"name", b"")[4:])
        if name and b"data" in parts:
            yield name, text_of(parts[b"data"][8:])  # after type and locale


def _keys(data: bytes) -> Iterator[str]:
    """Yield the names that the items' numbers stand for, counted from one."""
    place = 8  # after version and count
    for _ in range(MAX_PARTS):
        length = number(data[place : place + 4])
        if length < 8 or place + length > len(data):
            return
        yield text_of(data[place + 8 : place + length]).removeprefix("com.apple.quicktime.")
        place += length
