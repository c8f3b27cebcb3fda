"""Pictures for prompts, without a model: hills under a sky, the same for the same recipe."""

from __future__ import annotations

import colorsys
import hashlib
import io
import math
import random
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFilter, ImageOps

Colour = tuple[int, int, int]

_HUES = {
    "red": 0.99, "crimson": 0.97, "orange": 0.07, "autumn": 0.07, "sunset": 0.05, "gold": 0.12, "golden": 0.12,
    "yellow": 0.14, "desert": 0.1, "green": 0.33, "forest": 0.36, "spring": 0.28, "teal": 0.48, "sea": 0.52,
    "ocean": 0.54, "blue": 0.59, "winter": 0.57, "night": 0.66, "purple": 0.76, "violet": 0.75, "pink": 0.9,
}  # fmt: skip
_DARK = {"night", "dark", "moon", "moonlight", "stars", "space", "midnight"}


@dataclass(frozen=True)
class Recipe:
    """All that a picture depends on, besides its size and its place in the batch."""

    text: str = ""
    negative: str = ""
    seed: int = 0
    steps: int = 20
    cfg: float = 8.0
    method: str = ""
    model: str = ""

    def generator(self, *more: object) -> random.Random:
        text = repr((self, *more))
        return random.Random(hashlib.sha256(text.encode()).digest())


@dataclass(frozen=True)
class _Palette:
    sky_top: Colour
    sky_low: Colour
    glow: Colour
    near: Colour
    far: Colour


def draw(recipe: Recipe, width: int, height: int, index: int = 0) -> Image.Image:
    """An RGB picture of the size, in pixels; ``index`` is its place in the batch."""
    chance = recipe.generator(index)
    scale = 2 if width * height <= 1024 * 1024 else 1
    size = (max(1, width) * scale, max(1, height) * scale)
    palette = _palette(recipe, chance)
    image = _sky(size, palette)
    image = _sun(image, palette, chance, _is_dark(recipe))
    layers = 3 + min(4, recipe.steps // 6)
    for layer in range(layers):
        _hill(image, palette, chance, (layer + 1) / layers)
    if scale > 1:
        image = image.resize((max(1, width), max(1, height)), Image.Resampling.BOX)
    return image


def preview(picture: Image.Image, recipe: Recipe, step: int, steps: int, longest: int) -> bytes:
    """A JPEG of the unfinished picture: noise and blur grow less with each step."""
    small = picture.copy()
    small.thumbnail((longest, longest), Image.Resampling.BOX, reducing_gap=2.0)
    left = 1.0 - step / max(1, steps)
    if left > 0:
        small = small.filter(ImageFilter.BoxBlur(left * max(small.size) / 14))
        small = Image.blend(small, _noise(recipe, step, small.size), 0.75 * left)
    return encode_jpeg(small)


def encode_jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _noise(recipe: Recipe, step: int, size: tuple[int, int]) -> Image.Image:
    width, height = max(1, size[0] // 8), max(1, size[1] // 8)
    data = recipe.generator("noise", step).randbytes(width * height * 3)
    return Image.frombytes("RGB", (width, height), data).resize(size, Image.Resampling.BICUBIC)


def _is_dark(recipe: Recipe) -> bool:
    return bool(_DARK & set(recipe.text.lower().replace(",", " ").split()))


def _palette(recipe: Recipe, chance: random.Random) -> _Palette:
    words = recipe.text.lower().replace(",", " ").split()
    named = [_HUES[word] for word in words if word in _HUES]
    hue = named[0] if named else chance.random()
    hue += chance.uniform(-0.02, 0.02)
    accent = named[1] if len(named) > 1 else hue + chance.choice((0.08, -0.1, 0.42))
    rich = 0.35 + 0.35 * min(1.0, recipe.cfg / 12)
    light = 0.22 if _is_dark(recipe) else 0.62
    return _Palette(
        sky_top=_colour(hue, light * 0.8, rich),
        sky_low=_colour(accent, min(0.9, light + 0.25), rich),
        glow=_colour(accent + 0.03, 0.85, 0.8),
        near=_colour(hue + 0.03, 0.16, rich),
        far=_colour(accent, light * 0.92, rich * 0.7),
    )


def _colour(hue: float, light: float, rich: float) -> Colour:
    red, green, blue = colorsys.hls_to_rgb(hue % 1.0, min(1.0, light), min(1.0, rich))
    return round(red * 255), round(green * 255), round(blue * 255)


def _between(first: Colour, second: Colour, share: float) -> Colour:
    mixed = [round(a + (b - a) * share) for a, b in zip(first, second, strict=True)]
    return mixed[0], mixed[1], mixed[2]


def _sky(size: tuple[int, int], palette: _Palette) -> Image.Image:
    gradient = Image.linear_gradient("L").resize((1, size[1]), Image.Resampling.BILINEAR)
    middle = _between(palette.sky_top, palette.sky_low, 0.4)
    column = ImageOps.colorize(gradient, palette.sky_top, palette.sky_low, middle)
    return column.resize(size, Image.Resampling.NEAREST)


def _sun(image: Image.Image, palette: _Palette, chance: random.Random, dark: bool) -> Image.Image:
    """A disc with a soft glow, and stars at night."""
    width, height = image.size
    draw = ImageDraw.Draw(image)
    for _ in range(140 if dark else 0):
        x, y = chance.random() * width, chance.random() * height * 0.6
        radius = chance.uniform(0.0005, 0.002) * width
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(240, 240, 255))
    x, y = chance.uniform(0.2, 0.8) * width, chance.uniform(0.18, 0.42) * height
    radius = chance.uniform(0.05, 0.1) * min(width, height)
    glow = ImageOps.invert(Image.radial_gradient("L")).point([max(0, value - 75) for value in range(256)])
    around = int(radius * 9)
    mask = glow.resize((around * 2, around * 2), Image.Resampling.BILINEAR)
    image.paste(palette.glow, (int(x) - around, int(y) - around), mask)
    bright = _between(palette.glow, (255, 255, 255), 0.5)
    ImageDraw.Draw(image).ellipse((x - radius, y - radius, x + radius, y + radius), fill=bright)
    return image


def _hill(image: Image.Image, palette: _Palette, chance: random.Random, nearness: float) -> None:
    width, height = image.size
    base = height * (0.46 + 0.4 * nearness) + chance.uniform(-0.02, 0.02) * height
    waves = [
        (height * chance.uniform(0.3, 1.0) * 0.1 / (part + 1), chance.uniform(0.6, 1.4) * (2.1**part), chance.random())
        for part in range(4)
    ]
    step = max(1, width // 256)
    outline: list[tuple[float, float]] = [(0.0, float(height))]
    for x in range(0, width + step, step):
        rise = sum(size * math.sin((x / width * speed + phase) * math.tau) for size, speed, phase in waves)
        outline.append((float(x), base + rise))
    outline.append((float(width), float(height)))
    fill = _between(palette.far, palette.near, nearness**0.8)
    draw = ImageDraw.Draw(image)
    draw.polygon(outline, fill=fill)
    if nearness > 0.6:
        _trees(draw, outline[1:-1], chance, _between(fill, (0, 0, 0), 0.25), height * 0.05 * nearness)


def _trees(
    draw: ImageDraw.ImageDraw, ground: list[tuple[float, float]], chance: random.Random, fill: Colour, tall: float
) -> None:
    for _ in range(14):
        x, y = chance.choice(ground)
        high = tall * chance.uniform(0.5, 1.2)
        for part in range(3):
            foot, half = y - high * part * 0.3, high * (0.28 - 0.06 * part)
            draw.polygon([(x - half, foot), (x + half, foot), (x, foot - high * 0.55)], fill=fill)
