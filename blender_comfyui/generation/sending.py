"""The first part of a run: until the server has said yes, or nobody knows whether it has.

Belongs to the worker thread.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from ..comfy.errors import (
    CannotConnect,
    ComfyError,
    CredentialsRefused,
    InvalidPrompt,
    NodeProblem,
    ServerFault,
    TimedOut,
    TooOld,
)
from .choices import settle
from .history import HistoryUnavailable
from .job import Job
from .outcome import JobState, Outcome
from .outputs import Downloads
from .patience import Patience, Spell
from .progress import ProgressTracker
from .recording import Recording
from .retry import Retry
from .server_watch import ServerWatch
from .taking import Taking
from .uploads import Delivered, Parcel, Uploads, parcel, with_file

log = logging.getLogger(__name__)

_FIRST_LOOK = 0.5  # after the server's yes: what still waits then wants to know its place in the queue
_STREAM_WAIT = 1.0  # for the websocket to open before the prompt is sent without it


@dataclass(frozen=True)
class Means:
    """What all runs of a worker work with."""

    watch: ServerWatch
    downloads: Downloads
    uploads: Uploads
    retry: Retry
    patience: Patience


class SendingRun:
    """Knows how to send, and how to end. `due` is when `step` wants to be called, in monotonic seconds."""

    def __init__(self, job: Job, recording: Recording, means: Means) -> None:
        self.job = job
        self.due = float("inf")
        self._watch = means.watch
        self._recording = recording
        self._client = means.watch.client
        self._retry = means.retry
        self._patience = means.patience
        self._written = job.request  # as the history has it
        self._tracker = ProgressTracker(job.request)
        self._taking = Taking(job, means.downloads)
        self._uploads = means.uploads
        self._on_its_way: Parcel | None = None  # a file that the prompt waits for
        self._there: set[int] = set()  # the files that the server has
        self._problems: tuple[NodeProblem, ...] = ()
        self._client_id: str | None = None  # of the websocket under which the prompt was sent
        self._accepted = False
        self._unreached = 0  # tries that found no server
        self._failures = 0  # tries that the server, or something before it, did not take
        self._unclear: ComfyError | None = None  # sent, but we do not know whether it was accepted
        self._trouble, self._unwritten, self._absence = Spell(), Spell(), Spell()
        self._stood_in_line = False
        self._cancelling = False
        self._next: Callable[[], None] = self._send
        self._began = time.monotonic()

    def step(self) -> None:
        self.due = float("inf")
        self._next()

    def _send(self) -> None:
        """Open ground first: the server is there, the websocket is up (or will not come), then the prompt."""
        try:
            self._watch.ensure_reachable()
            self.job.request = settle(self.job.request, self._client)
        except ComfyError as error:
            self._not_reached(error)
            return
        self._trouble.over()
        if len(self._there) < len(self.job.request.uploads):
            self._upload()
            return
        if not self._watch.stream_settled and time.monotonic() - self._began < _STREAM_WAIT:
            self._then(self._send, _STREAM_WAIT)
            return
        request = self.job.request
        try:
            self._recording.sent(None if request is self._written else request)
        except HistoryUnavailable as error:  # after a crash it would be sent twice
            self._not_written(error)
            return
        self._written = request
        log.info("job %s: sent", self.job.id)
        self._client_id = self._watch.client_id
        try:
            accepted = self._client.queue_prompt(
                request.prompt,
                prompt_id=self.job.id,
                client_id=self._client_id,
                outputs=request.outputs,
                pays=request.pays,
            )
        except InvalidPrompt as error:
            self.fail(error)
        except ComfyError as error:
            self._send_failed(error)
        else:
            self._problems = accepted.problems
            self._is_accepted()

    def _upload(self) -> None:
        """Have the next file sent that the graph wants; `uploaded` hears of its end."""
        if self._on_its_way is not None:
            return
        request = self.job.request
        number = next(number for number in range(len(request.uploads)) if number not in self._there)
        self._on_its_way = parcel(self.job.id, request, number)
        self.job.move(JobState.WAITING, f"Sending “{request.uploads[number].path.name}” to the server.")
        self._uploads.send(self._on_its_way)

    def uploaded(self, delivered: Delivered) -> None:
        if delivered.parcel is not self._on_its_way:
            return
        self._on_its_way, number = None, delivered.parcel.number
        if isinstance(delivered.error, ComfyError):
            self._not_reached(delivered.error)
        elif delivered.error is not None:
            self.fail(delivered.error)
        else:
            self._there.add(number)
            self.job.request = with_file(self.job.request, number, delivered.name)
            self.job.move(JobState.WAITING)
            self._then(self._send, 0.0)

    def _not_reached(self, error: ComfyError) -> None:
        """Nothing was sent yet: wait for the server, but not for ever."""
        self._watch.failed(error)
        self._unreached += 1
        limit = self._patience.held if self._stood_in_line else self._patience.unsent
        may_be_a_hiccup = error.transient or (isinstance(error, ServerFault) and self._unreached == 1)
        if not may_be_a_hiccup or (self._trouble.lasts(limit) and self._unreached >= self._retry.tries):
            self.fail(error)
            return
        self.job.move(JobState.WAITING, str(error))
        self._then(self._send, self._retry.delay(min(self._unreached, 4), error))

    def _not_written(self, error: HistoryUnavailable) -> None:
        if self._unwritten.lasts(self._patience.unsent):
            self.fail(error)
            return
        self.job.move(JobState.WAITING, str(error))
        self._then(self._send, 1.0)

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

    # Ending

    def fail(self, error: Exception) -> None:
        self._end(JobState.FAILED, error)

    def _end(self, state: JobState, error: Exception | None = None, outcome: Outcome | None = None) -> None:
        outcome = outcome or Outcome(state, (), error, (), self._problems)
        if error is not None:
            self._client.hide_secrets(error)
        if self._on_its_way is not None:
            self._on_its_way.unwanted.set()
        try:
            self._taking.clear()
        finally:
            outcome = dataclasses.replace(outcome, seconds=self.job.age)
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
        return self._patience.look if self._is_heard else self._patience.look_blind

    @property
    def _is_heard(self) -> bool:
        """The websocket under which it was sent has been open ever since."""
        return bool(self._client_id) and self._client_id == self._watch.client_id

    def _look(self) -> None:
        """Find out where it is."""
        raise NotImplementedError
