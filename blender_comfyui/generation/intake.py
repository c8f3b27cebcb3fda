"""A session's front door: a job is written down before it goes on to the worker, and so before it is on the wire.

A thread of its own, because the worker may be in the middle of a slow exchange, and a click shall be on disk all the
same. Everything else passes through in order: a cancel never overtakes its job.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

from .drawings import draw, sweep
from .history import History
from .messages import Close, Order, Refused, Submit, Unprepared
from .outcome import JobState, Outcome
from .ownership import Ownership
from .request import Request

log = logging.getLogger(__name__)


class Intake:
    """`put` may be called from any thread and never blocks."""

    def __init__(
        self, history: History, inputs: Path, server: str, ownership: Ownership, deliver: Callable[[Order], None]
    ) -> None:
        """`inputs` is the folder for pictures that Blender draws."""
        self._history = history
        self._inputs = inputs
        self._server = server
        self._ownership = ownership
        self._deliver = deliver
        self._orders: SimpleQueue[Order | Unprepared] = SimpleQueue()
        self._last_rank: float | None = None  # not known yet
        self._thread = threading.Thread(target=self._run, name="comfyui-intake", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, order: Order | Unprepared) -> None:
        self._orders.put(order)

    def join(self, timeout: float) -> None:
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        self._ownership.take()
        sweep(self._inputs, time.time())
        while True:
            order = self._orders.get()
            if isinstance(order, Unprepared):
                self._write_down(order)
            else:
                self._deliver(self._written(order) if isinstance(order, Submit) else order)
            if isinstance(order, Close):
                return

    def _written(self, submit: Submit) -> Submit | Refused:
        job = submit.job
        try:
            job.request = self._with_files(job.request)
            rank = self._next_rank(job.created)
            self._history.add(job.id, job.request, self._server, self._ownership.id, rank)
        except Exception as error:
            log.exception("job %s", job.id)
            return Refused(job, error)
        return Submit(job, rank)

    def _with_files(self, request: Request) -> Request:
        """The request with its drawings as files."""
        if all(upload.drawing is None for upload in request.uploads):
            return request
        uploads = (
            upload
            if upload.drawing is None
            else dataclasses.replace(upload, path=draw(upload.drawing, self._inputs), drawing=None)
            for upload in request.uploads
        )
        return dataclasses.replace(request, uploads=tuple(uploads))

    def _next_rank(self, created: float) -> float:
        """Behind all others, also where the clock was set back or is coarse; apart, so that others fit between."""
        if self._last_rank is None:
            self._last_rank = self._history.last_rank(self._server)
        self._last_rank = max(self._last_rank + 1.0, created)
        return self._last_rank

    def _write_down(self, failed: Unprepared) -> None:
        job_id, outcome = str(uuid.uuid4()), Outcome(JobState.FAILED, error=failed.error)
        try:
            self._history.add(job_id, failed.request, self._server, self._ownership.id, time.time(), outcome=outcome)
        except Exception:  # the caller has the error
            log.exception("job %s", job_id)
