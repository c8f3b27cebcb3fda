"""Jobs that nobody follows any more, because the Blender that sent them was closed, crashed or lost its server."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Iterator

from .history import History, Record
from .job import Job
from .outputs import discard_all
from .ownership import Ownership
from .request import Request

log = logging.getLogger(__name__)


class ElsewhereError(Exception):
    """The job is of another server, or another Session follows it."""


class Adoption:
    """Takes over open jobs of one server from owners that are gone. Belongs to the worker thread."""

    def __init__(
        self, history: History, ownership: Ownership, server: str, make_job: Callable[[str, Request, float], Job]
    ) -> None:
        self._history = history
        self._ownership = ownership
        self._server = server
        self._make_job = make_job
        self.left = False

    def orphans(self, followed: Container[str], ended: Container[str]) -> Iterator[tuple[Job, Record]]:
        """Jobs that are ours from now on, in the order of the queue; not those that have `ended` though the history
        does not know it yet. Afterwards `left` says whether there are more, which others follow."""
        self.left = False
        for record in self._history.open_jobs(self._server):
            if record.id in followed or record.id in ended:
                continue
            if job := self._take(record):
                yield job, record
            self.left |= job is None and record.request is not None

    def again(self, job_id: str) -> tuple[Job, Record] | None:
        """A job that ended here without its result, to be looked for once more. Raises HistoryUnavailable, and
        ElsewhereError for one of another server."""
        record = self._history.record(job_id)
        if record is None:
            return None
        if record.server != self._server:
            raise ElsewhereError(
                f"This was made on {record.server}. Choose that server in the preferences, then look again."
            )
        if record.state.is_terminal and not self._history.reopen(job_id, self._ownership.id):
            return None
        record = self._history.record(job_id)
        job = self._take(record) if record is not None else None
        return (job, record) if job is not None and record is not None else None

    def given_up(self, job_id: str) -> Record | None:
        """An open job that nobody shall wait for any longer. Raises HistoryUnavailable, and ElsewhereError for one
        that another Session follows."""
        record = self._history.record(job_id)
        if record is None or record.state.is_terminal:
            return None
        if record.owner != self._ownership.id and self._ownership.is_held(record.owner):
            raise ElsewhereError("Another Blender waits for this job now. Cancel it there.")
        return record

    def _take(self, record: Record) -> Job | None:
        if record.request is None or record.request.folder is None:
            return None
        if record.owner != self._ownership.id:
            if self._ownership.is_held(record.owner):
                return None
            if not self._history.adopt(record.id, record.owner, self._ownership.id):
                return None  # another Blender was faster
        discard_all(record.request.folder, record.id)
        return self._make_job(record.id, record.request, record.created)
