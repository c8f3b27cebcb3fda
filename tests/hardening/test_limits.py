"""What a server may send at most: JSON by its use and by the number of its values, a file not slower than is sane."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from types import SimpleNamespace

import pytest

from blender_comfyui.comfy import bounded_json, deadlines, errors, events, opening
from blender_comfyui.comfy.address import ServerAddress
from blender_comfyui.comfy.answers import ServerFile
from blender_comfyui.comfy.bounded_json import MAX_VALUES, TooMuchJson, read_json
from blender_comfyui.comfy.client import MAX_LARGE_JSON, ComfyClient
from blender_comfyui.comfy.credentials import Credentials
from blender_comfyui.comfy.deadlines import Exchange
from blender_comfyui.comfy.events import Connected, Disconnected, QueueStatus
from blender_comfyui.comfy.stream import EventStream, StreamTimes
from blender_comfyui.comfy.transport import MAX_JSON_BYTES, Timeouts
from tests.hardening.hostile import STATUS, Bare, frame, hang_up, read_request, upgrade

MB = 1 << 20
PICTURE = ServerFile("x.png", "", "output")
OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"


@pytest.fixture
def bare() -> Iterator[Callable[..., ComfyClient]]:
    """``bare(talk, **timeouts)`` gives a client of a server that answers each connection so."""
    opened: list[tuple[Bare, ComfyClient]] = []

    def start(talk: Callable[[socket.socket], None], **timeouts: float) -> ComfyClient:
        server = Bare(talk)
        opened.append((server, ComfyClient(ServerAddress.parse(server.url), timeouts=Timeouts(**timeouts))))
        return opened[-1][1]

    yield start
    for server, client in opened:
        client.close()
        server.close()


def padded(size: int) -> Callable[[socket.socket], None]:
    """Every answer is an empty object, filled up with spaces to `size` bytes."""

    def talk(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(OK + f"Content-Length: {size}\r\n\r\n".encode())
        connection.sendall(b"{" + b" " * (size - 2) + b"}")

    return talk


SMALL = {
    "cancel": lambda client: client.cancel_job("p"),
    "free": lambda client: client.free(),
    "stats": lambda client: client.system_stats(),
    "prompt": lambda client: client.queue_prompt({}, prompt_id="p", client_id="c"),
}
LARGE = {
    "info": lambda client: client.object_info(),
    "history": lambda client: client.history("p"),
    "past": lambda client: client.past_prompts(),
    "queue": lambda client: client.queue(),  # holds every prompt that waits
}


@pytest.mark.parametrize(
    ("ask", "limit"), [*((a, MAX_JSON_BYTES) for a in SMALL), *((a, MAX_LARGE_JSON) for a in LARGE)]
)
def test_an_answer_has_a_largest_size_by_its_use(bare, ask, limit):
    assert limit <= 32 * MB
    with pytest.raises(errors.ServerFault, match=f"over {limit >> 20} MB"):
        (SMALL | LARGE)[ask](bare(padded(limit + 1)))


@pytest.mark.parametrize("ask", LARGE)
def test_long_answers_are_read_where_they_are_sound(bare, ask):
    LARGE[ask](bare(padded(MAX_LARGE_JSON)))


# A few bytes of JSON can be a hundred times as much memory, and all of Blender stands still while they are read.


@pytest.mark.parametrize("piece", ["[],", "{},", "0,", '"",'])
def test_json_has_a_largest_number_of_values(monkeypatch, piece):
    values = MAX_VALUES // (2 if piece[0] in "[{" else 1)
    assert len(read_json("[" + piece * (values - 2) + "0]")) == values - 1
    monkeypatch.setattr(bounded_json, "_is_too_deep", lambda text: pytest.fail("far too much was looked at"))
    with pytest.raises(TooMuchJson):
        read_json("[" + piece * (values + 1) + "0]")


def test_too_many_values_are_said_to_be_that(bare):
    body = b"[" + b"0," * MAX_VALUES + b"0]"

    def talk(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(OK + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)

    with pytest.raises(errors.ServerFault, match="more than 1,000,000 values") as caught:
        bare(talk).queue()
    assert not caught.value.transient


def test_a_websocket_message_holds_fewer():
    text = '{"type": "status", "data": {"status": {"exec_info": {"queue_remaining": 1}}, "more": [%s0]}}'
    assert events.parse_text(text % ("0," * 1000)) == QueueStatus(1)
    assert events.parse_text(text % ("0," * (MAX_VALUES // 2))) is None


def test_what_stands_before_a_preview_is_short():
    about = b'{"prompt_id": "p"' + b" " * 100_000 + b"}"
    assert events.parse_binary(struct.pack(">II", 4, len(about)) + about + b"\xff\xd8\xff") is None


def test_a_nodes_words_are_cut():
    told = events.parse_binary(struct.pack(">II", 3, 1) + b"7" + b"word " * MB)
    assert isinstance(told, events.ProgressText)
    assert len(told.text) <= 10_000


class Listening:
    """Our stream, and a server that sends these frames the first time."""

    def __init__(self, frames: bytes) -> None:
        self.said: SimpleQueue[object] = SimpleQueue()
        self._frames = [frames]
        self.server = Bare(self._talk)
        times = StreamTimes(first_delay=0.01, longest_delay=0.05)
        address = ServerAddress.parse(self.server.url)
        self.stream = EventStream(address, Credentials.none(), lambda event, size: self.said.put(event), times)
        self.stream.start()

    def _talk(self, connection: socket.socket) -> None:
        upgrade(connection)
        connection.sendall(self._frames.pop() if self._frames else STATUS)
        hang_up(connection)

    def close(self) -> None:
        self.stream.close()
        self.stream.join(5.0)
        self.server.close()


@pytest.mark.parametrize(
    "frames",
    [
        frame(b"", 1, length=opening.MAX_TEXT + 1),
        frame(b" " * opening.MAX_TEXT, 1, fin=False) + frame(b" ", 0, length=2),
    ],
    ids=["whole", "in pieces"],
)
def test_a_text_on_the_websocket_is_refused_before_it_is_read(frames):
    listening = Listening(frames)
    try:
        assert isinstance(listening.said.get(timeout=60), Connected)
        ended = listening.said.get(timeout=60)
        assert isinstance(ended, Disconnected)
        assert "a text of over 4 MB" in ended.reason
        assert isinstance(listening.said.get(timeout=60), Connected)
        assert isinstance(listening.said.get(timeout=60), QueueStatus)
    finally:
        listening.close()


def test_pictures_on_it_may_be_larger():
    image = b"\x89PNG\r\n\x1a\n" + bytes(2 * opening.MAX_TEXT)
    data = struct.pack(">II", 1, 2) + image
    half = len(data) // 2
    listening = Listening(frame(data, 2) + frame(data[:half], 2, fin=False) + frame(data[half:], 0))
    try:
        assert isinstance(listening.said.get(timeout=60), Connected)
        assert [len(listening.said.get(timeout=60).image) for _ in range(2)] == [len(image)] * 2
    finally:
        listening.close()


# Files: they may take long, but not for ever


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(deadlines, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


@pytest.mark.parametrize(("rate", "lasts"), [(deadlines.SLOWEST * 1.1, True), (deadlines.SLOWEST * 0.9, False)])
def test_a_file_comes_at_a_least_rate(clock, rate, lasts):
    exchange = Exchange(60.0, None)
    for _ in range(24 * 3600):
        clock.now += 1.0
        exchange.received(int(rate))
        if clock.now >= exchange.deadline:
            break
    assert (clock.now < exchange.deadline) is lasts
    assert lasts or clock.now <= 1000.0 + 2 * 60.0


def test_what_came_fast_is_no_leave_to_drip_for_the_rest(clock):
    exchange = Exchange(60.0, None)
    exchange.received(10 * 1024 * MB)
    clock.now += 50.0
    exchange.received(1)
    assert exchange.deadline == 1060.0


def test_a_file_that_drips_is_given_up(bare, monkeypatch, tmp_path):
    monkeypatch.setattr(deadlines, "SLOWEST", 1024 * MB)

    def talk(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(OK + b"\r\n")
        connection.settimeout(0.02)
        for _ in range(200):  # 4 s and more; each piece comes well within the time
            connection.sendall(bytes(70_000))
            try:
                if connection.recv(100) == b"":
                    return
            except TimeoutError:
                pass

    with pytest.raises(errors.TimedOut):
        bare(talk, connect=2.0, read=0.5, total=0.5).download(PICTURE, tmp_path / "x")
