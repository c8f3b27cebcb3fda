"""What can go wrong, and the sentence that each gives. Every error names what is wrong and what to do."""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from blender_comfyui.comfy import errors
from blender_comfyui.generation.patience import Patience
from blender_comfyui.generation.session import Session
from tests import graphs

LIMIT = 120.0
HASTY = Patience(unsent=0.0, outage=0.0, absence=0.2, look=0.2, look_blind=0.1)


def outcome_of(url: str, tmp_path, graph=None, **options):
    with Session(url, data_dir=tmp_path, patience=HASTY, **options) as session:
        outcome = session.submit(graph or graphs.empty_save()).wait(LIMIT)
    assert outcome.state == "failed"
    assert outcome.error is not None
    return outcome.error


@pytest.fixture
def closed_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        yield listener.getsockname()[1]  # bound but not listening: connections are refused


@pytest.fixture
def web_page():
    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            body = b"<html>Welcome to the printer</html>"
            self.send_response(self.server.status)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Page)
    server.status = 200
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_server_down(closed_port, tmp_path):
    error = outcome_of(f"http://127.0.0.1:{closed_port}", tmp_path)
    assert isinstance(error, errors.CannotConnect)
    assert str(error) == (
        f"Nothing answers at http://127.0.0.1:{closed_port}. Start ComfyUI, or check host and port in the preferences."
    )


@pytest.mark.parametrize("status", [200, 404])
def test_a_web_page_that_is_not_comfyui(web_page, tmp_path, status):
    web_page.status = status
    error = outcome_of(f"http://127.0.0.1:{web_page.server_port}", tmp_path)
    assert isinstance(error, errors.NotAComfyServer)
    assert "not ComfyUI" in str(error)
    assert "port" in str(error)


def test_a_port_that_does_not_speak_http(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=greet_like_ssh, args=(listener,), daemon=True).start()
        error = outcome_of(f"http://127.0.0.1:{listener.getsockname()[1]}", tmp_path)
    assert isinstance(error, errors.NotAComfyServer)
    assert "port" in str(error)


def greet_like_ssh(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.recv(4096)
            connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")


def test_an_unknown_host(tmp_path):
    error = outcome_of("http://no-such-host.invalid:8188", tmp_path)
    assert isinstance(error, errors.CannotConnect)
    assert "no-such-host.invalid" in str(error)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong-secret"}])
def test_refused_credentials(comfy_server, tmp_path, headers):
    server = comfy_server(auth=("Authorization", "Bearer right"))
    error = outcome_of(server.url, tmp_path, headers=headers)
    assert isinstance(error, errors.CredentialsRefused)
    assert "authentication" in str(error)
    assert "wrong-secret" not in str(error) + error.details
    assert server.journal.posts == 0


@pytest.mark.parametrize("level", ["0.3.64", "0.27.0"])
def test_an_unknown_checkpoint(comfy_server, tmp_path, level):
    server = comfy_server(level=level)
    error = outcome_of(server.url, tmp_path, graphs.txt2img(checkpoint="nope.safetensors"))
    assert isinstance(error, errors.InvalidPrompt)
    assert str(error) == (
        "“CheckpointLoaderSimple”, ckpt_name: the server does not have “nope.safetensors”. Choose one that it has."
    )
    assert [problem.parameter for problem in error.problems] == ["ckpt_name"]


@pytest.mark.parametrize("level", ["0.3.64", "0.27.0"])
def test_an_unknown_node(comfy_server, tmp_path, level):
    graph = graphs.empty_save()
    graph["1"] = {"class_type": "NoSuchNode", "inputs": {}, "_meta": {"title": "My title"}}
    error = outcome_of(comfy_server(level=level).url, tmp_path, graph)
    assert isinstance(error, errors.InvalidPrompt)
    assert "NoSuchNode" in str(error)
    assert "node pack" in str(error)


def test_an_execution_error(comfy_server, tmp_path):
    error = outcome_of(comfy_server().url, tmp_path, graphs.raising())
    assert type(error) is errors.ExecutionFailed
    assert str(error).startswith("“Sardines” failed on the server: the tin is empty.")
    assert error.exception_type == "ValueError"
    assert "Traceback" in error.details or "File" in error.details


def test_out_of_memory(comfy_server, tmp_path):
    error = outcome_of(comfy_server(vram_batch_limit=0).url, tmp_path, graphs.txt2img(batch=3))
    assert isinstance(error, errors.OutOfMemory)
    assert "it ran out in “Main sampler”. Make the picture smaller" in str(error)


def test_what_was_made_before_a_failure_is_kept(comfy_server, tmp_path):
    graph = graphs.raising()
    graph["4"] = {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "early"}}
    with Session(comfy_server().url, data_dir=tmp_path) as session:
        outcome = session.submit(graph).wait(LIMIT)
    assert outcome.state == "failed"
    # which of the two branches runs first is the server's choice; a file that it names is here
    assert all(path.is_file() for path in outcome.files)


def test_a_folder_that_cannot_be_written(comfy_server, tmp_path):
    (tmp_path / "outputs").write_text("a file where the folder should be")
    with Session(comfy_server().url, data_dir=tmp_path) as session:
        outcome = session.submit(graphs.empty_save()).wait(LIMIT)
    assert outcome.state == "failed"
    assert "could not be saved" in str(outcome.error)


def test_outputs_that_the_server_drops_in_silence_are_named(comfy_server, tmp_path):
    graph = graphs.two_saves()
    graph["4"]["inputs"]["images"] = ["8", 0]
    with Session(comfy_server().url, data_dir=tmp_path) as session:
        outcome = session.submit(graph).wait(LIMIT)
    assert outcome.state == "finished"
    assert len(outcome.files) == 1
    assert [problem.title for problem in outcome.problems] == ["Save inverted"]


def test_somebody_else_stops_it(comfy_server, tmp_path):
    server = comfy_server()
    server.hold()
    with Session(server.url, data_dir=tmp_path) as session:
        job = session.submit(graphs.empty_save())
        server.wait_held()
        session._client.interrupt(job.id)
        outcome = job.wait(LIMIT)
    assert outcome.state == "failed"
    assert isinstance(outcome.error, errors.Interrupted)


def test_somebody_else_deletes_it_from_the_queue(comfy_server, tmp_path):
    server = comfy_server()
    server.hold()
    with Session(server.url, data_dir=tmp_path, patience=HASTY) as session:
        session.submit(graphs.empty_save())
        server.wait_held()
        job = session.submit(graphs.empty_save())
        server.wait_for(lambda: server.journal.posts == 2)
        while job.state != "queued":
            pass
        session._client.delete_queued(job.id)
        outcome = job.wait(LIMIT)
    assert outcome.state == "lost"
    assert "Run it again" in str(outcome.error)


def test_the_server_is_restarted_in_the_middle(comfy_server, tmp_path):
    server = comfy_server()
    server.hold()
    patience = Patience(outage=20.0, absence=0.2, look=0.2, look_blind=0.1)
    with Session(server.url, data_dir=tmp_path, patience=patience) as session:
        job = session.submit(graphs.empty_save())
        server.wait_held()
        server.stop()
        server.start()
        outcome = job.wait(LIMIT)
    assert outcome.state == "lost"


def test_the_server_goes_away_for_good(comfy_server, tmp_path):
    server = comfy_server()
    server.hold()
    with Session(server.url, data_dir=tmp_path, patience=HASTY) as session:
        job = session.submit(graphs.empty_save())
        server.wait_held()
        server.stop()
        outcome = job.wait(LIMIT)
    assert outcome.state == "failed"
    assert isinstance(outcome.error, errors.CannotConnect)
