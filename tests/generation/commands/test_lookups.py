"""server, models, queue, cancel, history: what they tell, and that they start nothing."""

from __future__ import annotations

import uuid

import pytest
import requests

from blender_comfyui.comfy.errors import InvalidCredentials
from blender_comfyui.generation.history import History
from blender_comfyui.generation.session import Session
from tests import graphs

OPEN = ("waiting", "queued", "running")  # as far as its own program has heard


def foreign(server):
    prompt_id = str(uuid.uuid4())
    body = {"prompt": graphs.empty_save(), "client_id": "somebody else", "prompt_id": prompt_id}
    assert requests.post(f"{server.url}/prompt", json=body, timeout=10).status_code == 200
    return prompt_id


@pytest.fixture
def three_jobs(at_server):
    """A session of another program: one of its jobs runs, one waits on the server, and one in the session."""
    at_server.server.hold()
    with Session(at_server.server.url, data_dir=at_server.data) as session:
        jobs = [session.submit(graphs.empty_save(), label=label) for label in ("a fox", "a hare", "an owl")]
        at_server.server.wait_held()
        at_server.server.wait_for(lambda: at_server.server.journal.posts == 2)
        yield jobs
        at_server.server.release()


def test_server(at_server):
    told = at_server.json("server").json
    assert (told["comfyui"], told["queue"], told["server"]) == ("0.27.0", 0, at_server.server.url)
    assert 0 < told["vram_free"] <= told["vram_total"]
    at_server.server.hold()
    foreign(at_server.server)
    at_server.server.wait_held()
    assert at_server.json("server").json["queue"] == 1
    assert at_server("server").out.splitlines()[-1] == "1 in its queue"
    at_server.server.release()


def test_models(at_server):
    told = at_server.json("models").json["folders"]
    assert told["loras"] == ["random_lora.safetensors", "sub dir/random_lora.safetensors"]
    assert at_server.json("models", "loras", "--search", "SUB lora").json["folders"] == {
        "loras": ["sub dir/random_lora.safetensors"]
    }
    assert at_server("models", "vae").out == "random_vae.safetensors\n"
    done = at_server.json("models", "lora")
    assert done.code == 9
    assert "Did you mean “loras”?" in done.json["error"]["sentence"]


def test_queue_tells_ours_from_other_peoples(at_server, three_jobs):
    somebodys = foreign(at_server.server)
    prompts = at_server.json("queue").json["prompts"]
    assert [(prompt["id"], prompt["where"], prompt["ours"], prompt["position"]) for prompt in prompts] == [
        (three_jobs[0].id, "running", True, 0),
        (three_jobs[1].id, "pending", True, 1),
        (somebodys, "pending", False, 2),
        (three_jobs[2].id, "held", True, 3),
    ]
    assert prompts[0]["label"] == "a fox"
    assert prompts[2]["label"] == ""
    lines = at_server("queue").out.splitlines()
    assert "somebody else's" in lines[2]
    assert "waits here" in lines[3]


def test_cancel_of_what_another_program_follows(at_server, three_jobs):
    sent, _, held = three_jobs
    somebodys = foreign(at_server.server)
    at_server.server.gate.deaf = True  # it stops a moment later
    done = at_server.json("cancel", sent.id, held.id)
    kept = at_server.json("history", sent.id).json["jobs"][0]
    assert kept["state"] in OPEN  # its end is its program's to tell
    at_server.server.gate.deaf = False
    at_server.server.release()
    assert done.code == 4
    first, second = done.json["jobs"]
    assert first["was"] in OPEN
    assert first["cancelled"]
    assert not second["cancelled"]
    assert "another Blender" in second["reason"]
    assert not sent.wait(20).outputs
    kept = at_server.json("history", sent.id).json["jobs"][0]  # as its own program saw it
    assert (kept["state"], kept["error"]["kind"]) == ("failed", "Interrupted")
    assert held.wait(20).state == "finished"
    at_server.server.wait_for(lambda: at_server.server.journal.finished[somebodys])


def test_cancel_of_what_nobody_follows(at_server):
    """A command that was killed has left a job on the server."""
    server = at_server.server
    server.hold()
    session = Session(server.url, data_dir=at_server.data)
    job = session.submit(graphs.empty_save())
    server.wait_held()
    session.close()
    [told] = at_server.json("cancel", "--all").json["jobs"]
    assert (told["id"], told["cancelled"]) == (job.id, True)
    server.wait_for(lambda: server.journal.finished[job.id])
    server.release()
    [kept] = at_server.json("history").json["jobs"]
    assert kept["state"] == "cancelled"
    assert at_server.json("cancel", "--all").json["jobs"] == []


def test_cancel_of_what_has_ended(at_server, workflow):
    job = at_server.json("run", workflow).json["job"]
    done = at_server.json("cancel", job["id"][:6])
    assert done.code == 0
    assert done.json["jobs"][0]["reason"] == "It has ended already: finished."


def test_cancel_wants_to_know_what(at_server):
    assert at_server.json("cancel").code == 2
    done = at_server.json("cancel", "12345678")
    assert done.code == 9
    assert done.json["error"]["kind"] == "UnknownJob"


def test_other_peoples_prompts_cannot_be_cancelled(at_server):
    at_server.server.hold()
    somebodys = foreign(at_server.server)
    at_server.server.wait_held()
    assert at_server.json("cancel", somebodys).code == 9
    at_server.server.release()
    at_server.server.wait_for(lambda: at_server.server.journal.finished[somebodys])
    entry = requests.get(f"{at_server.server.url}/history/{somebodys}", timeout=10).json()[somebodys]
    assert entry["status"]["status_str"] == "success"


def test_history(at_server, workflow):
    for prompt in ("a fox", "a hare", "a red fox"):
        assert at_server("run", workflow, "--prompt", prompt).code == 0
    assert at_server("run", at_server.file("bad.json", graphs.raising())).code == 6
    told = at_server.json("history", "--limit", "2").json
    assert (told["total"], len(told["jobs"])) == (4, 2)
    assert told["jobs"][0]["error"]["kind"] == "ExecutionFailed"
    labels = [job["label"] for job in at_server.json("history", "--search", "FOX").json["jobs"]]
    assert labels == ["a red fox", "a fox"]
    assert at_server.json("history", "--state", "failed").json["total"] == 1
    assert at_server.json("history", "--offset", "3").json["jobs"][0]["label"] == "a fox"
    assert at_server.json("history", "--state", "lucky").code == 2
    at_server.server.stop()  # the history needs no server
    [job] = at_server.json("history", told["jobs"][1]["id"][:8]).json["jobs"]
    assert job["prompt"]["2"]["inputs"]["text"] == "a red fox"
    assert job["parameters"]["prompt"] == "a red fox"
    assert "a red fox" in at_server("history").out
    assert "Main sampler" not in at_server("history", job["id"]).out


def test_the_history_needs_no_server_not_even_one_that_can_be_used(commands):
    commands.around["refusal"] = InvalidCredentials("The login was entered for another server.")
    assert commands.json("server").code == 3
    assert commands.json("history").json["jobs"] == []
    assert commands.json("convert", commands.file("fox.json", graphs.txt2img())).code == 0


def test_looking_sends_nothing_that_waits(at_server):
    """Jobs of a Blender that was closed are sent by the next one that makes something, not by who only looks."""
    server = at_server.server
    server.stop()
    session = Session(server.url, data_dir=at_server.data)
    job = session.submit(graphs.empty_save())
    server.wait_for(lambda: True)
    session.close()
    server.start()
    for words in (["server"], ["models"], ["queue"], ["history"], ["check", "sd_basic"], ["convert", "sd_basic"]):
        at_server(*words)
    assert server.journal.posts == 0
    [prompt] = at_server.json("queue").json["prompts"]
    assert (prompt["id"], prompt["where"]) == (job.id, "held")


def test_looking_leaves_the_history_closed(at_server, workflow):
    """Else the next one takes it for one that was lost in a crash, and makes it anew from all files that it finds."""
    assert at_server("run", workflow).code == 0
    for words in (["history"], ["queue"], ["history", "--search", "fox"]):
        assert at_server(*words).code == 0
        assert not (at_server.data / "history.open").exists()
    history = History(at_server.data)
    assert history.find().total == 1
    assert history.notice == ""
    history.close()
