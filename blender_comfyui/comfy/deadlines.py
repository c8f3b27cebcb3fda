"""A total limit for each HTTP exchange, and a way to end one from outside.

The time-outs of a socket count from one piece of an answer to the next, so an answer that drips, in its headers or its
body, would never end. A thread of ours shuts the socket of an exchange that lasts too long, is not wanted any more, or
belongs to a client that is being closed; whoever waits for it then wakes with an error, and `Exchange.cut` says why.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

import urllib3
from requests.adapters import HTTPAdapter

SLOWEST = 32 * 1024  # bytes a second, at which a file may come
MAX_LINE = 64 * 1024  # bytes, as http.client allows a header
_LOOK = 0.25  # seconds between two looks at whether a download is still wanted
_current = threading.local()


class Exchange:
    """One request and its answer, under a deadline of `seconds` from now on."""

    def __init__(self, seconds: float, unwanted: Callable[[], bool] | None) -> None:
        self.cut: Literal["", "late", "unwanted", "closed"] = ""
        self.unwanted = unwanted
        self._seconds = seconds
        self._fresh = 0  # bytes since the time began to count
        self.deadline = time.monotonic() + seconds
        self.socket: socket.socket | None = None

    def received(self, size: int) -> None:
        """So many bytes of a file are here. With as many as SLOWEST brings in the whole time, that counts anew: what
        came fast gives no leave to drip for days."""
        self._fresh += size
        if self._fresh >= SLOWEST * self._seconds:
            self._fresh = 0
            self.deadline = time.monotonic() + self._seconds

    def end(self, why: Literal["late", "unwanted", "closed"]) -> None:
        self.cut = self.cut or why
        if self.socket is not None:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)


class Deadlines:
    """Watches the exchanges that are under way. Its thread exists only from the first exchange to `close`."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._exchanges: set[Exchange] = set()
        self._wakes = float("inf")
        self._thread: threading.Thread | None = None
        self._closed = False

    @contextlib.contextmanager
    def exchange(self, seconds: float, unwanted: Callable[[], bool] | None = None) -> Iterator[Exchange]:
        """The exchange that this thread makes inside the block."""
        exchange = Exchange(seconds, unwanted)
        self._begin(exchange)
        _current.exchange = exchange
        try:
            yield exchange
        finally:
            _current.exchange = None
            with self._changed:
                self._exchanges.discard(exchange)
                exchange.socket = None  # it goes back to the pool, for others

    def close(self) -> None:
        """Cut what is under way and whatever begins from now on; does not wait."""
        with self._changed:
            self._closed = True
            for exchange in self._exchanges:
                exchange.end("closed")
            self._changed.notify()

    def join(self, timeout: float) -> None:
        """Wait for the thread to end, after `close`."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)

    def _begin(self, exchange: Exchange) -> None:
        with self._changed:
            if self._closed:
                exchange.cut = "closed"
                return
            self._exchanges.add(exchange)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="comfyui-deadlines", daemon=True)
                self._thread.start()
            elif self._due(exchange) < self._wakes:
                self._changed.notify()

    def _run(self) -> None:
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                for exchange in self._exchanges:
                    if exchange.deadline <= now:
                        exchange.end("late")
                    elif exchange.unwanted is not None and exchange.unwanted():
                        exchange.end("unwanted")
                self._wakes = min((self._due(e) for e in self._exchanges if not e.cut), default=float("inf"))
                self._changed.wait(None if self._wakes == float("inf") else max(0.01, self._wakes - now))

    @staticmethod
    def _due(exchange: Exchange) -> float:
        soon = time.monotonic() + _LOOK
        return min(exchange.deadline, soon) if exchange.unwanted is not None else exchange.deadline


class _BoundedReader(io.BufferedReader):
    """urllib3 reads the lines between a body's chunks whatever their length: one line could fill the memory."""

    def readline(self, size: int | None = -1, /) -> bytes:
        if size is not None and size >= 0:
            return super().readline(size)
        line = super().readline(MAX_LINE + 1)
        if len(line) > MAX_LINE:
            raise http.client.LineTooLong("chunk")
        return line


class _BoundedResponse(http.client.HTTPResponse):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fp = _BoundedReader(self.fp.detach())


class _Noted:
    """A connection that tells the exchange of its thread which socket it is on."""

    sock: Any

    def _new_conn(self) -> Any:
        """The TCP connection: what follows on it (a tunnel through a proxy, TLS) can drip as well."""
        return self._note(super()._new_conn())  # type: ignore[misc]

    def putrequest(self, *arguments: Any, **options: Any) -> Any:
        """A connection that is used again is noted before anything is sent: an upload can stall, too."""
        if self.sock is not None:
            self._note(self.sock)
        return super().putrequest(*arguments, **options)  # type: ignore[misc]

    def getresponse(self, *arguments: Any, **options: Any) -> Any:
        self._note(self.sock)
        return super().getresponse(*arguments, **options)  # type: ignore[misc]

    @staticmethod
    def _note(connection: Any) -> Any:
        exchange: Exchange | None = getattr(_current, "exchange", None)
        if exchange is not None:
            exchange.socket = connection
            if exchange.cut:
                exchange.end("closed")
        return connection


class _HTTPConnection(_Noted, urllib3.connection.HTTPConnection):
    response_class = _BoundedResponse


class _HTTPSConnection(_Noted, urllib3.connection.HTTPSConnection):
    response_class = _BoundedResponse


class _HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


_POOLS = {"http": _HTTPPool, "https": _HTTPSPool}


class NotingAdapter(HTTPAdapter):
    """An HTTPAdapter whose connections can be cut by Deadlines, and are closed with it."""

    def close(self) -> None:
        """Close every idle connection now: urllib3 2 leaves that to the garbage collector, and an error that somebody
        keeps keeps its traceback, and with it the pool."""
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118  # iterating the container itself is refused
                pool = manager.pools.get(key)
                if pool is not None:
                    pool.close()
        super().close()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager
