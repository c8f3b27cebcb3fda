"""An image of Blender as a picture for a workflow's input: its file as it is, or what is painted, rendered, packed."""

from pathlib import Path

import bpy
import numpy
from bpy.types import Image, Scene

from ..generation.drawings import Drawing, Pixels
from ..workflow.errors import InvalidValue
from . import compat

# what the server opens as well, with Pillow; of anything else it is sent the pixels
_OPENED = frozenset(".png .jpg .jpeg .webp .bmp".split())


def file_of(image: Image) -> Path | None:
    """Return the file that holds just what the image shows, as far as Blender knows; it is not looked for."""
    name = bpy.path.abspath(image.filepath_raw, library=image.library)
    is_file = image.source == "FILE" and name and not image.packed_file and not image.is_dirty
    return Path(name) if is_file and Path(name).suffix.lower() in _OPENED else None


def drawing_of(image: Image, mask: Image | None, scene: Scene) -> Drawing:
    """Return the image, with the mask in its transparency. Takes about 20 ms a megapixel.

    Raises InvalidValue for what shows nothing.
    """
    stem = Path(image.name).stem or image.name
    covered = None if mask is None else _pixels(mask)
    if image.type == "RENDER_RESULT":
        return Drawing(stem, _rendered(image, scene), covered)
    packed = image.packed_file
    if packed and not image.is_dirty and _is_opened(packed.data):
        return Drawing(stem, bytes(packed.data), covered)
    return Drawing(stem, file_of(image) or _pixels(image), covered)


def _is_opened(data: bytes) -> bool:
    return data[:8] == b"\x89PNG\r\n\x1a\n" or data[:3] == b"\xff\xd8\xff" or data[8:12] == b"WEBP"


def _rendered(image: Image, scene: Scene) -> bytes:
    """Return the last render as it is shown. Blender gives it to a file only."""
    path = Path(bpy.app.tempdir) / "comfyui_render.png"
    try:
        compat.save_render(image, path, scene)
        return path.read_bytes()
    except (RuntimeError, OSError) as error:
        raise InvalidValue(
            "There is no render to send. Render once, or choose another image.", name=image.name
        ) from error
    finally:
        path.unlink(missing_ok=True)


def _pixels(image: Image) -> Pixels:
    width, height = image.size
    if not (width and height and image.channels):
        raise InvalidValue(
            f"The image “{image.name}” shows nothing: its file is not there, or it has none yet. Choose another one.",
            name=image.name,
        )
    values = numpy.empty(width * height * image.channels, dtype=numpy.float32)
    image.pixels.foreach_get(values)
    is_linear = image.is_float and not image.colorspace_settings.is_data
    return Pixels(width, height, _rgba(values.reshape(-1, image.channels)).tobytes(), is_linear)


def _rgba(pixels: numpy.ndarray) -> numpy.ndarray:
    channels = pixels.shape[1]
    if channels == 4:
        return pixels
    wide = numpy.ones((len(pixels), 4), dtype=numpy.float32)
    wide[:, :3] = pixels[:, :3] if channels == 3 else pixels[:, :1]
    return wide
