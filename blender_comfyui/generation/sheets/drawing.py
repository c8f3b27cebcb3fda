"""A page becomes a picture; PNG, dark, as pictures are looked at on a screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from . import contact, table
from .cards import Card, Sheet, Table
from .files import small, usual_shape
from .lettering import Lettering
from .marks import Box, Fill, Page, Picture, Text, Tone
from .writing import replaced

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

Colour: TypeAlias = tuple[int, int, int]

DARK: Mapping[Tone, Colour] = {
    Tone.PAPER: (27, 27, 29),
    Tone.FRAME: (40, 40, 43),
    Tone.RULE: (66, 66, 70),
    Tone.STRONG: (240, 240, 240),
    Tone.PLAIN: (196, 196, 200),
    Tone.FAINT: (138, 138, 144),
}


def sheet_to_png(sheet: Sheet, path: Path, fonts: Sequence[Path] = ()) -> None:
    """Write a contact sheet as one picture. `fonts` are folders of fonts to prefer. Raises OSError."""
    format = contact.for_picture(len(sheet.cards), usual_shape(sheet.cards))
    lettering = Lettering(fonts)
    _save(contact.laid_out(sheet, format, lettering)[0], path, lettering)


def table_to_png(grid: Table, path: Path, fonts: Sequence[Path] = ()) -> None:
    """Write an X/Y grid as one picture. Raises OSError."""
    lettering = Lettering(fonts)
    _save(table.laid_out(grid, lettering), path, lettering)


def _save(page: Page, path: Path, lettering: Lettering) -> None:
    picture = drawn(page, lettering)
    with replaced(path) as part:
        picture.save(part, "PNG", compress_level=4)


def drawn(page: Page, lettering: Lettering, colours: Mapping[Tone, Colour] = DARK) -> Image.Image:
    """Return a page of pixels as a picture."""
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (round(page.width), round(page.height)), colours[Tone.PAPER])
    canvas = ImageDraw.Draw(picture)
    for mark in page.marks:
        if isinstance(mark, Fill):
            canvas.rectangle(_corners(mark.box), fill=colours[mark.tone])
        elif isinstance(mark, Text):
            lettering.write(canvas, mark.x, mark.baseline, mark.line, mark.size, colours[mark.tone])
        else:
            _put(picture, canvas, mark, lettering, colours)
    return picture


def _put(
    picture: Image.Image,
    canvas: ImageDraw.ImageDraw,
    mark: Picture,
    lettering: Lettering,
    colours: Mapping[Tone, Colour],
) -> None:
    box = mark.box
    found = small(mark.card, round(box.width), round(box.height))
    if not isinstance(found, str):
        left, top = box.x + (box.width - found.width) / 2, box.y + (box.height - found.height) / 2
        picture.paste(found, (round(left), round(top)))
        return
    canvas.rectangle(_corners(box), outline=colours[Tone.RULE], width=max(1, round(box.width / 300)))
    for text in said(box, mark.card, found, lettering):
        lettering.write(canvas, text.x, text.baseline, text.line, text.size, colours[text.tone])


def said(box: Box, card: Card, sentence: str, lettering: Lettering) -> list[Text]:
    """Return a sentence in the middle of an empty frame; a video has a sign above it."""
    size = min(max(box.width * 0.045, 13.0 / lettering.scale), 16.0)
    room = int(box.height * 0.9 / (size * 1.35)) - (3 if card.is_video else 0)
    lines = lettering.lines(sentence, size, box.width * 0.86, max(1, min(room, 6)))
    found = [(line, size, Tone.FAINT) for line in lines]
    if card.is_video:
        found.insert(0, (lettering.line("▶", size * 2), size * 2, Tone.FAINT))
    baseline = box.y + (box.height - sum(one[1] * 1.35 for one in found)) / 2 - size * 0.25
    placed = []
    for line, line_size, tone in found:
        baseline += line_size * 1.35
        placed.append(Text(box.x + (box.width - line.width) / 2, baseline, line, line_size, tone))
    return placed


def _corners(box: Box) -> tuple[float, float, float, float]:
    left, top = round(box.x), round(box.y)
    return left, top, max(left, round(box.x + box.width) - 1), max(top, round(box.y + box.height) - 1)
