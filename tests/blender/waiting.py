"""Waiting for what happens beside the test."""

import time
from collections.abc import Callable

PATIENCE = 120.0  # seconds; only reached where something is wrong, also on a busy machine


def wait_until(holds: Callable[[], object], meanwhile: Callable[[], object] = lambda: None) -> None:
    """Look again and again, with `meanwhile` between; AssertionError after `PATIENCE`."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        meanwhile()
        time.sleep(0.01)
