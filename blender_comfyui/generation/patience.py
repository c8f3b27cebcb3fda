"""How long a job waits for what does not come."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..comfy.errors import ComfyError, ServerFault, TimedOut


@dataclass(frozen=True)
class Patience:
    """Seconds: how long a job waits for a server that cannot be reached, before it was sent (longer where it stood
    in line) and after it was accepted; how long it may be in neither queue nor history before it counts as lost
    (longer where the POST timed out: a proxy may still pass it on); between two looks with and without websocket."""

    unsent: float = 10.0
    held: float = 3600.0
    outage: float = 60.0
    absence: float = 3.0
    absence_behind_proxy: float = 8.0
    look: float = 5.0
    look_blind: float = 1.0

    def grace(self, unclear: ComfyError | None) -> float:
        """How long a job has to be absent. What a proxy gave up waiting for can still reach the server behind it."""
        late = isinstance(unclear, TimedOut) or (isinstance(unclear, ServerFault) and unclear.status == 504)
        return self.absence_behind_proxy if late else self.absence


class Spell:
    """A time of trouble: it begins with the first question, and `over` ends it."""

    def __init__(self) -> None:
        self._since: float | None = None

    def lasts(self, limit: float) -> bool:
        """Whether it has lasted for `limit` seconds."""
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        return now - self._since >= limit

    def over(self) -> None:
        self._since = None

    @property
    def is_on(self) -> bool:
        return self._since is not None
