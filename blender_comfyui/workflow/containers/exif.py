"""The texts in EXIF data: what CIPA DC-008 and TIFF 6.0 call IFDs, as far as texts go. No bpy here.

ComfyUI writes ``prompt:{…}`` as Model and ``workflow:{…}`` as Make, further entries below it (``comfy_extras/
nodes_images.py``, ``comfy_api/latest/_ui.py``); some node packs write one JSON object with both as UserComment.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from .bounded import Texts, number, text_of

_EXIF_IFD = 0x8769
_USER_COMMENT = 0x9286
_BYTE, _ASCII, _UNDEFINED = 1, 2, 7
_TEXTS = (_ASCII, _UNDEFINED)
_MOST_ENTRIES = 1000
_MOST_DIRECTORIES = 4


def texts(data: bytes) -> Texts:
    """Yield the texts of an EXIF block, with or without the marker in front; ``tag 010f`` are their names."""
    data = data.removeprefix(b"Exif\0\0")
    order: Literal["little", "big"] | None = {b"II": "little", b"MM": "big"}.get(data[:2])  # type: ignore[assignment]
    if order is None:
        return
    little = order == "little"
    directories = [number(data[4:8], little)]
    for place in directories:
        for tag, kind, raw in _entries(data, place, little):
            if tag == _EXIF_IFD and len(directories) < _MOST_DIRECTORIES:
                directories.append(number(raw, little))
            elif kind in _TEXTS or tag == _USER_COMMENT:
                yield f"tag {tag:04x}", _comment(raw, order) if tag == _USER_COMMENT else text_of(raw)


def _entries(data: bytes, place: int, little: bool) -> Iterator[tuple[int, int, bytes]]:
    """Yield tag, kind and value of the entries of a directory; of what is no text, the value or its place."""
    count = number(data[place : place + 2], little)
    for start in range(place + 2, place + 2 + 12 * min(count, _MOST_ENTRIES), 12):
        entry = data[start : start + 12]
        if len(entry) < 12:
            return
        tag, kind, length = number(entry[:2], little), number(entry[2:4], little), number(entry[4:8], little)
        is_text = kind in _TEXTS or (tag, kind) == (_USER_COMMENT, _BYTE)  # Pillow writes it so
        if not is_text or length <= 4:
            yield tag, kind, entry[8:12]
        else:
            value = number(entry[8:12], little)
            yield tag, kind, data[value : value + length]


def _comment(raw: bytes, order: Literal["little", "big"]) -> str:
    """Read a UserComment: eight bytes for its encoding come first, which some programs forget."""
    if not raw.startswith(b"UNICODE\0"):
        return text_of(raw.removeprefix(b"ASCII\0\0\0"))
    body = raw[8:]
    # The byte order is the block's by the book, big-endian with piexif. JSON and English begin with an ASCII letter.
    if body[:1] == b"\0" or body[1:2] == b"\0":
        order = "big" if body[:1] == b"\0" else "little"
    return body.decode("utf-16-be" if order == "big" else "utf-16-le", "replace").strip("\ufeff\0 ")
