"""Events from the worker to any number of readers. Nothing here blocks the one who publishes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar, cast

from .events import Previewed

T = TypeVar("T")
_CROWDED = 500  # events that a reader may lag behind before passing ones are left out


class _PreviewOf(str):
    """The id of a job: its newest preview has its turn here, if it had none yet."""


class Subscription(Generic[T]):
    """One reader's events, in order. `drain` never blocks; `get` does.

    Of each job only the newest preview waits: they may be large, and a reader that renders reads nothing for an hour.
    """

    def __init__(self, close: Callable[[Subscription[T]], None]) -> None:
        self._events: SimpleQueue[T | _PreviewOf] = SimpleQueue()
        self._previews: dict[str, Previewed] = {}  # no lock: first it is here, then its turn comes into the queue
        self._close = close

    def put(self, event: T, passing: bool) -> None:
        """`passing` events (progress, previews) are dropped for a reader that does not keep up."""
        if passing and self._events.qsize() > _CROWDED:
            return
        if isinstance(event, Previewed):
            self._previews[event.job_id] = event
            self._events.put(_PreviewOf(event.job_id))
        else:
            self._events.put(event)

    def get(self) -> T:
        while True:
            event = self._taken(self._events.get())
            if event is not None:
                return event

    def drain(self, limit: int = 100) -> list[T]:
        """The next events, at most `limit`; [] when there are none."""
        events: list[T] = []
        try:
            while len(events) < limit:
                event = self._taken(self._events.get_nowait())
                if event is not None:
                    events.append(event)
        except Empty:
            pass
        return events

    def _taken(self, event: T | _PreviewOf) -> T | None:
        if isinstance(event, _PreviewOf):
            return cast("T | None", self._previews.pop(event, None))
        return event

    @property
    def empty(self) -> bool:
        return self._events.empty()

    def close(self) -> None:
        """Stop receiving; what was not read is forgotten."""
        self._close(self)


class Feed(Generic[T]):
    """Hands each published event to every open subscription."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscriptions: tuple[Subscription[T], ...] = ()

    def subscribe(self) -> Subscription[T]:
        subscription: Subscription[T] = Subscription(self._unsubscribe)
        with self._lock:
            self._subscriptions = (*self._subscriptions, subscription)
        return subscription

    def publish(self, event: T, passing: bool = False) -> None:
        for subscription in self._subscriptions:
            subscription.put(event, passing)

    def _unsubscribe(self, subscription: Subscription[T]) -> None:
        with self._lock:
            self._subscriptions = tuple(s for s in self._subscriptions if s is not subscription)
