"""Pictures of any size and kind, made small for a sheet; what is none becomes a sentence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from statistics import median
from typing import TYPE_CHECKING

from ...comfy.errors import FileBroken
from ..pictures import MAX_SHRUNK, open_picture, picture_size
from .cards import Card

if TYPE_CHECKING:
    from PIL import Image

_NARROWEST, _WIDEST = 0.5, 2.4
_PROBED = 24  # pictures that the sheet's usual shape is taken from


def instead(card: Card) -> str:
    """Return what a frame says where there is no picture to show; '' where there is one, as far as that is known."""
    if card.picture is None:
        return card.missing
    if card.is_video:
        return f"Video: {card.picture.name}"
    try:
        return "" if card.picture.is_file() else f"{card.picture.name} is not there any more"
    except (OSError, ValueError):
        return f"{card.picture.name} cannot be read"


def small(card: Card, width: int, height: int) -> Image.Image | str:
    """Return a card's picture as RGB within so many pixels, or what a frame says in its place."""
    sentence = instead(card)
    if sentence or card.picture is None:
        return sentence
    try:
        with open_picture(card.picture) as picture:
            if picture.width * picture.height > MAX_SHRUNK:
                return f"{card.picture.name} is too large for a sheet"
            return _on_checks(_fitted(picture, width, height))
    except (OSError, FileBroken):
        return f"{card.picture.name} cannot be read"


def usual_shape(cards: Iterable[Card]) -> float:
    """Return width / height that suits most of the pictures; 16:9 where none can be read."""
    found = sorted(_shapes(cards))
    shape = median(found) if found else 16 / 9
    return min(max(shape, _NARROWEST), _WIDEST)


def largest(cards: Iterable[Card]) -> tuple[int, int]:
    """Return the width and height that no picture is beyond; (0, 0) where none can be read."""
    sizes = [size for card in cards if (size := _size(card)) is not None]
    return max((width for width, _ in sizes), default=0), max((height for _, height in sizes), default=0)


def _shapes(cards: Iterable[Card]) -> Iterator[float]:
    some = [card for card in cards if not instead(card)]
    step = max(1, math.ceil(len(some) / _PROBED))
    for card in some[::step]:
        if size := _size(card):
            yield size[0] / size[1]


def _size(card: Card) -> tuple[int, int] | None:
    if instead(card) or card.picture is None:
        return None
    try:
        size = picture_size(card.picture)
    except (OSError, FileBroken):
        return None
    return size if size and min(size) > 0 else None


def _fitted(picture: Image.Image, width: int, height: int) -> Image.Image:
    from PIL import Image

    ratio = min(width / picture.width, height / picture.height)
    size = max(1, round(picture.width * ratio)), max(1, round(picture.height * ratio))
    if ratio > 2.0:  # a tiny picture stays sharp
        return picture.resize(size, Image.Resampling.NEAREST)
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _on_checks(picture: Image.Image) -> Image.Image:
    """What is transparent shows the grey checks that mean so."""
    if picture.mode != "RGBA":
        return picture
    from PIL import Image

    checks = Image.new("RGB", picture.size, (150, 150, 150))
    side = 8
    tile = Image.new("RGB", (side, side), (120, 120, 120))
    for left in range(0, picture.width, side):
        for top in range(side * (left // side % 2), picture.height, 2 * side):
            checks.paste(tile, (left, top))
    checks.paste(picture, mask=picture.getchannel("A"))
    return checks
