"""Which kind of file it is, by its first bytes, and who reads its texts. No bpy here."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, NamedTuple, TypeAlias

from ..png_chunks import each_text
from ..signatures import picture_format
from . import avif, exif, isobmff, matroska, meshes, pictures, sounds
from .bounded import MAX_TEXT, Texts, exactly, number, text_of

Reader: TypeAlias = Callable[[BinaryIO], Texts]

_ARCHIVES = {
    b"PK\3\4": "ZIP",
    b"PK\5\6": "ZIP",
    b"\x1f\x8b": "gzip",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"Rar!": "RAR",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "Zstandard",
}
_MOVIE_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_WITHOUT = {b"%PDF": "PDF", b"BLENDER": "Blender", b"Kaydara": "FBX", b"ply\n": "PLY", b"ply\r": "PLY"}


class Kind(NamedTuple):
    """``name`` is for a person; ``texts`` yields nothing for kinds that hold none."""

    name: str
    texts: Reader
    is_archive: bool = False


def kind_of(head: bytes) -> Kind | None:
    """Tell a file by its first bytes; None for text, and for whatever we do not know."""
    for start, name in _ARCHIVES.items():
        if head.startswith(start):
            return Kind(name, _none, is_archive=True)
    return _picture(head) or _sound(head) or _other(head)


def _picture(head: bytes) -> Kind | None:
    name = picture_format(head)
    readers: dict[str, Reader] = {
        "PNG": _png_texts,
        "WebP": pictures.webp_texts,
        "JPEG": pictures.jpeg_texts,
        "AVIF": avif.texts,
        "TIFF": _tiff_texts,
        "SVG": _svg_texts,
    }
    return Kind(name, readers.get(name, _none)) if name else None


def _sound(head: bytes) -> Kind | None:
    if head.startswith(b"fLaC"):
        return Kind("FLAC", sounds.flac_texts)
    if head.startswith(b"OggS"):
        return Kind("Ogg", sounds.ogg_texts)
    if head.startswith(b"ID3"):
        return Kind("MP3", sounds.id3_texts)
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2:  # without tags
        return Kind("MP3", _none)
    return Kind("RIFF", _none) if head.startswith(b"RIFF") else None


def _other(head: bytes) -> Kind | None:
    if head[4:8] in _MOVIE_BOXES:
        return Kind("MP4", isobmff.texts)
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return Kind("WebM" if b"webm" in head[:64] else "Matroska", matroska.texts)
    if head.startswith(b"glTF"):
        return Kind("GLB", meshes.glb_texts)
    if head[8:9] == b"{" and 2 <= number(head[:8], little=True) <= MAX_TEXT:
        return Kind("safetensors", meshes.safetensors_texts)
    name = next((name for start, name in _WITHOUT.items() if head.startswith(start)), "")
    return Kind(name, _none) if name else None


def _none(_: BinaryIO) -> Texts:
    yield from ()


def _png_texts(file: BinaryIO) -> Texts:
    file.seek(0)
    yield from each_text(file)


def _tiff_texts(file: BinaryIO) -> Texts:
    end = file.seek(0, 2)
    file.seek(0)
    yield from exif.texts(exactly(file, end))


def _svg_texts(file: BinaryIO) -> Texts:
    """ComfyUI's SaveSVGNode writes one JSON object into <metadata> (``comfy_extras/nodes_images.py``)."""
    file.seek(0)
    for piece in text_of(file.read(MAX_TEXT)).split("<![CDATA[")[1:]:
        yield "metadata", piece.partition("]]>")[0]
