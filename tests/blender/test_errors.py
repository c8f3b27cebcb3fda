"""What can go wrong has its own readable sentence: for scripts, and in the panel."""

import http.server
import json
import socket
import threading
from pathlib import Path

import bpy
import pytest


@pytest.fixture
def fails(comfyui, module, draw):
    """Generate and return the sentence of the error; it is the same for a script and in the panel."""

    def run():
        with pytest.raises(RuntimeError) as error:
            bpy.ops.comfyui.generate()
        sentence = str(error.value).removeprefix("Error: ").strip()
        [entry] = module("blender.runtime").jobs
        assert entry.problem == sentence
        assert sentence.split() == [word for word in sentence.split() if word in draw().text]
        assert sentence.endswith(".")
        return sentence

    return run


@pytest.fixture
def impatient(module, monkeypatch):
    """Jobs wait for a server for no time, where it does not matter how long."""
    defaults = module("generation.session").Session.__init__.__kwdefaults__
    monkeypatch.setitem(defaults, "patience", module("generation.run").Patience(unsent=0.1))
    monkeypatch.setitem(defaults, "retry", module("generation.retry").Retry(first=0.01))


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def web_page():
    """A web server that is not ComfyUI."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = b"<html><body>Welcome to my router</body></html>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_nothing_listens_there(impatient, preferences, fails):
    preferences.host = f"127.0.0.1:{free_port()}"
    assert "Nothing answers" in fails()


def test_the_server_went_down(impatient, server, fails):
    server.stop()
    assert "Nothing answers" in fails()


def test_a_web_page_is_not_comfyui(impatient, web_page, preferences, fails):
    preferences.host = web_page
    assert "ComfyUI" in fails()


def test_the_server_wants_credentials(impatient, stand_in, preferences, fails):
    preferences.host = stand_in("--auth", "X-API-Key=secret").url
    sentence = fails()
    assert "credentials" in sentence


def test_wrong_credentials_are_in_no_sentence(impatient, stand_in, preferences, fails):
    preferences.host = stand_in("--auth", "X-API-Key=secret").url
    preferences.authentication, preferences.api_key = "API_KEY", "wr0ng-s3cret"
    assert "wr0ng-s3cret" not in fails()


def test_a_checkpoint_that_the_server_lacks(server, comfyui, fails):
    comfyui.checkpoint = "gone.safetensors"
    sentence = fails()
    assert "gone.safetensors" in sentence
    assert "Checkpoint" in sentence


def test_a_node_that_fails_is_named(server, comfyui, fails, workflow_with):
    comfyui.workflow = workflow_with("ProbeRaise", "The probe", {"kind": "ValueError", "message": "no tea"})
    sentence = fails()
    assert "The probe" in sentence
    assert "no tea" in sentence


def test_out_of_memory_with_a_single_picture_says_what_to_do(stand_in, preferences, comfyui, fails):
    preferences.host = stand_in("--vram-batch-limit", "0").url
    comfyui.batch_size = 4
    sentence = fails()
    assert "Not even a single picture of 64 × 64 pixels fits into the server's memory" in sentence
    assert "Make the picture smaller" in sentence


def test_a_batch_with_room_for_a_part_runs_in_parts_and_the_panel_says_so(
    stand_in, preferences, comfyui, module, draw, click, deliver
):
    server = stand_in("--vram-batch-limit", "2")
    preferences.host = server.url
    comfyui.batch_size = 8
    entry = click()
    deliver(lambda: entry.job.note)
    assert "Running in parts of" in draw().text
    deliver(lambda: entry.is_settled)
    assert (entry.problem, len(entry.placed)) == ("", 8)
    assert "Ran in parts: the server has memory for 2 at once." in draw().text


def test_an_address_that_is_none(preferences, draw):
    preferences.host = "foo bar"
    with pytest.raises(RuntimeError, match="foo bar"):
        bpy.ops.comfyui.generate()
    assert "foo bar" in draw().text
    assert "comfyui.open_preferences" in draw().operators


def test_a_workflow_that_is_not_there(server, comfyui):
    comfyui.workflow = "no_such_workflow"
    with pytest.raises(RuntimeError, match="no_such_workflow"):
        bpy.ops.comfyui.generate()


def test_an_error_can_be_copied_run_again_and_dismissed(server, comfyui, fails, module, draw, deliver):
    comfyui.checkpoint = "gone.safetensors"
    fails()
    jobs = module("blender.runtime").jobs
    [entry] = jobs
    assert {"comfyui.copy_details", "comfyui.run_again", "comfyui.dismiss"} <= set(draw().operators)
    server.control(set={"checkpoints": ["gone.safetensors"]})
    bpy.ops.comfyui.run_again(job_id=entry.id)
    [again] = jobs
    deliver(lambda: again.is_settled)
    assert (again.problem, len(again.placed)) == ("", 1)
    bpy.ops.comfyui.dismiss(job_id=again.id)
    assert list(jobs) == []


@pytest.fixture
def workflow_with(tmp_path):
    """A workflow like sd_basic with one more node between the picture and the saving."""

    def write(class_type, title, inputs):
        workflows = Path(__file__).resolve().parents[2] / "workflows"
        graph = json.loads((workflows / "sd_basic.json").read_text(encoding="utf-8"))
        graph["20"] = {"class_type": class_type, "inputs": {"image": ["6", 0], **inputs}, "_meta": {"title": title}}
        graph["7"]["inputs"]["images"] = ["20", 0]
        path = tmp_path / "workflow.json"
        path.write_text(json.dumps(graph), encoding="utf-8")
        return str(path)

    return write
