"""The Session against a real ComfyUI, named by COMFYUI_URL: model-free graphs, and a checkpoint if it has one."""

from __future__ import annotations

import asyncio
import os
import random
import uuid

import pytest
import requests
from PIL import Image

from blender_comfyui.comfy import errors
from blender_comfyui.generation.events import Ended, Previewed, Progressed
from blender_comfyui.generation.session import Session
from tests import graphs

URL = os.environ.get("COMFYUI_URL", "")
LIMIT = 300.0

pytestmark = pytest.mark.skipif(not URL, reason="COMFYUI_URL names no real server")


@pytest.fixture
def session(tmp_path):
    with Session(URL, data_dir=tmp_path) as session:
        yield session


@pytest.fixture
def checkpoint(session) -> str:
    subscription = session.subscribe()
    session.start()
    while not session.server.samplers:
        subscription.get()
    if not session.server.checkpoints:
        pytest.skip("the server has no checkpoint")
    return session.server.checkpoints[0]


def unseen(**options):
    """A picture that this server has not cached."""
    return graphs.empty_save(colour=random.randrange(1 << 24), prefix="live", **options)


def slow():
    """Some seconds of work without a model: a large picture, scaled again and again by the slowest method."""
    graph = unseen(size=2048)
    previous = "1"
    for number in range(10, 40):
        inputs = {
            "image": [previous, 0],
            "upscale_method": "lanczos",
            "width": 2040 + number,
            "height": 2048,
            "crop": "disabled",
        }
        previous = str(number)
        graph[previous] = {"class_type": "ImageScale", "inputs": inputs}
    graph["2"]["inputs"]["images"] = [previous, 0]
    return graph


def post_foreign(graph) -> str:
    prompt_id = str(uuid.uuid4())
    body = {"prompt": graph, "client_id": uuid.uuid4().hex, "prompt_id": prompt_id}
    assert requests.post(f"{URL.rstrip('/')}/prompt", json=body, timeout=30).status_code == 200
    return prompt_id


def test_the_server_says_who_it_is(session):
    state = session.ask_server()
    assert state.connection == "ready"
    assert state.version
    assert state.vram_total > 0


def test_a_picture_arrives(session):
    graph = graphs.empty_save(colour=0x336699, prefix="live", size=32 + random.randrange(200))
    outcome = session.submit(graph, stem="blue").wait(LIMIT)
    assert outcome.state == "finished"
    with Image.open(outcome.files[0]) as image:
        assert image.convert("RGB").getpixel((3, 3)) == (0x33, 0x66, 0x99)


def test_a_cached_rerun_brings_the_picture_again(session):
    graph = unseen()
    first, second = (session.submit(graph).wait(LIMIT) for _ in range(2))
    assert first.files[0].read_bytes() == second.files[0].read_bytes()


def test_only_the_named_output_runs(session):
    graph = graphs.two_saves()
    outcome = session.submit(graph, {"1.color": random.randrange(1 << 24)}, outputs=["Save inverted"]).wait(LIMIT)
    assert [output.node_title for output in outcome.outputs] == ["Save inverted"]


def test_ten_at_once_all_arrive_and_progress_only_grows(session):
    jobs = [session.submit(unseen()) for _ in range(10)]
    events = list(jobs[-1].events())
    assert isinstance(events[-1], Ended)
    fractions = [event.progress.fraction for event in events if isinstance(event, Progressed)]
    assert fractions == sorted(fractions)
    assert {job.wait(LIMIT).state for job in jobs} == {"finished"}
    assert len({path for job in jobs for path in job.outcome.files}) == 10


def test_awaiting(session):
    async def main():
        return await session.submit(unseen())

    assert asyncio.run(main()).state == "finished"


def test_an_unknown_checkpoint_is_named(session):
    outcome = session.submit(graphs.txt2img(checkpoint="nope.safetensors")).wait(LIMIT)
    assert isinstance(outcome.error, errors.InvalidPrompt)
    assert "“nope.safetensors”" in str(outcome.error)


def test_an_unknown_node_is_named(session):
    graph = unseen()
    graph["1"]["class_type"] = "NoSuchNode"
    error = session.submit(graph).wait(LIMIT).error
    assert isinstance(error, errors.InvalidPrompt)
    assert "NoSuchNode" in str(error)


def test_a_value_over_its_limit_is_named(session):
    outcome = session.submit(unseen(), {"1.width": 999999}).wait(LIMIT)
    assert "width" in str(outcome.error)
    assert "16384" in str(outcome.error)


def test_out_of_memory_is_told_apart(session):
    graph = unseen(size=16384, batch=4096)
    error = session.submit(graph).wait(LIMIT).error
    assert isinstance(error, errors.OutOfMemory)


def test_foreign_prompts_survive_our_cancels(session):
    running = post_foreign(slow())
    ours_queued = session.submit(unseen())
    waiting = post_foreign(unseen())
    ours_queued.cancel()
    assert ours_queued.wait(LIMIT).state == "cancelled"
    ours_running = session.submit(slow())
    for event in ours_running.events():
        if isinstance(event, Progressed):
            ours_running.cancel()
            break
    later = post_foreign(unseen())
    assert ours_running.wait(LIMIT).state == "cancelled"
    for prompt_id in (running, waiting, later):
        assert succeeded(session, prompt_id)


def succeeded(session, prompt_id: str) -> bool:
    """Wait for a foreign prompt by sending one of ours after it: the server runs them in order."""
    assert session.submit(unseen()).wait(LIMIT).state == "finished"
    entry = requests.get(f"{URL.rstrip('/')}/history/{prompt_id}", timeout=30).json().get(prompt_id)
    return entry is not None and entry["status"]["status_str"] == "success"


def test_a_checkpoint_draws_with_previews(session, checkpoint):
    parameters = {
        "prompt": "a red fox",
        "negative_prompt": "blurry",
        "checkpoint": checkpoint,
        "seed": random.randrange(2**64),
        "steps": 3,
        "width": 64,
        "height": 64,
    }
    job = session.submit("sd_basic", parameters)
    events = list(job.events())
    assert job.wait(LIMIT).state == "finished", job.outcome.error
    assert [event for event in events if isinstance(event, Progressed)]
    with Image.open(job.outcome.files[0]) as image:
        assert image.size == (64, 64)
        sent = image.text["prompt"]
    assert "a red fox" in sent
    assert str(parameters["seed"]) in sent
    assert all(event.image for event in events if isinstance(event, Previewed))
