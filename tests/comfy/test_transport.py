"""One HTTP exchange against small servers that answer as they should not."""

from __future__ import annotations

import contextlib
import gc
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

import pytest
import requests

from blender_comfyui.comfy import errors
from blender_comfyui.comfy.address import ServerAddress
from blender_comfyui.comfy.answers import ServerFile
from blender_comfyui.comfy.client import ComfyClient
from blender_comfyui.comfy.credentials import Credentials
from blender_comfyui.comfy.transport import Timeouts, Transport
from tests.local_http import LocalHTTP

SECRET = Credentials.bearer("s3cret")
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(100)


class Server(LocalHTTP):
    """Answers every request with `answer`, and keeps the headers that came."""

    def __init__(self) -> None:
        self.answer: Callable[[BaseHTTPRequestHandler], None] = lambda request: reply(request, 200, b"{}")
        self.came: list[tuple[str, str | None]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.came.append((self.path, self.headers.get("Authorization")))
                outer.answer(self)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(Handler)


def reply(request: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    request.send_response(status)
    for name, value in ({"Content-Type": "application/json", "Content-Length": str(len(body))} | headers).items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()
    request.wfile.write(body)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def elsewhere() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def client(server: Server) -> ComfyClient:
    return ComfyClient(ServerAddress.parse(server.url), SECRET, Timeouts(connect=2, read=0.5, total=1.0))


def fetch(server: Server, tmp_path):
    target = tmp_path / "x.png"
    client(server).download(ServerFile("x.png", "a b", "output"), target)
    return target.read_bytes()


def test_credentials_are_not_sent_to_where_a_file_is_redirected(server, elsewhere, tmp_path):
    server.answer = lambda r: reply(r, 302, b"", Location=f"{elsewhere.url}/signed?x=1")
    elsewhere.answer = lambda r: reply(r, 200, PICTURE, Content_Type="image/png")
    assert fetch(server, tmp_path) == PICTURE
    assert server.came == [("/view?filename=x.png&subfolder=a+b&type=output", "Bearer s3cret")]
    assert elsewhere.came == [("/signed?x=1", None)]


def test_a_redirect_within_the_server_keeps_them(server):
    def answer(request):
        if request.path == "/queue":
            reply(request, 307, b"", Location="/api/queue")
        else:
            reply(request, 200, b'{"queue_running": [], "queue_pending": []}')

    server.answer = answer
    assert client(server).queue().running == ()
    assert server.came == [("/queue", "Bearer s3cret"), ("/api/queue", "Bearer s3cret")]


def test_json_is_not_fetched_from_elsewhere(server, elsewhere):
    server.answer = lambda r: reply(r, 302, b"", Location=f"{elsewhere.url}/login")
    with pytest.raises(errors.NotAComfyServer, match="sends us on"):
        client(server).queue()
    assert elsewhere.came == []


def test_a_circle_of_redirects_ends(server):
    server.answer = lambda r: reply(r, 302, b"", Location="/queue")
    with pytest.raises(errors.NotAComfyServer):
        client(server).queue()
    assert len(server.came) <= 7


def test_a_post_is_never_redirected(server):
    server.answer = lambda r: reply(r, 307, b"", Location="/api/prompt")
    with pytest.raises(errors.NotAComfyServer):
        client(server).queue_prompt({}, prompt_id="p", client_id="c")
    assert len(server.came) == 1


def test_a_body_shorter_than_announced_is_broken(server, tmp_path):
    def answer(request):
        reply(request, 200, PICTURE, Content_Type="image/png", Content_Length="1000")
        request.close_connection = True

    server.answer = answer
    with pytest.raises((errors.FileBroken, errors.CannotConnect)) as caught:
        fetch(server, tmp_path)
    assert caught.value.transient


def test_an_answer_that_drips_has_a_total_limit(server):
    done = threading.Event()

    def answer(request):
        request.send_response(200)
        request.end_headers()
        while not done.wait(0.1):  # each piece comes well within the limit between two pieces
            request.wfile.write(b" " * 300_000)

    server.answer = answer
    try:
        with pytest.raises(errors.TimedOut):
            client(server).queue()
    finally:
        done.set()


def test_silence_times_out_and_the_request_counts_as_sent(server):
    done = threading.Event()
    server.answer = lambda _: done.wait(10)
    try:
        with pytest.raises(errors.TimedOut) as caught:
            client(server).queue()
        assert caught.value.sent
    finally:
        done.set()


def test_a_file_over_the_limit_is_refused(server, tmp_path):
    server.answer = lambda r: reply(r, 200, PICTURE, Content_Type="image/png")
    transport = Transport(ServerAddress.parse(server.url), SECRET)
    with pytest.raises(errors.ServerFault, match="limit"):
        transport.download("/view", {}, tmp_path / "x", max_bytes=50, should_stop=lambda: False)


def test_a_download_can_be_stopped(server, tmp_path):
    server.answer = lambda r: reply(r, 200, PICTURE, Content_Type="image/png")
    with pytest.raises(errors.Interrupted):
        client(server).download(ServerFile("x.png", "", "output"), tmp_path / "x", lambda: True)


@pytest.mark.parametrize(
    ("status", "headers", "kind", "transient"),
    [
        (401, {}, errors.CredentialsRefused, False),
        (403, {}, errors.CredentialsRefused, False),
        (404, {}, errors.ServerFault, False),
        (429, {"Retry_After": "7"}, errors.ServerFault, True),
        (500, {}, errors.ServerFault, False),
        (502, {}, errors.ServerFault, True),
        (503, {"Retry_After": "soon"}, errors.ServerFault, True),
        (504, {}, errors.ServerFault, True),
    ],
)
def test_what_a_status_means(server, status, headers, kind, transient):
    server.answer = lambda r: reply(r, status, b"x", **headers)
    with pytest.raises(kind) as caught:
        client(server).queue()
    assert caught.value.transient is transient
    assert getattr(caught.value, "retry_after", None) == (7.0 if status == 429 else None)
    assert "s3cret" not in str(caught.value) + caught.value.details


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"\xff\xfe"])
def test_what_is_no_json_is_said_to_be_none(server, body):
    server.answer = lambda r: reply(r, 200, body)
    gc.disable()  # hypothesis hooks into it, and a hook that runs at the bottom of the recursion fails by itself
    try:
        with pytest.raises(errors.ServerFault, match="JSON"):
            client(server).queue()
    finally:
        gc.enable()


def test_bare_infinity_is_read(server):
    server.answer = lambda r: reply(r, 200, b'{"X": {"input": {"required": {"a": ["FLOAT", {"max": Infinity}]}}}}')
    assert "X" in client(server).object_info()


@pytest.mark.parametrize(
    "body",
    [b"{}", b"[]", b'{"prompt_id": 7}', b"null"],
)
def test_an_answer_that_does_not_fit_the_prompt_is_refused(server, body):
    server.answer = lambda r: reply(r, 200, body)
    with pytest.raises(errors.ServerFault):
        client(server).queue_prompt({}, prompt_id="p", client_id="c")


def drip(request: BaseHTTPRequestHandler, begun: threading.Event, piece: bytes) -> None:
    """Send a little now and then, for as long as the other side listens."""
    while True:
        try:
            request.wfile.write(piece)
            request.wfile.flush()
        except OSError:
            return
        begun.set()
        time.sleep(0.05)


def dripping_body(begun: threading.Event) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "image/png")
        request.end_headers()
        drip(request, begun, b" ")

    return answer


def dripping_headers(begun: threading.Event) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Drop: ")
        drip(request, begun, b"x")

    return answer


@pytest.mark.parametrize("dripping", [dripping_body, dripping_headers])
def test_a_byte_now_and_then_is_not_waited_for_for_ever(server, tmp_path, dripping):
    server.answer = dripping(threading.Event())
    with pytest.raises(errors.TimedOut):
        client(server).queue()
    with pytest.raises(errors.TimedOut):
        fetch(server, tmp_path)


@pytest.mark.parametrize("dripping", [dripping_body, dripping_headers])
def test_an_abort_from_another_thread_ends_what_is_under_way(server, tmp_path, dripping):
    begun = threading.Event()
    server.answer = dripping(begun)
    patient = ComfyClient(ServerAddress.parse(server.url), SECRET, Timeouts(read=60, total=600))
    raised: list[Exception] = []

    def wait() -> None:
        try:
            patient.download(ServerFile("x.png", "", "output"), tmp_path / "x.png")
        except errors.CannotConnect as error:
            raised.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    assert begun.wait(10)
    patient.abort()
    thread.join(10)
    assert not thread.is_alive()
    assert raised
    with pytest.raises(errors.CannotConnect):
        patient.queue()


def test_a_download_that_is_not_wanted_any_more_ends_though_it_drips(server, tmp_path):
    begun = threading.Event()
    server.answer = dripping_body(begun)
    patient = ComfyClient(ServerAddress.parse(server.url), SECRET, Timeouts(read=60, total=600))
    with pytest.raises(errors.Interrupted):
        patient.download(ServerFile("x.png", "", "output"), tmp_path / "x.png", begun.is_set)


def test_a_redirect_to_no_address_is_said(server, tmp_path):
    server.answer = lambda r: reply(r, 302, b"", Location="http://host:PORT/")
    with pytest.raises(errors.NotAComfyServer, match="address that is none"):
        fetch(server, tmp_path)


def test_a_refusal_elsewhere_does_not_blame_our_credentials(server, elsewhere, tmp_path):
    server.answer = lambda r: reply(r, 302, b"", Location=f"{elsewhere.url}/x?Signature=s3cret")
    elsewhere.answer = lambda r: reply(r, 403, b"expired")
    with pytest.raises(errors.ServerFault) as caught:
        fetch(server, tmp_path)
    assert caught.value.transient
    assert "s3cret" not in str(caught.value) + caught.value.details


def test_a_length_that_is_no_number_is_our_error_or_none(server):
    server.answer = lambda r: reply(r, 200, b"{}", Content_Length="\u00b2")
    with contextlib.suppress(errors.ComfyError):
        client(server).queue()


def test_proxies_are_looked_up_by_who_asks_and_not_by_who_makes_a_client(server, monkeypatch):
    """On macOS that can ask DNS, and clients are made on Blender's main thread."""
    looked: list[str] = []
    monkeypatch.setattr(requests.utils, "get_environ_proxies", lambda url: looked.append(url) or {})
    monkeypatch.setattr(ServerAddress, "is_loopback", False)
    server.answer = lambda r: reply(r, 200, b"{}")
    made = client(server)
    assert looked == []
    made.object_info()
    made.object_info()
    assert len(looked) == 1


def test_a_server_that_takes_no_ids_is_told_to_be_updated_and_our_prompt_is_withdrawn(server):
    server.answer = lambda r: reply(r, 200, b'{"prompt_id": "another"}')
    with pytest.raises(errors.TooOld, match="Update it"):
        client(server).queue_prompt({}, prompt_id="p", client_id="c")
    assert [path for path, _ in server.came] == ["/prompt", "/queue"]
