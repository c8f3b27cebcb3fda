"""The sizes that OpenEXR and Radiance HDR pictures claim to have, which Pillow does not know and Blender believes."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_MAX_NAME = 255  # bytes
_MAX_ATTRIBUTES = 1000  # of a part
_MAX_PARTS = 256
_MULTIPART = 1 << 12
_MAX_HDR_HEAD = 64 * 1024
# Blender looks for the first empty line, and takes what stands behind it for the size, however it is written.
_HDR_SIZE = re.compile(rb"[-+][XY][ \t]+(\d{1,9})[ \t]+[-+][XY][ \t]+(\d{1,9})[ \t]*\n")


class BrokenHeader(Exception):
    """What it says about itself cannot be read."""


def claimed_sizes(path: Path, format: str) -> list[tuple[int, int]]:
    """Width and height of all that a decoder makes room for; one less than 1 where the file says so.

    `format` is "OpenEXR" or "Radiance HDR". Raises BrokenHeader, or OSError where the file cannot be read.
    """
    with path.open("rb") as file:
        return list(_exr_sizes(file)) if format == "OpenEXR" else [_hdr_size(file.read(_MAX_HDR_HEAD))]


def _hdr_size(head: bytes) -> tuple[int, int]:
    found = _HDR_SIZE.match(head.partition(b"\n\n")[2])
    if found is None:
        raise BrokenHeader
    return int(found[2]), int(found[1])


def _exr_sizes(file: BinaryIO) -> Iterator[tuple[int, int]]:
    _, flags = _unpacked(file, "<2I")
    for _ in range(_MAX_PARTS):
        sizes = _part_sizes(file)
        if sizes is None:  # the empty header behind the last part
            return
        yield from sizes.values()
        if "dataWindow" not in sizes:
            raise BrokenHeader
        if not flags & _MULTIPART:
            return
    raise BrokenHeader


def _part_sizes(file: BinaryIO) -> dict[str, tuple[int, int]] | None:
    """By attribute: the windows, and the tiles, of which whole ones are read. None for an empty header."""
    sizes: dict[str, tuple[int, int]] = {}
    for count in range(_MAX_ATTRIBUTES):
        name = _name(file)
        if not name:
            return sizes if count else None
        kind = _name(file)
        (length,) = _unpacked(file, "<i")
        if name in sizes or length < 0:
            raise BrokenHeader
        if kind == "box2i" and length == 16:
            left, bottom, right, top = _unpacked(file, "<4i")
            sizes[name] = right - left + 1, top - bottom + 1
        elif kind == "tiledesc" and length == 9:
            width, height, _ = _unpacked(file, "<2IB")
            sizes[name] = width, height
        else:
            file.seek(length, 1)
    raise BrokenHeader


def _name(file: BinaryIO) -> str:
    name, zero, rest = file.read(_MAX_NAME + 1).partition(b"\0")
    if not zero:
        raise BrokenHeader
    file.seek(-len(rest), 1)
    return name.decode("latin-1")


def _unpacked(file: BinaryIO, form: str) -> tuple[int, ...]:
    data = file.read(struct.calcsize(form))
    try:
        return struct.unpack(form, data)
    except struct.error as error:
        raise BrokenHeader from error
