"""Servers that mean us harm: one that speaks ComfyUI's routes and answers what a test likes, one on bare sockets."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.local_http import LocalHTTP

Request = BaseHTTPRequestHandler
STATS = {"system": {"comfyui_version": "0.27.0", "os": "posix"}, "devices": []}


class Hostile(LocalHTTP):
    """Accepts every prompt as done at once; what it leaves is `outputs`, its files are `file(filename)`.

    `answers` maps "METHOD /first-part-of-the-path" to what answers in place of that.
    """

    def __init__(self) -> None:
        self.outputs: object = {}
        self.file: Callable[[str], bytes] = lambda name: b""
        self.answers: dict[str, Callable[[Request], None]] = {}
        self.prompts: list[str] = []
        self.came: list[tuple[str, str]] = []
        outer = self

        class Handler(Request):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:  # noqa: N802
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                route = f"{self.command} /{urlsplit(self.path).path.split('/')[1]}"
                outer.came.append((self.command, self.path))
                outer.answers.get(route, lambda request: outer.answer(request, route, body))(self)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(Handler)

    def answer(self, request: Request, route: str, body: bytes) -> None:
        match route:
            case "GET /system_stats":
                reply(request, STATS)
            case "GET /queue":
                reply(request, {"queue_running": [], "queue_pending": []})
            case "POST /prompt":
                self.prompts.append(json.loads(body)["prompt_id"])
                reply(request, {"prompt_id": self.prompts[-1], "number": 1, "node_errors": {}})
            case "GET /history":
                prompt_id = request.path.rpartition("/")[2]
                known = prompt_id in self.prompts
                reply(request, {prompt_id: {"outputs": self.outputs, "status": {}}} if known else {})
            case "GET /view":
                name = parse_qs(urlsplit(request.path).query)["filename"][0]
                reply(request, self.file(name), content_type="image/png")
            case _:
                reply(request, b"", status=404)


def reply(request: Request, body: object, status: int = 200, content_type: str = "application/json") -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request.send_response(status)
    request.send_header("Content-Type", content_type)
    request.send_header("Content-Length", str(len(data)))
    request.end_headers()
    request.wfile.write(data)


class Bare:
    """Takes connections on a free port and lets `talk` do with each what it likes, on a thread of its own."""

    def __init__(self, talk: Callable[[socket.socket], None]) -> None:
        self._talk = talk
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.append(connection)
                self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            self._talk(connection)

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        assert not any(thread.is_alive() for thread in self._threads)


def read_head(connection: socket.socket) -> bytes:
    """A request up to its empty line."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            raise ConnectionError
        head += byte
    return head


def read_request(connection: socket.socket) -> bytes:
    """A request's head, its body read too: a close before that can cost the answer."""
    head = read_head(connection)
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
    left = int(lengths[0]) if lengths else 0
    while left > 0:
        left -= len(connection.recv(left))
    return head


def hang_up(connection: socket.socket) -> None:
    """So that what was sent is read, even where what came was not."""
    connection.shutdown(socket.SHUT_WR)
    connection.settimeout(20)
    while connection.recv(10_000):
        pass


def upgrade(connection: socket.socket, head: bytes = b"") -> None:
    """Answer a websocket's handshake as it should be; `head` is the request where it was read already."""
    head = head or read_head(connection)
    key = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:"))
    mixed = hashlib.sha1(key.split(b":")[1].strip() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    accept = base64.b64encode(mixed).decode()
    connection.sendall(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
    )


def frame(payload: bytes, opcode: int = 1, *, fin: bool = True, length: int | None = None) -> bytes:
    """A server's websocket frame; `length` is what it claims to have."""
    size = len(payload) if length is None else length
    first = bytes([(0x80 if fin else 0) | opcode])
    if size < 126:
        return first + bytes([size]) + payload
    if size < 1 << 16:
        return first + b"\x7e" + struct.pack(">H", size) + payload
    return first + b"\x7f" + struct.pack(">Q", size) + payload


def message(kind: str, **data: Any) -> bytes:
    return frame(json.dumps({"type": kind, "data": data}).encode())


STATUS = message("status", status={"exec_info": {"queue_remaining": 0}})
