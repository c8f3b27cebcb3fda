"""Ctrl-C, and what else asks a command to end. Blender has a handler of its own, which would only ask for a second one.

A handler runs between any two steps of the main thread, so ours takes no lock and prints nothing: it leaves a number.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

from .exit_codes import ExitCode

_CODES = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}


class Stopped(KeyboardInterrupt):
    """Somebody asked for the end: at once, or for the second time."""

    def __init__(self, code: ExitCode) -> None:
        super().__init__()
        self.code = code


class Interrupts:
    """A context in which Ctrl-C raises Stopped; where it is `held`, the first one only shows in `asked`.

    Off the main thread there are no signals, and this does nothing.
    """

    def __init__(self) -> None:
        self.asked: ExitCode | None = None
        self._held = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in _CODES:
                self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            # None is a handler that Python did not set and cannot set again, such as Blender's
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Here somebody looks at `asked` now and then, and ends in order."""
        self._held = True
        try:
            yield
        finally:
            self._held = False

    def _take(self, number: int, _frame: FrameType | None) -> None:
        code = _CODES[signal.Signals(number)]
        if not self._held or self.asked is not None:
            raise Stopped(code)
        self.asked = code
