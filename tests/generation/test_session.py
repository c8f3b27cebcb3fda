"""The whole path on a server that speaks as recorded: submit, watch, take the files."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

import pytest

from blender_comfyui.comfy.errors import InvalidPrompt, TimedOut
from blender_comfyui.generation.choices import SERVERS_FIRST
from blender_comfyui.generation.events import Ended, Previewed, Progressed, StateChanged
from blender_comfyui.generation.outcome import JobState
from blender_comfyui.generation.session import Session, SessionClosed
from blender_comfyui.workflow.errors import UnknownParameter
from tests import graphs

LEVELS = ["0.3.64", "0.27.0"]
LIMIT = 120.0


@pytest.mark.parametrize("level", LEVELS)
def test_a_job_brings_its_picture(comfy_server, tmp_path, level):
    server = comfy_server(level=level)
    with Session(server.url, data_dir=tmp_path) as session:
        outcome = session.submit(graphs.empty_save(colour=0xFF0000)).wait(LIMIT)
    assert outcome.state == "finished"
    assert outcome.error is None
    (path,) = outcome.files
    assert path.parent == tmp_path / "outputs"
    assert pixel(path) == (255, 0, 0)


def pixel(path: Path) -> tuple[int, ...]:
    from PIL import Image

    with Image.open(path) as image:
        return image.convert("RGB").getpixel((0, 0))


def test_parameters_reach_the_server_by_role_and_by_name(comfy_server, tmp_path):
    server = comfy_server()
    with Session(server.url, data_dir=tmp_path) as session:
        job = session.submit(
            graphs.txt2img(), {"prompt": "fox", "negative_prompt": "dog", "seed": 2**64 - 1, "Main sampler.steps": 2}
        )
        assert job.wait(LIMIT).state == "finished"
    (sent,) = [r.json for r in server.journal.requests if r.route == "/prompt" and r.method == "POST"]
    assert sent["prompt_id"] == job.id
    assert sent["prompt"]["2"]["inputs"]["text"] == "fox"
    assert sent["prompt"]["3"]["inputs"]["text"] == "dog"
    assert sent["prompt"]["5"]["inputs"]["seed"] == 2**64 - 1
    assert sent["prompt"]["5"]["inputs"]["steps"] == 2


def test_a_bundled_workflow_goes_by_its_name(comfy_server, tmp_path):
    server = comfy_server()
    with Session(server.url, data_dir=tmp_path) as session:
        parameters = {"prompt": "fox", "seed": 1, "steps": 2, "checkpoint": server.knobs.checkpoints[0]}
        job = session.submit("sd_basic", parameters)
        assert job.wait(LIMIT).state == "finished"
    assert job.request.workflow_name == "sd_basic"


def test_a_parameter_without_a_place_is_refused_before_anything_is_sent(comfy_server, tmp_path):
    server = comfy_server()
    with Session(server.url, data_dir=tmp_path) as session, pytest.raises(UnknownParameter, match="cfg"):
        session.submit(graphs.empty_save(), {"cfg": 7})
    assert server.journal.posts == 0


@pytest.mark.parametrize("level", LEVELS)
def test_only_the_named_outputs_run(comfy_server, tmp_path, level):
    server = comfy_server(level=level)
    with Session(server.url, data_dir=tmp_path) as session:
        outcome = session.submit(graphs.two_saves(), outputs=["Save inverted"]).wait(LIMIT)
    assert [output.node_title for output in outcome.outputs] == ["Save inverted"]
    assert server.journal.nodes_run["SaveImage"] == 1


def test_a_batch_brings_every_picture_under_names_of_its_own(comfy_server, tmp_path):
    server = comfy_server()
    with Session(server.url, data_dir=tmp_path) as session:
        outcome = session.submit(graphs.empty_save(batch=3), stem="fox").wait(LIMIT)
    names = [path.name for path in outcome.files]
    assert len(set(names)) == 3
    assert all(name.startswith("fox_") and name.endswith(".png") for name in names)
    assert sorted(path.name for path in (tmp_path / "outputs").iterdir()) == sorted(names)  # and nothing temporary


@pytest.mark.parametrize("level", LEVELS)
def test_the_events_end_once_and_progress_only_grows(comfy_server, tmp_path, level):
    server = comfy_server(level=level)
    server.hold()
    with Session(server.url, data_dir=tmp_path) as session:
        job = session.submit(graphs.txt2img(steps=5))
        stream = job.events()
        threading.Thread(target=release_when_held, args=(server,), daemon=True).start()
        events = list(stream)
    assert [e for e in events if isinstance(e, Ended)] == events[-1:]
    fractions = [e.progress.fraction for e in events if isinstance(e, Progressed)]
    assert fractions == sorted(fractions)
    assert max(fractions) < 1.0
    assert job.progress.fraction == float(job.progress) == 1.0
    states = [e.state for e in events if isinstance(e, StateChanged)]
    assert states == sorted(states, key=list(JobState).index)
    previews = [e for e in events if isinstance(e, Previewed)]
    assert previews
    assert previews[-1].image.startswith(b"\xff\xd8")
    assert previews[-1].node_title == "Main sampler"


def release_when_held(server) -> None:
    server.wait_held()
    server.release()


def test_cached_nodes_count_and_a_rerun_brings_the_file_again(comfy_server, tmp_path):
    server = comfy_server()
    graph = graphs.empty_save()
    with Session(server.url, data_dir=tmp_path) as session:
        first, second = (session.submit(graph).wait(LIMIT) for _ in range(2))
    assert server.journal.nodes_run["EmptyImage"] == 1
    assert first.files[0] != second.files[0]
    assert first.files[0].read_bytes() == second.files[0].read_bytes()


def test_submit_comes_before_the_server(comfy_server, tmp_path):
    server = comfy_server()
    server.stop()
    with Session(server.url, data_dir=tmp_path) as session:
        job = session.submit(graphs.empty_save())
        waiting = next(e for e in job.events() if isinstance(e, StateChanged) and e.waiting_for)
        assert "Nothing answers" in waiting.waiting_for
        server.start()
        assert job.wait(LIMIT).state == "finished"


def test_jobs_may_be_submitted_from_any_thread(comfy_server, tmp_path):
    server = comfy_server()
    with Session(server.url, data_dir=tmp_path) as session:
        jobs = []
        threads = [threading.Thread(target=lambda: jobs.append(session.submit(graphs.empty_save()))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {job.wait(LIMIT).state for job in jobs} == {"finished"}
    assert len({path for job in jobs for path in job.outcome.files}) == 8
    assert set(server.journal.executions.values()) == {1}


def test_a_job_can_be_awaited(comfy_server, tmp_path):
    server = comfy_server()

    async def main() -> list[str]:
        with Session(server.url, data_dir=tmp_path) as session:
            jobs = [session.submit(graphs.empty_save()) for _ in range(3)]
            outcomes = await asyncio.gather(*(asyncio.wait_for(as_coroutine(job), LIMIT) for job in jobs))
            outcomes.append(await jobs[0])  # also once it has ended
            return [outcome.state for outcome in outcomes]

    async def as_coroutine(job):
        return await job

    assert asyncio.run(main()) == ["finished"] * 4


def test_leaving_the_events_leaves_nothing_behind(comfy_server, tmp_path):
    server = comfy_server()
    with Session(server.url, data_dir=tmp_path) as session:
        job = session.submit(graphs.empty_save())
        for _ in job.events():
            break
        assert job._feed._subscriptions == ()
        assert job.wait(LIMIT).state == "finished"
        assert [type(e) for e in job.events()] == [Ended]


def test_waiting_has_a_limit_and_the_job_goes_on(comfy_server, tmp_path):
    server = comfy_server()
    server.hold()
    with Session(server.url, data_dir=tmp_path) as session:
        job = session.submit(graphs.empty_save())
        server.wait_held()
        with pytest.raises(TimedOut):
            job.wait(0)
        server.release()
        assert job.wait(LIMIT).state == "finished"


def test_closing_ends_every_thread_and_names_why_the_job_did_not_end(comfy_server, tmp_path):
    server = comfy_server()
    server.hold()
    before = set(threading.enumerate())
    session = Session(server.url, data_dir=tmp_path)
    job = session.submit(graphs.empty_save())
    server.wait_held()
    session.close()
    assert set(threading.enumerate()) - before == set()
    assert job.wait(0).state == "failed"
    assert isinstance(job.outcome.error, SessionClosed)
    with pytest.raises(SessionClosed):
        session.submit(graphs.empty_save())
    session.close()


def test_the_server_is_described(comfy_server, tmp_path):
    server = comfy_server()
    with Session(server.url, data_dir=tmp_path) as session:
        assert session.server.connection == "idle"
        subscription = session.subscribe()
        session.start()
        while not session.server.checkpoints:
            subscription.get()
        state = session.server
    assert state.connection == "ready"
    assert state.version == "0.27.0"
    assert state.device == "cpu"
    assert state.vram_total > state.vram_free > 0 or state.vram_total == state.vram_free
    assert state.checkpoints == server.knobs.checkpoints
    assert "euler" in state.samplers
    assert "karras" in state.schedulers


def test_pictures_that_only_the_socket_brings_become_files(comfy_server, tmp_path):
    server = comfy_server()
    graph = graphs.empty_save(batch=2, colour=0x00FF00)
    graph["2"] = {"class_type": "SaveImageWebsocket", "inputs": {"images": ["1", 0]}}
    with Session(server.url, data_dir=tmp_path) as session:
        outcome = session.submit(graph).wait(LIMIT)
    assert [pixel(path) for path in outcome.files] == [(0, 255, 0)] * 2


def test_video_and_text_arrive_too(comfy_server, tmp_path):
    server = comfy_server()
    graph = graphs.empty_save(batch=4)
    graph["2"] = {"class_type": "CreateVideo", "inputs": {"images": ["1", 0], "fps": 12.0}}
    graph["3"] = {
        "class_type": "SaveVideo",
        "inputs": {"video": ["2", 0], "filename_prefix": "video/clip", "format": "mp4", "codec": "h264"},
    }
    graph["4"] = {"class_type": "ProbeTextOut", "inputs": {"text": "héllo"}}
    with Session(server.url, data_dir=tmp_path) as session:
        outcome = session.submit(graph).wait(LIMIT)
    assert [output.kind for output in outcome.outputs] == ["video"]
    assert outcome.files[0].suffix == ".mp4"
    assert outcome.files[0].read_bytes()[4:8] == b"ftyp"
    assert outcome.texts == ("héllo",)


def test_the_headers_go_with_every_request_and_the_socket(comfy_server, tmp_path):
    server = comfy_server(auth=("Authorization", "Bearer abc"))
    with Session(server.url, data_dir=tmp_path, headers={"Authorization": "Bearer abc"}) as session:
        assert session.submit(graphs.empty_save()).wait(LIMIT).state == "finished"
    assert {r.headers.get("Authorization") for r in server.journal.requests} == {"Bearer abc"}
    assert any(r.route == "/ws" for r in server.journal.requests)


def test_a_path_prefix_stands_before_everything(comfy_server, tmp_path):
    server = comfy_server(prefix="/studio/comfy")
    with Session(server.url, data_dir=tmp_path) as session:
        assert "/studio/comfy" in server.url
        assert session.submit(graphs.empty_save()).wait(LIMIT).state == "finished"


def test_nothing_of_ours_is_written_into_the_callers_workflow(comfy_server, tmp_path):
    server = comfy_server()
    graph = graphs.txt2img()
    before = json.dumps(graph)
    with Session(server.url, data_dir=tmp_path) as session:
        session.submit(graph, {"prompt": "fox", "seed": 5}).wait(LIMIT)
    assert json.dumps(graph) == before


def test_a_choice_can_be_left_to_the_server(comfy_server, tmp_path):
    server = comfy_server()
    with Session(server.url, data_dir=tmp_path) as session:
        job = session.submit("sd_basic", {"prompt": "fox", "checkpoint": SERVERS_FIRST, "steps": 2})
        assert job.wait(LIMIT).state == "finished"
    assert job.request.parameters["checkpoint"] == server.checkpoints[0]
    assert job.server_version == "0.27.0"
    (sent,) = [r.json for r in server.requests if r.route == "/prompt" and r.method == "POST"]
    loaders = [node for node in sent["prompt"].values() if node["class_type"] == "CheckpointLoaderSimple"]
    assert [node["inputs"]["ckpt_name"] for node in loaders] == [server.checkpoints[0]]


def test_a_server_without_checkpoints_is_told_apart(comfy_server, tmp_path):
    server = comfy_server(checkpoints=())
    with Session(server.url, data_dir=tmp_path) as session:
        outcome = session.submit("sd_basic", {"checkpoint": SERVERS_FIRST}).wait(LIMIT)
    assert isinstance(outcome.error, InvalidPrompt)
    assert "none to choose from" in str(outcome.error)
    assert server.posts == 0


def test_a_waiting_job_learns_its_place_in_the_queue(comfy_server, tmp_path):
    server = comfy_server()
    server.hold()
    with Session(server.url, data_dir=tmp_path) as session:
        session.submit(graphs.empty_save())
        server.wait_held()
        subscription = session.subscribe()
        job = session.submit(graphs.empty_save())
        server.wait_for(lambda: any(r.route == "/queue" for r in server.requests))
        while job.queue_position is None and job.state != "running":
            subscription.drain()
        assert job.queue_position == 1
        server.release()
        assert job.wait(LIMIT).state == "finished"


def test_closing_does_not_wait_for_a_slow_answer(comfy_server, tmp_path):
    server = comfy_server(post_delay=60.0)
    before = set(threading.enumerate())
    session = Session(server.url, data_dir=tmp_path)
    job = session.submit(graphs.empty_save())
    server.wait_for(lambda: server.posts == 1)
    session.close()
    assert set(threading.enumerate()) - before == set()
    assert isinstance(job.outcome.error, SessionClosed)
