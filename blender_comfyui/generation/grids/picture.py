"""A grid as one picture: a table of two parameters, or a sheet of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ..sheets.cards import Card, Sheet, Table
from ..sheets.drawing import sheet_to_png, table_to_png
from ..tasks.preparing import readable
from .model import TIER, Cell, Grid
from .states import CellProgress

_SHOWN = ("seed", "steps", "cfg", "sampler_name", "scheduler", "checkpoint")
_MOST_NOTES = 3


def draw(grid: Grid, cells: Mapping[Cell, CellProgress], path: Path, fonts: Sequence[Path] = ()) -> None:
    """Write a grid as PNG. `fonts` are folders of fonts to prefer. Raises OSError."""
    notes = tuple(dict.fromkeys(note for cell in cells.values() for note in cell.notes))
    if grid.down is not None:
        cards = {(cell.row, cell.column): _card(cells.get(cell)) for cell in grid.cells}
        table = Table(
            grid.name,
            grid.across.labels,
            grid.down.labels,
            cards,
            grid.across.title,
            grid.down.title,
            _notes(grid, notes),
        )
        table_to_png(table, path, fonts)
        return
    title = grid.across.title
    named = (_card(cells.get(cell), f"{title} {grid.across.labels[cell.column]}") for cell in grid.cells)
    heading = str(grid.order.parameters.get("prompt") or "") if not _varies(grid, "prompt") else ""
    sheet_to_png(Sheet(grid.title or heading or grid.name, tuple(named), _facts(grid, notes)), path, fonts)


def _card(cell: CellProgress | None, title: str = "") -> Card:
    if cell is None:
        return Card(title=title)
    return Card(cell.file, title, missing=cell.reason or "No picture")


def _notes(grid: Grid, notes: Iterable[str]) -> str:
    prompt = "" if _varies(grid, "prompt") else str(grid.order.parameters.get("prompt") or "")
    return " · ".join(part for part in (prompt, _facts(grid, notes)) if part)


def _facts(grid: Grid, notes: Iterable[str]) -> str:
    """What is the same in all of its pictures, in few words, and what was not as asked."""
    known = readable(grid.order.parameters)
    parts = [
        f"{name.removesuffix('_name').replace('_', ' ')} {known[name]}"
        for name in _SHOWN
        if known.get(name) not in (None, "") and not _varies(grid, name)
    ]
    if not _varies(grid, TIER):
        parts.append(grid.order.tier.replace("_", " "))
    return " · ".join([*parts, *list(notes)[:_MOST_NOTES]])


def _varies(grid: Grid, name: str) -> bool:
    return name in (grid.across.parameter, grid.down.parameter if grid.down else "")
