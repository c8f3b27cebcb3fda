"""The queue of prompts (a heap by number) and the history of those that have ended."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable
from typing import Any

Item = tuple[float, str, dict[str, Any], dict[str, Any], list[str]]
"""number, prompt id, prompt, extra_data, ids of the output nodes."""


class PromptQueue:
    """Shared by the event loop and the execution thread; ``on_change`` is called with each change, in their order."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._lock = threading.Condition()
        self._on_change = on_change
        self._pending: list[Item] = []
        self._running: Item | None = None
        self._closed = False
        self.history: dict[str, dict[str, Any]] = {}
        self.account_keys: dict[str, str] = {}  # by prompt; newer servers show them nowhere
        self.wants_free = False

    def put(self, item: Item) -> None:
        with self._lock:
            heapq.heappush(self._pending, item)
            self._on_change()
            self._lock.notify_all()

    def get(self) -> Item | None:
        """Waits for the next prompt; None once the queue is closed."""
        with self._lock:
            self._lock.wait_for(lambda: self._closed or self._pending)
            if self._closed:
                return None
            self._running = heapq.heappop(self._pending)
            self._on_change()
            return self._running

    def done(self, item: Item, entry: dict[str, Any]) -> None:
        with self._lock:
            if self._closed:
                return
            self.history[item[1]] = {"prompt": list(item), **entry}
            self._running = None
            self._on_change()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._lock.notify_all()

    def snapshot(self) -> tuple[list[Item], list[Item]]:
        """Running, pending; the pending ones in the heap's own order."""
        with self._lock:
            return ([self._running] if self._running else []), list(self._pending)

    def remaining(self) -> int:
        with self._lock:
            return len(self._pending) + (self._running is not None)

    def is_running(self, prompt_id: str) -> bool:
        with self._lock:
            return self._running is not None and self._running[1] == prompt_id

    def delete(self, prompt_id: str) -> bool:
        with self._lock:
            found = next((item for item in self._pending if item[1] == prompt_id), None)
            if found is None:
                return False
            self._pending.remove(found)
            heapq.heapify(self._pending)
            self._on_change()
            return True

    def clear(self) -> None:
        with self._lock:
            self._pending.clear()
            self._on_change()

    def past(self, max_items: int | None, offset: int) -> dict[str, Any]:
        """A part of the history; a negative offset means the last ``max_items``."""
        with self._lock:
            ids = list(self.history)
            if offset < 0:
                offset = max(0, len(ids) - max_items) if max_items is not None else 0
            end = None if max_items is None else offset + max_items
            return {prompt_id: self.history[prompt_id] for prompt_id in ids[offset:end]}

    def entry(self, prompt_id: str) -> dict[str, Any] | None:
        with self._lock:
            return self.history.get(prompt_id)

    def forget(self, prompt_id: str) -> None:
        with self._lock:
            self.history.pop(prompt_id, None)

    def forget_all(self) -> None:
        with self._lock:
            self.history.clear()
