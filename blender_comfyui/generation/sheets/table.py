"""How an X/Y grid is laid out: values above the columns and beside the rows, every picture at the same size."""

from __future__ import annotations

from .cards import Card, Table
from .files import largest, usual_shape
from .lettering import Lettering, Line
from .marks import Box, Fill, Page, Picture, Text, Tone

_LARGEST = 6000  # pixels of a side
_LEADING = 1.3


def laid_out(table: Table, lettering: Lettering) -> Page:
    """Return a grid as one picture, in pixels."""
    return _Layout(table, lettering).page()


class _Layout:
    def __init__(self, table: Table, lettering: Lettering) -> None:
        self.table = table
        self.lettering = lettering
        self.cell = _cell_size(table)
        self.size = min(max(round(min(self.cell) * 0.05), 15), 24)
        self.gap = max(6, round(min(self.cell) * 0.025))
        self.margin = 3 * self.gap + 12
        self.gutter = self._gutter()
        count = len(table.columns)
        room = self.gutter + count * self.cell[0] + (count - 1) * self.gap
        # a title needs some room even above a single column
        self.width = max(room, 480) + 2 * self.margin
        self.left = self.margin + self.gutter
        self.found = Page(self.width)
        self.y = float(self.margin)

    def page(self) -> Page:
        self._heading()
        self._across()
        for row, label in enumerate(self.table.rows):
            self._row(row, label)
        self.found.height = round(self.y - self.gap + self.margin)
        return self.found

    def _heading(self) -> None:
        room = self.width - 2 * self.margin
        parts = (
            (self.table.title, self.size * 1.5, 2, Tone.STRONG),
            (self.table.notes, self.size * 0.9, 3, Tone.PLAIN),
        )
        for text, size, most, tone in parts:
            for line in self.lettering.lines(text, size, room, most):
                self.y += size * _LEADING
                x = self.margin + (room - line.width if line.is_rtl else 0)
                self.found.marks.append(Text(x, self.y, line, size, tone))
            self.y += self.size * 0.45
        self.y += self.size * 1.1

    def _across(self) -> None:
        """The column's values in the middle above them; what they are, small above those."""
        if self.table.across:
            self.y += self.size
            for line in self.lettering.lines(self.table.across, self.size * 0.8, self._span(), 1):
                x = self.left + (self._span() - line.width) / 2
                self.found.marks.append(Text(x, self.y, line, self.size * 0.8, Tone.FAINT))
        labels = [self.lettering.lines(label, self.size, self.cell[0], 2) for label in self.table.columns]
        deepest = max((len(lines) for lines in labels), default=0)
        for column, lines in enumerate(labels):
            for number, line in enumerate(lines):
                baseline = self.y + self.size * _LEADING * (number + 1 + deepest - len(lines))
                x = self._x(column) + (self.cell[0] - line.width) / 2
                self.found.marks.append(Text(x, baseline, line, self.size, Tone.STRONG))
        self.y += deepest * self.size * _LEADING + self.size * 0.6

    def _row(self, row: int, label: str) -> None:
        lines = self._beside(label)
        height = sum(size * _LEADING for _, size, _ in lines)
        baseline = self.y + (self.cell[1] - height) / 2
        for line, size, tone in lines:
            baseline += size * _LEADING
            x = self.left - self.gap - self.size * 0.5 - line.width
            self.found.marks.append(Text(x, baseline - size * 0.25, line, size, tone))
        for column in range(len(self.table.columns)):
            box = Box(self._x(column), self.y, *self.cell)
            self.found.marks.append(Fill(box, Tone.FRAME))
            self.found.marks.append(Picture(box, self.table.cards.get((row, column), Card())))
        self.y += self.cell[1] + self.gap

    def _beside(self, label: str) -> list[tuple[Line, float, Tone]]:
        room = self.gutter - self.gap - self.size * 0.5
        if room <= 0:
            return []
        small = self.size * 0.8
        name = [(line, small, Tone.FAINT) for line in self.lettering.lines(self.table.down, small, room, 1)]
        return name + [(line, self.size, Tone.STRONG) for line in self.lettering.lines(label, self.size, room, 4)]

    def _gutter(self) -> int:
        """As wide as the widest value beside a row needs, but no wider than a picture is."""
        labels = [(label, self.size) for label in self.table.rows] + [(self.table.down, self.size * 0.8)]
        widest = max((self.lettering.width(label[:80], size) for label, size in labels), default=0.0)
        if not widest:
            return 0
        return round(min(widest, self.cell[0] * 0.6, 320) + self.size) + self.gap

    def _x(self, column: int) -> float:
        return self.left + column * (self.cell[0] + self.gap)

    def _span(self) -> float:
        return len(self.table.columns) * (self.cell[0] + self.gap) - self.gap


def _cell_size(table: Table) -> tuple[int, int]:
    """Pictures stay as large as they are, as long as the whole is no larger than what programs open with ease."""
    cards = list(table.cards.values())
    shape = usual_shape(cards)
    width, height = largest(cards)
    most = min(
        0.82 * _LARGEST / max(1, len(table.columns)),
        0.82 * _LARGEST / max(1, len(table.rows)) * shape,
        max(width, height * shape, 256.0),
        1024.0,
    )
    return max(96, round(most)), max(96, round(most / shape))
