"""Pictures that are in no file yet, such as one that was painted in Blender, and masks put into a picture's alpha.

They become files in the session's own folder before their job is written down: after a crash it can be sent as it was.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .outputs import safe_stem, settle
from .pictures import open_picture, picture_extension

if TYPE_CHECKING:
    from PIL import Image

KEPT = 90 * 24 * 3600.0  # seconds for which a file is kept after its last use; the server has it anyway
_PNG_LEVEL = 4  # of compression, as ComfyUI's own
_LONGEST_STEM = 60


class CannotDraw(Exception):
    """The picture for an input could not be made a file."""


@dataclass(frozen=True)
class Pixels:
    """`rgba` has 4 float32 for each pixel, from the bottom row up, as Blender's `Image.pixels`; linear or as shown."""

    width: int
    height: int
    rgba: bytes
    is_linear: bool = False


@dataclass(frozen=True)
class Drawing:
    """`picture` is pixels, an encoded picture, or the path of one. Where `mask` is white, the picture is transparent:
    that is where ComfyUI's LoadImage has its mask. It may be of another size."""

    name: str
    picture: Pixels | bytes | Path
    mask: Pixels | None = None


def draw(drawing: Drawing, folder: Path) -> Path:
    """Make it a file in `folder`, on the disk itself: the same again for the same pixels. Raises CannotDraw."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f".{os.getpid()}-{time.monotonic_ns()}.part"
        try:
            extension = _write(drawing, part)
            with part.open("rb") as file:
                checksum = hashlib.file_digest(file, "sha256").hexdigest()[:10]
            path = folder / f"{safe_stem(drawing.name, _LONGEST_STEM)}_{checksum}{extension}"
            settle(part)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except Exception as error:  # Pillow raises what it likes for a picture that is damaged
        raise CannotDraw(
            f"The picture “{drawing.name}” could not be made a file for the server: {error} Choose another one, or "
            "make room on the disk."
        ) from error
    return path


def sweep(folder: Path, now: float) -> None:
    """Remove what was not used for KEPT. `now` in seconds since 1970."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            with contextlib.suppress(OSError):
                if path.is_file() and now - path.stat().st_mtime > KEPT:
                    path.unlink()


def _write(drawing: Drawing, part: Path) -> str:
    """Return the extension of what was written."""
    if isinstance(drawing.picture, bytes):
        part.write_bytes(drawing.picture)
        if drawing.mask is None:
            return picture_extension(part)
    picture = _image(drawing.picture) if isinstance(drawing.picture, Pixels) else _opened(drawing.picture, part)
    if drawing.mask is not None:
        from PIL import Image, ImageChops

        mask = _image(drawing.mask).convert("RGB").convert("L").resize(picture.size, Image.Resampling.BILINEAR)
        picture = picture.convert("RGB")
        picture.putalpha(ImageChops.invert(mask))
    picture.save(part, "PNG", compress_level=_PNG_LEVEL)
    return ".png"


def _opened(picture: bytes | Path, part: Path) -> Image.Image:
    with open_picture(part if isinstance(picture, bytes) else picture) as image:
        return image


def _image(pixels: Pixels) -> Image.Image:
    from PIL import Image

    # every channel as a grey pixel of its own: Pillow then converts them all at once
    channels = Image.frombytes("F", (pixels.width * 4, pixels.height), pixels.rgba)
    shown = _bytes(channels, pixels, _table(False))
    if pixels.is_linear:
        alpha = shown.getchannel("A")
        shown = _bytes(channels, pixels, _table(True))
        shown.putalpha(alpha)
    return shown.transpose(Image.Transpose.FLIP_TOP_BOTTOM)


def _bytes(channels: Image.Image, pixels: Pixels, table: list[int]) -> Image.Image:
    from PIL import Image

    steps = channels.point(lambda value: value * 65535.0 + 0.5).convert("I")
    return Image.frombytes("RGBA", (pixels.width, pixels.height), steps.point(table, "L").tobytes())


def _to_srgb(linear: float) -> float:
    """IEC 61966-2-1."""
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055


@functools.cache
def _table(is_linear: bool) -> list[int]:
    """What shows each of 65536 steps of brightness, in 8 bits."""
    steps = (value / 65535 for value in range(65536))
    return [round(255 * (_to_srgb(step) if is_linear else step)) for step in steps]
