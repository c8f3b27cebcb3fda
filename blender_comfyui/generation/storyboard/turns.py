"""Two productions of one storyboard, such as those of a copied scene, make no panel twice."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator


class Turns:
    """How often each panel of each storyboard was begun in a session. For the threads of productions."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, dict[str, int]] = {}

    def counted(self, storyboard_id: str) -> dict[str, int]:
        """Return the numbers of all panels, to be asked for before one looks which of them are missing."""
        with self._lock:
            return dict(self._counts.get(storyboard_id, {}))

    @contextlib.contextmanager
    def turn(self, storyboard_id: str, panel_id: str, before: int) -> Iterator[bool]:
        """Begin a panel, alone; False where another one has begun it since it had the number ``before``."""
        with self._lock:
            counts = self._counts.setdefault(storyboard_id, {})
            is_ours = counts.get(panel_id, 0) == before
            counts[panel_id] = counts.get(panel_id, 0) + is_ours
            yield is_ours
