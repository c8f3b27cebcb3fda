"""The server's websocket on a thread of its own. It only reports progress: /history and /queue decide.

Each connection has a fresh client id: a server that sees one id twice stops talking to the newer socket as soon as
the older one closes (measured on 0.3.64). So a prompt that was sent under an earlier id is not heard of any more.
"""

from __future__ import annotations

import contextlib
import json
import logging
import random
import socket
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import websocket

from .address import ServerAddress
from .credentials import Credentials
from .events import Connected, Disconnected, Event, FeatureFlags, QueueStatus, parse_binary, parse_text
from .opening import GuardedSocket, open_websocket

log = logging.getLogger(__name__)

_FEATURES = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})


@dataclass(frozen=True)
class StreamTimes:
    """Seconds. A silence of `ping_after` is met with a ping, one of `ping_after` more ends the connection, and so
    does a message that is not whole after `message`. A connection that lasted `steady`, or brought news of a run, was
    a good one: after its end the first try comes soon. The end of any other counts as one more failure, so that a
    server which takes us in and throws us out again is not stormed."""

    connect: float = 5.0
    ping_after: float = 10.0
    message: float = 60.0
    first_delay: float = 0.25
    longest_delay: float = 5.0
    steady: float = 10.0


class EventStream:
    """Connects, reads, and connects again until it is closed; hands every event to `deliver`, on its own thread.

    `deliver` also gets the size of the event's message in bytes. Where it raises ConnectionError, because nobody keeps
    up with what comes, the connection is closed for that reason.
    """

    def __init__(
        self,
        address: ServerAddress,
        credentials: Credentials,
        deliver: Callable[[Event, int], None],
        times: StreamTimes = StreamTimes(),
    ) -> None:
        self._address = address
        self._headers = credentials.headers
        self._deliver = deliver
        self._times = times
        self._closing = threading.Event()
        self._hurry = threading.Event()
        self._socket: socket.socket | None = None
        self._failures = 0  # connections in a row that failed, or were of no use
        self._thread = threading.Thread(target=self._run, name="comfyui-stream", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def reconnect_now(self) -> None:
        """Cut a wait between two attempts short."""
        self._hurry.set()

    def close(self) -> None:
        """End the thread; does not wait for it. No polite close: a silent peer would make that last for seconds."""
        self._closing.set()
        self._hurry.set()
        self._shut(self._socket)

    def join(self, timeout: float) -> None:
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._closing.is_set():
            reason = "closed by the server"
            try:
                self._live()
            except (OSError, websocket.WebSocketException, ValueError) as error:
                reason = f"{type(error).__name__}: {error}"
            except Exception as error:  # what nobody foresaw ends this connection, not the thread
                log.exception("the websocket")
                reason = type(error).__name__
            finally:
                self._end()
            if not self._closing.is_set():
                self._deliver(Disconnected(reason), 0)
                self._hurry.wait(self._delay(self._failures))
                self._hurry.clear()
                self._failures += 1

    def _live(self) -> None:
        """One connection, from its beginning to its end."""
        connection, guarded, client_id = self._connect()
        began = time.monotonic()
        self._deliver(Connected(client_id), 0)
        try:
            self._read(connection, guarded)
        finally:
            if time.monotonic() - began >= self._times.steady:
                self._failures = 0

    def _connect(self) -> tuple[websocket.WebSocket, GuardedSocket, str]:
        client_id = uuid.uuid4().hex
        connection, guarded = open_websocket(self._address, client_id, self._headers, self._times.connect, self._opened)
        connection.send(_FEATURES)  # only as the first message does it bring previews with a prompt id
        return connection, guarded, client_id

    def _opened(self, connection: socket.socket) -> None:
        self._socket = connection
        if self._closing.is_set():  # closed before there was anything to shut
            self._shut(connection)

    def _read(self, connection: websocket.WebSocket, guarded: GuardedSocket) -> None:
        guarded.settimeout(self._times.ping_after)
        pinged = False
        while not self._closing.is_set():
            guarded.allow_message(self._times.message)
            try:
                opcode, frame = connection.recv_data_frame(control_frame=True)
            except websocket.WebSocketTimeoutException:
                if pinged:
                    raise
                connection.ping()
                pinged = True
                continue
            pinged = False
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return
            event = self._event(opcode, frame.data)
            if event is not None:
                self._deliver(event, len(frame.data))
                if not isinstance(event, QueueStatus | FeatureFlags):  # these come first, whatever comes then
                    self._failures = 0

    @staticmethod
    def _event(opcode: int, data: bytes) -> Event | None:
        if opcode == websocket.ABNF.OPCODE_TEXT:
            return parse_text(data.decode("utf-8", "replace"))
        if opcode == websocket.ABNF.OPCODE_BINARY:
            return parse_binary(data)
        return None

    def _delay(self, failures: int) -> float:
        delay = min(self._times.longest_delay, self._times.first_delay * 2.0 ** min(failures, 10))
        return delay * random.uniform(0.8, 1.2)

    def _end(self) -> None:
        connection, self._socket = self._socket, None
        self._shut(connection)
        if connection is not None:
            connection.close()

    @staticmethod
    def _shut(connection: socket.socket | None) -> None:
        """Wakes whoever reads. Not by SSLSocket's own shutdown, which pulls the rug from under that thread."""
        if connection is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
