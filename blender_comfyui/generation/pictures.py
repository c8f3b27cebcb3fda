"""Pictures as files: checked before anything else opens them, made small; and any file read for the prompt inside it.

Whatever a server sent is opened here first. Only the decoder of the format that the first bytes show is ever asked, so
that none of Pillow's rarer ones can be reached. Pillow is imported on first use, never with the extension.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from ..comfy.errors import FileBroken
from ..workflow.errors import NotAWorkflow
from ..workflow.metadata import read_metadata
from ..workflow.png_chunks import BrokenPng, check_chunks
from ..workflow.signatures import FORMAT_OF, HEAD, picture_format, text_instead
from .float_headers import BrokenHeader, claimed_sizes

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 1 << 29  # of a picture that is taken at all; the panel allows half of that, 16384 x 16384
MAX_DECODED = 1 << 25  # checked by decoding them wholly; larger ones by their structure
MAX_SHRUNK = 100_000_000  # that a thumbnail is made of
_MAX_THUMBNAIL = 1 << 20
_MAX_SCANS = 100  # of a JPEG; progressive ones have about 10

_DECODERS = {
    "PNG": ("PngImagePlugin", "PngImageFile"),
    "JPEG": ("JpegImagePlugin", "JpegImageFile"),
    "WebP": ("WebPImagePlugin", "WebPImageFile"),
    "GIF": ("GifImagePlugin", "GifImageFile"),
    "BMP": ("BmpImagePlugin", "BmpImageFile"),
    "TIFF": ("TiffImagePlugin", "TiffImageFile"),
    "AVIF": ("AvifImagePlugin", "AvifImageFile"),
}
# Models that are text by themselves, or JSON.
_BINARY = frozenset(
    ".mp4 .webm .mov .mkv .avi .m4v .wav .flac .mp3 .ogg .opus .m4a .aac .glb .usdz .usdc .splat .ply .fbx .stl "
    ".latent .safetensors .npy .npz .zip".split()
)
_PAGES = frozenset(".html .htm .xhtml .xml".split())


def check_file(path: Path, file_name: str) -> None:
    """Whether a fetched file can be what the server's name for it says: pictures wholly, others by their first bytes.

    Raises FileBroken, or OSError where the file cannot be read.
    """
    extension = _extension(file_name)
    if extension in FORMAT_OF:
        check_picture(path, file_name)
        return
    instead = text_instead(_head(path))
    if instead and (extension in _BINARY or (instead == "a web page" and extension not in _PAGES)):
        raise _broken(file_name, f"it is {instead}")
    if extension in _BINARY and path.stat().st_size == 0:
        raise _broken(file_name, "it is empty")


def check_picture(path: Path, file_name: str) -> None:
    """Raises FileBroken for a picture that is cut or absurdly large, or is not what the extension of its name says.

    Decodes it (10 to 30 ms a megapixel); larger ones than MAX_DECODED are checked without. OSError as `check_file`.
    """
    head = _head(path)
    found, named = picture_format(head), FORMAT_OF.get(_extension(file_name), "")
    if not found or (named and found != named):
        instead = text_instead(head) or (f"a picture of another kind, {found}" if found else "something else")
        raise _broken(file_name, f"it is {instead}" if head else "it is empty")
    _check_structure(path, found, head, file_name)
    if _can_decode(found):
        _decode(path, found, file_name)


def _check_structure(path: Path, found: str, head: bytes, file_name: str) -> None:
    """What decoding would not tell, or too late."""
    if found in ("OpenEXR", "Radiance HDR"):
        try:
            sizes = claimed_sizes(path, found)
        except BrokenHeader as error:
            raise _broken(file_name, "it is damaged or cut") from error
        for width, height in sizes:
            _check_size(width, height, file_name)
    if found == "PNG":
        try:
            check_chunks(path)
        except BrokenPng as error:
            raise _broken(file_name, f"it is {error}") from error
    if found == "JPEG" and _scans(path) > _MAX_SCANS:
        raise _broken(file_name, "it would take minutes to decode")
    if found == "GIF" and not _tail(path).rstrip(b"\0").endswith(b";"):
        raise _broken(file_name, "it is cut")
    if found == "WebP" and 8 + int.from_bytes(head[4:8], "little") > path.stat().st_size:
        raise _broken(file_name, "it is cut")


def _check_size(width: int, height: int, file_name: str) -> None:
    if not (width > 0 and height > 0 and width * height <= MAX_PIXELS):
        raise _broken(file_name, f"it claims to have {width} x {height} pixels")


def _decode(path: Path, found: str, file_name: str) -> None:
    with _decoding(path, found, file_name) as image:
        _check_size(image.width, image.height, file_name)
        pixels = image.width * image.height
        if found == "JPEG":  # at an eighth of its size: as thorough, with less memory
            pixels //= 4
            image.draft("RGB", (max(1, image.width // 8), max(1, image.height // 8)))
        if pixels <= MAX_DECODED:
            image.load()


def make_thumbnail(source: Path, target: Path, side: int = 256) -> bool:
    """Write a WebP of at most `side` pixels; False where `source` is no picture that we can read, or is too large.

    Raises OSError where `target` cannot be written or `source` not be read.
    """
    found = picture_format(_head(source))
    if not _can_decode(found):
        return False
    try:
        with _decoding(source, found, source.name) as image:
            if not 0 < image.width * image.height <= MAX_SHRUNK:
                return False
            image.draft("RGB", (2 * side, 2 * side))
            small = _eight_bits(image)
            small.thumbnail((side, side), reducing_gap=2.0)
    except FileBroken:
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        small.save(part, "WEBP", quality=80, method=2)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return True


def thumbnail_pixels(path: Path) -> tuple[int, int, bytes]:
    """Width, height and float32 RGBA from the bottom row up, as Blender's `pixels` wants it.

    Raises FileBroken where the file is no small picture, OSError where it cannot be read.
    """
    found = picture_format(_head(path))
    if not _can_decode(found):
        raise _broken(path.name, "it is no picture")
    from PIL import Image

    with _decoding(path, found, path.name) as image:
        if image.width * image.height > _MAX_THUMBNAIL:
            raise _broken(path.name, "it is no thumbnail")
        flipped = _eight_bits(image).convert("RGBA").transpose(Image.Transpose.FLIP_TOP_BOTTOM)
        width, height = flipped.size
        # every channel as a grey pixel of its own: Pillow then divides them all at once
        channels = Image.frombytes("L", (width * 4, height), flipped.tobytes()).convert("F")
        return width, height, channels.point(lambda value: value * (1 / 255)).tobytes()


@contextlib.contextmanager
def open_picture(path: Path) -> Iterator[Image.Image]:
    """A picture of ours, its first frame with 8 bits a channel. Raises FileBroken, or OSError."""
    found = picture_format(_head(path))
    if not _can_decode(found):
        raise FileBroken(f"“{path.name}” is no picture that can be read.")
    with _decoding(path, found, path.name) as image:
        _check_size(image.width, image.height, path.name)
        from PIL import ImageOps

        yield _eight_bits(ImageOps.exif_transpose(image))  # upright, as ComfyUI's LoadImage has it


def picture_size(path: Path) -> tuple[int, int] | None:
    """Width and height as its header claims them; None for what we cannot read. Raises FileBroken, or OSError."""
    found = picture_format(_head(path))
    if found in ("OpenEXR", "Radiance HDR"):
        try:
            return next(iter(claimed_sizes(path, found)), None)
        except BrokenHeader as error:
            raise _broken(path.name, "it is damaged or cut") from error
    if not _can_decode(found):
        return None
    with _decoding(path, found, path.name) as image:
        return int(image.width), int(image.height)


def picture_extension(path: Path) -> str:
    """The usual ending of names for what is in the file, .png where that is not known. Raises OSError."""
    found = picture_format(_head(path))
    return next((extension for extension, format in FORMAT_OF.items() if format == found), ".png")


def embedded_prompt(path: Path) -> Mapping[str, object] | None:
    """The API-format graph that ComfyUI wrote into a file; None where there is none, or none that can be read."""
    try:
        graph = read_metadata(path).api
    except NotAWorkflow:
        return None
    is_graph = graph and all(isinstance(node, dict) and "class_type" in node for node in graph.values())
    return graph if is_graph else None


def _eight_bits(image: Image.Image) -> Image.Image:
    """The first frame as RGB or RGBA: Pillow's own conversion cuts 16 bits off at white."""
    mode = image.mode
    if mode.startswith("I"):
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    if mode == "F":
        return image.point(lambda value: value * 255.0).convert("L").convert("RGB")
    has_alpha = mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info
    return image.convert("RGBA" if has_alpha else "RGB")


def _can_decode(format: str) -> bool:
    """Another add-on's Pillow may stand in the place of ours, older, without AVIF."""
    try:
        return format in _DECODERS and bool(_decoder(format))
    except (ImportError, AttributeError):
        return False


def _decoder(format: str) -> Any:
    module, name = _DECODERS[format]
    return getattr(importlib.import_module(f"PIL.{module}"), name)


@contextlib.contextmanager
def _decoding(path: Path, format: str, file_name: str) -> Iterator[Any]:
    """The picture in Pillow's hands; FileBroken for whatever its decoders object to.

    Image.open would try every format there is, and knows another limit, shared with all add-ons, than ours.
    """
    try:
        with _decoder(format)(path) as image:
            yield image
    except FileBroken:
        raise
    except Exception as error:  # a decoder before malicious bytes raises what it likes: SyntaxError, KeyError, …
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise _broken(file_name, "it is damaged or cut", f"{type(error).__name__}: {error}") from error


def _broken(file_name: str, what: str, details: str = "") -> FileBroken:
    return FileBroken(
        f"The file “{file_name}” came from the server, but {what}. Run it again; if it stays, look at the file on the "
        "server, or at a proxy before it.",
        details=details,
    )


def _extension(file_name: str) -> str:
    return PurePosixPath(file_name.replace("\\", "/")).suffix.lower()


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD)


def _scans(path: Path) -> int:
    """How often a JPEG goes over its picture: each one costs a pass, and a few bytes ask for the next."""
    with path.open("rb") as file:
        pieces = iter(lambda: file.read(1 << 20), b"")
        return sum(piece.count(b"\xff\xda") for piece in pieces)


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 64))
        return file.read()
