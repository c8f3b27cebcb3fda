"""What a screenshot shows, as far as a program can tell. Pixels count from the top left."""

from pathlib import Path

from PIL import Image

from tests.gui.screen import Rect

# A line of Blender's own drawing has few colours beside each other, one of noise as many as pixels.
MANY_COLOURS = 90


def noisy_rows(picture: Path, part: Rect) -> int:
    """How many rows of pixels in that part are as colourful as a photo or an unfinished picture."""
    with Image.open(picture) as whole:
        pixels = whole.convert("RGB").crop((part.x, part.y, part.x + part.width, part.y + part.height))
    rows = (pixels.crop((0, y, pixels.width, y + 1)) for y in range(pixels.height))
    return sum(len(row.getcolors() or ()) > MANY_COLOURS for row in rows)


def share_alike(picture: Path, centre: tuple[int, int], other: Path, reach: int = 100) -> float:
    """How much of `other`, 0 to 1, is seen in `picture` with its own centre at that point and drawn pixel by pixel.

    Compared are points up to `reach` pixels around the centre.
    """
    with Image.open(picture) as first, Image.open(other) as second:
        seen, wanted = first.convert("RGB"), second.convert("RGB")
    steps = range(-reach, reach + 1, reach // 5)
    pairs = [
        (
            seen.getpixel((centre[0] + x, centre[1] + y)),
            wanted.getpixel((wanted.width // 2 + x, wanted.height // 2 + y)),
        )
        for x in steps
        for y in steps
    ]
    return sum(_alike(*pair) for pair in pairs) / len(pairs)  # type: ignore[arg-type]


def _alike(first: tuple[int, ...], second: tuple[int, ...]) -> bool:
    return all(abs(a - b) <= 8 for a, b in zip(first, second, strict=True))
