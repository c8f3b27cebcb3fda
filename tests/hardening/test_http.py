"""What a hostile server can do over HTTP: waste a limited time and a limited memory, and get nothing of ours."""

from __future__ import annotations

import gzip
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from queue import SimpleQueue

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blender_comfyui.comfy import client as client_module
from blender_comfyui.comfy import errors
from blender_comfyui.comfy.address import ServerAddress
from blender_comfyui.comfy.answers import ServerFile
from blender_comfyui.comfy.client import ComfyClient
from blender_comfyui.comfy.credentials import Credentials
from blender_comfyui.comfy.transport import Timeouts, Transport
from tests.hardening.hostile import Bare, hang_up, read_head, read_request
from tests.local_http import LocalHTTP
from tools.project import ROOT

MB = 1 << 20
SECRET = Credentials.bearer("s3cret")
PICTURE = ServerFile("x.png", "", "output")
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def bare() -> Iterator[Callable[[Callable[[socket.socket], None]], ComfyClient]]:
    """``bare(talk)`` gives a client of a server that answers each connection so."""
    opened: list[tuple[Bare, ComfyClient]] = []

    def start(talk: Callable[[socket.socket], None], **options) -> ComfyClient:
        server = Bare(talk)
        times = Timeouts(connect=2.0, read=5.0, total=5.0)
        opened.append((server, ComfyClient(ServerAddress.parse(server.url), SECRET, times, **options)))
        return opened[-1][1]

    yield start
    for server, client in opened:
        client.close()
        server.close()


class Flood:
    """Sends `begin`, then `piece` until nobody takes it any more, or far too much was taken."""

    def __init__(self, begin: bytes, piece: bytes, limit: int = 256 * MB) -> None:
        self._begin, self._piece, self._limit = begin, piece, limit
        self.sent = 0
        self.refused = threading.Event()

    def __call__(self, connection: socket.socket) -> None:
        read_head(connection)
        try:
            connection.sendall(self._begin)
            while self.sent < self._limit:
                connection.sendall(self._piece)
                self.sent += len(self._piece)
        except OSError:
            self.refused.set()


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (OK, b"X-More: and more\r\n" * 1000),
        (OK + b"X-Long: ", b"x" * 10_000),
        (b"", b"x" * 10_000),
        (CHUNKED, b"0" * 10_000),
        (CHUNKED + b"1;", b"x" * 10_000),
        (CHUNKED + b"0\r\nX-Trailer: ", b"x" * 10_000),
    ],
)
def test_endless_headers_are_not_read(bare, begin, piece):
    flood = Flood(begin, piece)
    with pytest.raises(errors.ComfyError):
        bare(flood).queue()
    assert flood.refused.wait(20)
    assert flood.sent < 32 * MB  # what was read, and what systems keep on the way


def test_continue_without_end_has_a_limit(bare):
    flood = Flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100, limit=sys.maxsize)
    client = bare(flood)
    client._transport.timeouts = Timeouts(connect=2.0, read=0.5, total=0.5)
    with pytest.raises(errors.TimedOut):
        client.queue()


# Sizes


def test_an_endless_answer_is_not_kept_in_memory(bare, monkeypatch):
    monkeypatch.setattr(client_module, "MAX_LARGE_JSON", MB)
    flood = Flood(OK + b"\r\n", b" " * 10_000)
    with pytest.raises(errors.ServerFault, match="over 1 MB"):
        bare(flood).queue()
    assert flood.refused.wait(20)
    assert flood.sent < 32 * MB


def test_an_endless_file_is_cut_and_not_tried_again(bare, tmp_path):
    flood = Flood(OK + b"\r\n", b" " * 10_000)
    with pytest.raises(errors.ServerFault, match="over the limit") as caught:
        bare(flood, max_file_bytes=MB).download(PICTURE, tmp_path / "x")
    assert not caught.value.transient
    assert (tmp_path / "x").stat().st_size <= MB
    assert flood.refused.wait(20)
    assert flood.sent < 32 * MB


def test_a_file_that_is_announced_too_large_is_not_begun(bare, tmp_path):
    flood = Flood(OK + b"Content-Length: 17179869185\r\n\r\n", b" " * 10_000)
    with pytest.raises(errors.ServerFault, match=r"17\.2 GB"):
        bare(flood).download(PICTURE, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_file_is_written_as_it_comes(bare, tmp_path):
    """Nothing of it waits in memory: what was sent stands on the disk before the rest is."""
    seen: SimpleQueue[int] = SimpleQueue()

    def talk(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(OK + b"Content-Length: 16777216\r\n\r\n" + bytes(8 * MB))
        size = 0
        while size < 7 * MB and connection.fileno() >= 0:
            size = target.stat().st_size if target.exists() else 0
        seen.put(size)
        connection.sendall(bytes(8 * MB))

    target = tmp_path / "x"
    bare(talk).download(PICTURE, target)
    assert seen.get(timeout=1) >= 7 * MB
    assert target.stat().st_size == 16 * MB


def test_what_unpacks_without_end_is_cut(bare, monkeypatch, tmp_path):
    monkeypatch.setattr(client_module, "MAX_LARGE_JSON", MB)
    bomb = gzip.compress(bytes(64 * MB))
    head = OK + f"Content-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()

    def talk(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(head + bomb)

    with pytest.raises(errors.ServerFault, match="over 1 MB"):
        bare(talk).queue()
    with pytest.raises(errors.ServerFault, match="limit"):
        bare(talk, max_file_bytes=MB).download(PICTURE, tmp_path / "x")


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip, gzip", "compress", "x" * 500])
def test_what_is_packed_in_other_ways_is_not_unpacked(bare, encoding):
    def talk(connection: socket.socket) -> None:
        assert b"accept-encoding: identity" in read_head(connection).lower()
        connection.sendall(OK + f"Content-Encoding: {encoding}\r\nContent-Length: 2\r\n\r\n{{}}".encode())

    with pytest.raises(errors.ServerFault, match="packed"):
        bare(talk).queue()


# JSON


class Canned:
    """A server that answers everything with the same; kept for all examples of a test."""

    def __init__(self) -> None:
        self.answer = b""
        self.server = Bare(self._talk)
        self.client = ComfyClient(ServerAddress.parse(self.server.url), SECRET, Timeouts(2.0, 2.0, 3.0))

    def _talk(self, connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(self.answer)
        hang_up(connection)

    def answers(self, body: bytes, status: int) -> None:
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        self.answer = head.encode() + body


@pytest.fixture(scope="module")
def canned() -> Iterator[Canned]:
    canned = Canned()
    yield canned
    canned.client.close()
    canned.server.close()


DEEP = ["[" * 100_000, '{"a":' * 100_000, "[" * 500 + "]" * 500, '{"queue_running": ' + "[" * 900 + "]" * 900 + "}"]
WHO_ASKS = {
    "queue": lambda client: client.queue(),
    "history": lambda client: client.history("p"),
    "past": lambda client: client.past_prompts(),
    "stats": lambda client: client.system_stats(),
    "prompt": lambda client: client.queue_prompt({}, prompt_id="p", client_id="c"),
    "info": lambda client: client.object_info(),
    "cancel": lambda client: client.cancel_job("p"),
}


@pytest.mark.parametrize("ask", WHO_ASKS)
@pytest.mark.parametrize("status", [200, 400])
def test_deep_json_is_no_more_than_an_unreadable_answer(canned, ask, status):
    for text in DEEP:
        canned.answers(text.encode(), status)
        with pytest.raises(errors.ServerFault if status == 200 or ask == "prompt" else errors.ComfyError):
            WHO_ASKS[ask](canned.client)


DEEP_UNGUARDED = """
import sys, threading
from blender_comfyui.comfy.errors import ServerFault
from blender_comfyui.comfy.transport import Answer

def read():
    try:
        Answer(200, "application/json", b"[" * 5_000_000).json()
    except ServerFault:
        print("survived")

sys.setrecursionlimit(2**30)
threading.stack_size(256 * 1024)
thread = threading.Thread(target=read)
thread.start()
thread.join()
"""


def test_deep_json_does_not_reach_the_parser_whose_guard_another_add_on_may_have_lifted():
    """Where the recursion limit was set high, the parser would end the whole of Blender."""
    done = subprocess.run([sys.executable, "-c", DEEP_UNGUARDED], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "survived\n", f"exit code {done.returncode} {done.stderr}"


KEYS = (
    "system devices comfyui_version vram_total vram_free queue_running queue_pending p outputs status messages images "
    "filename subfolder type text prompt_id number node_errors errors error message details extra_info cancelled 1"
).split()
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(["p", "1"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(WHO_ASKS)), st.sampled_from([200, 400]), VALUES)
def test_any_json_is_an_answer_or_an_error_of_ours(canned, ask, status, value):
    canned.answers(json.dumps(value).encode(), status)
    with suppress(errors.ComfyError):
        WHO_ASKS[ask](canned.client)


HEADS = st.lists(
    st.sampled_from([OK, b"HTTP/1.1 302 Found\r\n", b"HTTP/1.1 999 X\r\n", b"HTTP/9 200\r\n", b"Content-Length: 5\r\n"])
    | st.sampled_from([b"Content-Length: -1\r\n", b"Transfer-Encoding: chunked\r\n", b"Location: \xff\r\n", b"\r\n"])
    | st.sampled_from([b"Content-Encoding: gzip\r\n", b"Set-Cookie: [=1\r\n", b"Retry-After: nan\r\n", b"5\r\n{}\r\n"])
    | st.builds(b"Location: %b\r\n".__mod__, st.binary(max_size=20))
    | st.binary(max_size=30),
    max_size=8,
).map(b"".join)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(WHO_ASKS)), HEADS)
def test_any_bytes_are_an_answer_or_an_error_of_ours(canned, ask, answer):
    canned.answer = answer
    with suppress(errors.ComfyError):
        WHO_ASKS[ask](canned.client)


# Redirects


class Named(LocalHTTP):
    """Answers a path with the redirect that `to` has for it, else with a picture's first bytes."""

    def __init__(self) -> None:
        self.to: dict[str, str] = {}
        self.came: list[tuple[str, str | None]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                outer.came.append((path, self.headers.get("Authorization")))
                self.send_response(302 if path in outer.to else 200)
                self.send_header("Location", outer.to.get(path, ""))
                self.send_header("Content-Length", "4")
                self.end_headers()
                self.wfile.write(b"\x89PNG")

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(Handler)


@pytest.fixture
def here() -> Iterator[Named]:
    server = Named()
    yield server
    server.close()


@pytest.fixture
def there() -> Iterator[Named]:
    server = Named()
    yield server
    server.close()


def test_who_was_led_away_comes_back_as_a_stranger(here, there, tmp_path):
    here.to = {"/view": f"{there.url}/signed"}
    there.to = {"/signed": f"{here.url}/secret"}
    ComfyClient(ServerAddress.parse(here.url), SECRET).download(PICTURE, tmp_path / "x")
    assert here.came == [("/view", "Bearer s3cret"), ("/secret", None)]
    assert there.came == [("/signed", None)]


@pytest.mark.parametrize(
    ("address", "target", "may"),
    [
        ("https://comfy.example", "https://storage.example", True),
        ("http://comfy.example", "https://storage.example", True),
        ("http://comfy.example", "http://storage.example", True),
        ("https://comfy.example", "http://storage.example", False),
        ("https://comfy.example", "https://127.0.0.1:8188", False),
        ("http://192.168.0.7:8188", "http://localhost:8188", False),
        ("http://192.168.0.7:8188", "http://[::1]:8188", False),
        ("http://192.168.0.7:8188", "http://[::ffff:127.0.0.1]:80", False),
        ("http://192.168.0.7:8188", "http://0.0.0.0:80", False),
        ("http://192.168.0.7:8188", "http://127.1:80", False),
        ("http://127.0.0.1:8188", "http://localhost:8000", True),
        ("http://127.0.0.1:8188", "https://storage.example", True),
        ("http://127.0.0.1:8188", "ftp://127.0.0.1", False),
        ("http://127.0.0.1:8188", "http://None:0", False),
    ],
)
def test_where_a_file_may_lead_us(address, target, may):
    assert Transport(ServerAddress.parse(address), SECRET)._may_lead_to(target) is may


def test_what_listens_on_this_machine_is_not_asked_for_a_stranger(here, there, tmp_path, monkeypatch):
    """The server passes for one elsewhere, and sends us to a service of our own."""
    monkeypatch.setattr(
        ServerAddress, "is_loopback", property(lambda self: self.port != int(here.url[-5:].lstrip(":")))
    )
    here.to = {"/view": f"{there.url}/delete-everything"}
    with pytest.raises(errors.NotAComfyServer, match="sends us on"):
        ComfyClient(ServerAddress.parse(here.url), SECRET).download(PICTURE, tmp_path / "x")
    assert there.came == []
