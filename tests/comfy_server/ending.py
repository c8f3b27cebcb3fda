"""What asks a server process to end."""

from __future__ import annotations

import signal
import socket
import sys
import threading


class EndRequest:
    """SIGTERM or SIGINT, from now on, and the end of stdin where that is followed. For the main thread only.

    A handler runs between any two steps of the main thread. One that sets an Event waits forever where it comes upon
    `Event.wait` with the Event's own lock in hand; so the signal itself writes a byte, and the main thread reads it.
    """

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        signal.set_wakeup_fd(self._writer.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)

    def follow_stdin(self) -> None:
        threading.Thread(target=self._wait_for_stdin, daemon=True).start()

    def wait(self) -> None:
        """Return once the end was asked for, also if that was before."""
        self._reader.recv(1)

    def _wait_for_stdin(self) -> None:
        while sys.stdin.buffer.read(4096):
            pass
        self._writer.send(b"\0")
