"""Whom we talk to: the server alone. Not a proxy on the way to this machine, not where a redirect points."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from queue import SimpleQueue

import pytest

from blender_comfyui.comfy import errors
from blender_comfyui.comfy.address import ServerAddress
from blender_comfyui.comfy.answers import ServerFile
from blender_comfyui.comfy.client import ComfyClient
from blender_comfyui.comfy.credentials import Credentials
from blender_comfyui.comfy.events import Connected, Disconnected, Event
from blender_comfyui.comfy.stream import EventStream, StreamTimes
from blender_comfyui.comfy.transport import Timeouts
from tests.local_http import LocalHTTP

SECRET = Credentials.bearer("s3cret")
QUEUE = b'{"queue_running": [], "queue_pending": []}'
QUICK = StreamTimes(connect=2.0, ping_after=5.0, first_delay=0.01, longest_delay=0.05)
PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class Bystander(LocalHTTP):
    """Keeps what it is asked, and answers every GET with an empty queue or, once told to, with a redirect."""

    def __init__(self) -> None:
        self.came: list[tuple[str, str, str | None]] = []  # method, target, Authorization
        self.location = ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.came.append((self.command, self.path, self.headers.get("Authorization")))
                refused = self.command == "CONNECT"
                self.send_response(502 if refused else 302 if outer.location else 200)
                if outer.location:
                    self.send_header("Location", outer.location)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(QUEUE)))
                self.end_headers()
                self.wfile.write(QUEUE)

            do_POST = do_CONNECT = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(Handler)


@pytest.fixture
def server() -> Iterator[Bystander]:
    server = Bystander()
    yield server
    server.close()


@pytest.fixture
def elsewhere() -> Iterator[Bystander]:
    server = Bystander()
    yield server
    server.close()


@pytest.fixture
def proxy(monkeypatch) -> Iterator[Bystander]:
    """What the environment names as the proxy for everything."""
    server = Bystander()
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.setenv(name, "" if name == "no_proxy" else server.url)
    yield server
    server.close()


def client(url: str) -> ComfyClient:
    return ComfyClient(ServerAddress.parse(url), SECRET, Timeouts(connect=2, read=2, total=5))


def first_of(url: str, *kinds: type[Event]) -> Event:
    """The first event of one of these kinds that the websocket at `url` brings."""
    said: SimpleQueue[Event] = SimpleQueue()
    stream = EventStream(ServerAddress.parse(url), SECRET, lambda event, _: said.put(event), QUICK)
    stream.start()
    try:
        while not isinstance(event := said.get(timeout=60), kinds):
            pass
        return event
    finally:
        stream.close()
        stream.join(5.0)


@pytest.mark.parametrize("scheme", ["ws", "http"])
def test_the_websockets_handshake_follows_no_redirect(server, elsewhere, scheme):
    """It carries the credentials, which are for the server alone."""
    server.location = f"{scheme}://{elsewhere.address}/ws"
    assert isinstance(first_of(server.url, Connected, Disconnected), Disconnected)
    assert server.came[0][2] == "Bearer s3cret"
    assert elsewhere.came == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_environments_proxy_is_not_asked_for_this_machine(server, proxy, host):
    assert client(server.url.replace("127.0.0.1", host)).queue().running == ()
    assert server.came == [("GET", "/queue", "Bearer s3cret")]
    assert proxy.came == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_nor_is_it_asked_for_this_machines_websocket(comfy_server, proxy, host):
    url = comfy_server().url.replace("127.0.0.1", host)
    assert isinstance(first_of(url, Connected, Disconnected), Connected)
    assert proxy.came == []


def test_for_other_machines_it_is(proxy):
    assert client("http://comfy.invalid:8188").queue().running == ()
    assert proxy.came == [("GET", "http://comfy.invalid:8188/queue", "Bearer s3cret")]


def test_for_the_websocket_of_other_machines_too(proxy):
    assert isinstance(first_of("http://comfy.invalid:8188", Connected, Disconnected), Disconnected)
    method, target, credentials = proxy.came[0]
    assert (method, target) == ("CONNECT", "comfy.invalid:8188")
    assert credentials is None  # those are inside the tunnel


NONSENSE = ["http://host:PORT/", "http://[::1/", "http://", "//", "http://a b/", "ftp://127.0.0.1/x", "\u00e9://"]


@pytest.mark.parametrize("location", NONSENSE)
def test_a_redirect_to_nonsense_is_an_error_of_ours(server, tmp_path, location):
    server.location = location.encode().decode("latin-1")
    with pytest.raises(errors.ComfyError):
        client(server.url).queue()
    with pytest.raises(errors.ComfyError):
        client(server.url).download(ServerFile("x.png", "", "output"), tmp_path / "x.png")
    assert list(tmp_path.iterdir()) == []


def test_an_old_servers_interrupt_carries_the_prompts_id(comfy_server):
    server = comfy_server(level="0.3.64")
    client(server.url).interrupt("p")
    assert [r.json for r in server.requests if r.route == "/interrupt"] == [{"prompt_id": "p"}]
