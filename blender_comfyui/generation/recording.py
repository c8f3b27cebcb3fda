"""One job's row in the history, kept true while it runs. Belongs to the worker thread.

That a row could not be written must not cost the result: it is logged, and the job goes on.
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


class Recording:
    def __init__(self, history: History, job_id: str) -> None:
        self._history = history
        self._job_id = job_id

    def sent(self, request: Request | None) -> None:
        """About to go on the wire: from now on the server may have it. `request`: where it has changed."""
        self._write(self._history.update, self._job_id, sent=time.time(), request=request)

    def moved(self, state: JobState, server_version: str) -> None:
        started = time.time() if state is JobState.RUNNING else None
        self._write(self._history.update, self._job_id, state=state, started=started, server_version=server_version)

    def ranked(self, rank: float) -> None:
        self._write(self._history.update, self._job_id, rank=rank)

    def ended(self, outcome: Outcome) -> None:
        self._write(self._history.end, self._job_id, outcome, time.time())

    def _write(self, act: Callable[P, object], *arguments: P.args, **options: P.kwargs) -> None:
        try:
            act(*arguments, **options)
        except Exception:
            log.exception("history of job %s", self._job_id)
