"""What tests can do to the server, and what it tells them."""

from __future__ import annotations

import json
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import pytest
import requests
import websocket
from PIL import Image, ImageChops

from .client import Client
from .recordings import kind_of, kinds

ROOT = Path(__file__).resolve().parent.parent.parent


def save(colour: int = 0, prefix: str = "a") -> dict[str, Any]:
    empty = {"width": 32, "height": 32, "batch_size": 1, "color": colour}
    return {
        "1": {"class_type": "EmptyImage", "inputs": empty},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": prefix}},
    }


def txt2img(**changes: Any) -> dict[str, Any]:
    """A checkpoint graph; ``changes`` are inputs of any of its nodes."""
    graph: dict[str, Any] = {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "dreamshaper_8.safetensors"}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "green hills", "clip": ["1", 1]}},
        "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["1", 1]}},
        "4": {"class_type": "EmptyLatentImage", "inputs": {"width": 128, "height": 64, "batch_size": 1}},
        "5": {
            "class_type": "KSampler",
            "inputs": {
                "model": ["1", 0],
                "positive": ["2", 0],
                "negative": ["3", 0],
                "latent_image": ["4", 0],
                "seed": 1,
                "steps": 4,
                "cfg": 7.0,
                "sampler_name": "euler",
                "scheduler": "normal",
                "denoise": 1.0,
            },
        },
        "6": {"class_type": "VAEDecode", "inputs": {"samples": ["5", 0], "vae": ["1", 2]}},
        "7": {"class_type": "SaveImage", "inputs": {"images": ["6", 0], "filename_prefix": "sd"}},
    }
    places = {"text": "2", "negative": "3", "width": "4", "height": "4", "batch_size": "4"}
    for name, value in changes.items():
        graph[places.get(name, "5")]["inputs"]["text" if name == "negative" else name] = value
    return graph


def pictures(client: Client, graph: dict[str, Any]) -> list[Image.Image]:
    """The pictures that the graph's last node saves."""
    prompt_id = client.post(graph).json()["prompt_id"]
    client.hear_end_of(prompt_id)
    entry = client.get(f"/history/{prompt_id}").json()[prompt_id]
    images = entry["outputs"]["7"]["images"]
    return [Image.open(BytesIO(client.get("/view", params=image).content)) for image in images]


# ---- pictures


def test_a_picture_depends_on_all_that_matters(comfy_server: Any) -> None:
    client = Client(comfy_server())
    (first,) = pictures(client, txt2img())
    client.http.post(client.server.url + "/free", json={"free_memory": True}, timeout=20)
    (again,) = pictures(client, txt2img())
    assert first.size == (128, 64)
    assert first.tobytes() == again.tobytes()
    assert json.loads(first.info["prompt"]) == txt2img()
    changes: list[dict[str, Any]] = [{"text": "blue sea"}, {"negative": "fog"}, {"seed": 2}, {"steps": 5}, {"cfg": 3.0}]
    seen = {first.tobytes()} | {pictures(client, txt2img(**change))[0].tobytes() for change in changes}
    assert len(seen) == 6


def test_a_batch_has_different_pictures(comfy_server: Any) -> None:
    found = pictures(Client(comfy_server()), txt2img(batch_size=3))
    assert len({picture.tobytes() for picture in found}) == 3


def test_previews_get_sharper(comfy_server: Any) -> None:
    server = comfy_server()
    frames: list[bytes] = []
    client = Client(server)
    prompt_id = client.post(txt2img(steps=4)).json()["prompt_id"]
    while True:
        opcode, data = client.socket.recv_data()
        if opcode == websocket.ABNF.OPCODE_BINARY:
            frames.append(data[8:])
        elif json.loads(data)["type"] == "execution_success":
            break
    server.wait_finished(prompt_id)
    (saved,) = server.history[prompt_id]["outputs"]["7"]["images"]
    final = Image.open(BytesIO(client.get("/view", params=saved).content))
    distances = [_distance(final, Image.open(BytesIO(frame))) for frame in frames]
    assert len(distances) == 4
    assert distances == sorted(distances, reverse=True)


def _distance(first: Image.Image, second: Image.Image) -> float:
    histogram = ImageChops.difference(first.convert("L"), second.convert("L")).histogram()
    return sum(value * count for value, count in enumerate(histogram)) / sum(histogram)


def test_a_batch_over_the_limit_runs_out_of_memory(comfy_server: Any) -> None:
    server = comfy_server(vram_batch_limit=2)
    client = Client(server)
    messages = client.hear_end_of(client.post(txt2img(batch_size=3)).json()["prompt_id"])
    (error,) = [each["data"] for each in messages if kind_of(each) == "execution_error"]
    assert (error["exception_type"], error["node_type"]) == ("torch.OutOfMemoryError", "KSampler")
    assert "ran out of memory" in error["exception_message"]
    assert len(pictures(client, txt2img(batch_size=2))) == 2


def test_a_video_can_be_read(comfy_server: Any) -> None:
    server = comfy_server()
    graph = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 65, "height": 64, "batch_size": 12, "color": 255}},
        "2": {"class_type": "CreateVideo", "inputs": {"images": ["1", 0], "fps": 24.0}},
        "3": {
            "class_type": "SaveVideo",
            "inputs": {"video": ["2", 0], "filename_prefix": "v", "format": "auto", "codec": "auto"},
        },
    }
    client = Client(server)
    client.hear_end_of(client.post(graph).json()["prompt_id"])
    with av.open(str(server.folders.root / "output" / "v_00001_.mp4")) as video:
        assert (video.streams.video[0].frames, float(video.streams.video[0].average_rate or 0)) == (12, 24.0)


# ---- faults


def test_arranged_answers_come_in_turn(comfy_server: Any) -> None:
    server = comfy_server(fail_next={"GET /queue": [(503, {"Retry-After": "1"}, "busy"), (0, {}, "")]})
    answer = requests.get(server.url + "/queue", timeout=5)
    assert (answer.status_code, answer.headers["Retry-After"], answer.text) == (503, "1", "busy")
    with pytest.raises(requests.ConnectionError):
        requests.get(server.url + "/queue", timeout=5)
    assert requests.get(server.url + "/queue", timeout=5).status_code == 200


def test_an_arranged_answer_by_pattern(comfy_server: Any) -> None:
    server = comfy_server(fail_next={"GET /history/{prompt_id}": [(404, {}, "x")]})
    assert requests.get(server.url + "/api/history/abc", timeout=5).status_code == 404
    assert requests.get(server.url + "/api/history/abc", timeout=5).status_code == 200


def test_a_download_that_breaks_off(comfy_server: Any) -> None:
    server = comfy_server(cut_next={"GET /view": [4]})
    (server.folders.root / "output" / "a.png").write_bytes(b"0123456789")
    answer = requests.get(server.url + "/view?filename=a.png", stream=True, timeout=5)
    assert answer.headers["Content-Length"] == "10"
    assert answer.raw.read(4) == b"0123"
    with pytest.raises(requests.RequestException):
        _ = answer.content
    assert requests.get(server.url + "/view?filename=a.png", timeout=5).content == b"0123456789"


def test_an_answer_that_is_lost(comfy_server: Any) -> None:
    server = comfy_server(drop_answer_next=1)
    with pytest.raises(requests.ConnectionError):
        requests.post(server.url + "/prompt", json={"prompt": save()}, timeout=5)
    server.wait_for(lambda: len(server.history) == 1)
    assert server.posts == 1
    assert list(server.executions.values()) == [1]


def test_credentials(comfy_server: Any) -> None:
    server = comfy_server(auth=("X-API-Key", "right"))
    address = server.url.replace("http", "ws") + "/ws"
    assert requests.get(server.url + "/queue", timeout=5).status_code == 401
    assert requests.get(server.url + "/queue", headers={"X-API-Key": "right"}, timeout=5).status_code == 200
    with pytest.raises(websocket.WebSocketBadStatusException, match="401"):
        websocket.create_connection(address, timeout=5)
    websocket.create_connection(address, timeout=5, header=["X-API-Key: right"]).close()


@pytest.mark.parametrize("status", [403, 404])
def test_no_websocket(status: int, comfy_server: Any) -> None:
    server = comfy_server(refuse_websocket=status)
    assert requests.get(server.url + "/queue", timeout=5).status_code == 200
    with pytest.raises(websocket.WebSocketBadStatusException, match=str(status)):
        websocket.create_connection(server.url.replace("http", "ws") + "/ws", timeout=5)


def test_a_path_prefix(comfy_server: Any) -> None:
    server = comfy_server(prefix="a/b")
    assert server.url.endswith("/a/b")
    assert requests.get(server.url + "/queue", timeout=5).status_code == 200
    assert requests.get(server.url + "/api/jobs", timeout=5).status_code == 200
    assert requests.get(server.url.removesuffix("/a/b") + "/queue", timeout=5).status_code == 404
    Client(server).close()


@pytest.mark.parametrize("close_frame", [True, False])
def test_sockets_dropped(close_frame: bool, comfy_server: Any) -> None:
    server = comfy_server()
    client = Client(server)
    client.hear()
    server.drop_sockets(close_frame=close_frame)
    if close_frame:
        assert client.socket.recv_data()[0] == websocket.ABNF.OPCODE_CLOSE
    else:
        with pytest.raises((websocket.WebSocketConnectionClosedException, ConnectionError)):
            client.socket.recv_data()
    server.wait_for(lambda: server.websockets_open == 0)


def test_a_silent_socket_says_nothing_and_a_new_one_does(comfy_server: Any) -> None:
    server = comfy_server()
    silent = Client(server)
    silent.hear()
    server.silence()
    fresh = Client(server)
    prompt_id = silent.post(save()).json()["prompt_id"]
    fresh.hear_until(lambda message: message["data"]["status"]["exec_info"]["queue_remaining"] == 1)
    server.wait_finished(prompt_id)
    server.drop_sockets()
    assert kinds(silent.hear_rest()) == ["status"]


def test_the_gate_holds_nodes_and_steps(comfy_server: Any) -> None:
    server = comfy_server()
    client = Client(server)
    server.hold()
    prompt_id = client.post(txt2img(steps=3)).json()["prompt_id"]
    server.wait_held()
    assert server.journal.nodes_run == {}
    server.step(5 + 2)  # five nodes, two sampler steps
    client.hear_until(lambda message: kind_of(message) == "progress" and message["data"]["value"] == 2)
    server.wait_held()
    assert server.journal.nodes_run["KSampler"] == 1
    assert server.journal.nodes_run["VAEDecode"] == 0
    server.release()
    server.wait_finished(prompt_id)


def test_the_history_comes_late(comfy_server: Any) -> None:
    server = comfy_server(history_delay=30.0)
    client = Client(server)
    prompt_id = client.post(save()).json()["prompt_id"]
    client.hear_until(lambda message: kind_of(message) == "execution_success")
    assert client.get(f"/history/{prompt_id}").json() == {}


def test_requests_are_kept(comfy_server: Any) -> None:
    server = comfy_server(prefix="p")
    requests.post(server.url + "/api/interrupt", json={"prompt_id": "x"}, headers={"X-Y": "z"}, timeout=5)
    (request,) = server.requests
    assert (request.method, request.path, request.route) == ("POST", "/api/interrupt", "/interrupt")
    assert (request.json, request.headers["x-y"]) == ({"prompt_id": "x"}, "z")


def test_secrets_show_in_the_queue_of_the_old_server_only(comfy_server: Any) -> None:
    for level, shown in (("0.3.64", True), ("0.27.0", False)):
        server = comfy_server(level)
        server.hold()
        Client(server).post(save(), extra_data={"api_key_comfy_org": "secret"})
        assert ("secret" in requests.get(server.url + "/queue", timeout=5).text) is shown


# ---- in a process of its own


def test_a_process(tmp_path: Path) -> None:
    port_file = tmp_path / "port"
    words = [sys.executable, "-m", "tests.comfy_server", "--level", "0.3.64", "--port-file", str(port_file)]
    process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        url = process.stdout.readline().strip()
        assert url == f"http://127.0.0.1:{port_file.read_text()}"
        assert requests.get(url + "/system_stats", timeout=5).json()["system"]["comfyui_version"] == "0.3.64"
        arranged = {"set": {"fail_next": {"GET /queue": [[503, {}, "x"]]}}, "call": "hold"}
        requests.post(url + "/_control", json=arranged, timeout=5).raise_for_status()
        assert requests.get(url + "/queue", timeout=5).status_code == 503
        requests.post(url + "/prompt", json={"prompt": save()}, timeout=5)
        requests.post(url + "/_control", json={"call": "release"}, timeout=5)
        report = requests.get(url + "/_control", timeout=5).json()
        assert report["posts"] == 1
        process.stdin.close()
        assert process.wait(10) == 0
        assert process.stdout.read() == ""
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
