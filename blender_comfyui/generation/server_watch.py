"""One server as the worker sees it: reachable or not, its devices, its queue, and the id of the open websocket.

Belongs to the worker thread; only the frozen `state` is read by others.
"""

from __future__ import annotations

import dataclasses
import itertools
import logging
import time
from collections.abc import Callable

from ..comfy import answers
from ..comfy.client import ComfyClient
from ..comfy.errors import ComfyError
from ..comfy.events import Connected, Disconnected, Event, FeatureFlags, QueueStatus
from .server_state import ServerState

log = logging.getLogger(__name__)

_QUEUE_AGE = 0.2  # seconds for which one reading of the queue serves all jobs
_CHOICES = (
    ("checkpoints", "CheckpointLoaderSimple", "ckpt_name"),
    ("samplers", "KSampler", "sampler_name"),
    ("schedulers", "KSampler", "scheduler"),
)


class ServerWatch:
    """Keeps `state` true, and answers what a run must know before it goes on."""

    def __init__(self, client: ComfyClient, changed: Callable[[ServerState], None]) -> None:
        self.client = client
        self.state = ServerState()
        self.client_id = ""  # '' while no websocket is open
        self.stream_tried = False
        self.due = float("inf")  # when `refresh` wants to be called, in monotonic seconds
        self._changed = changed
        self._choices_known = False
        self._queue: answers.Queue | None = None
        self._queue_read = 0.0
        self.last_queue = answers.Queue((), ())  # as it was when it was last read
        self._queue_told = self.last_queue

    @property
    def stream_settled(self) -> bool:
        """The websocket is open, or has failed to open: no use to wait for it any longer."""
        return bool(self.client_id) or self.stream_tried

    def begin(self) -> None:
        if self.state.connection == "idle":
            self._set(connection="connecting")
            self.due = time.monotonic()

    def hear(self, event: Event) -> None:
        match event:
            case Connected(client_id=client_id):
                self.client_id = client_id
                self._choices_known = False  # it may be another server now, or have new models
                self.due = time.monotonic()
                self._set(live=True)
            case Disconnected(reason=reason):
                if self.client_id:
                    log.info("websocket closed: %s", reason)
                self.stream_tried = not self.client_id  # one that was open comes back, as a rule
                self.client_id = ""
                self.due = time.monotonic()
                self._set(live=False)
            case FeatureFlags(flags=flags):
                features = (f"{name}: {value}"[:100] for name, value in flags.items())
                self._set(features=tuple(itertools.islice(features, 50)))
            case QueueStatus(remaining=remaining):
                self._set(queue_remaining=remaining)
            case _:
                pass

    def ensure_reachable(self) -> None:
        """Ask the server who it is, unless it has said so since the last failure. Raises ComfyError."""
        if self.state.connection != "ready":
            self._read_stats()

    def failed(self, error: ComfyError) -> None:
        """An exchange went wrong: what was known is not sure any more."""
        if error.transient:
            self._set(connection="unreachable", error=error)

    def forget_choices(self) -> None:
        """Somebody wants them read again."""
        self._choices_known = False
        self.due = 0.0

    def refresh(self) -> None:
        """Read the server's state anew, and its choices where they may have changed."""
        self.due = float("inf")
        try:
            self._read_stats()
            if not self._choices_known:
                self._read_choices()
                self._choices_known = True
        except ComfyError as error:
            self._set(connection="unreachable", error=error)

    @property
    def queue_is_new(self) -> bool:
        """Whether the queue has changed since this was last asked."""
        told, self._queue_told = self._queue_told, self.last_queue
        return told != self.last_queue

    def queue(self) -> answers.Queue:
        """The server's queue, at most a fifth of a second old."""
        now = time.monotonic()
        if self._queue is None or now - self._queue_read > _QUEUE_AGE:
            self._queue = self.last_queue = self.client.queue()
            self._queue_read = now
            self._set(queue_remaining=len(self._queue.running) + len(self._queue.pending))
        return self._queue

    def forget_queue(self) -> None:
        """We have just changed the queue."""
        self._queue = None

    def _read_stats(self) -> None:
        try:
            stats = self.client.system_stats()
        except ComfyError as error:
            self._set(connection="unreachable", error=error)
            raise
        device = stats.devices[0] if stats.devices else answers.Device("", "", 0, 0)
        self._set(
            connection="ready",
            error=None,
            version=stats.version,
            device=device.name,
            vram_free=device.vram_free,
            vram_total=device.vram_total,
        )

    def _read_choices(self) -> None:
        definitions = {cls: self.client.object_info(cls) for cls in {cls for _, cls, _ in _CHOICES}}
        self._set(**{f: answers.combo_options(definitions[cls], cls, name) for f, cls, name in _CHOICES})

    def _set(self, **changes: object) -> None:
        state = dataclasses.replace(self.state, **changes)  # type: ignore[arg-type]
        if state != self.state:
            if state.connection != self.state.connection:
                log.info("server %s: %s %s", self.client.address, state.connection, state.error or state.version)
            self.state = state
            self._changed(state)
