"""What waits for the worker, in order. However long it is busy, what a server sends meanwhile fills no memory.

News that newer ones replace (progress, previews) wait once, as the newest. What must not be lost (the end of a node, a
picture of SaveImageWebsocket, which looks like a preview in PNG) waits up to a bound; beyond it the connection is
closed, and says why, for a picture that is missing in silence would be worse.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from queue import Empty
from typing import TypeAlias

from ..comfy.events import Event, NodeProgress, Preview, ProgressState, ProgressText, QueueStatus
from .messages import Order
from .outputs import Arrival
from .uploads import Delivered

MAX_BYTES = 512 * 1024 * 1024  # ten pictures of 4096 x 4096 at worst, or 32 MB of JSON
MAX_EVENTS = 20_000
MAX_PASSING_BYTES = 64 * 1024 * 1024  # beyond these, what is passing is left out
MAX_PASSING = 1000
_JSON_WEIGHT = 16  # JSON that was read takes that many times its length, at worst

Message: TypeAlias = Order | Arrival | Delivered | Event


@dataclass
class _Load:
    events: int = 0
    bytes: int = 0

    def add(self, weight: int, times: int = 1) -> None:
        if weight:
            self.events += times
            self.bytes += weight * times


class Inbox:
    """A queue with one reader. `put` may be called from any thread and never waits."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: OrderedDict[Hashable, tuple[Message, int, _Load]] = OrderedDict()
        self._numbers = itertools.count()
        self._kept, self._passing = _Load(), _Load()

    def put(self, message: Message, size: int = 0) -> None:
        """`size` in bytes is what an event took on its way; what has none is always taken.

        Raises ConnectionError where too much waits already.
        """
        topic = _topic(message)
        weight = size if isinstance(message, Preview) else size * _JSON_WEIGHT
        with self._changed:
            if topic is None:
                self._refuse_too_much(weight)
                self._add(next(self._numbers), message, weight, self._kept)
            else:
                self._remove(topic)
                if self._passing.bytes + weight <= MAX_PASSING_BYTES and self._passing.events < MAX_PASSING:
                    self._add(topic, message, weight, self._passing)
            self._changed.notify()

    def get(self, timeout: float) -> Message:
        """The next message. Raises queue.Empty where none comes within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while not self._waiting:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Empty
                self._changed.wait(left)
            first = next(iter(self._waiting))
            message = self._waiting[first][0]
            self._remove(first)
            return message

    def get_nowait(self) -> Message:
        return self.get(0.0)

    def empty(self) -> bool:
        return not self._waiting

    def qsize(self) -> int:
        return len(self._waiting)

    def _refuse_too_much(self, weight: int) -> None:
        if weight and (self._kept.bytes + weight > MAX_BYTES or self._kept.events >= MAX_EVENTS):
            raise ConnectionError("More came over the live connection than could be taken in time, so it was closed.")

    def _add(self, key: Hashable, message: Message, weight: int, load: _Load) -> None:
        self._waiting[key] = message, weight, load
        load.add(weight)

    def _remove(self, key: Hashable) -> None:
        if key in self._waiting:
            _, weight, load = self._waiting.pop(key)
            load.add(weight, -1)


def _topic(message: Message) -> tuple[object, ...] | None:
    """What a passing event is about: a newer one about the same replaces it. None for what must not be lost."""
    match message:
        case QueueStatus():
            return (QueueStatus,)
        case ProgressState(prompt_id=prompt_id):
            return (ProgressState, prompt_id)
        case NodeProgress(prompt_id=prompt_id, node=node):
            return (NodeProgress, prompt_id, node)
        case ProgressText(prompt_id=prompt_id, node_id=node_id):
            return (ProgressText, prompt_id, node_id)
        case Preview(format="jpeg", prompt_id=prompt_id, node_id=node_id):
            return (Preview, prompt_id, node_id)
    return None
