"""A grid is made: its pictures are asked for on a thread of their own, and put together when the last one has ended.

::

    order = Order("image_generation", "draft", {"prompt": "a fox", "seed": 7})
    run = session.grid(Grid(order, axis("steps", "8..32 (8)"), axis("cfg", "4, 7")))
    progress = run.wait(timeout=600)     # .picture is the file; or, at any time, run.snapshot

Nothing but the history says what was made: the same grid begun again after a crash makes only what is missing.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...comfy.errors import TimedOut
from ...workflow.errors import WorkflowError
from ..history import Filter, HistoryUnavailable, Sort
from ..job import Job
from ..outcome import Output
from ..outputs import file_name, safe_stem
from ..request import Request
from ..tasks.errors import QualityTierError
from ..tasks.merging import How, Report
from ..tasks.preparing import LORAS, readable
from . import cells as found_cells
from .cells import cell_of, of_job, of_records
from .model import LORA, TIER, Axis, Cell, Grid, InvalidGrid
from .picture import draw
from .states import CELL, GRID, CellProgress, GridProgress

if TYPE_CHECKING:
    from ..session import Session

log = logging.getLogger(__name__)

_LOOK = 0.2  # seconds between two looks at the jobs
_READ = 3.0  # … at the history, for jobs that this session does not follow (yet)
_MOST_JOBS = 100_000


class GridRun:
    """One grid in one session. Every method may be called from any thread, and none but `wait` blocks."""

    def __init__(
        self,
        session: Session,
        grid: Grid,
        *,
        context: Mapping[str, str] | None = None,
        cell_context: Mapping[str, str] | None = None,
        folder: Path | None = None,
        fonts: Sequence[Path] = (),
        only_new: bool = False,
    ) -> None:
        """`context` goes into that of the whole picture, `cell_context` into those of its parts; `fonts` are folders
        of fonts to prefer; with `only_new` what failed before is not tried again."""
        self._session = session
        self._grid = grid
        self._context = dict(context or {})
        self._cell_context = dict(cell_context or {})
        self._folder = folder
        self._fonts = tuple(fonts)
        self._only_new = only_new
        self._cells: dict[Cell, CellProgress] = {}
        self._jobs: dict[Cell, Job] = {}
        self._read_at = float("-inf")
        self._told = GridProgress(grid)
        self._cancelled = False
        self._closed = False
        self._wake = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="comfyui-grid", daemon=True)
        self._thread.start()

    @property
    def snapshot(self) -> GridProgress:
        """How it is now; no lock, no disk."""
        return self._told

    def wait(self, timeout: float | None = None) -> GridProgress:
        """Block until the picture is there, or will not be. Raises TimedOut after `timeout` seconds."""
        if not self._over.wait(timeout):
            raise TimedOut(f"The grid is not whole after {timeout:g} s. Wait longer.")
        return self._told

    def cancel(self) -> None:
        """Stop what is on its way of this grid, and nobody else's. What was made stays in the history."""
        self._cancelled = True
        for job in tuple(self._jobs.values()):
            job.cancel()
        self._wake.set()

    def close(self) -> None:
        """End the thread. Jobs go on in the session."""
        self._closed = True
        self._wake.set()

    def _run(self) -> None:
        try:
            self._make()
        except (HistoryUnavailable, OSError, QualityTierError, WorkflowError, InvalidGrid) as error:
            self._tell(problem=str(error))
        except Exception as error:  # the session was closed, or something that nobody foresaw
            log.exception("grid %s", self._grid.id)
            self._tell(problem=str(error) or type(error).__name__)
        finally:
            self._tell(is_over=True)
            self._over.set()

    def _make(self) -> None:
        self._check()
        self._session.start()  # what waits from an earlier run goes on
        self._read()
        self._send_missing()
        if self._cancelled:  # what was sent meanwhile, too
            self.cancel()
        while not self._closed and any(cell.is_open for cell in self._cells.values()):
            self._wake.wait(_LOOK)
            self._look()
        if self._closed or self._is_cancelled():
            return
        self._put_together()

    def _check(self) -> None:
        """Send nothing of a grid that cannot be. What is wrong with one picture alone is said in its place."""
        with contextlib.suppress(QualityTierError, WorkflowError):
            ready = self._session.made_ready(self._grid.order_of(self._grid.cells[0]))
            check_places(self._grid, ready.report)

    def _is_cancelled(self) -> bool:
        return self._cancelled or not any(cell.file for cell in self._cells.values())

    # -- its parts

    def _read(self) -> None:
        """Take over what the history says, but for jobs that are followed here: those know better."""
        which = Filter(project=self._grid.id)
        records = self._session.history.find(which, Sort.OLDEST, 0, _MOST_JOBS).records
        self._cells = of_records(self._grid, records) | {cell: of_job(job) for cell, job in self._jobs.items()}
        self._read_at = time.monotonic()
        self._tell()

    def _send_missing(self) -> None:
        for cell in self._grid.cells:
            known = self._cells.get(cell)
            if self._cancelled or self._closed:
                return
            if known is None or not (known.is_open or known.file is not None or self._only_new):
                self._send(cell)
                self._tell()

    def _send(self, cell: Cell) -> None:
        order = self._grid.order_of(cell)
        context = {**self._cell_context, GRID: self._grid.id, CELL: str(cell)}
        try:
            job = self._session.run_task(
                order.task,
                order.tier,
                order.parameters,
                workflow=order.workflow,
                workflow_name=order.workflow_name,
                loras=order.loras,
                folder=self._folder,
                stem=safe_stem(self._grid.words_of(cell)),
                context=context,
            )
        except (QualityTierError, WorkflowError) as error:  # the history has it
            self._cells[cell] = found_cells.failed(str(error))
            return
        self._jobs[cell] = job
        self._cells[cell] = of_job(job)

    def _look(self) -> None:
        """See what has become of the jobs; those of an earlier run return to the session after a while."""
        self._wake.clear()
        for job in self._session.jobs:
            cell = cell_of(self._grid, dict(job.request.context))
            if cell is not None and cell not in self._jobs:
                self._jobs[cell] = job
                if self._cancelled:
                    job.cancel()
        for cell, job in tuple(self._jobs.items()):
            self._cells[cell] = of_job(job)
            if job.outcome is not None and job.outcome.stays_open:
                del self._jobs[cell]
        strangers = any(cell.is_open and place not in self._jobs for place, cell in self._cells.items())
        if strangers and time.monotonic() - self._read_at > _READ:
            self._read()
        self._tell()

    # -- the whole

    def _put_together(self) -> None:
        folder = self._folder or self._session.data_dir / "outputs"
        request = self._request(folder)
        path = folder / file_name(f"grid {self._grid.name}", str(uuid.uuid4()), 1, "grid.png")
        draw(self._grid, self._cells, path, self._fonts)
        job = self._session.bring(request, (Output(path, "", self._grid.name, "image", "output", 1),))
        self._tell(picture=path, picture_job=job.id)

    def _request(self, folder: Path) -> Request:
        order = self._grid.order
        prompt = str(order.parameters.get("prompt") or "")
        return Request(
            {},
            {**readable(order.parameters), **{axis.parameter: list(axis.labels) for axis in self._axes()}},
            workflow_name=order.workflow_name,
            task=order.task,
            tier=order.tier,
            label=f"{self._grid.name}: {prompt}" if prompt else self._grid.name,
            folder=folder,
            context={**self._context, GRID: self._grid.id},
        )

    def _axes(self) -> Iterator[Axis]:
        yield self._grid.across
        if self._grid.down is not None:
            yield self._grid.down

    def _tell(
        self, picture: Path | None = None, picture_job: str = "", problem: str = "", is_over: bool = False
    ) -> None:
        told = self._told
        self._told = GridProgress(
            self._grid,
            dict(self._cells),
            picture or told.picture,
            picture_job or told.picture_job,
            problem or told.problem,
            is_over or told.is_over,
        )


def check_places(grid: Grid, report: Report) -> None:
    """See whether there is a place for what a grid goes through; `report` is of one order. Raises InvalidGrid."""
    for one in (grid.across, grid.down):
        if one is None or one.parameter == TIER:
            continue
        setting = report.of(LORAS if one.parameter.startswith(LORA) else one.parameter)
        if setting is not None and setting.how is How.NO_PLACE:
            raise InvalidGrid(f"{setting.sentence} All pictures of the grid would be the same. Choose another one.")
