"""Ctrl-C in the middle of a run: ours are cancelled, other people's are not, and the code says so."""

from __future__ import annotations

import signal
import socket
import sys
import uuid
from types import SimpleNamespace

import pytest
import requests

from tests import graphs

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no process of its own gets Ctrl-C there")
LEVELS = ["0.3.64", "0.27.0"]


def post_foreign(server) -> str:
    prompt_id = str(uuid.uuid4())
    body = {"prompt": graphs.empty_save(), "client_id": "somebody else", "prompt_id": prompt_id}
    assert requests.post(f"{server.url}/prompt", json=body, timeout=10).status_code == 200
    return prompt_id


def succeeded(server, prompt_id: str) -> bool:
    entry = requests.get(f"{server.url}/history/{prompt_id}", timeout=10).json().get(prompt_id)
    return entry is not None and entry["status"]["status_str"] == "success"


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_in_the_middle_of_a_run(commands, comfy_server, begin, workflow, level, number, code):
    server = commands.server = comfy_server(level)
    server.hold()
    running = begin("run", workflow, "--json")
    server.wait_held()  # ours runs
    later = post_foreign(server)
    running.stop(number)
    done = running.end()
    assert done.code == code, done.err
    told = done.json
    assert (told["ok"], told["job"]["state"]) == (False, "cancelled")
    assert told["error"]["kind"] == {130: "Interrupted", 143: "Terminated"}[code]
    server.release()
    server.wait_for(lambda: server.journal.finished[later])
    assert succeeded(server, later)
    assert not succeeded(server, told["job"]["id"])
    assert commands.json("queue").json["prompts"] == []
    [kept] = commands.json("history").json["jobs"]
    assert (kept["id"], kept["state"]) == (told["job"]["id"], "cancelled")


@pytest.mark.parametrize("level", LEVELS)
def test_while_somebody_else_runs(commands, comfy_server, begin, workflow, level):
    server = commands.server = comfy_server(level)
    server.hold()
    first = post_foreign(server)
    server.wait_held()
    running = begin("run", workflow)
    server.wait_for(lambda: server.journal.posts == 2)
    running.stop()
    done = running.end()
    assert done.code == 130, done.err
    assert "It is cancelled." in done.err
    server.release()
    server.wait_for(lambda: server.journal.finished[first])
    assert succeeded(server, first)
    assert sum(server.journal.executions.values()) == 1


def test_a_server_that_does_not_answer_is_not_waited_for(commands, begin, workflow):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        commands.server = SimpleNamespace(url=f"http://127.0.0.1:{listener.getsockname()[1]}")
        running = begin("run", workflow, "--json")
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(4) == b"GET "  # it asks, and waits from here on
            running.stop()
            done = running.end()
    assert done.code == 130, done.err
    assert done.json["error"]["kind"] == "Interrupted"


def test_a_second_one_does_not_wait(commands, comfy_server, begin, workflow):
    """The server does not say that it has cancelled ours."""
    server = commands.server = comfy_server()
    server.hold()
    server.gate.deaf = True
    running = begin("run", workflow, "--json")
    server.wait_held()
    running.stop()
    server.wait_for(lambda: any("cancel" in request.route for request in server.journal.requests))
    running.stop()
    done = running.end()
    assert done.code == 130
    assert "job" not in done.json  # nobody waited for its end
    server.gate.deaf = False
    server.release()


def test_somebody_elses_cancel_has_a_code_of_its_own(commands, comfy_server, begin, workflow):
    server = commands.server = comfy_server()
    server.hold()
    running = begin("run", workflow, "--json")
    server.wait_held()
    [prompt] = commands.json("queue").json["prompts"]
    assert prompt["ours"]
    assert (prompt["where"], prompt["label"]) == ("running", "a red cube")
    done = commands.json("cancel", prompt["id"][:8])
    [told] = done.json["jobs"]
    assert (told["id"], told["cancelled"], told["reason"]) == (prompt["id"], True, "")
    done = running.end()
    assert done.code == 8, done.err
    server.release()
