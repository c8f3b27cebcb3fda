"""What a grid's jobs became: read from the history, and from those that run. Belongs to the grid's thread."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..history import Record
from ..job import Job
from ..outcome import JobState
from .model import Cell, Grid
from .states import CELL, GRID, CellProgress

_NO_RESULT = "It ended, and made no picture. See what the workflow saves."
_SEEN = ("image", "video")


def cell_of(grid: Grid, context: object) -> Cell | None:
    """Return the place that a job's context names; None where it is not one of this grid."""
    if not isinstance(context, dict) or context.get(GRID) != grid.id:
        return None
    column, _, row = str(context.get(CELL, "")).partition(",")
    try:
        cell = Cell(int(column), int(row))
    except ValueError:
        return None
    return cell if cell in grid.cells else None


def of_records(grid: Grid, records: Iterable[Record]) -> dict[Cell, CellProgress]:
    """Return the newest of each place; one that has a file goes before later ones that failed."""
    found: dict[Cell, CellProgress] = {}
    for record in records:  # oldest first
        cell = cell_of(grid, dict(record.target))
        if cell is None:
            continue
        now = of_record(record)
        if now.file is not None or now.is_open or found.get(cell, now).file is None:
            found[cell] = now
    return found


def of_record(record: Record) -> CellProgress:
    """Return what the history says of a job."""
    files = [file.path for file in record.files if file.kind in _SEEN and file.type == "output"]
    files = files or [file.path for file in record.files if file.kind in _SEEN]
    return _progress(record.id, record.state, 0.0, files, record.error)


def of_job(job: Job) -> CellProgress:
    """Return how a job is that this session follows."""
    outcome, report = job.outcome, job.task_report
    notes = report.sentences if report is not None else ()
    if outcome is None:
        return CellProgress(job.state, job.progress.fraction, None, "", job.id, notes)
    if outcome.stays_open:  # it comes back by itself, as another job of this id
        return CellProgress(JobState.WAITING, 0.0, None, str(outcome.error or ""), job.id, notes)
    outputs = [output for output in outcome.outputs if output.kind in _SEEN]
    files = [output.path for output in outputs if output.type == "output"] or [output.path for output in outputs]
    return _progress(job.id, outcome.state, 1.0, files, str(outcome.error or ""), notes)


def failed(reason: str) -> CellProgress:
    """Return one that could not be made ready."""
    return CellProgress(JobState.FAILED, 0.0, None, reason)


def _progress(
    job_id: str,
    state: JobState,
    progress: float,
    files: list[Path],
    error: str,
    notes: tuple[str, ...] = (),
) -> CellProgress:
    if not state.is_terminal:
        return CellProgress(state, progress, None, "", job_id, notes)
    file = files[0] if files and state is JobState.FINISHED and is_there(files[0]) else None
    reason = "" if file is not None else error or _why(state, bool(files))
    return CellProgress(state, 1.0, file, reason, job_id, notes)


def _why(state: JobState, had_files: bool) -> str:
    if state is JobState.CANCELLED:
        return "It was cancelled."
    return "Its file is not there any more." if had_files else _NO_RESULT


def is_there(path: Path) -> bool:
    """Tell whether a file is on the disk."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
