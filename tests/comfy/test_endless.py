"""What drips, or does not end, on either channel: a handshake, a message, a file, a tunnel. All have a limit."""

from __future__ import annotations

import threading
from queue import SimpleQueue

import pytest

from blender_comfyui.comfy import errors
from blender_comfyui.comfy.address import ServerAddress
from blender_comfyui.comfy.answers import ServerFile
from blender_comfyui.comfy.client import ComfyClient
from blender_comfyui.comfy.credentials import Credentials
from blender_comfyui.comfy.events import Connected, Disconnected, QueueStatus
from blender_comfyui.comfy.stream import EventStream, StreamTimes
from blender_comfyui.comfy.transport import Timeouts
from tests.fault_proxy import FaultProxy, Script
from tests.fault_proxy import faults as f
from tests.fault_proxy import stream_faults as s

QUICK = StreamTimes(connect=0.4, ping_after=0.3, first_delay=0.01, longest_delay=0.05, message=0.4)
PATIENT = StreamTimes(connect=600.0, ping_after=600.0)


@pytest.fixture
def proxy(comfy_server):
    with FaultProxy(comfy_server()) as proxy:
        yield proxy


@pytest.fixture
def listen(proxy):
    """``listen(script, times)`` gives the queue of what a stream says; the stream has ended when the test has."""
    opened = []

    def start(script: Script, times: StreamTimes) -> tuple[EventStream, SimpleQueue]:
        script.set_on(proxy)
        said: SimpleQueue = SimpleQueue()
        opened.append(
            EventStream(ServerAddress.parse(proxy.url), Credentials.none(), lambda event, _: said.put(event), times)
        )
        opened[-1].start()
        return opened[-1], said

    yield start
    for stream in opened:
        stream.close()
        stream.join(5.0)
    assert "comfyui-stream" not in {thread.name for thread in threading.enumerate()}


ENDLESS = [f.DripHead(), f.DripHead(whole_headers=True), f.EndlessHead(), f.DripBody(announced=True, status=403)]


@pytest.mark.parametrize("fault", ENDLESS, ids=str)
def test_a_handshake_has_a_deadline(listen, fault):
    _, said = listen(Script({"GET /ws": [fault]}), QUICK)
    assert isinstance(said.get(timeout=60), Disconnected)
    assert isinstance(said.get(timeout=60), Connected)


@pytest.mark.parametrize("fault", [f.DripHead(), f.Silence()], ids=str)
def test_closing_ends_a_handshake(proxy, listen, fault):
    stream, _ = listen(Script({"GET /ws": fault}), PATIENT)
    proxy.wait_for(lambda: proxy.seen["GET /ws"] == 1)
    stream.close()
    stream.join(5.0)
    assert "comfyui-stream" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("fault", [s.HugeFrame("status"), s.HugeFrame("status", 0), s.DripFrame("status")], ids=str)
def test_a_message_has_a_size_and_a_deadline(listen, fault):
    _, said = listen(Script({}, fault, streams=1), QUICK)
    assert isinstance(said.get(timeout=60), Connected)
    assert isinstance(said.get(timeout=60), Disconnected)
    assert isinstance(said.get(timeout=60), Connected)
    assert isinstance(said.get(timeout=60), QueueStatus)


def test_a_file_in_chunks_of_a_byte_is_not_waited_for_for_ever(proxy, tmp_path):
    (proxy.server.folders.of_type("output") / "x.png").write_bytes(bytes(100))
    Script({"GET /view": f.DripBody(chunked=True)}).set_on(proxy)
    client = ComfyClient(ServerAddress.parse(proxy.url), timeouts=Timeouts(connect=2, read=0.5, total=0.6))
    with pytest.raises(errors.TimedOut):
        client.download(ServerFile("x.png", "", "output"), tmp_path / "x.png")
    client.close()


def test_a_tunnel_that_drips_is_not_waited_for_for_ever(proxy, monkeypatch):
    """The proxy before an https server answers CONNECT with a head that never ends."""
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    proxy.fault_of = lambda _: f.DripHead(whole_headers=True)
    client = ComfyClient(
        ServerAddress.parse("https://comfy.example"), timeouts=Timeouts(connect=2, read=0.5, total=0.6)
    )
    with pytest.raises(errors.TimedOut):
        client.queue()
    assert proxy.seen
    client.close()


def test_closing_ends_the_thread_that_keeps_the_deadlines(proxy):
    client = ComfyClient(ServerAddress.parse(proxy.url))
    client.queue()
    assert "comfyui-deadlines" in {thread.name for thread in threading.enumerate()}
    client.close()
    assert "comfyui-deadlines" not in {thread.name for thread in threading.enumerate()}


def test_closing_closes_idle_connections_though_an_error_is_kept(proxy):
    """An error's traceback holds the pool, which would close its connections only when nobody holds it."""
    client = ComfyClient(ServerAddress.parse(proxy.url))
    script = Script({"GET /queue": [f.Say(503)]})
    script.set_on(proxy)
    with pytest.raises(errors.ServerFault) as kept:
        client.queue()
    assert proxy.connections == 1
    client.close()
    proxy.wait_for(lambda: proxy.connections == 0)
    assert kept.value.__traceback__ is not None
