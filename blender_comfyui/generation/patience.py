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
        self._since = 0.0
        self._asked = 0

    def lasts(self, limit: float, *, times: int = 1) -> bool:
        """Whether it has lasted for `limit` seconds, and been asked about `times` times, this one included."""
        now = time.monotonic()
        self._since = self._since if self._asked else now
        self._asked += 1
        return now - self._since >= limit and self._asked >= times

    def over(self) -> None:
        self._asked = 0
