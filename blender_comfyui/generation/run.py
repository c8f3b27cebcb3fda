"""One prompt's life on the server: sent, looked for, taken. Belongs to the worker thread.

The websocket tells how far a run is and when it is worth looking; whether it is accepted, running, ended or lost is
read from /queue and /history alone. Every step is small and says itself when the next one is due. A run begins in our
own queue, where it is held until `release`.
"""

from __future__ import annotations

import logging
import time

from ..comfy.answers import HistoryEntry, node_output
from ..comfy.errors import (
    ComfyError,
    CredentialsRefused,
    Lost,
    TimedOut,
)
from ..comfy.events import (
    Event,
    ExecutionErrored,
    ExecutionInterrupted,
    ExecutionSucceeded,
    NodeExecuted,
    NodeExecuting,
    Preview,
)
from .cancelling import cancel_prompt
from .history import Record
from .job import Job
from .outcome import JobState, Outcome
from .outputs import Arrival, Downloads
from .patience import Patience, Spell
from .recording import Recording
from .retry import Retry
from .sending import SendingRun
from .server_watch import ServerWatch
from .taking import is_outage

log = logging.getLogger(__name__)

_ASK_AGAIN = 2.0  # seconds after which a cancel without effect is asked for again


class Run(SendingRun):
    """Moves one job from waiting to its end. `due` is when `step` wants to be called, in monotonic seconds."""

    def __init__(
        self,
        job: Job,
        watch: ServerWatch,
        downloads: Downloads,
        recording: Recording,
        retry: Retry,
        patience: Patience,
    ) -> None:
        super().__init__(job, watch, downloads, recording, retry, patience)
        self._fetch_trouble, self._unfinished = Spell(), Spell()
        self._heard_end = False  # of the run, over the websocket under which it was sent
        self._early_looks = 0
        self._asked_to_cancel = 0.0

    @property
    def ended(self) -> bool:
        return self.job.state.is_terminal

    @property
    def is_ahead(self) -> bool:
        """It waits on the server, or is on its way there: no other of ours needs to."""
        return not self.job.is_held and self.job.state in (JobState.WAITING, JobState.QUEUED)

    def hold(self) -> None:
        self.job.is_held = self._stood_in_line = True

    def release(self) -> None:
        """It is this one's turn."""
        self.job.is_held = False
        self._began = time.monotonic()
        self._then(self._send, 0.0)

    def resume(self, record: Record) -> None:
        """Go on where an earlier run of ours left it, which may have sent it without hearing the answer."""
        self._stood_in_line = True
        if record.state is JobState.WAITING:
            # the server may still be reading it: worth the longest patience
            self._unclear = TimedOut("It was being sent when Blender was closed.", sent=True)
        else:
            self._accepted = True
            self.job.server_version = record.server_version
            self.job.move(JobState.QUEUED)
        self._then(self._look, 0.0)

    # Looking

    def hear(self, event: Event) -> None:
        """An event of this prompt from the websocket."""
        match event:
            case NodeExecuting(node=None):  # comes when the history entry is there, and after every picture
                self._heard_end = self._is_heard
                self._look_now(0.0)
            case ExecutionSucceeded() | ExecutionInterrupted() | ExecutionErrored(is_block=False):
                self._look_now(0.05)
            case Preview():
                self._show(event)
            case NodeExecuted(node=node, output=output):
                self._taking.expect(node_output(node, output))
        self._move(JobState.RUNNING)
        self._tracker.feed(event)
        self.job.report(self._tracker.progress())

    def queue_moved(self) -> None:
        """Something began or ended on the server. For a run that the socket does not tell of, the only sign; for one
        that waits, the sign that its place may have changed."""
        if self._accepted and not self._taking.begun and (not self._is_heard or self.job.state is JobState.QUEUED):
            self.due = min(self.due, time.monotonic() + (0.3 if self._is_heard else 0.1))

    def stream_changed(self) -> None:
        if not (self._accepted or self.job.is_held) and self._next == self._send and not self.job.waiting_for:
            self.due = 0.0

    def _look(self) -> None:
        """Where is it? The queue first: a prompt moves from there to the history, never back."""
        try:
            queue = self._watch.queue()
            entry = None if self.job.id in queue else self._client.history(self.job.id)
        except ComfyError as error:
            self._cannot_look(error)
            return
        self._trouble.over()
        if entry is not None:
            self._accepted = True
            self._take(entry)
        elif self.job.id in queue:
            if not self._accepted:
                self._is_accepted()
            self._absence.over()
            self._is_queued(queue.running)
        else:
            self._is_absent()

    def _look_now(self, delay: float) -> None:
        """The server says that it ended; its history may need a moment more."""
        self._early_looks = 0
        if self._accepted and not self._taking.begun:
            self._then(self._look_at_history, delay)

    def _look_at_history(self) -> None:
        self._early_looks += 1
        try:
            entry = self._client.history(self.job.id)
        except ComfyError as error:
            self._cannot_look(error)
            return
        if entry is not None:
            self._take(entry)
        elif self._early_looks < 6:
            self._then(self._look_at_history, 0.02 * 2**self._early_looks)
        else:
            self._then(self._look, 0.5)

    def _is_queued(self, running: tuple[str, ...]) -> None:
        self._move(JobState.RUNNING if self.job.id in running else JobState.QUEUED)
        again = self._cancelling and time.monotonic() - self._asked_to_cancel > _ASK_AGAIN
        self._then(self._ask_to_cancel if again else self._look, self._look_delay)

    def _is_absent(self) -> None:
        """In neither place, and once is no proof: it may have moved between the two questions, or a proxy says so."""
        cancelled = self._cancelling and self._accepted
        grace = 0.3 if cancelled else self._patience.grace(self._unclear)
        if not self._absence.lasts(grace, times=3):
            self._then(self._look, grace / 2)
        elif self._cancelling:
            self._end(JobState.CANCELLED)
        elif self._accepted:
            self._end(
                JobState.LOST,
                Lost(
                    "The server no longer knows this job: it was removed from its queue, or the server was "
                    "restarted. Run it again."
                ),
            )
        else:
            assert self._unclear is not None
            self._send_again(self._unclear)

    def _cannot_look(self, error: ComfyError) -> None:
        """The server is away, or a proxy answers in its place: the run goes on there, so wait a good while."""
        if self._gives_up(error):
            self.leave(error)
            return
        self.job.move(self.job.state, str(error))
        self._then(self._look, min(self._patience.look_blind, self._retry.delay(1, error)))

    def _gives_up(self, error: ComfyError) -> bool:
        self._watch.failed(error)
        return isinstance(error, CredentialsRefused) or self._trouble.lasts(self._patience.outage)

    # Taking

    def _take(self, entry: HistoryEntry) -> None:
        if self._cancelling:
            self._end(JobState.CANCELLED)
            return
        if self._waits_for_pictures():
            self._then(self._look, 0.2)
            return
        self._move(JobState.DOWNLOADING)
        self._taking.begin(entry)
        self._check_taken()

    def _waits_for_pictures(self) -> bool:
        """They come in order: whoever has heard the end has all of them. A slow line brings them after the history."""
        if self._heard_end or not self._is_heard or not self._taking.comes_over_socket(self._problems):
            return False
        return not self._unfinished.lasts(self._patience.outage)

    def arrived(self, arrival: Arrival) -> None:
        if not self._taking.awaits(arrival.fetch):
            return
        if is_outage(arrival.error) and not self._fetch_trouble.lasts(self._patience.outage):
            self._taking.fetch_again(arrival.fetch, self._patience.look_blind)
            return
        if arrival.error is None:
            self._fetch_trouble.over()
        self._taking.arrived(arrival)
        if self._taking.begun:
            self._check_taken()

    def _check_taken(self) -> None:
        if not self._taking.failed:
            self._tracker.fetched(self._taking.here, self._taking.wanted)
            self.job.report(self._tracker.progress())
        if self._taking.complete:
            self._end_taken()

    def _end_taken(self) -> None:
        outcome = self._taking.outcome(self._problems, is_whole=self._heard_end)
        self._end(outcome.state, outcome.error, outcome)

    def _show(self, preview: Preview) -> None:
        node = preview.node_id or self._tracker.executing
        if preview.format == "png" and self.job.request.node_class(node) == "SaveImageWebsocket":
            self._taking.receive(node, preview.image)
        self.job.preview(preview.image, preview.format, self.job.request.node_title(node) if node else "")

    # Ending

    def cancel(self) -> None:
        """By prompt, never by "whatever runs": other people work on this server too."""
        self._cancelling = True
        if self._taking.begun or not (self._accepted or self._unclear):
            self._end(JobState.CANCELLED)
        else:
            self.job.move(self.job.state, self._reason)
            self._then(self._ask_to_cancel, 0.0)

    def _ask_to_cancel(self) -> None:
        self._asked_to_cancel = time.monotonic()
        try:
            cancel_prompt(self._watch, self.job.id)
        except ComfyError as error:
            if self._gives_up(error):
                self.fail(type(error)(f"The job could not be cancelled, and may still run. {error}"))
            else:
                self._then(self._ask_to_cancel, self._retry.delay(1, error))
            return
        self._then(self._look, 0.05)

    def crash(self, error: Exception) -> None:
        """End it for a reason that nobody foresaw; what is on the server may be fetched yet."""
        was_sent = self._accepted or self._unclear is not None
        self._end(JobState.FAILED, error, Outcome(JobState.FAILED, (), error, (), self._problems, was_sent))

    def leave(self, error: Exception) -> None:
        """End it here and now; its row stays open, because the server may go on with it."""
        outcome = Outcome(JobState.FAILED, (), error, (), self._problems, recoverable=True, stays_open=True)
        self._end(JobState.FAILED, error, outcome)
