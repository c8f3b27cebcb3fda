"""The worker thread: takes what comes (jobs, cancels, events, files), and takes each step when it is due."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import ParamSpec, TypeAlias

from ..comfy.events import (
    Connected,
    Disconnected,
    Event,
    ExecutionStarted,
    FeatureFlags,
    NodeExecuting,
    QueueStatus,
)
from ..comfy.stream import EventStream
from .job import Job
from .outcome import JobState, Outcome
from .outputs import Arrival, Downloads
from .retry import Retry
from .run import Patience, Run
from .server_watch import ServerWatch

P = ParamSpec("P")

log = logging.getLogger(__name__)

_IDLE_REFRESH = 0.5  # seconds after the last job before the server's memory is read anew


@dataclass(frozen=True)
class Submit:
    job: Job


@dataclass(frozen=True)
class Cancel:
    job_id: str


@dataclass(frozen=True)
class Refresh:
    """Read the server's state anew; the first one begins to watch it."""


@dataclass(frozen=True)
class Close:
    """End the thread; what is still open is failed with `error`."""

    error: Exception


Message: TypeAlias = Submit | Cancel | Refresh | Close | Arrival | Event


class Worker:
    """One thread for one server. `inbox` may be put to from any thread and never blocks."""

    def __init__(
        self,
        watch: ServerWatch,
        make_stream: Callable[[Callable[[Event], None]], EventStream],
        ended: Callable[[Job], None],
        retry: Retry,
        patience: Patience,
    ) -> None:
        self.inbox: SimpleQueue[Message] = SimpleQueue()
        self._watch = watch
        self._stream = make_stream(self.inbox.put)
        self._downloads = Downloads(watch.client, self.inbox.put, retry)
        self._ended = ended
        self._retry = retry
        self._patience = patience
        self._runs: dict[str, Run] = {}
        self._executing = ""  # the prompt of ours that runs: old previews do not say whose they are
        self._began = False
        self._closing: Exception | None = None
        self._thread = threading.Thread(target=self._loop, name="comfyui-worker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self, timeout: float) -> None:
        """Wait for the three threads to end, `timeout` seconds in all."""
        deadline = time.monotonic() + timeout
        for thread in (self._thread, self._downloads, self._stream):
            thread.join(max(0.0, deadline - time.monotonic()))

    def _loop(self) -> None:
        while self._closing is None:
            due = min((run.due for run in self._runs.values()), default=float("inf"))
            wait = min(due, self._watch.due) - time.monotonic()
            try:
                message = self.inbox.get(timeout=min(max(wait, 0.0), 3600.0))
            except Empty:
                pass
            else:
                self._guarded(self._handle, message)
            self._guarded(self._step)
        self._shut(self._closing)

    @staticmethod
    def _guarded(act: Callable[P, None], *arguments: P.args, **options: P.kwargs) -> None:
        """What nobody foresaw must not end the thread: every job there is would wait for ever."""
        try:
            act(*arguments, **options)
        except Exception:
            log.exception("the worker goes on")

    def _handle(self, message: Message) -> None:
        match message:
            case Submit(job=job):
                self._begin()
                self._stream.reconnect_now()
                self._take_on(job)
            case Cancel(job_id=job_id):
                self._with_run(job_id, Run.cancel)
            case Refresh():
                self._begin()
                self._stream.reconnect_now()
                self._watch.forget_choices()
            case Arrival():
                self._with_run(message.fetch.job_id, lambda run: run.arrived(message))
            case Close(error=error):
                self._closing = error
            case _:
                self._hear(message)

    def _take_on(self, job: Job) -> None:
        try:
            self._runs[job.id] = Run(job, self._watch, self._downloads, self._retry, self._patience)
        except Exception as error:
            log.exception("job %s", job.id)
            job.end(Outcome(JobState.FAILED, error=error), job.progress)
            self._ended(job)

    def _hear(self, event: Event) -> None:
        match event:
            case Connected() | Disconnected():
                self._watch.hear(event)
                for job_id in list(self._runs):
                    self._with_run(job_id, Run.stream_changed)
            case QueueStatus():
                self._watch.hear(event)
                for job_id in list(self._runs):
                    self._with_run(job_id, Run.queue_moved)
            case FeatureFlags():
                pass
            case ExecutionStarted(prompt_id=prompt_id) | NodeExecuting(prompt_id=str(prompt_id), node=str()):
                self._executing = prompt_id
                self._with_run(prompt_id, lambda run: run.hear(event))
            case _:
                self._with_run(event.prompt_id or self._executing, lambda run: run.hear(event))

    def _step(self) -> None:
        now = time.monotonic()
        for job_id in [run.job.id for run in self._runs.values() if run.due <= now]:
            self._with_run(job_id, Run.step)
        if self._watch.due <= now and self.inbox.empty() and self._closing is None:
            self._watch.refresh()

    def _with_run(self, job_id: str, act: Callable[[Run], None]) -> None:
        """One run's trouble must not end the others: what nobody foresaw fails this run alone, and is logged."""
        run = self._runs.get(job_id)
        if run is None:
            return
        try:
            act(run)
        except Exception as error:
            log.exception("job %s", job_id)
            if not run.ended:
                run.fail(error)
        if run.ended:
            del self._runs[job_id]
            self._ended(run.job)
            self._watch.due = time.monotonic() + _IDLE_REFRESH

    def _begin(self) -> None:
        if not self._began:
            self._began = True
            self._stream.start()
            self._downloads.start()
            self._watch.begin()

    def _shut(self, error: Exception) -> None:
        while True:  # submitted just before the close
            try:
                message = self.inbox.get_nowait()
            except Empty:
                break
            if isinstance(message, Submit):
                self._guarded(self._handle, message)
        for job_id in list(self._runs):
            self._with_run(job_id, lambda run: run.fail(error))
        self._guarded(self._stream.close)
        self._downloads.close()
        self._watch.client.close()
