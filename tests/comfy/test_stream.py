"""The websocket on its thread: opens, reads, notices silence, and comes back under another id."""

from __future__ import annotations

import socket
import threading
from queue import Empty, SimpleQueue

import pytest
import requests

from blender_comfyui.comfy.address import ServerAddress
from blender_comfyui.comfy.credentials import Credentials
from blender_comfyui.comfy.events import Connected, Disconnected, ExecutionSucceeded, FeatureFlags, Preview, QueueStatus
from blender_comfyui.comfy.stream import EventStream, StreamTimes
from tests import graphs
from tests.hardening.hostile import STATUS, Bare, hang_up, message, upgrade

QUICK = StreamTimes(connect=2.0, ping_after=0.2, first_delay=0.01, longest_delay=0.05)


class Listening:
    """A stream, and what it has said so far."""

    def __init__(self, url: str, credentials: Credentials | None = None) -> None:
        self.said: SimpleQueue[object] = SimpleQueue()
        self.stream = EventStream(
            ServerAddress.parse(url), credentials or Credentials.none(), lambda event, _: self.said.put(event), QUICK
        )
        self.stream.start()

    def until(self, kind: type) -> object:
        while not isinstance(event := self.said.get(timeout=60), kind):
            pass
        return event


@pytest.fixture
def listen():
    before = set(threading.enumerate())
    opened = []

    def start(*arguments) -> Listening:
        opened.append(Listening(*arguments))
        return opened[-1]

    yield start
    for listening in opened:
        listening.stream.close()
        listening.stream.join(5.0)
    assert not [t for t in set(threading.enumerate()) - before if t.name == "comfyui-stream"]


def test_previews_come_with_their_prompt(comfy_server, listen):
    server = comfy_server()
    listening = listen(server.url)
    client_id = listening.until(Connected).client_id
    assert listening.until(FeatureFlags).flags["supports_preview_metadata"] is True
    body = {"prompt": graphs.txt2img(), "client_id": client_id}
    prompt_id = requests.post(f"{server.url}/prompt", json=body, timeout=10).json()["prompt_id"]
    preview = listening.until(Preview)
    assert preview.prompt_id == prompt_id
    assert preview.node_id == "5"
    assert listening.until(ExecutionSucceeded).prompt_id == prompt_id


@pytest.mark.parametrize("polite", [True, False])
def test_it_comes_back_under_another_id(comfy_server, listen, polite):
    server = comfy_server()
    listening = listen(server.url)
    first = listening.until(Connected)
    server.drop_sockets(close_frame=polite)
    listening.until(Disconnected)
    assert listening.until(Connected) != first


def test_a_half_open_socket_is_noticed(comfy_server, listen):
    server = comfy_server()
    listening = listen(server.url)
    listening.until(FeatureFlags)
    server.silence()
    listening.until(Disconnected)
    listening.until(Connected)


def test_idling_is_no_silence(comfy_server, listen):
    """Two pings are answered while nothing happens, and the connection stays."""
    server = comfy_server()
    listening = listen(server.url)
    listening.until(QueueStatus)
    listening.until(FeatureFlags)
    with pytest.raises(Empty):
        listening.said.get(timeout=5 * QUICK.ping_after)
    assert server.websockets_open == 1


def test_credentials_go_with_the_handshake(comfy_server, listen):
    server = comfy_server(auth=("X-API-Key", "k"))
    assert listen(server.url, Credentials.api_key("k")).until(Connected)
    assert listen(server.url).until(Disconnected)


def test_it_keeps_trying_while_the_server_is_away(comfy_server, listen):
    server = comfy_server()
    server.stop()
    listening = listen(server.url)
    for _ in range(3):
        listening.until(Disconnected)
    server.start()
    listening.until(Connected)


class Counting(EventStream):
    """Keeps how often in a row it failed before each wait, and waits next to nothing."""

    def _delay(self, failures: int) -> float:
        self.waits.put(failures)
        return 0.001


FEATURES = message("feature_flags", supports_preview_metadata=True)
STARTED = message("execution_start", prompt_id="p")


@pytest.mark.parametrize(
    ("said", "steady", "waits"),
    [
        (b"", 1e9, [0, 1, 2, 3, 4]),
        (STATUS + FEATURES + STATUS, 1e9, [0, 1, 2, 3, 4]),  # each connection begins so
        (STATUS + STARTED, 1e9, [0] * 5),
        (STATUS, 0.0, [0] * 5),
    ],
    ids=["nothing", "greetings", "news", "long enough"],
)
def test_who_takes_us_in_only_to_throw_us_out_is_asked_less_and_less(said, steady, waits):
    def talk(connection: socket.socket) -> None:
        upgrade(connection)
        connection.sendall(said)
        hang_up(connection)

    server = Bare(talk)
    times = StreamTimes(connect=2.0, steady=steady)
    stream = Counting(ServerAddress.parse(server.url), Credentials.none(), lambda *_: None, times)
    stream.waits = SimpleQueue()
    stream.start()
    try:
        assert [stream.waits.get(timeout=60) for _ in waits] == waits
    finally:
        stream.close()
        stream.join(5.0)
        server.close()


def test_a_connection_that_brought_more_than_we_could_take_was_none_of_use(comfy_server):
    def refuse(event: object, size: int) -> None:
        if size:
            raise ConnectionError("too much")

    stream = Counting(ServerAddress.parse(comfy_server().url), Credentials.none(), refuse, StreamTimes())
    stream.waits = SimpleQueue()
    stream.start()
    try:
        assert [stream.waits.get(timeout=60) for _ in range(3)] == [0, 1, 2]
    finally:
        stream.close()
        stream.join(5.0)
