"""The server's websocket on a thread of its own. It only reports progress: /history and /queue decide.

Each connection has a fresh client id: a server that sees one id twice stops talking to the newer socket as soon as
the older one closes (measured on 0.3.64). So a prompt that was sent under an earlier id is not heard of any more.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import ssl
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import websocket

from .address import ServerAddress
from .credentials import Credentials
from .events import Connected, Disconnected, Event, parse_binary, parse_text

# http_no_proxy is read only where a proxy is named, which is then not used
_NO_PROXY: dict[str, Any] = {"http_proxy_host": "none", "http_proxy_port": 1, "http_no_proxy": ["*"]}
_FEATURES = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})


@dataclass(frozen=True)
class StreamTimes:
    """Seconds. A silence of `ping_after` is met with a ping, one of `ping_after` more ends the connection."""

    connect: float = 5.0
    ping_after: float = 10.0
    first_delay: float = 0.25
    longest_delay: float = 5.0


class EventStream:
    """Connects, reads, and connects again until it is closed; hands every event to `deliver`, on its own thread."""

    def __init__(
        self,
        address: ServerAddress,
        credentials: Credentials,
        deliver: Callable[[Event], None],
        times: StreamTimes = StreamTimes(),
    ) -> None:
        self._address = address
        self._headers = [f"{name}: {value}" for name, value in credentials.headers]
        self._deliver = deliver
        self._times = times
        self._closing = threading.Event()
        self._hurry = threading.Event()
        self._socket: websocket.WebSocket | None = None
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
        failures = 0
        while not self._closing.is_set():
            reason = "closed by the server"
            try:
                client_id = self._connect()
                failures = 0
                self._deliver(Connected(client_id))
                self._read()
            except (OSError, websocket.WebSocketException, ValueError) as error:
                reason = f"{type(error).__name__}: {error}"
            finally:
                self._shut(self._socket)
                self._socket = None
            if not self._closing.is_set():
                self._deliver(Disconnected(reason))
                self._hurry.wait(self._delay(failures))
                self._hurry.clear()
                failures += 1

    def _connect(self) -> str:
        client_id = uuid.uuid4().hex
        self._socket = websocket.create_connection(
            self._address.websocket(client_id),
            timeout=self._times.connect,
            header=self._headers,
            suppress_origin=True,  # a foreign Origin is refused with 403
            redirect_limit=0,  # the credentials are for this origin only
            **(_NO_PROXY if self._address.is_loopback else {}),
            sslopt=self._tls(),
            skip_utf8_validation=True,
        )
        self._socket.send(_FEATURES)  # only as the first message does it bring previews with a prompt id
        return client_id

    @staticmethod
    def _tls() -> dict[str, object]:
        bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE")
        if not bundle:
            import certifi

            bundle = certifi.where()
        return {"cert_reqs": ssl.CERT_REQUIRED, "ca_certs": bundle}

    def _read(self) -> None:
        assert self._socket is not None
        self._socket.settimeout(self._times.ping_after)
        pinged = False
        while not self._closing.is_set():
            try:
                opcode, frame = self._socket.recv_data_frame(control_frame=True)
            except websocket.WebSocketTimeoutException:
                if pinged:
                    raise
                self._socket.ping()
                pinged = True
                continue
            pinged = False
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return
            event = self._event(opcode, frame.data)
            if event is not None:
                self._deliver(event)

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

    @staticmethod
    def _shut(connection: websocket.WebSocket | None) -> None:
        raw = connection.sock if connection is not None else None
        if connection is None or raw is None:
            return
        with contextlib.suppress(OSError):
            raw.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError, websocket.WebSocketException, AttributeError):  # the other thread was first
            connection.shutdown()  # type: ignore[no-untyped-call]
