"""The chunks of a PNG file, read one by one: whether all are there and whole, and the texts among them. No bpy here.

https://www.w3.org/TR/png-3/
"""

from __future__ import annotations

import contextlib
import itertools
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_TEXT = 64 * 1024 * 1024  # bytes of all texts; a graph has some thousand
_MAX_CHUNKS = 1 << 20  # that a search for texts goes over
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


def each_text(file: BinaryIO) -> Iterator[tuple[str, str]]:
    """Keyword and text of each text chunk, up to where the file is cut or the texts become too many.

    ComfyUI writes ``prompt`` and ``workflow`` as tEXt; as "comf", behind the picture, in animated ones.
    """
    left = MAX_TEXT
    with contextlib.suppress(BrokenPng):
        for kind, length in itertools.islice(_chunks(file), _MAX_CHUNKS):
            if kind in _TEXTS and length <= left:
                keyword, text = _text(kind, file.read(length), left)
                left -= max(length, len(text))
                yield keyword, text
                length = 0
            file.seek(length + 4, 1)


def copy_with_texts(source: BinaryIO, target: BinaryIO, texts: Mapping[str, str]) -> None:
    """Copy a PNG with these texts in front of its picture, in place of those that it has under the same keywords.

    Raises BrokenPng.
    """
    target.write(SIGNATURE)
    for kind, length in _chunks(source):
        if kind in _TEXTS and length <= MAX_TEXT:
            body = _whole(source, length + 4)
            if body.partition(b"\0")[0].decode("latin-1") in texts:
                continue
            target.write(length.to_bytes(4, "big") + kind + body)
        else:
            _copy(source, target, kind, length)
        if kind == b"IHDR":
            for keyword, text in texts.items():
                target.write(_text_chunk(keyword, text))


def _text_chunk(keyword: str, text: str) -> bytes:
    kind, head = (b"tEXt", b"\0") if text.isascii() else (b"iTXt", b"\0\0\0\0\0")
    body = keyword.encode("latin-1") + head + text.encode()
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def _copy(source: BinaryIO, target: BinaryIO, kind: bytes, length: int) -> None:
    target.write(length.to_bytes(4, "big") + kind)
    left = length + 4  # with the checksum
    while left:
        piece = _whole(source, min(left, _PIECE))
        target.write(piece)
        left -= len(piece)


def _whole(file: BinaryIO, length: int) -> bytes:
    data = file.read(length)
    if len(data) < length:
        raise BrokenPng("cut in the middle")
    return data


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


def _text(kind: bytes, body: bytes, most: int) -> tuple[str, str]:
    keyword, _, rest = body.partition(b"\0")
    if kind == b"zTXt":
        rest = _inflated(rest[1:], most)
    elif kind == b"iTXt":
        compressed = rest[:1] == b"\1"
        rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
        rest = _inflated(rest, most) if compressed else rest
    return keyword.decode("latin-1"), _decoded(rest, is_latin=kind != b"iTXt")


def _decoded(raw: bytes, is_latin: bool) -> str:
    """tEXt is Latin-1 by the book, but some programs write UTF-8 into it, which hardly any Latin-1 looks like."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1") if is_latin else raw.decode("utf-8", "replace")


def _inflated(data: bytes, most: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, max(most, 1))
    except zlib.error:
        return b""
