"""The websocket's way to the server: TCP, the environment's proxy, TLS, the upgrade. Every step is bounded.

websocket-client would do this too, but reads headers and bodies of any length for any time, keeps the cookies of every
server for all of them, and shows its socket only when all is done, so that nobody could end it before.
"""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import websocket

from .address import ServerAddress

MAX_HEAD = 64 * 1024  # bytes of an answer before its body
MAX_MESSAGE = 256 * 1024 * 1024  # bytes; a picture of 4096 x 4096 has 50 MB at worst
MAX_TEXT = 4 * 1024 * 1024  # bytes of a message in JSON: all of Blender waits while it is read
_ACCEPTS = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455


class GuardedSocket:
    """A socket that reads no more, and for no longer, than it was last allowed to; then ConnectionError."""

    def __init__(self, raw: socket.socket) -> None:
        self._raw = raw
        self._left = 0
        self._until = 0.0

    def allow(self, size: int, seconds: float) -> None:
        self._left = size
        self._until = time.monotonic() + seconds

    def allow_message(self, seconds: float) -> None:
        """One websocket message, and what may stand before it."""
        self.allow(MAX_MESSAGE + 1024, seconds)

    def recv(self, size: int) -> bytes:
        if self._left <= 0:
            raise ConnectionError("what comes is too long")
        if time.monotonic() > self._until:
            raise ConnectionError("what comes takes too long")
        data = self._raw.recv(min(size, self._left))
        self._left -= len(data)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)


class _Fragments(websocket.continuous_frame):
    """Puts the pieces of a message together, without copying all for each of them."""

    def refuse_too_long(self, opcode: int, length: int) -> None:
        """Raise where a message of this kind may not be so long, with what is here of it already."""
        if self.cont_data is not None and opcode == websocket.ABNF.OPCODE_CONT:
            opcode = self.cont_data[0]
            length += len(self.cont_data[1])
        kind, limit = ("text", MAX_TEXT) if opcode == websocket.ABNF.OPCODE_TEXT else ("message", MAX_MESSAGE)
        if length > limit:
            raise websocket.WebSocketPayloadException(f"a {kind} of over {limit >> 20} MB")

    def add(self, frame: Any) -> None:
        super().add(frame)
        assert self.cont_data is not None
        if not frame.fin and isinstance(self.cont_data[1], bytes):
            self.cont_data[1] = bytearray(self.cont_data[1])

    def extract(self, frame: Any) -> Any:
        opcode, frame = super().extract(frame)
        frame.data = bytes(frame.data)
        return opcode, frame


class _Frames(websocket.frame_buffer):
    """Reads no frame that makes its message too long."""

    def __init__(self, receive: Callable[[int], bytes], fragments: _Fragments) -> None:
        super().__init__(receive, True)
        self._fragments = fragments

    def recv_length(self) -> None:
        super().recv_length()
        assert self.header is not None
        assert self.length is not None
        self._fragments.refuse_too_long(self.header[4], self.length)


def open_websocket(
    address: ServerAddress,
    client_id: str,
    headers: Sequence[tuple[str, str]],
    seconds: float,
    opened: Callable[[socket.socket], None],
) -> tuple[websocket.WebSocket, GuardedSocket]:
    """A connected websocket, and its socket, which needs an `allow_message` before each.

    `opened` gets the socket as soon as there is one, and again when TLS is laid over it: to end it from elsewhere.
    Every step may take `seconds`. Raises OSError, or ValueError for a proxy's address that is none.
    """
    proxies = {} if address.is_loopback else requests.utils.get_environ_proxies(address.http("/"))
    proxy = requests.utils.select_proxy(address.http("/"), proxies)
    raw = _connect(address, proxy, seconds)
    opened(raw)
    try:
        if proxy:
            _tunnel(raw, address, proxy, seconds)
        if address.scheme == "https":
            raw = _tls_context().wrap_socket(raw, server_hostname=address.host, do_handshake_on_connect=False)
            opened(raw)
            raw.do_handshake()
        _upgrade(raw, address, client_id, headers, seconds)
    except BaseException:
        raw.close()
        raise
    connection = websocket.WebSocket(skip_utf8_validation=True)
    connection.cont_frame = fragments = _Fragments(False, True)
    connection.frame_buffer = _Frames(connection._recv, fragments)
    guarded = GuardedSocket(raw)
    connection.sock, connection.connected = guarded, True  # type: ignore[assignment]
    return connection, guarded


def _connect(address: ServerAddress, proxy: str | None, seconds: float) -> socket.socket:
    host, port = address.host, address.port
    if proxy:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError("the proxy that the environment names is no HTTP proxy")
        host, port = parts.hostname, parts.port or 80
    raw = socket.create_connection((host, port), seconds)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return raw


def _tunnel(raw: socket.socket, address: ServerAddress, proxy: str, seconds: float) -> None:
    host = f"[{address.host}]" if ":" in address.host else address.host
    lines = [f"CONNECT {host}:{address.port} HTTP/1.1", f"Host: {host}:{address.port}"]
    user, password = requests.utils.get_auth_from_url(proxy)
    if user:
        pair = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
        lines.append(f"Proxy-Authorization: Basic {pair}")
    status, _ = _ask(raw, lines, seconds)
    if status != 200:
        raise ConnectionError(f"the proxy answered {status}")


def _upgrade(
    raw: socket.socket, address: ServerAddress, client_id: str, headers: Sequence[tuple[str, str]], seconds: float
) -> None:
    """The server has to prove that it read our key: a page that answers whatever is asked is no websocket."""
    url = urlsplit(address.websocket(client_id))
    key = base64.b64encode(os.urandom(16)).decode("ascii")
    lines = [
        f"GET {url.path}?{url.query} HTTP/1.1",
        f"Host: {url.netloc}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        # no Origin: a foreign one is refused with 403
        *(f"{name}: {value}" for name, value in headers),
    ]
    status, answered = _ask(raw, lines, seconds)
    if status != 101:  # a redirect is not followed either: the credentials are for this origin only
        raise ConnectionError(f"the server answered {status}")
    proof = base64.b64encode(hashlib.sha1((key + _ACCEPTS).encode()).digest()).decode("ascii")
    if answered.get("sec-websocket-accept") != proof:
        raise ConnectionError("what answers is no websocket")


def _ask(raw: socket.socket, lines: Sequence[str], seconds: float) -> tuple[int, dict[str, str]]:
    """Send a request's head; the status and the headers of the answer."""
    raw.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
    guarded = GuardedSocket(raw)
    guarded.allow(MAX_HEAD, seconds)
    head = bytearray()
    while not head.endswith((b"\r\n\r\n", b"\n\n")):
        byte = guarded.recv(1)  # one by one: the first message may come right behind
        if not byte:
            raise ConnectionError("closed before it answered")
        head += byte
    first, *rest = head.decode("latin-1").splitlines()
    words = first.split()
    if len(words) < 2 or not words[0].startswith("HTTP/") or not words[1].isdecimal():
        raise ConnectionError("what answers does not speak HTTP")
    pairs = (line.partition(":") for line in rest)
    return int(words[1]), {name.strip().lower(): value.strip() for name, _, value in pairs}


def _tls_context() -> ssl.SSLContext:
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE")
    if not bundle:
        import certifi

        bundle = certifi.where()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if Path(bundle).is_dir():
        context.load_verify_locations(capath=bundle)
    else:
        context.load_verify_locations(cafile=bundle)
    return context
