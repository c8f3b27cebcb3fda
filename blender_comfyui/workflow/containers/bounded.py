"""Reading no more of a file than was meant. No bpy here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, TypeAlias

Texts: TypeAlias = Iterator[tuple[str, str]]

MAX_TEXT = 32 * 1024 * 1024  # bytes of one text, or of all of a file's; the largest official template has 0.4 MB
MAX_PARTS = 100_000  # boxes, elements, pages, frames of one file that are looked at


class Cut(Exception):
    """The file ends too early, or claims a length that no text has."""


def exactly(file: BinaryIO, length: int) -> bytes:
    """Read that many bytes; raise Cut where they are not there, or more than MAX_TEXT."""
    if not 0 <= length <= MAX_TEXT:
        raise Cut
    data = file.read(length)
    if len(data) < length:
        raise Cut
    return data


def number(data: bytes, little: bool = False) -> int:
    """Return the unsigned number that stands in these bytes."""
    return int.from_bytes(data, "little" if little else "big")


def text_of(raw: bytes) -> str:
    """Return a text whose encoding nobody wrote down: UTF-8, or else Latin-1; without the padding at its ends."""
    try:
        return raw.decode().strip("\0 ")
    except UnicodeDecodeError:
        return raw.decode("latin-1").strip("\0 ")
