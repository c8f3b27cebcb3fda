"""Cancel is by prompt: on a shared server we touch only our own."""

from __future__ import annotations

import uuid

import pytest
import requests

from blender_comfyui.generation.session import Session
from tests import graphs

LIMIT = 120.0
LEVELS = ["0.3.64", "0.25.0", "0.27.0"]


def post_foreign(server) -> str:
    """Somebody else's prompt on the same server."""
    prompt_id = str(uuid.uuid4())
    body = {"prompt": graphs.empty_save(), "client_id": "somebody else", "prompt_id": prompt_id}
    assert requests.post(f"{server.url}/prompt", json=body, timeout=10).status_code == 200
    return prompt_id


def succeeded(server, prompt_id: str) -> bool:
    entry = requests.get(f"{server.url}/history/{prompt_id}", timeout=10).json().get(prompt_id)
    return entry is not None and entry["status"]["status_str"] == "success"


def cancelled(job) -> None:
    job.cancel()
    outcome = job.wait(LIMIT)
    assert outcome.state == "cancelled"
    assert outcome.files == []


@pytest.mark.parametrize("level", LEVELS)
def test_foreign_prompts_survive_our_cancels(comfy_server, tmp_path, level):
    """One foreign prompt runs and one waits while our queued one is cancelled; then ours runs, and is cancelled."""
    server = comfy_server(level=level)
    server.hold()
    running = post_foreign(server)
    server.wait_held()
    with Session(server.url, data_dir=tmp_path) as session:
        ours_queued = session.submit(graphs.empty_save())
        server.wait_for(lambda: server.journal.posts == 2)
        waiting = post_foreign(server)
        cancelled(ours_queued)
        server.release()
        server.wait_for(lambda: server.journal.finished[running] and server.journal.finished[waiting])
        server.hold()
        ours_running = session.submit(graphs.empty_save())
        server.wait_held()
        later = post_foreign(server)
        cancelled(ours_running)
        server.release()
        server.wait_for(lambda: server.journal.finished[later])
    assert all(succeeded(server, prompt_id) for prompt_id in (running, waiting, later))
    assert server.journal.executions[ours_queued.id] == 0


def test_before_it_is_sent_nothing_is_sent(comfy_server, tmp_path):
    server = comfy_server()
    server.stop()
    with Session(server.url, data_dir=tmp_path) as session:
        cancelled(session.submit(graphs.empty_save()))
        server.start()
    assert server.journal.posts == 0


def test_a_cancel_after_the_end_changes_nothing(comfy_server, tmp_path):
    server = comfy_server()
    with Session(server.url, data_dir=tmp_path) as session:
        job = session.submit(graphs.empty_save())
        outcome = job.wait(LIMIT)
        job.cancel()
        session.submit(graphs.empty_save()).wait(LIMIT)
    assert job.outcome is outcome
    assert outcome.state == "finished"
