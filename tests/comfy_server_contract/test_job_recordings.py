"""/api/jobs as recorded since 0.25: one completed, one running and two waiting jobs, then cancelled."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.comfy_server import ComfyServer

from .recordings import differences, load, names


def _graph(slow: bool, colour: int) -> dict[str, Any]:
    empty = {"width": 32, "height": 32, "batch_size": 1, "color": colour}
    graph: dict[str, Any] = {"1": {"class_type": "EmptyImage", "inputs": empty}}
    if slow:
        inputs = {"image": ["1", 0], "seconds": 6.0, "interruptible": True, "salt": colour}
        graph["2"] = {"class_type": "ProbeSleep", "inputs": inputs}
    save = {"images": [str(len(graph)), 0], "filename_prefix": "p8"}
    graph[str(len(graph) + 1)] = {"class_type": "SaveImage", "inputs": save}
    return graph


class Scene:
    """Sends the recorded requests with this server's own ids, and notes where the answers differ."""

    def __init__(self, folder: Path, level: str, server: ComfyServer) -> None:
        self.folder = folder
        self.level = level
        self.server = server
        self.replayed: set[str] = set()
        self.problems: list[str] = []

    def post(self, graph: dict[str, Any], **more: Any) -> str:
        answer = requests.post(self.server.url + "/prompt", json={"prompt": graph, **more}, timeout=20)
        return str(answer.json()["prompt_id"])

    def replay(self, name: str, job_id: str = "", body: Any = None) -> None:
        recorded = load(self.folder, self.level, name)
        request = recorded["request"]
        path = request["path"]
        if job_id:
            path = "/".join(job_id if _is_uuid(part) else part for part in path.split("/"))
        answer = requests.request(
            request["method"],
            self.server.url + path,
            params=request["params"],
            json=body if body is not None else request["json"],
            timeout=20,
        )
        self.replayed.add(name)
        if answer.status_code != recorded["status"]:
            self.problems.append(f"{name}: status {recorded['status']} recorded, {answer.status_code} here")
        elif "json" in answer.headers["Content-Type"]:
            self.problems += differences(recorded["body"], answer.json(), name)
            if len(recorded["body"]) == 1 and recorded["body"] != answer.json():
                self.problems.append(f"{name}: {recorded['body']} recorded, {answer.json()} here")
        elif answer.text != recorded["body"]:
            self.problems.append(f"{name}: {recorded['body']} recorded, {answer.text} here")


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("level", ["0.25.0", "0.27.0"])
def test_jobs(level: str, transcripts: Path, comfy_server: Any) -> None:
    server = comfy_server(level, probe_tick=0.0)
    scene = Scene(transcripts, level, server)
    scene.replay("http_api_jobs_empty")
    done = scene.post(_graph(False, 1), client_id="a", extra_data={"extra_pnginfo": {"workflow": {"id": "wf-1"}}})
    server.wait_finished(done)
    scene.replay("http_api_jobs")
    scene.replay("http_api_jobs_one", done)
    server.hold()
    running, first, second = (scene.post(_graph(True, colour), client_id="a") for colour in (2, 3, 4))
    server.wait_held()
    server.step()  # the empty image, so that the sleeping node is the one that is interrupted
    server.wait_held()
    scene.replay("http_queue")
    scene.replay("http_api_jobs_list_live")
    scene.replay("http_api_jobs_running", running)
    scene.replay("http_cancel_pending", second)
    scene.replay("http_cancel_batch", body={"job_ids": [first]})
    scene.replay("http_cancel_batch_bad")
    scene.replay("http_cancel_unknown")
    scene.replay("http_cancel_running", running)
    server.release()
    server.wait_finished(running)
    scene.replay("http_cancel_done", running)
    scene.replay("http_api_jobs_cancelled", running)
    expected = set(names(transcripts, level, "http_api_jobs", "http_cancel", "http_queue"))
    assert scene.replayed == expected
    assert not scene.problems, "\n".join(scene.problems)


def test_an_older_server_has_no_jobs(comfy_server: Any) -> None:
    url = comfy_server("0.3.64").url
    assert requests.get(url + "/api/jobs", timeout=20).status_code == 404
    assert requests.post(url + f"/api/jobs/{uuid.uuid4()}/cancel", timeout=20).status_code == 405
