"""When a transient fault is worth another try, and how long to wait before it."""

from __future__ import annotations

import random
from dataclasses import dataclass

from ..comfy.errors import ComfyError, ServerFault

MAX_RETRY_AFTER = 60.0


@dataclass(frozen=True)
class Retry:
    """`tries` in all; waits of `first` seconds, twice as long each time up to `longest`, with a quarter of jitter."""

    tries: int = 3
    first: float = 0.5
    longest: float = 10.0

    def allows(self, failures: int, error: ComfyError) -> bool:
        """Whether a call that failed `failures` times, last with `error`, is tried again."""
        return error.transient and failures < self.tries

    def delay(self, failures: int, error: ComfyError) -> float:
        """Seconds before the next try; the server's Retry-After is honoured up to a minute."""
        wait = min(self.longest, self.first * 2.0 ** (failures - 1)) * random.uniform(0.75, 1.25)
        asked = error.retry_after if isinstance(error, ServerFault) else None
        return max(wait, min(asked or 0.0, MAX_RETRY_AFTER))
