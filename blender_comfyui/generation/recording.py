"""One job's row in the history, kept true while it runs. Belongs to the worker thread.

That a row could not be written must not cost the result: it is logged, and the job goes on. Two things are more than
news: that a job is about to be sent, without which it would be sent again after a crash, and its end, without which
it would be taken for one that nobody follows.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import ParamSpec

from .history import History
from .outcome import JobState, Outcome
from .request import Request

P = ParamSpec("P")

log = logging.getLogger(__name__)


class Ends:
    """Writes how jobs ended, and tries again later where that did not work."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._unwritten: dict[str, tuple[Outcome, float]] = {}

    def __contains__(self, job_id: object) -> bool:
        """Whether the history still takes it for open, wrongly."""
        return job_id in self._unwritten

    def __bool__(self) -> bool:
        return bool(self._unwritten)

    def write(self, job_id: str, outcome: Outcome) -> None:
        self._unwritten[job_id] = (outcome, time.time())
        self.write_all()

    def write_all(self) -> None:
        for job_id, (outcome, when) in tuple(self._unwritten.items()):
            try:
                self._history.end(job_id, outcome, when)
            except Exception:
                log.exception("history of job %s", job_id)
                return
            del self._unwritten[job_id]


class Recording:
    def __init__(self, history: History, job_id: str, ends: Ends) -> None:
        self._history = history
        self._job_id = job_id
        self._ends = ends

    def sent(self, request: Request | None) -> None:
        """About to go on the wire: from now on the server may have it. `request`: where it has changed. Raises
        HistoryUnavailable."""
        self._history.update(self._job_id, sent=time.time(), request=request)

    def moved(self, state: JobState, server_version: str) -> None:
        started = time.time() if state is JobState.RUNNING else None
        self._write(self._history.update, self._job_id, state=state, started=started, server_version=server_version)

    def ranked(self, rank: float) -> None:
        self._write(self._history.update, self._job_id, rank=rank)

    def ended(self, outcome: Outcome) -> None:
        self._ends.write(self._job_id, outcome)

    def _write(self, act: Callable[P, object], *arguments: P.args, **options: P.kwargs) -> None:
        try:
            act(*arguments, **options)
        except Exception:
            log.exception("history of job %s", self._job_id)
