"""The worker thread: takes what comes (jobs, cancels, events, files), and takes each step when it is due."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from queue import Empty
from typing import ParamSpec

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
from .events import HistoryNotice, QueueChanged, Returned
from .history import History, Record
from .inbox import Inbox, Message
from .job import Job
from .job_run import JobRun
from .local_queue import LocalQueue
from .messages import BringIn, Cancel, Close, ListForeign, Move, Order, Pause, Recover, Refresh, Refused, Submit
from .numbering import number_jobs
from .outcome import JobState, Outcome
from .outputs import Arrival, Downloads
from .ownership import Ownership
from .part_run import Listener, Part, PartRun
from .patience import Patience
from .recording import Ends, Recording
from .retry import Retry
from .returns import Registry, Returns
from .run import Run
from .sending import Means
from .server_watch import ServerWatch
from .uploads import Delivered, Uploads

P = ParamSpec("P")

log = logging.getLogger(__name__)

_IDLE_REFRESH = 0.5  # seconds after the last job before the server's memory is read anew


class Worker:
    """One thread for one server. `inbox` may be put to from any thread and never blocks."""

    def __init__(
        self,
        watch: ServerWatch,
        make_stream: Callable[[Callable[[Event, int], None]], EventStream],
        registry: Registry,
        history: History,
        ownership: Ownership,
        retry: Retry,
        patience: Patience,
    ) -> None:
        self.inbox = Inbox()
        self.queue = LocalQueue()
        self._watch = watch
        self._stream = make_stream(self.inbox.put)
        self._downloads = Downloads(watch.client, self.inbox.put, retry)
        self._registry = registry
        self._history = history
        self._ownership = ownership
        self._ends = Ends(history)
        self._returns = Returns(watch, registry, history, ownership, self._ends, self._follow)
        self._uploads = Uploads(watch.client, self.inbox.put)
        self._means = Means(watch, self._downloads, self._uploads, retry, patience)
        self._held: dict[str, Run] = {}
        self._runs: dict[str, Run] = {}  # those that were released from our own queue
        self._executing = ""  # the prompt of ours that runs: old previews do not say whose they are
        self._began = False
        self._was_away = False
        self._closing: Exception | None = None
        self._thread = threading.Thread(target=self._loop, name="comfyui-worker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self, timeout: float) -> None:
        """Wait for the four threads to end, `timeout` seconds in all."""
        deadline = time.monotonic() + timeout
        for thread in (self._thread, self._downloads, self._uploads, self._stream):
            thread.join(max(0.0, deadline - time.monotonic()))

    def _loop(self) -> None:
        while self._closing is None:
            due = min((run.due for run in self._runs.values()), default=float("inf"))
            wait = min(due, self._watch.due, self._returns.due) - time.monotonic()
            try:
                message = self.inbox.get(timeout=min(max(wait, 0.0), 3600.0))
            except Empty:
                pass
            else:
                self._guarded(self._handle, message)
            self._guarded(self._step)
        self._shut(self._closing)

    @staticmethod
    def _guarded(act: Callable[P, object], *arguments: P.args, **options: P.kwargs) -> None:
        """What nobody foresaw must not end the thread: every job there is would wait for ever."""
        try:
            act(*arguments, **options)
        except Exception:
            log.exception("the worker goes on")

    def _handle(self, message: Message) -> None:
        match message:
            case Arrival():
                self._with_run(message.fetch.job_id, lambda run: run.arrived(message))
            case Delivered():
                self._with_run(message.parcel.job_id, lambda run: run.uploaded(message))
            case Close(error=error):
                self._closing = error
            case Submit() | Refused() | Cancel() | Move() | Pause() | Refresh() | Recover() | ListForeign() | BringIn():
                self._obey(message)
            case _:
                self._hear(message)

    def _obey(self, order: Order) -> None:
        match order:
            case Submit(job=job, rank=rank):
                self._begin()
                self._stream.reconnect_now()
                self._take_on(job, rank)
            case Refused(job=job, error=error):
                job.end(Outcome(JobState.FAILED, error=error), job.progress)
                self._registry.ended(job)
            case Cancel(job_id=job_id) if job_id in self._runs or job_id in self._held:
                self._with_run(job_id, lambda run: run.cancel())
            case Move(job_id=job_id, by=by):
                self._move(job_id, by)
            case Pause(paused=paused):
                self.queue.paused = paused
                if not paused:
                    self._release_parts()
                self._queue_changed()
            case Refresh():
                self._begin()
                self._stream.reconnect_now()
                self._watch.forget_choices()
            case Cancel() | Recover() | ListForeign() | BringIn():
                self._begin()
                self._returns.obey(order)

    def _take_on(self, job: Job, rank: float) -> None:
        try:
            run = self._run_of(job)
        except Exception as error:
            log.exception("job %s", job.id)
            job.end(Outcome(JobState.FAILED, error=error), job.progress)
            self._registry.ended(job)
        else:
            self._hold(run, rank)

    def _run_of(self, job: Job, is_imported: bool = False) -> Run:
        """What others asked for is fetched, and never executed anew."""
        recording = Recording(self._history, job.id, self._ends)
        if is_imported:
            return Run(job, recording, self._means)
        return JobRun(job, recording, self._means, self._launch_part)

    def _launch_part(self, part: Part, listener: Listener, look_first: bool) -> PartRun:
        run = PartRun(part, listener, self._means)
        self._runs[part.id] = run
        if self.queue.paused and not look_first:
            run.hold()
        else:
            run.start(look_first)
        return run

    def _release_parts(self) -> None:
        for run in self._runs.values():
            if isinstance(run, PartRun) and run.job.is_held:
                run.release()

    def _hold(self, run: Run, rank: float) -> None:
        """Into our own queue, unless it is its turn at once."""
        self._held[run.job.id] = run
        self.queue.add(run.job.id, rank)
        self._release_next()
        if run.job.id in self._held:
            run.hold()
            self._queue_changed()

    def _release_next(self) -> None:
        if not self._held or self.queue.paused or any(run.is_ahead for run in self._runs.values()):
            return
        job_id = self.queue.order[0]
        run = self._runs[job_id] = self._held.pop(job_id)
        self.queue.remove(job_id)
        was_held = run.job.is_held
        run.release()
        if was_held:
            self._queue_changed()

    def _move(self, job_id: str, by: int | None) -> None:
        ranks = self.queue.move(job_id, by)
        for moved, rank in ranks.items():
            Recording(self._history, moved, self._ends).ranked(rank)
        if ranks:
            self._queue_changed()

    def _queue_changed(self) -> None:
        self._number()
        self._registry.publish(QueueChanged(self.queue.order, self.queue.paused))

    def _number(self) -> None:
        number_jobs(
            [run.job for run in self._runs.values()],
            [self._held[job_id].job for job_id in self.queue.order],
            self._watch.last_queue,
        )

    def _follow(self, job: Job, record: Record) -> None:
        self._registry.follow(job)
        self._registry.publish(Returned(job.id, job))
        run = self._run_of(job, record.imported)
        if record.sent is None and record.state is JobState.WAITING:
            run.hold()
            self._hold(run, record.rank)
        else:
            self._runs[job.id] = run
            run.resume(record)

    def _hear(self, event: Event) -> None:
        match event:
            case Connected() | Disconnected():
                self._watch.hear(event)
                for job_id in list(self._runs):
                    self._with_run(job_id, lambda run: run.stream_changed())
                if isinstance(event, Connected):
                    self._returns.adopt()
            case QueueStatus():
                self._watch.hear(event)
                for job_id in list(self._runs):
                    self._with_run(job_id, lambda run: run.queue_moved())
            case FeatureFlags():
                self._watch.hear(event)
            case ExecutionStarted(prompt_id=prompt_id) | NodeExecuting(prompt_id=str(prompt_id), node=str()):
                self._executing = prompt_id
                self._with_run(prompt_id, lambda run: run.hear(event))
            case _:
                self._with_run(event.prompt_id or self._executing, lambda run: run.hear(event))

    def _step(self) -> None:
        now = time.monotonic()
        for job_id in [run.job.id for run in self._runs.values() if run.due <= now]:
            self._with_run(job_id, lambda run: run.step())
        if self._watch.due <= now and self.inbox.empty() and self._closing is None:
            self._watch.refresh()
        self._release_next()
        if self._watch.queue_is_new:
            self._number()
        self._look_for_return()
        if self._returns.due <= now:
            self._returns.try_again(is_ready=self._watch.state.connection == "ready")

    def _look_for_return(self) -> None:
        """Where the websocket never opens, that the server answers again is the only sign of its return."""
        state = self._watch.state.connection
        if state == "ready" and self._was_away:
            self._returns.adopt()
        self._was_away = state == "unreachable"

    def _with_run(self, job_id: str, act: Callable[[Run], None]) -> None:
        """One run's trouble must not end the others: what nobody foresaw fails this run alone, and is logged."""
        run = self._runs.get(job_id) or self._held.get(job_id)
        if run is None:
            return
        try:
            act(run)
        except Exception as error:
            log.exception("job %s", job_id)
            whole = self._runs.get(run.part.job.id) if isinstance(run, PartRun) else None
            for each in (run, whole):
                if each is not None and not each.ended:
                    each.crash(error)
        # the end of a part can be the end of its job, too
        for job in {each.job.id: each.job for each in (run, *self._runs.values()) if each.ended}.values():
            self._part_with(job)

    def _part_with(self, job: Job) -> None:
        self._runs.pop(job.id, None)
        if self._held.pop(job.id, None) is not None:
            self.queue.remove(job.id)
            self._queue_changed()
        self._registry.ended(job)
        if job.id in self._ends or (job.outcome is not None and job.outcome.stays_open):
            self._returns.come_later()
        self._watch.due = time.monotonic() + _IDLE_REFRESH

    def _begin(self) -> None:
        if not self._began:
            self._began = True
            self._stream.start()
            self._downloads.start()
            self._watch.begin()
            self._guarded(self._returns.adopt)
            if notice := self._history.notice:
                self._registry.publish(HistoryNotice(notice))

    def _shut(self, error: Exception) -> None:
        while True:  # submitted just before the close
            try:
                message = self.inbox.get_nowait()
            except Empty:
                break
            if isinstance(message, Submit | Refused):
                self._guarded(self._handle, message)
        for job_id in [*self._runs, *self._held]:
            self._with_run(job_id, lambda run: run.leave(error))
        self._guarded(self._ends.write_all)
        self._guarded(self._stream.close)
        self._downloads.close()
        self._uploads.close()
        self._watch.client.close()
        self._guarded(self._history.close)
        self._guarded(self._ownership.release)
