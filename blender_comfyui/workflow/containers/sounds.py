"""The texts in FLAC, Ogg (Opus, Vorbis) and MP3 files: Vorbis comments and ID3 frames. No bpy here.

ComfyUI's SaveAudio, SaveAudioOpus and SaveAudioMP3 write ``prompt`` and ``workflow`` through PyAV
(``comfy_extras/nodes_audio.py``). RFC 9639 (FLAC), RFC 3533 and RFC 7845 (Ogg, Opus), https://id3.org.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from .bounded import MAX_PARTS, MAX_TEXT, Cut, Texts, exactly, number, text_of

_COMMENT_BLOCK = 4
_COMMENT_STARTS = (b"OpusTags", b"\x03vorbis")
_ID3_ENCODINGS = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}
_ID3_TEXTS = frozenset({b"TXXX", b"COMM", b"TXX", b"COM"})
_WITH_LANGUAGE = frozenset({b"COMM", b"COM"})


def flac_texts(file: BinaryIO) -> Texts:
    """Yield the comments of a FLAC file."""
    file.seek(4)
    for _ in range(MAX_PARTS):
        head = exactly(file, 4)
        length = number(head[1:])
        if head[0] & 0x7F == _COMMENT_BLOCK:
            yield from _vorbis_comments(exactly(file, length))
        else:
            file.seek(length, 1)
        if head[0] & 0x80:  # the last one before the sound
            return


def ogg_texts(file: BinaryIO) -> Texts:
    """Yield the comments of an Ogg file, which are its second packet."""
    file.seek(0)
    packet = bytearray()
    for piece, ends in _ogg_pieces(file):
        packet += piece
        if len(packet) > MAX_TEXT:
            raise Cut
        if ends:
            for start in _COMMENT_STARTS:
                if packet.startswith(start):
                    yield from _vorbis_comments(bytes(packet[len(start) :]))
                    return
            packet.clear()


def _ogg_pieces(file: BinaryIO) -> Iterator[tuple[bytes, bool]]:
    """Yield what the pages hold; True with a packet's last piece."""
    for _ in range(MAX_PARTS):
        head = exactly(file, 27)
        if head[:4] != b"OggS":
            raise Cut
        lengths = exactly(file, head[26])
        for length in lengths:
            yield exactly(file, length), length < 255


def _vorbis_comments(data: bytes) -> Texts:
    place = 4 + number(data[:4], little=True)  # after the writer's name
    count = number(data[place : place + 4], little=True)
    place += 4
    for _ in range(min(count, MAX_PARTS)):
        if place + 4 > len(data):
            raise Cut
        length = number(data[place : place + 4], little=True)
        name, _, text = text_of(data[place + 4 : place + 4 + length]).partition("=")
        yield name, text
        place += 4 + length


def id3_texts(file: BinaryIO) -> Texts:
    """Yield the user's own texts and the comments of an ID3v2 tag, versions 2 to 4."""
    file.seek(0)
    head = exactly(file, 10)
    version, flags = head[3], head[5]
    length = _synchsafe(head[6:10])
    data = file.read(min(length, MAX_TEXT))
    if flags & 0x80:
        data = data.replace(b"\xff\0", b"\xff")
    if flags & 0x40 and version > 2:  # an extended head
        data = data[_synchsafe(data[:4]) if version > 3 else 4 + number(data[:4]) :]
    for kind, body in _id3_frames(data, version):
        if kind in _ID3_TEXTS and body:
            yield _id3_text(body[0], body[4:] if kind in _WITH_LANGUAGE else body[1:])


def _id3_frames(data: bytes, version: int) -> Iterator[tuple[bytes, bytes]]:
    name_length, head_length = (3, 6) if version < 3 else (4, 10)
    place = 0
    for _ in range(MAX_PARTS):
        head = data[place : place + head_length]
        if len(head) < head_length or not head[0]:  # the end, or padding
            return
        size = head[name_length : 2 * name_length]
        length = _synchsafe(size) if version > 3 else number(size)
        place += head_length
        yield head[:name_length], data[place : place + length]
        place += length


def _id3_text(encoding: int, body: bytes) -> tuple[str, str]:
    codec = _ID3_ENCODINGS.get(encoding, "latin-1")
    name, _, text = body.decode(codec, "replace").partition("\0")
    return name.strip("\ufeff"), text.strip("\ufeff\0 ")


def _synchsafe(data: bytes) -> int:
    """Return a number of seven bits a byte."""
    value = 0
    for byte in data:
        value = value << 7 | byte & 0x7F
    return value
