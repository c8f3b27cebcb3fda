"""Stock nodes that make one picture of two."""

from __future__ import annotations

from PIL import Image, ImageOps

from .nodes import Images
from .runs import NodeRun, Result, node

_COLOURS = {"white": "#fff", "black": "#000", "red": "#f00", "green": "#0f0", "blue": "#00f"}


@node
def ImageStitch(  # noqa: N802
    run: NodeRun,
    image1: Images,
    direction: str,
    match_image_size: bool,
    spacing_width: int,
    spacing_color: str,
    image2: Images | None = None,
) -> Result:
    if image2 is None:
        return Result((image1,))
    is_row = direction in ("left", "right")
    joined = []
    for first, second in zip(image1, image2, strict=True):
        other = ImageOps.contain(second, first.size) if match_image_size else second
        pair = (first, other) if direction in ("right", "down") else (other, first)
        joined.append(_beside(*pair, is_row, spacing_width, _COLOURS[spacing_color]))
    return Result((joined,))


def _beside(first: Image.Image, second: Image.Image, is_row: bool, spacing: int, colour: str) -> Image.Image:
    along = [image.width if is_row else image.height for image in (first, second)]
    across = max(image.height if is_row else image.width for image in (first, second))
    whole = along[0] + spacing + along[1]
    sheet = Image.new("RGB", (whole, across) if is_row else (across, whole), colour)
    sheet.paste(first, (0, 0))
    sheet.paste(second, (along[0] + spacing, 0) if is_row else (0, along[0] + spacing))
    return sheet


@node
def ImageCompositeMasked(  # noqa: N802
    run: NodeRun,
    destination: Images,
    source: Images,
    x: int,
    y: int,
    resize_source: bool,
    mask: Images | None = None,
) -> Result:
    """White in the mask is where the source is seen."""
    joined = []
    for number, under in enumerate(destination):
        over = source[number % len(source)]
        over = over.resize(under.size) if resize_source else over
        seen = mask[number % len(mask)].convert("L").resize(over.size) if mask else None
        whole = under.copy()
        whole.paste(over, (x, y), seen)
        joined.append(whole)
    return Result((joined,))
