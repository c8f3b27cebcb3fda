"""Events from the worker to any number of readers. Nothing here blocks the one who publishes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")
_CROWDED = 500  # events that a reader may lag behind before passing ones are left out


class Subscription(Generic[T]):
    """One reader's events, in order. `drain` never blocks; `get` does."""

    def __init__(self, close: Callable[[Subscription[T]], None]) -> None:
        self._events: SimpleQueue[T] = SimpleQueue()
        self._close = close

    def put(self, event: T, passing: bool) -> None:
        """`passing` events (progress, previews) are dropped for a reader that does not keep up."""
        if not (passing and self._events.qsize() > _CROWDED):
            self._events.put(event)

    def get(self) -> T:
        return self._events.get()

    def drain(self, limit: int = 100) -> list[T]:
        """The next events, at most `limit`; [] when there are none."""
        events: list[T] = []
        try:
            while len(events) < limit:
                events.append(self._events.get_nowait())
        except Empty:
            pass
        return events

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
