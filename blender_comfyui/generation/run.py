"""One prompt's life on the server: sent, looked for, taken. Belongs to the worker thread.

The websocket tells how far a run is and when it is worth looking; whether it is accepted, running, ended or lost is
read from /queue and /history alone. Every step is small and says itself when the next one is due. A run begins in our
own queue, where it is held until `release`.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable

from ..comfy.answers import HistoryEntry, node_output
from ..comfy.errors import (
    CannotConnect,
    ComfyError,
    CredentialsRefused,
    FileMissing,
    InvalidPrompt,
    Lost,
    NodeProblem,
    ServerFault,
    TimedOut,
    TooOld,
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
from .choices import settle
from .history import Record
from .job import Job
from .outcome import JobState, Outcome
from .outputs import Arrival, Downloads
from .patience import Patience, Spell
from .progress import ProgressTracker
from .recording import Recording
from .retry import Retry
from .server_watch import ServerWatch
from .taking import Taking, is_outage, may_come_later

log = logging.getLogger(__name__)

_ASK_AGAIN = 2.0  # seconds after which a cancel without effect is asked for again
_FIRST_LOOK = 0.5  # after the server's yes: what still waits then wants to know its place in the queue
_STREAM_WAIT = 1.0  # for the websocket to open before the prompt is sent without it


class Run:
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
        self.job = job
        self.due = float("inf")
        self._watch = watch
        self._recording = recording
        self._client = watch.client
        self._retry = retry
        self._patience = patience
        self._written = job.request  # as the history has it
        self._tracker = ProgressTracker(job.request)
        self._taking = Taking(job, downloads)
        self._problems: tuple[NodeProblem, ...] = ()
        self._client_id: str | None = None  # of the websocket under which the prompt was sent
        self._accepted = False
        self._unreached = 0  # tries that found no server
        self._failures = 0  # tries that the server, or something before it, did not take
        self._unclear: ComfyError | None = None  # sent, but we do not know whether it was accepted
        self._trouble, self._absence, self._fetch_trouble = Spell(), Spell(), Spell()
        self._early_looks = 0
        self._stood_in_line = False
        self._cancelling = False
        self._asked_to_cancel = 0.0
        self._next: Callable[[], None] = self._send
        self._began = time.monotonic()

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

    def step(self) -> None:
        self.due = float("inf")
        self._next()

    # Sending

    def _send(self) -> None:
        """Open ground first: the server is there, the websocket is up (or will not come), then the prompt."""
        try:
            self._watch.ensure_reachable()
            self.job.request = settle(self.job.request, self._client)
        except ComfyError as error:
            self._not_reached(error)
            return
        self._trouble.over()
        if not self._watch.stream_settled and time.monotonic() - self._began < _STREAM_WAIT:
            self._then(self._send, _STREAM_WAIT)
            return
        request = self.job.request
        self._recording.sent(None if request is self._written else request)
        self._written = request
        log.info("job %s: sent", self.job.id)
        self._client_id = self._watch.client_id
        try:
            accepted = self._client.queue_prompt(
                request.prompt, prompt_id=self.job.id, client_id=self._client_id, outputs=request.outputs
            )
        except InvalidPrompt as error:
            self.fail(error)
        except ComfyError as error:
            self._send_failed(error)
        else:
            self._problems = accepted.problems
            self._is_accepted()

    def _not_reached(self, error: ComfyError) -> None:
        """Nothing was sent yet: wait for the server, but not for ever."""
        self._watch.failed(error)
        self._unreached += 1
        limit = self._patience.held if self._stood_in_line else self._patience.unsent
        if not error.transient or (self._trouble.lasts(limit) and self._unreached >= self._retry.tries):
            self.fail(error)
            return
        self.job.move(JobState.WAITING, str(error))
        self._then(self._send, self._retry.delay(min(self._unreached, 4), error))

    def _send_failed(self, error: ComfyError) -> None:
        sent = not isinstance(error, CannotConnect | TimedOut) or error.sent
        status = error.status if isinstance(error, ServerFault) else 0
        if not sent:
            self._not_reached(error)
            return
        self._failures += 1
        if isinstance(error, CredentialsRefused | TooOld) or (400 <= status < 500 and status != 429):
            self.fail(error)
        elif status == 429:
            self._send_again(error)
        else:  # whatever came in place of the answer, the prompt may be on the server all the same
            self._unclear = error
            self.job.move(JobState.WAITING, "Asking the server whether it has the job.")
            self._then(self._look, self._retry.delay(1, error))

    def _send_again(self, error: ComfyError) -> None:
        if not self._retry.allows(self._failures, error):
            self.fail(error)
            return
        self._unclear = None
        self._absence.over()
        self.job.move(JobState.WAITING, str(error))
        self._then(self._send, self._retry.delay(self._failures, error))

    def _is_accepted(self) -> None:
        self._accepted, self._unclear = True, None
        self._trouble.over()
        self._absence.over()
        self._watch.forget_queue()
        self.job.server_version = self._watch.state.version
        self._move(JobState.QUEUED)
        self._then(self._look, min(_FIRST_LOOK, self._look_delay))

    # Looking

    def hear(self, event: Event) -> None:
        """An event of this prompt from the websocket."""
        match event:
            case NodeExecuting(node=None):  # comes when the history entry is there
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
        unheard = self._client_id != self._watch.client_id
        if self._accepted and not self._taking.begun and (unheard or self.job.state is JobState.QUEUED):
            self.due = min(self.due, time.monotonic() + (0.1 if unheard else 0.3))

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
        self._move(JobState.DOWNLOADING)
        self._taking.begin(entry)
        self._check_taken()

    def arrived(self, arrival: Arrival) -> None:
        if is_outage(arrival.error) and not self._fetch_trouble.lasts(self._patience.outage):
            self._taking.fetch_again(arrival.fetch, self._patience.look_blind)
            return
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
        outputs, texts, error = self._taking.finish()
        state = JobState.FINISHED if error is None else JobState.LOST if isinstance(error, Lost) else JobState.FAILED
        fetching_failed = error is not None and not self._taking.failed
        outcome = Outcome(
            state,
            outputs,
            error,
            texts,
            self._problems,
            recoverable=fetching_failed and not isinstance(error, FileMissing | Lost),
            stays_open=fetching_failed and may_come_later(error),
        )
        self._end(state, error, outcome)

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

    def fail(self, error: Exception) -> None:
        self._end(JobState.FAILED, error)

    def leave(self, error: Exception) -> None:
        """End it here and now; its row stays open, because the server may go on with it."""
        outcome = Outcome(JobState.FAILED, (), error, (), self._problems, recoverable=True, stays_open=True)
        self._end(JobState.FAILED, error, outcome)

    def _end(self, state: JobState, error: Exception | None = None, outcome: Outcome | None = None) -> None:
        outcome = outcome or Outcome(state, (), error, (), self._problems)
        if error is not None:
            self._client.hide_secrets(error)
        try:
            self._taking.clear()
        finally:
            outcome = dataclasses.replace(outcome, seconds=self.job.age)
            if not outcome.stays_open:
                self._recording.ended(outcome)
            self.job.end(outcome, self._tracker.progress(ended=state is JobState.FINISHED))

    def _move(self, state: JobState) -> None:
        """Go on to `state`, in the history too."""
        moves = self.job.state.may_become(state)
        self.job.move(state, self._reason)
        if moves:
            self._recording.moved(state, self.job.server_version)

    # Time

    def _then(self, step: Callable[[], None], delay: float) -> None:
        self._next = step
        self.due = time.monotonic() + delay

    @property
    def _reason(self) -> str:
        return "Cancelling." if self._cancelling else ""

    @property
    def _look_delay(self) -> float:
        if self._cancelling:
            return 0.2
        heard = bool(self._client_id) and self._client_id == self._watch.client_id
        return self._patience.look if heard else self._patience.look_blind
