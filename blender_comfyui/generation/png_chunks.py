"""The chunks of a PNG file, read one by one: whether all are there and whole, and the texts among them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_TEXT = 64 * 1024 * 1024  # bytes of one text; a graph has some thousand
_PIECE = 1 << 20
_TEXTS = (b"tEXt", b"zTXt", b"iTXt", b"comf")


class BrokenPng(Exception):
    """No PNG, cut, or damaged."""


def check_chunks(path: Path) -> None:
    """Read the file through and compare every checksum. Raises BrokenPng; OSError where it cannot be read."""
    with path.open("rb") as file:
        first = b""
        for kind, length in _chunks(file):
            first = first or kind
            checksum = zlib.crc32(kind)
            while length:
                piece = file.read(min(length, _PIECE))
                if not piece:
                    raise BrokenPng("cut in the middle")
                checksum = zlib.crc32(piece, checksum)
                length -= len(piece)
            if file.read(4) != checksum.to_bytes(4, "big"):
                raise BrokenPng("a checksum is wrong")
        if first != b"IHDR":
            raise BrokenPng("without a header")


def texts(path: Path) -> dict[str, str]:
    """What stands in its text chunks, by keyword; the first of several. What is damaged is left out.

    ComfyUI writes ``prompt`` and ``workflow`` as tEXt; as "comf", behind the picture, in animated ones.
    Raises OSError where the file cannot be read.
    """
    found: dict[str, str] = {}
    with path.open("rb") as file:
        try:
            for kind, length in _chunks(file):
                if kind not in _TEXTS or length > MAX_TEXT:
                    file.seek(length + 4, 1)
                    continue
                keyword, text = _text(kind, file.read(length))
                found.setdefault(keyword, text)
                file.seek(4, 1)
        except BrokenPng:
            pass
    return found


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Kind and length of each chunk up to the last; whoever takes one reads or skips it with its checksum."""
    if file.read(8) != SIGNATURE:
        raise BrokenPng("no PNG")
    kind = b""
    while kind != b"IEND":
        head = file.read(8)
        if len(head) < 8:
            raise BrokenPng("cut before its end")
        kind = head[4:]
        yield kind, int.from_bytes(head[:4], "big")


def _text(kind: bytes, body: bytes) -> tuple[str, str]:
    keyword, _, rest = body.partition(b"\0")
    if kind == b"zTXt":
        rest = _inflated(rest[1:])
    elif kind == b"iTXt":
        compressed = rest[:1] == b"\1"
        rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
        rest = _inflated(rest) if compressed else rest
    encoding = "utf-8" if kind == b"iTXt" else "latin-1"
    return keyword.decode("latin-1"), rest.decode(encoding, "replace")


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, MAX_TEXT)
    except zlib.error:
        return b""
