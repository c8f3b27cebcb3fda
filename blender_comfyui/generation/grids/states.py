"""What became of each picture of a grid, as frozen values that may cross threads. It all follows from the history.

A job of a grid carries GRID, the grid's id, and CELL, its place, in its context; the finished picture has GRID alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..outcome import JobState
from .model import Cell, Grid

GRID = "grid"
CELL = "cell"


@dataclass(frozen=True)
class CellProgress:
    """One picture: ``state`` is None before it is asked for; ``progress`` is from 0.0 to 1.0; ``reason`` says why
    there is no ``file``; ``notes`` are what was not as asked."""

    state: JobState | None = None
    progress: float = 0.0
    file: Path | None = None
    reason: str = ""
    job_id: str = ""
    notes: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether more is to come."""
        return self.state is not None and not self.state.is_terminal


@dataclass(frozen=True)
class GridProgress:
    """How a grid is. ``picture`` is the whole one, once it is there; ``problem`` a sentence that says why it cannot
    be; ``is_over``: nothing more comes by itself."""

    grid: Grid
    cells: Mapping[Cell, CellProgress] = field(default_factory=dict)
    picture: Path | None = None
    picture_job: str = ""
    problem: str = ""
    is_over: bool = False

    @property
    def total(self) -> int:
        """Return how many pictures there are to be."""
        return len(self.grid.cells)

    @property
    def done(self) -> int:
        """Return how many are there."""
        return sum(cell.file is not None for cell in self.cells.values())

    @property
    def failed(self) -> int:
        """Return how many ended without a picture."""
        return sum(
            cell.state is not None and cell.state.is_terminal and cell.file is None for cell in self.cells.values()
        )

    @property
    def fraction(self) -> float:
        """Return how far it all is, from 0.0 to 1.0."""
        whole = sum(1.0 if cell.state and cell.state.is_terminal else cell.progress for cell in self.cells.values())
        return whole / self.total
