"""The proxy itself: listens, passes on, and lets faults do their work."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from .frames import CLOSE, Frame, read_frame
from .messages import Answer, Request, read_body, read_head

T = TypeVar("T")
_BUFFER = 2**24
_GONE = (ConnectionError, asyncio.IncompleteReadError, OSError)


class Line:
    """One client's connection, as a fault holds it. ``usable`` is False once no further request can come on it."""

    def __init__(self, proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server = proxy.server
        self.reader = reader
        self.writer = writer
        self.request: Request
        self.usable = True
        self._upstream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def forward(self) -> Answer:
        """Have the server do it; its whole answer. Raises OSError where there is no server."""
        reader, writer = await self.upstream()
        writer.write(bytes(self.request.head) + self.request.body)
        head = await read_head(reader)
        return Answer(head, await read_body(reader, head))

    async def upstream(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._upstream is None:
            self._upstream = await asyncio.open_connection("127.0.0.1", self.server.port, limit=_BUFFER)
        return self._upstream

    async def send(self, data: bytes) -> None:
        """Raises ConnectionError when the client has gone."""
        self.writer.write(data)
        await self.writer.drain()

    async def drip(self, data: bytes, every: float) -> None:
        """Byte after byte; ends with ConnectionError when the client has gone."""
        for byte in data:
            await self.send(bytes([byte]))
            await asyncio.sleep(every)

    async def until_gone(self) -> None:
        """Until the client hangs up."""
        self.usable = False
        while await self.reader.read(_BUFFER):
            pass

    def finish(self) -> None:
        """No more requests on this connection: it closes in order once the fault returns."""
        self.usable = False

    def reset(self) -> None:
        """The connection breaks at once, and what was not sent is not sent."""
        self.usable = False
        raw = self.writer.get_extra_info("socket")
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def drop(self, close_frame: bool) -> None:
        """End a websocket, with a close frame or by breaking the connection."""
        if close_frame:
            with contextlib.suppress(ConnectionError):
                await self.send(bytes(Frame(CLOSE, struct.pack("!H", 1001))))
            self.finish()
        else:
            self.reset()

    async def close(self) -> None:
        for writer in (self.writer, *([self._upstream[1]] if self._upstream else [])):
            writer.close()
            with contextlib.suppress(*_GONE):
                await writer.wait_closed()


Fault = Callable[[Line], Awaitable[None]]
"""Answers ``line.request`` in its own way."""
StreamFault = Callable[[Line, Callable[[], Awaitable[Frame]]], Awaitable[None]]
"""Hands on the server's frames in its own way, from the last handshake to the end of the connection."""


class FaultProxy:
    """Stands before `server` (a ComfyServer) on a port of its own, from ``with`` to its end.

    `fault_of` and `stream_fault_of` say what befalls a request or a websocket, None for nothing; they are called
    in the proxy's thread.
    """

    def __init__(self, server: Any) -> None:
        self.server = server
        self.fault_of: Callable[[Request], Fault | None] = lambda _: None
        self.stream_fault_of: Callable[[Request], StreamFault | None] = lambda _: None
        self.seen: Counter[str] = Counter()  # requests by route
        self._changed = threading.Condition()
        self._seen_of_caller: Counter[tuple[str, str]] = Counter()
        self._lines: set[Line] = set()
        self._streams: set[Line] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self._listener: asyncio.Server | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """Those of clients that are open now."""
        return len(self._lines)

    def __enter__(self) -> FaultProxy:
        self._thread.start()
        self.listen()
        return self

    def __exit__(self, *error: object) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def listen(self) -> None:
        """Accept connections, again after `refuse`."""
        self._call(self._listen())

    def refuse(self) -> None:
        """From now on connections are refused; those that are open break."""
        self._call(self._refuse())

    def drop_streams(self, close_frame: bool) -> None:
        """End the websockets that are open."""
        self._call(self._drop_streams(close_frame))

    def wait_for(self, holds: Callable[[], bool], timeout: float = 10.0) -> None:
        """Until ``holds()``; it is asked after each request and now and then. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while not holds():
                if time.monotonic() >= deadline:
                    raise TimeoutError("what was waited for did not happen")
                self._changed.wait(0.02)

    # In the loop

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _listen(self) -> None:
        if self._listener is not None:
            return
        listener = socket.create_server(("127.0.0.1", self.port), backlog=256)
        self.port = listener.getsockname()[1]
        self._listener = await asyncio.start_server(self._accepted, sock=listener, limit=_BUFFER)

    async def _refuse(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for line in self._lines:
            line.reset()

    async def _drop_streams(self, close_frame: bool) -> None:
        for line in list(self._streams):
            await line.drop(close_frame)
            line.writer.close()

    async def _end(self) -> None:
        await self._refuse()
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        for _ in range(3):  # a transport closes its socket in the round after
            await asyncio.sleep(0)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._serve(Line(self, reader, writer)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, line: Line) -> None:
        self._lines.add(line)
        try:
            while line.usable:
                head = await read_head(line.reader)
                line.request = self._counted(Request(head, await read_body(line.reader, head)))
                await self._answer(line)
        except _GONE:
            pass  # the client, or the server behind us: the other one learns it by the close
        finally:
            try:
                await line.close()
            finally:
                line.writer.transport.abort()  # what a client that has gone did not read would keep it open
                self._lines.discard(line)

    def _counted(self, request: Request) -> Request:
        key = (request.caller, request.route)
        request = dataclasses.replace(request, count=self._seen_of_caller[key])
        self._seen_of_caller[key] += 1
        with self._changed:
            self.seen[request.route] += 1
            self._changed.notify_all()
        return request

    async def _answer(self, line: Line) -> None:
        fault = self.fault_of(line.request)
        if fault is not None:
            await fault(line)
        elif line.request.is_upgrade:
            await self._stream(line)
        else:
            await line.send(bytes(await line.forward()))

    async def _stream(self, line: Line) -> None:
        answer = await line.forward()
        await line.send(bytes(answer))
        if " 101 " not in answer.head.line:
            return
        line.finish()
        reader, writer = await line.upstream()
        fault = self.stream_fault_of(line.request) or _pass_on
        self._streams.add(line)
        up = asyncio.ensure_future(_copy(line.reader, writer))
        down = asyncio.ensure_future(_quietly(fault(line, lambda: read_frame(reader))))
        try:
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._streams.discard(line)
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)


async def _pass_on(line: Line, next_frame: Callable[[], Awaitable[Frame]]) -> None:
    while True:
        await line.send(bytes(await next_frame()))


async def _quietly(work: Awaitable[None]) -> None:
    with contextlib.suppress(*_GONE):
        await work


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(*_GONE):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
