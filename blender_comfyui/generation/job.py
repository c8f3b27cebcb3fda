"""A job as its owner sees it: state, progress, waiting for it, cancelling it. No network here.

The worker thread alone moves a job on; everybody else only reads, from any thread and without a lock.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Literal

from ..comfy.errors import TimedOut
from .events import Ended, JobEvent, Previewed, Progressed, SessionEvent, StateChanged
from .feed import Feed
from .outcome import JobState, Outcome
from .progress import Progress
from .request import Request

if TYPE_CHECKING:
    from .tasks.merging import Report

log = logging.getLogger(__name__)


class Job:
    """One generation. `id` is also its prompt id on the server.

    `queue_position` is 1 for the prompt that runs next (other people's prompts count), None when not in the queue;
    `foreign_before` how many of those before it are other people's. `is_held`: it waits in our own queue, unsent.
    `created` is the time of the click, in seconds since 1970.
    `server_version` is that of the server which accepted the job, '' before.
    `waiting_for` is a sentence that says why the job does not go on, or ''; `note` one on how it runs, or ''.
    `task_report` says what became of the parameters of a task, None where none was asked for.
    """

    def __init__(
        self,
        id: str,
        request: Request,
        cancel: Callable[[str], None],
        session_feed: Feed[SessionEvent],
        created: float | None = None,
    ) -> None:
        self.id = id
        self.request = request
        self.state = JobState.WAITING
        self.progress = Progress()
        self.queue_position: int | None = None
        self.foreign_before = 0
        self.is_held = False
        self.waiting_for = ""
        self.note = ""
        self.server_version = ""
        self.outcome: Outcome | None = None
        self.task_report: Report | None = None
        self._cancel = cancel
        self._feed: Feed[JobEvent] = Feed()
        self._session_feed = session_feed
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []
        now = time.time()
        self.created = now if created is None else created
        self._began = time.monotonic() - max(0.0, now - self.created)

    def __repr__(self) -> str:
        return f"<Job {self.id[:8]} {self.state}>"

    def wait(self, timeout: float | None = None) -> Outcome:
        """Block until the job has ended. Raises TimedOut after `timeout` seconds; the job itself goes on."""
        if not self._ended.wait(timeout) or self.outcome is None:
            raise TimedOut(f"The job has not ended after {timeout:g} s; it is still {self.state}. Wait longer.")
        return self.outcome

    def __await__(self) -> Generator[object, None, Outcome]:
        import asyncio  # Blender starts faster without it

        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(settle)

        def settle() -> None:
            if not done.done():
                done.set_result(None)

        self._call_at_end(wake)
        try:
            yield from done
        finally:
            self._forget(wake)
        assert self.outcome is not None
        return self.outcome

    def events(self) -> Iterator[JobEvent]:
        """Everything that happens from the first step of the loop on, Ended last; after the end, Ended alone."""
        subscription = self._feed.subscribe()
        try:
            if self.outcome is not None and subscription.empty:
                yield Ended(self.id, self.outcome)
                return
            while True:
                event = subscription.get()
                yield event
                if isinstance(event, Ended):
                    return
        finally:
            subscription.close()

    def cancel(self) -> None:
        """Ask for the end of this job alone, and return at once. One that has ended stays as it is; one whose outcome
        `stays_open` is given up."""
        self._cancel(self.id)

    # What follows is for the worker thread.

    def move(self, state: JobState, waiting_for: str = "") -> None:
        """Go on to `state`; staying where it is, or a step back, changes nothing but the reason for waiting."""
        moves = self.state.may_become(state)
        if moves:
            self.state = state
            if state is not JobState.QUEUED:
                self.queue_position, self.foreign_before = None, 0
        if not self.state.is_terminal and (moves or waiting_for != self.waiting_for):
            self.waiting_for = waiting_for
            log.info("job %s: %s %s", self.id, self.state, waiting_for)
            self._publish(StateChanged(self.id, self.state, waiting_for))

    def remark(self, note: str) -> None:
        """Note how it runs, where that is not the usual way."""
        if note != self.note and not self.state.is_terminal:
            self.note = note
            self._publish(StateChanged(self.id, self.state, self.waiting_for))

    def report(self, progress: Progress) -> None:
        if progress != self.progress and not self.state.is_terminal:
            self.progress = progress
            self._publish(Progressed(self.id, progress), passing=True)

    def preview(self, image: bytes, format: Literal["jpeg", "png"], node_title: str) -> None:
        self._publish(Previewed(self.id, image, format, node_title), passing=True)

    def end(self, outcome: Outcome, progress: Progress) -> None:
        """The one end of this job. Raises RuntimeError at a second one."""
        if not self.state.may_become(outcome.state) or not outcome.state.is_terminal:
            raise RuntimeError(f"job {self.id} cannot go from {self.state} to {outcome.state}")
        self.progress, self.waiting_for, self.queue_position, self.is_held = progress, "", None, False
        self.state = outcome.state
        self.outcome = outcome
        level = logging.WARNING if outcome.is_trouble else logging.INFO
        log.log(level, "job %s: %s", self.id, outcome)
        self._ended.set()
        self._publish(Ended(self.id, outcome))
        with self._lock:
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    @property
    def age(self) -> float:
        """Seconds since submit."""
        return time.monotonic() - self._began

    def _publish(self, event: JobEvent, passing: bool = False) -> None:
        self._feed.publish(event, passing)
        self._session_feed.publish(event, passing)

    def _call_at_end(self, callback: Callable[[], None]) -> None:
        with self._lock:
            if not self._ended.is_set():
                self._callbacks.append(callback)
                return
        callback()

    def _forget(self, callback: Callable[[], None]) -> None:
        with self._lock, contextlib.suppress(ValueError):
            self._callbacks.remove(callback)
