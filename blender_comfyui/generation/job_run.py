"""The run of a job: one prompt on the server, or several where its batch does not fit into the memory there."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable

from ..comfy.answers import HistoryEntry
from ..comfy.errors import ComfyError, OutOfMemory
from ..comfy.events import Event, ExecutionErrored
from ..comfy.failures import execution_failed
from ..workflow.errors import WorkflowError
from .division import Division
from .history import Record
from .job import Job
from .outcome import JobState, Outcome
from .outputs import Downloads
from .overflow import cannot_split, overflowing_batch, too_large
from .part_run import Listener, Part, PartRun
from .patience import Patience
from .recording import Recording
from .retry import Retry
from .run import Run
from .server_watch import ServerWatch

log = logging.getLogger(__name__)


class JobRun(Run):
    """`launch` has the worker start the run of a part, which may be on the server already, and follow it."""

    def __init__(
        self,
        job: Job,
        watch: ServerWatch,
        downloads: Downloads,
        recording: Recording,
        retry: Retry,
        patience: Patience,
        launch: Callable[[Part, Listener, bool], PartRun],
    ) -> None:
        super().__init__(job, watch, downloads, recording, retry, patience)
        self._launch = launch
        self._division: Division | None = None  # from then on the parts do everything
        self._was_resumed = False
        self._tries_to_divide = 0
        self._verdict: OutOfMemory | None = None  # why it could not be divided

    @property
    def is_ahead(self) -> bool:
        """Between two parts nothing of ours shall come, either."""
        return super().is_ahead or (self._division is not None and not self.ended)

    def resume(self, record: Record) -> None:
        self._was_resumed = True
        super().resume(record)

    def step(self) -> None:
        if self._division is None:
            super().step()
        else:
            self.due = float("inf")

    def hear(self, event: Event) -> None:
        if self._division is None:
            super().hear(event)

    def cancel(self) -> None:
        if self._division is None:
            super().cancel()
        else:
            self._cancelling = True
            self._division.cancel()

    def end(self, outcome: Outcome) -> None:
        """All parts are done, or no other follows."""
        self._end(outcome.state, outcome.error, outcome)

    def _take(self, entry: HistoryEntry) -> None:
        error = self._overflow(entry)
        if error is None or self._cancelling:
            super()._take(entry)
            return
        try:
            self._verdict = self._divide(error)
        except ComfyError as trouble:
            self._tries_to_divide += 1
            if self._retry.allows(self._tries_to_divide, trouble):
                self._then(self._look, self._retry.delay(self._tries_to_divide, trouble))
                return
        if self._division is None:
            super()._take(entry)

    def _overflow(self, entry: HistoryEntry) -> OutOfMemory | None:
        if not isinstance(entry.failure, ExecutionErrored):
            return None
        error = execution_failed(entry.failure, self.job.request.prompt)
        return error if isinstance(error, OutOfMemory) else None

    def _divide(self, error: OutOfMemory) -> OutOfMemory | None:
        """Go on in parts; where that is not possible, return the error that says why. Raises ComfyError."""
        try:
            batch = overflowing_batch(self.job.request, error, self._client)
        except WorkflowError as reason:
            return cannot_split(error, reason)
        if batch.size == 1:
            self._watch.refresh()  # how much memory is free now
            return too_large(error, self.job.request, self._watch.state)
        log.info("job %s: its batch of %d goes on in parts", self.job.id, batch.size)
        self._taking.clear()
        self._division = Division(self, batch, self._watch, self._launch)
        self._division.begin(look_first=self._was_resumed)
        return None

    def _end(self, state: JobState, error: Exception | None = None, outcome: Outcome | None = None) -> None:
        if outcome is not None and isinstance(error, OutOfMemory) and self._verdict is not None:
            error = self._verdict
            outcome = dataclasses.replace(outcome, error=error)
        super()._end(state, error, outcome)
