"""How a contact sheet is laid out: rows of pictures with their captions, on one long picture or on pages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .cards import Card, Sheet
from .files import usual_shape
from .lettering import Lettering, Line
from .marks import Box, Fill, Page, Picture, Text, Tone

LEADING = 1.35
"""From one line to the next, in sizes of the letters."""


@dataclass(frozen=True)
class Format:
    """Measures of a sheet, in its own units. `height` is that of a page, None for one long picture; `least` how many
    rows a page has at least."""

    width: float
    margin: float
    gap: float
    columns: int
    title: float
    text: float
    facts: float
    lines: int
    height: float | None = None
    least: int = 1

    @property
    def cell(self) -> float:
        """How wide a picture can be."""
        return (self.width - 2 * self.margin - self.gap * (self.columns - 1)) / self.columns

    @property
    def room(self) -> float:
        """How much of a page's height is for rows, each with a gap below it."""
        heading = self.title * 1.9 * 1.6 + self.gap
        return math.inf if self.height is None else self.height - 2 * self.margin - heading

    def caption(self, lines: int) -> float:
        """How high so many lines of a caption are."""
        return lines * self.title * LEADING + self.text * 0.6 if lines else 0.0

    def picture(self, shape: float) -> tuple[float, float]:
        """Width and height of the place of a picture."""
        most = self.room / self.least - self.gap - self.caption(self.lines + 2)
        return self.cell, min(self.cell / shape, most)

    def rows(self, shape: float) -> int:
        """How many rows with captions as long as can be are on a page."""
        return int(self.room / (self.picture(shape)[1] + self.caption(self.lines + 2) + self.gap))


def for_picture(count: int, shape: float) -> Format:
    """Return the measures of a picture of so many cards, in pixels: about as wide as a screen, never beyond 4000."""
    columns = _columns(count, shape)
    cell = min(max(3600 / columns, 170.0), 1024.0 if count == 1 else 560.0)
    gap = max(16.0, round(cell * 0.06))
    text = min(max(round(cell * 0.042), 14), 20)
    margin = 2.0 * gap
    width = columns * cell + gap * (columns - 1) + 2 * margin
    return Format(round(width), margin, gap, columns, text + 1.0, text, text - 2.0, 3)


def for_paper(count: int, shape: float) -> Format:
    """Return the measures of a page of A4 on its side, in points, on which pictures take most of the room."""
    several = range(4, 6) if shape > 1.2 else range(5, 9)
    columns = several if count > 3 else [max(1, count)]
    rows = 2 if count > 3 else 1
    formats = [Format(841.89, 36.0, 15.0, number, 8.5, 7.5, 6.5, 3, 595.28, rows) for number in columns]

    def shown(format: Format) -> float:
        width, height = format.picture(shape)
        return min(count, format.columns * format.rows(shape)) * width * height

    return max(formats, key=shown)


def laid_out(sheet: Sheet, format: Format, lettering: Lettering) -> list[Page]:
    """Return the pages of a sheet; of a format without a height just one."""
    return _Layout(sheet, format, lettering).pages()


class _Layout:
    def __init__(self, sheet: Sheet, format: Format, lettering: Lettering) -> None:
        self.sheet = sheet
        self.format = format
        self.lettering = lettering
        self.done: list[Page] = []
        self.y = 0.0
        self.picture = format.picture(usual_shape(sheet.cards))

    def pages(self) -> list[Page]:
        columns = self.format.columns
        self._turn()
        for first in range(0, len(self.sheet.cards), columns):
            self._row(self.sheet.cards[first : first + columns])
        for number, page in enumerate(self.done, 1):
            self._number(page, number)
        last = self.done[-1]
        last.height = self.format.height or math.ceil(self.y - self.format.gap + self.format.margin)
        return self.done

    def _turn(self) -> None:
        """Begin a page."""
        format = self.format
        page = Page(format.width, format.height or 0.0)
        self.done.append(page)
        size = format.title * (1.9 if len(self.done) == 1 else 1.3)
        room = format.width - 2 * format.margin
        baseline = format.margin + size
        for line in self.lettering.lines(self.sheet.title, size, room * 0.68, 1):
            page.marks.append(Text(format.margin, baseline, line, size, Tone.STRONG))
        for line in self.lettering.lines(self.sheet.subtitle, format.text, room * 0.28, 1):
            x = format.width - format.margin - line.width
            page.marks.append(Text(x, baseline, line, format.text, Tone.FAINT))
        rule = baseline + size * 0.6
        page.marks.append(Fill(Box(format.margin, rule, room, max(0.6, format.title / 16)), Tone.RULE))
        self.y = rule + format.gap

    def _row(self, cards: Sequence[Card]) -> None:
        captions = [self._caption(card) for card in cards]
        height = self.picture[1] + max(self.format.caption(len(lines)) for lines in captions)
        page_height = self.format.height
        if page_height is not None and self.y + height > page_height - self.format.margin and self.y > page_height / 3:
            self._turn()
        for column, (card, lines) in enumerate(zip(cards, captions, strict=True)):
            self._cell(card, lines, self.format.margin + column * (self.format.cell + self.format.gap))
        self.y += height + self.format.gap

    def _cell(self, card: Card, lines: Sequence[tuple[Line, float, Tone]], x: float) -> None:
        marks = self.done[-1].marks
        box = Box(x, self.y, *self.picture)
        marks.append(Fill(box, Tone.FRAME))
        marks.append(Picture(box, card))
        baseline = self.y + self.picture[1] + self.format.text * 0.3
        for line, size, tone in lines:
            baseline += size * LEADING
            left = x + (self.format.cell - line.width if line.is_rtl else 0)
            marks.append(Text(left, baseline, line, size, tone))

    def _caption(self, card: Card) -> list[tuple[Line, float, Tone]]:
        format, cell = self.format, self.format.cell
        wanted = (
            (card.title, format.title, 1, Tone.STRONG),
            (card.text, format.text, format.lines, Tone.PLAIN),
            (card.facts, format.facts, 1, Tone.FAINT),
        )
        return [
            (line, size, tone)
            for text, size, most, tone in wanted
            for line in self.lettering.lines(text, size, cell, most)
        ]

    def _number(self, page: Page, number: int) -> None:
        if self.format.height is None or len(self.done) == 1:
            return
        size = self.format.facts
        line = self.lettering.line(f"{number} / {len(self.done)}", size)
        x = self.format.width - self.format.margin - line.width
        page.marks.append(Text(x, self.format.height - self.format.margin * 0.5, line, size, Tone.FAINT))


def _columns(count: int, shape: float) -> int:
    """Return in how many columns cards fill a sheet of about 3:2."""

    def badness(columns: int) -> float:
        rows = math.ceil(count / columns)
        sides = columns / (rows * (1 / shape + 0.4))
        return abs(math.log(sides / 1.5)) + 0.35 * (rows * columns - count) / count

    return min(range(1, max(1, count) + 1), key=badness) if count else 1
