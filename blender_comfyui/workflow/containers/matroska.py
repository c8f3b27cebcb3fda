"""The tags in WebM and Matroska files: their EBML elements, as far as tags go. No bpy here.

ComfyUI's SaveWEBM writes ``PROMPT`` and ``WORKFLOW`` through PyAV (``comfy_extras/nodes_video.py``; FFmpeg turns the
names to capitals). RFC 8794, RFC 9559.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from .bounded import MAX_PARTS, MAX_TEXT, Cut, Texts, exactly, number, text_of

_SEGMENT, _TAGS = 0x18538067, 0x1254C367
_TAG, _SIMPLE_TAG, _NAME, _STRING = 0x7373, 0x67C8, 0x45A3, 0x4487
_DEEPEST = 4


class _Element(NamedTuple):
    id: int
    length: int | None  # None where the writer did not know it


def texts(file: BinaryIO) -> Texts:
    """Yield the tags of a file by name."""
    file.seek(0)
    for element in _elements(file):
        if element.id == _TAGS and element.length is not None and element.length <= MAX_TEXT:
            yield from _tags(exactly(file, element.length), 0)
        elif element.id == _SEGMENT or element.length is None:
            continue  # its children come next
        else:
            file.seek(element.length, 1)


def _tags(data: bytes, depth: int) -> Texts:
    file = io.BytesIO(data)
    name = ""
    for element in _elements(file):
        body = exactly(file, element.length or 0)
        if element.id in (_TAG, _SIMPLE_TAG) and depth < _DEEPEST:
            yield from _tags(body, depth + 1)
        elif element.id == _NAME:
            name = text_of(body)
        elif element.id == _STRING:
            yield name, text_of(body)


def _elements(file: BinaryIO) -> Iterator[_Element]:
    """Yield the head of each element up to the end of the file; whoever takes one reads or skips its body."""
    for _ in range(MAX_PARTS):
        first = file.read(1)
        if not first:
            return
        id_length = 9 - first[0].bit_length()
        if id_length > 4:
            raise Cut
        element_id = number(first + exactly(file, id_length - 1))
        yield _Element(element_id, _length(file))


def _length(file: BinaryIO) -> int | None:
    first = exactly(file, 1)
    length = 9 - first[0].bit_length()
    if length > 8:
        raise Cut
    value = number(first + exactly(file, length - 1)) & ((1 << 7 * length) - 1)
    return None if value == (1 << 7 * length) - 1 else value
