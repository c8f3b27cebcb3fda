"""What a hostile server can do on the websocket: cost one connection, and nothing else."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blender_comfyui.comfy import opening
from blender_comfyui.comfy.address import ServerAddress
from blender_comfyui.comfy.credentials import Credentials
from blender_comfyui.comfy.events import Connected, Disconnected, Event, Preview, ProgressText, QueueStatus
from blender_comfyui.comfy.stream import EventStream, StreamTimes
from tests.hardening.hostile import STATUS, Bare, frame, hang_up, message, read_head, upgrade

TIMES = StreamTimes(connect=0.5, ping_after=5.0, message=0.5, first_delay=0.01, longest_delay=0.05)
MB = 1 << 20
Talk = Callable[[socket.socket], None]


class Meeting:
    """Our stream and a server that talks badly the first time, well from the second on."""

    def __init__(self, first: Talk, times: StreamTimes = TIMES, *, upgraded: bool = True) -> None:
        self.said: SimpleQueue[Event] = SimpleQueue()
        self.heads: list[bytes] = []
        self._first: Talk | None = first
        self._upgraded = upgraded
        self._done = threading.Event()
        self.server = Bare(self._talk)
        self.stream = EventStream(
            ServerAddress.parse(self.server.url), Credentials.none(), lambda event, _: self.said.put(event), times
        )
        self.stream.start()

    def _talk(self, connection: socket.socket) -> None:
        first, self._first = self._first, None
        if first is None:
            upgrade(connection)
            connection.sendall(STATUS)
            self._done.wait(30)
            return
        if self._upgraded:
            upgrade(connection)
        else:
            self.heads.append(read_head(connection))
        first(connection)
        hang_up(connection)

    def until(self, kind: type[Event]) -> Event:
        """The next event of this kind; AssertionError where all but it comes."""
        for _ in range(200):
            if isinstance(event := self.said.get(timeout=60), kind):
                return event
        raise AssertionError(f"no {kind.__name__}")

    def close(self) -> None:
        self.stream.close()
        self._done.set()
        self.stream.join(5.0)
        alive = [t.name for t in threading.enumerate() if t is self.stream._thread]
        self.server.close()
        assert alive == []


@pytest.fixture
def meet() -> Iterator[Callable[..., Meeting]]:
    open_: list[Meeting] = []

    def start(*arguments, **options) -> Meeting:
        open_.append(Meeting(*arguments, **options))
        return open_[-1]

    yield start
    for meeting in open_:
        meeting.close()


class Flood:
    """Sends the same again and again until nobody takes it any more, or far too much was taken."""

    def __init__(self, piece: bytes, begin: bytes = b"", limit: int = 64 * MB) -> None:
        self._piece, self._begin, self._limit = piece, begin, limit
        self.sent = 0
        self.refused = threading.Event()

    def __call__(self, connection: socket.socket) -> None:
        try:
            connection.sendall(self._begin)
            while self.sent < self._limit:
                connection.sendall(self._piece)
                self.sent += len(self._piece)
        except OSError:
            self.refused.set()


def drip(piece: bytes, begin: bytes = b"") -> Talk:
    """A piece now and then, until the other side has had enough."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(begin)
        connection.settimeout(0.02)
        while True:
            with suppress(TimeoutError):
                if connection.recv(100) == b"":
                    return
            connection.sendall(piece)

    return talk


SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\n"


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (SWITCHING, b"X-More: and more\r\n" * 1000),
        (SWITCHING + b"X-Long: ", b"x" * 10_000),
        (b"", b"x" * 10_000),
        (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 99999999999\r\n\r\n", b"x" * 10_000),
    ],
)
def test_endless_headers_are_not_read(meet, begin, piece):
    flood = Flood(piece, begin)
    meeting = meet(flood, StreamTimes(connect=20.0, first_delay=0.01), upgraded=False)
    meeting.until(QueueStatus)
    assert flood.refused.wait(20)
    assert flood.sent < 16 * MB  # what was read, and what systems keep on the way


@pytest.mark.parametrize("begin", [b"", SWITCHING + b"X-Slow: "])
def test_headers_that_drip_have_a_limit(meet, begin):
    meet(drip(b"x", begin), upgraded=False).until(QueueStatus)


@pytest.mark.parametrize("begin", [b"", SWITCHING + b"X-Slow: "])
def test_a_handshake_that_drips_can_be_closed(meet, begin):
    begun = threading.Event()

    def talk(connection: socket.socket) -> None:
        begun.set()
        drip(b"x", begin)(connection)

    meeting = meet(talk, StreamTimes(connect=60.0), upgraded=False)
    assert begun.wait(10)
    meeting.stream.close()
    meeting.stream.join(5.0)
    assert not meeting.stream._thread.is_alive()


@pytest.mark.parametrize(("opcode", "limit"), [(1, 4), (2, 1)])
def test_a_message_has_a_largest_size(meet, monkeypatch, opcode, limit):
    monkeypatch.setattr(opening, "MAX_MESSAGE", MB)
    flood = Flood(bytes(10_000), frame(b"", opcode, length=1 << 40))
    meeting = meet(flood, StreamTimes(message=60.0, first_delay=0.01))
    assert f"over {limit} MB" in meeting.until(Disconnected).reason
    meeting.until(QueueStatus)
    assert flood.refused.wait(20)
    assert flood.sent < 16 * MB


def test_so_has_one_in_many_pieces_and_pings_between_them_change_nothing(meet, monkeypatch):
    monkeypatch.setattr(opening, "MAX_MESSAGE", MB)
    piece = frame(bytes(10_000), opcode=0, fin=False) + frame(b"", opcode=9)
    flood = Flood(piece, frame(b"", opcode=2, fin=False))
    meeting = meet(flood, StreamTimes(message=60.0, first_delay=0.01))
    assert "over 1 MB" in meeting.until(Disconnected).reason
    meeting.until(QueueStatus)
    assert flood.sent < 32 * MB


def test_a_message_in_pieces_is_read(meet):
    text = struct.pack(">II", 3, 1) + b"7" + b"half done"

    def talk(connection: socket.socket) -> None:
        parts = [frame(text[:3], 2, fin=False), frame(b"", 9), frame(text[3:9], 0, fin=False), frame(text[9:], 0)]
        connection.sendall(b"".join(parts))

    event = meet(talk).until(ProgressText)
    assert event == ProgressText("7", "half done")
    assert type(event.text) is str


def test_a_picture_in_pieces_is_bytes(meet):
    image = struct.pack(">II", 1, 2) + b"\x89PNG\r\n\x1a\n" + bytes(50)

    def talk(connection: socket.socket) -> None:
        connection.sendall(frame(image[:20], 2, fin=False) + frame(image[20:], 0))

    event = meet(talk).until(Preview)
    assert event.image == image[8:]
    assert type(event.image) is bytes


def test_many_small_pieces_do_not_cost_the_square_of_their_number(meet):
    """60 MB in pieces of a kilobyte: copied for each of them that would be 2 TB."""
    pieces = frame(b"", 2, fin=False) + frame(bytes(1000), 0, fin=False) * 60_000 + frame(b"", 0) + STATUS
    meeting = meet(lambda connection: connection.sendall(pieces), StreamTimes(message=20.0))
    assert isinstance(meeting.said.get(timeout=60), Connected)
    assert isinstance(meeting.said.get(timeout=60), QueueStatus)


def test_a_message_that_drips_has_a_limit(meet):
    meeting = meet(drip(b"x", frame(b"", 1, length=10_000)))
    assert "too long" in meeting.until(Disconnected).reason
    meeting.until(QueueStatus)


@pytest.mark.parametrize("cookie", ["a=b; Domain=127.0.0.1", "foo:bar=1", "[=1", "expires=never"])
def test_cookies_are_neither_kept_nor_stumbled_over(meet, cookie):
    def talk(connection: socket.socket) -> None:
        connection.sendall(f"HTTP/1.1 403 Forbidden\r\nSet-Cookie: {cookie}\r\n\r\n".encode())

    meeting = meet(talk, upgraded=False)
    meeting.until(QueueStatus)
    again = meet(lambda connection: None, upgraded=False)
    again.until(QueueStatus)
    assert b"cookie" not in again.heads[0].lower()


@pytest.mark.parametrize(
    "answer",
    [
        SWITCHING + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: wrong\r\n\r\n" + STATUS,
        SWITCHING + b"\r\n" + STATUS,
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 301 Moved\r\nLocation: ws://127.0.0.1:1/\r\n\r\n",
        b"SSH-2.0-OpenSSH_9\r\n\r\n",
        b"HTTP/1.1 \xff\xfe\r\n\r\n",
        b"\r\n\r\n",
    ],
)
def test_what_is_no_websocket_is_not_listened_to(meet, answer):
    meeting = meet(lambda connection: connection.sendall(answer), upgraded=False)
    first = meeting.said.get(timeout=60)
    assert isinstance(first, Disconnected)
    meeting.until(QueueStatus)


DEEP = ["[" * 100_000, '{"type":' * 100_000, '{"type": "executed", "data": ' + "[" * 5000 + "]" * 5000 + "}"]


@pytest.mark.parametrize(
    "text", [*DEEP, '{"type": "status", "data": NaN}', '{"type": "progress", "data": {"max": 1e999}}']
)
def test_json_that_is_too_deep_or_no_number_costs_that_message_alone(meet, text):
    def talk(connection: socket.socket) -> None:
        metadata = struct.pack(">II", 4, len(text)) + text.encode() + b"\xff\xd8\xff"
        connection.sendall(frame(text.encode()) + frame(metadata, 2) + STATUS)

    meeting = meet(talk)
    assert isinstance(meeting.said.get(timeout=60), Connected)
    while isinstance(event := meeting.said.get(timeout=60), Preview):
        pass
    assert isinstance(event, QueueStatus)


FRAMES = st.builds(
    frame,
    st.binary(max_size=200)
    | st.sampled_from([b"{}", b"\xff", STATUS, json.dumps({"type": "status", "data": 7}).encode()]),
    st.integers(0, 15),
    fin=st.booleans(),
    length=st.none() | st.integers(0, 300),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(FRAMES | st.binary(max_size=40), max_size=8))
def test_no_bytes_whatever_end_the_thread(pieces):
    meeting = Meeting(lambda connection: connection.sendall(b"".join(pieces)))
    try:
        meeting.until(Connected)
        meeting.until(Disconnected)
        meeting.until(QueueStatus)
    finally:
        meeting.close()


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=200) | st.builds(lambda tail: SWITCHING + tail + b"\r\n\r\n", st.binary(max_size=200)))
def test_nor_do_any_in_the_handshake(answer):
    meeting = Meeting(lambda connection: connection.sendall(answer), upgraded=False)
    try:
        meeting.until(Disconnected)
        meeting.until(QueueStatus)
    finally:
        meeting.close()


def test_a_surprise_inside_costs_the_connection_and_not_the_thread(meet, monkeypatch):
    def parse(text: str) -> Event | None:
        monkeypatch.undo()
        raise KeyError("nobody foresaw this")

    monkeypatch.setattr("blender_comfyui.comfy.stream.parse_text", parse)
    meeting = meet(lambda connection: connection.sendall(message("status")))
    meeting.until(Disconnected)
    meeting.until(QueueStatus)
    with pytest.raises(Empty):
        meeting.said.get_nowait()
