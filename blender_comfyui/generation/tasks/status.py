"""A job's state as one frozen value, while it is under way and after its end."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from ..history import History, Record
from ..job import Job
from ..outcome import JobState

_KEPT = 100  # jobs that have ended, the newest; of older ones the history tells


@dataclass(frozen=True)
class JobStatus:
    """`progress` is from 0.0 to 100.0, 100.0 only when the files are here. `current_node` is the title of the node that
    runs, ''. `queue_position` is 1 for the prompt that runs next, also while it waits in our own queue, None when it
    does not wait. `outputs` are the files that arrived; `error` is a sentence, '' without one."""

    job_id: str
    state: JobState
    progress: float = 0.0
    current_node: str = ""
    completed_nodes: int = 0
    total_nodes: int = 0
    queue_position: int | None = None
    outputs: tuple[Path, ...] = ()
    error: str = ""


class UnknownJob(LookupError):
    """Neither the session nor the history knows the job."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class EndedJobs:
    """How the last jobs ended. For any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, JobStatus] = {}

    def keep(self, job: Job) -> None:
        with self._lock:
            self._known[job.id] = status_of(job)
            while len(self._known) > _KEPT:
                del self._known[next(iter(self._known))]

    def get(self, job_id: str) -> JobStatus | None:
        with self._lock:
            return self._known.get(job_id)


def status_of(job: Job) -> JobStatus:
    """How a job is now, whether it is under way or has ended."""
    outcome, progress = job.outcome, job.progress
    return JobStatus(
        job.id,
        job.state,
        100.0 * progress.fraction,
        "" if outcome else progress.node_title,
        progress.done_nodes,
        progress.total_nodes or len(job.request.prompt),
        job.queue_position,
        tuple(outcome.files) if outcome else (),
        str(outcome.error or "") if outcome else "",
    )


def status_in(history: History, job_id: str) -> JobStatus:
    """How a job of an earlier session is. Waits for the disk; raises UnknownJob and HistoryUnavailable."""
    record = history.record(job_id)
    if record is None:
        raise UnknownJob(f"There is no job {job_id[:60]}. It may have been removed from the history.")
    return _recorded(record)


def _recorded(record: Record) -> JobStatus:
    """The history does not keep how far a job came."""
    total = len(record.request.prompt) if record.request else 0
    is_whole = record.state is JobState.FINISHED
    return JobStatus(
        record.id,
        record.state,
        100.0 if is_whole else 0.0,
        "",
        total if is_whole else 0,
        total,
        None,
        tuple(file.path for file in record.files),
        record.error,
    )
