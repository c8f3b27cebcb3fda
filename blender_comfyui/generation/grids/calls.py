"""What a session does for people who have a grid."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from .model import Grid
from .run import GridRun

if TYPE_CHECKING:
    from ..session import Session


class GridCalls:
    """The part of a session that knows grids."""

    _grids: weakref.WeakSet[GridRun]

    def grid(
        self,
        grid: Grid,
        *,
        context: Mapping[str, str] | None = None,
        cell_context: Mapping[str, str] | None = None,
        folder: Path | None = None,
        fonts: Sequence[Path] = (),
        only_new: bool = False,
    ) -> GridRun:
        """Make what is missing of a grid, put it together as one picture, and return at once.

        The pictures are jobs like any other, with `cell_context` in their context; the whole is one, too, which has
        `context` and is told as a job that was submitted and ended. `fonts` are folders of fonts to prefer in labels;
        with `only_new` what failed before is not tried again.
        """
        run = GridRun(
            cast("Session", self),
            grid,
            context=context,
            cell_context=cell_context,
            folder=folder,
            fonts=fonts,
            only_new=only_new,
        )
        self._grids.add(run)
        return run

    def _end_grids(self) -> None:
        for run in tuple(self._grids):
            run.close()
