"""Both channels over TLS: a certificate that is not known is refused, one that is named by the environment is not."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from blender_comfyui.comfy import errors
from blender_comfyui.comfy.address import ServerAddress
from blender_comfyui.comfy.client import ComfyClient
from blender_comfyui.comfy.credentials import Credentials
from blender_comfyui.comfy.events import Connected, Disconnected, Event, QueueStatus
from blender_comfyui.comfy.stream import EventStream, StreamTimes
from tests.hardening.hostile import STATUS, Bare, read_head, upgrade

QUEUE = b'{"queue_running": [], "queue_pending": []}'
VARIABLES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> tuple[Path, Path]:
    """One of our own for localhost, with its key."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    words = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost".split()
    words += ["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"]
    subprocess.run([*words, "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


@pytest.fixture
def trusted(certificate, monkeypatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))


@pytest.fixture
def server(certificate) -> Iterator[Bare]:
    """Speaks TLS: an empty queue over HTTP, a status over the websocket."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    done = threading.Event()

    def talk(connection: socket.socket) -> None:
        with contextlib.suppress(ssl.SSLError), context.wrap_socket(connection, server_side=True) as secure:
            head = read_head(secure)
            if head.startswith(b"GET /ws"):
                upgrade(secure, head)
                secure.sendall(STATUS)
                done.wait(30)
            else:
                length = str(len(QUEUE)).encode()
                secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: " + length + b"\r\n\r\n" + QUEUE)

    server = Bare(talk)
    yield server
    done.set()
    server.close()


class Listening:
    def __init__(self, url: str, times: StreamTimes = StreamTimes(connect=5.0, first_delay=0.01)) -> None:
        self.said: SimpleQueue[Event] = SimpleQueue()
        self.stream = EventStream(
            ServerAddress.parse(url), Credentials.none(), lambda event, _: self.said.put(event), times
        )
        self.stream.start()

    def close(self) -> None:
        self.stream.close()
        self.stream.join(5.0)
        assert "comfyui-stream" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.usefixtures("trusted")
def test_a_certificate_that_the_environment_names_is_trusted(server):
    url = secure(server, "localhost")
    client = ComfyClient(ServerAddress.parse(url))
    assert client.queue().pending == ()
    client.close()
    with contextlib.closing(Listening(url)) as listening:
        assert isinstance(listening.said.get(timeout=60), Connected)
        assert isinstance(listening.said.get(timeout=60), QueueStatus)


def test_another_is_refused_on_both_channels(server, monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    refused_on_both_channels(secure(server, "localhost"))


@pytest.mark.usefixtures("trusted")
def test_so_is_one_of_another_host(server):
    refused_on_both_channels(secure(server, "127.0.0.1"))


def refused_on_both_channels(url: str) -> None:
    client = ComfyClient(ServerAddress.parse(url))
    with pytest.raises(errors.CannotConnect, match="certificate"):
        client.queue()
    client.close()
    with contextlib.closing(Listening(url)) as listening:
        event = listening.said.get(timeout=60)
        assert isinstance(event, Disconnected)
        assert "CERTIFICATE_VERIFY_FAILED" in event.reason


def test_tls_that_never_answers_has_a_limit_and_can_be_closed():
    taken = threading.Event()
    done = threading.Event()

    def talk(connection: socket.socket) -> None:
        taken.set()
        done.wait(30)

    silent = Bare(talk)
    try:
        with contextlib.closing(Listening(secure(silent, "localhost"), StreamTimes(connect=0.3))) as listening:
            assert isinstance(listening.said.get(timeout=60), Disconnected)
        taken.clear()
        with contextlib.closing(Listening(secure(silent, "localhost"), StreamTimes(connect=600.0))):
            assert taken.wait(10)
    finally:
        done.set()
        silent.close()


@pytest.mark.usefixtures("trusted")
def test_a_silent_tls_connection_can_be_closed(server):
    listening = Listening(secure(server, "localhost"), StreamTimes(ping_after=600.0))
    while not isinstance(listening.said.get(timeout=60), QueueStatus):
        pass
    listening.close()


def secure(server: Bare, host: str) -> str:
    return f"https://{host}:{server.url.rpartition(':')[2]}"
