"""A batch that overflows the server's memory: the same pictures in parts, or an error that says what would help."""

from __future__ import annotations

import contextlib
import uuid
from typing import Any

import pytest
from PIL import Image

from blender_comfyui.comfy import errors
from blender_comfyui.generation.events import Progressed, StateChanged
from blender_comfyui.generation.outcome import Outcome
from blender_comfyui.generation.patience import Patience
from blender_comfyui.generation.retry import Retry
from blender_comfyui.generation.session import Session
from tests import graphs
from tests.generation.test_recovery import returned

LIMIT = 120.0
QUICK = Patience(unsent=10.0, outage=1.0, absence=0.3, absence_behind_proxy=0.3, look=0.2, look_blind=0.1)
SOON = Retry(first=0.02)


@pytest.fixture
def open_session(tmp_path):
    """Opens sessions on one data folder; all are closed in the end."""
    sessions = []

    def open_(server) -> Session:
        sessions.append(Session(server.url, data_dir=tmp_path, patience=QUICK, retry=SOON))
        return sessions[-1]

    yield open_
    for session in sessions:
        session.close()


def txt2img(batch: int, seed: int = 7) -> graphs.Graph:
    graph = graphs.txt2img(batch=batch)
    graph["5"]["inputs"]["seed"] = seed
    return graph


def pixels(outcome: Outcome) -> list[bytes]:
    found = []
    for path in outcome.files:
        with Image.open(path) as picture:
            found.append(picture.tobytes())
    return found


def whole(comfy_server, open_session, graph: graphs.Graph) -> list[bytes]:
    """The pictures of a server with memory enough."""
    return pixels(open_session(comfy_server()).submit(graph).wait(LIMIT))


def part_id(job_id: str, first: int, count: int) -> str:
    return str(uuid.uuid5(uuid.UUID(job_id), f"{first}+{count}"))


def leftovers(tmp_path) -> list[str]:
    return [path.name for path in tmp_path.rglob("*.part*")]


@pytest.mark.parametrize("level", ["0.3.64", "0.27.0"])
def test_eight_pictures_with_memory_for_two(comfy_server, open_session, tmp_path, level):
    server = comfy_server(level, vram_batch_limit=2)
    job = open_session(server).submit(txt2img(8), stem="fox")
    outcome = job.wait(LIMIT)
    assert outcome.state == "finished", outcome.error
    assert pixels(outcome) == whole(comfy_server, open_session, txt2img(8))
    assert len(set(pixels(outcome))) == 8
    assert outcome.note == "Ran in parts: the server has memory for 2 at once."
    short = job.id.replace("-", "")[:6]
    assert [path.name for path in outcome.files] == [
        f"fox_{short}.png",
        *(f"fox_{short}_{number}.png" for number in range(2, 9)),
    ]
    assert leftovers(tmp_path) == []


def test_each_part_runs_once_and_memory_is_freed_before_each_new_size(comfy_server, open_session):
    server = comfy_server(vram_batch_limit=2)
    job = open_session(server).submit(txt2img(8))
    assert job.wait(LIMIT).state == "finished"
    expected = [(0, 4), (0, 2), (2, 2), (4, 2), (6, 2)]
    assert list(server.executions) == [job.id, *(part_id(job.id, *part) for part in expected)]
    assert set(server.executions.values()) == {1}
    assert server.journal.frees == 2
    routes = [record.route for record in server.requests if record.method == "POST"]
    assert routes == ["/prompt", "/free", "/prompt", "/free", *["/prompt"] * 4]
    [free, _] = [record.json for record in server.requests if record.route == "/free"]
    assert free == {"unload_models": True, "free_memory": True}


def test_seeds_size_and_steps_are_what_was_asked_for(comfy_server, open_session):
    server = comfy_server(vram_batch_limit=1)
    graph = txt2img(3, seed=2**63)
    open_session(server).submit(graph).wait(LIMIT)
    sent = [record.json["prompt"] for record in server.requests if record.route == "/prompt"]
    assert len(sent) == 5  # 3 and 2 were too many
    for prompt in sent:
        inputs = prompt["5"]["inputs"]
        assert {**inputs, "latent_image": ["4", 0]} == graph["5"]["inputs"]
        assert prompt["4"] == graph["4"]


@pytest.mark.parametrize(
    ("size", "room", "sizes"), [(2, 1, [1, 1]), (3, 2, [2, 1]), (7, 4, [4, 2, 1]), (6, 3, [2] * 3)]
)
def test_sizes_that_are_no_powers_of_two(comfy_server, open_session, size, room, sizes):
    server = comfy_server(vram_batch_limit=room)
    outcome = open_session(server).submit(txt2img(size)).wait(LIMIT)
    assert pixels(outcome) == whole(comfy_server, open_session, txt2img(size))
    lengths = [
        node["inputs"]["length"]
        for record in server.requests
        if record.route == "/prompt"
        for node in record.json["prompt"].values()
        if node["class_type"] == "LatentFromBatch"
    ]
    assert lengths[-len(sizes) :] == sizes


def test_every_output_node_keeps_its_order(comfy_server, open_session):
    """Two nodes save the pictures, a third one something that is the same for all of them."""
    graph = txt2img(4) | {
        "8": {"class_type": "ImageInvert", "inputs": {"image": ["6", 0]}},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "inverted"}},
        "10": graphs.empty_save(colour=0x336699)["1"],
        "11": {"class_type": "SaveImage", "inputs": {"images": ["10", 0], "filename_prefix": "plain"}},
        "12": {"class_type": "ProbeTextOut", "inputs": {"text": "hello"}},
    }
    server = comfy_server(vram_batch_limit=1)
    outcome = open_session(server).submit(graph).wait(LIMIT)
    expected = open_session(comfy_server()).submit(graph).wait(LIMIT)
    assert outcome.state == "finished"
    ours, theirs = by_node(outcome), by_node(expected)
    assert ours == theirs
    assert {node: len(found) for node, found in ours.items()} == {"7": 4, "9": 4, "11": 1}
    assert outcome.texts == ("hello",)


def by_node(outcome: Outcome) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for output, data in zip(outcome.outputs, pixels(outcome), strict=True):
        found.setdefault(output.node_id, []).append(data)
    return found


def test_a_second_pass_over_the_pictures(comfy_server, open_session):
    graph = txt2img(4)
    second = graph["5"]["inputs"] | {"latent_image": ["8", 0], "seed": 99, "denoise": 0.5}
    graph |= {
        "8": {"class_type": "VAEEncode", "inputs": {"pixels": ["6", 0], "vae": ["1", 2]}},
        "9": {"class_type": "KSampler", "inputs": second},
        "10": {"class_type": "VAEDecode", "inputs": {"samples": ["9", 0], "vae": ["1", 2]}},
    }
    graph["7"]["inputs"]["images"] = ["10", 0]
    outcome = open_session(comfy_server(vram_batch_limit=1)).submit(graph).wait(LIMIT)
    assert outcome.state == "finished"
    assert pixels(outcome) == whole(comfy_server, open_session, graph)


def test_a_sampler_whose_pictures_can_differ_is_said(comfy_server, open_session):
    graph = txt2img(2)
    graph["5"]["inputs"]["sampler_name"] = "euler_ancestral"
    outcome = open_session(comfy_server(vram_batch_limit=1)).submit(graph).wait(LIMIT)
    assert outcome.state == "finished"
    assert outcome.note.startswith("Ran in parts: the server has memory for 1 at once. The sampler “euler_ancestral”")
    assert outcome.note.endswith("can differ from those of one whole batch.")


def test_progress_covers_all_parts_and_never_goes_back(comfy_server, open_session):
    job = open_session(comfy_server(vram_batch_limit=2)).submit(txt2img(8))
    events = list(job.events())
    fractions = [event.progress.fraction for event in events if isinstance(event, Progressed)]
    assert fractions == sorted(fractions)
    assert any(0.25 < fraction < 0.75 for fraction in fractions)
    assert job.outcome.state == "finished"
    assert job.progress.fraction == 1.0
    states = [event.state for event in events if isinstance(event, StateChanged)]
    assert states == sorted(states, key=list(type(states[0])).index)


def test_the_job_says_while_it_runs_that_it_runs_in_parts(comfy_server, open_session):
    server = comfy_server(vram_batch_limit=2)
    session = open_session(server)
    job = session.submit(txt2img(8))
    events = session.subscribe()
    notes = []
    while job.outcome is None:
        events.get()
        if job.note not in notes:
            notes.append(job.note)
    assert notes[-1] == "Running in parts of 2: the server's memory does not hold all 8 pictures at once."
    assert session.history.record(job.id).note == job.outcome.note


def test_nobody_else_hears_of_the_parts(comfy_server, open_session):
    session = open_session(comfy_server(vram_batch_limit=2))
    events = session.subscribe()
    job = session.submit(txt2img(8))
    job.wait(LIMIT)
    heard = events.drain(10_000)
    assert {event.job_id for event in heard if hasattr(event, "job_id")} == {job.id}
    assert session.jobs == ()
    assert session.history.find().total == 1


def test_only_the_named_output_runs_in_parts(comfy_server, open_session):
    graph = txt2img(4) | {"8": {"class_type": "SaveAnimatedWEBP", "inputs": webp(["6", 0])}}
    outcome = open_session(comfy_server(vram_batch_limit=2)).submit(graph, outputs=["7"]).wait(LIMIT)
    assert outcome.state == "finished"
    assert len(outcome.files) == 4


def webp(images: list[Any]) -> dict[str, Any]:
    settings = {"fps": 6.0, "lossless": True, "quality": 80, "method": "default"}
    return {"images": images, "filename_prefix": "film", **settings}


# ---- where parts are no help


def failure(server, open_session, graph) -> errors.OutOfMemory:
    error = open_session(server).submit(graph).wait(LIMIT).error
    assert isinstance(error, errors.OutOfMemory)
    assert error.details
    return error


def test_a_single_picture_that_does_not_fit(comfy_server, open_session):
    error = failure(comfy_server(vram_batch_limit=0), open_session, txt2img(1))
    assert str(error) == (
        "Not even a single picture of 64 × 64 pixels fits into the server's memory (23.1 of 25.3 GB are free): it ran "
        "out in “Main sampler”. Make the picture smaller, close what else uses that memory, or use a smaller model."
    )


def test_a_batch_of_which_not_even_one_fits(comfy_server, open_session, tmp_path):
    server = comfy_server(vram_batch_limit=0)
    error = failure(server, open_session, txt2img(4))
    assert str(error).startswith("Not even a single picture of 64 × 64 pixels fits")
    assert len(server.executions) == 1 + 2 + 0  # 4, 2 and 1
    assert leftovers(tmp_path) == []


def test_a_film_is_not_split(comfy_server, open_session):
    server = comfy_server(vram_batch_limit=2)
    graph = txt2img(4) | {
        "8": {
            "class_type": "SaveAnimatedWEBP",
            "inputs": webp(["6", 0]),
            "_meta": {"title": "The film"},
        }
    }
    error = failure(server, open_session, graph)
    assert str(error) == (
        "The server ran out of memory in “Main sampler”. The batch cannot run in parts: “The film” works with the "
        "batch as a whole. Lower the batch or the size, or close what else uses its memory."
    )
    assert server.posts == 1


def test_a_node_before_the_batch_is_not_helped(comfy_server, open_session):
    server = comfy_server()
    error = failure(server, open_session, graphs.empty_save(size=16384, batch=64))
    assert "A smaller batch would not help" in str(error)
    assert server.posts == 1


def test_a_server_that_does_not_describe_its_nodes(comfy_server, open_session):
    refusals = [(403, {}, "no")] * 50
    server = comfy_server(vram_batch_limit=2)
    session = open_session(server)
    job = session.submit(txt2img(1))
    assert job.wait(LIMIT).state == "finished"
    server.fail_next["GET /object_info/{name}"] = refusals
    error = session.submit(txt2img(4)).wait(LIMIT).error
    assert isinstance(error, errors.OutOfMemory)
    assert "does not say what its nodes give out" in str(error)


# ---- trouble on the way


def test_a_short_outage_between_the_parts(comfy_server, open_session):
    server = comfy_server(vram_batch_limit=2)
    session = open_session(server)
    assert session.submit(txt2img(1)).wait(LIMIT).state == "finished"  # the choices are read
    server.fail_next["GET /object_info/{name}"] = [(503, {}, "busy")]
    server.fail_next["POST /free"] = [(502, {}, "bad")]
    outcome = session.submit(txt2img(4)).wait(LIMIT)
    assert outcome.state == "finished", outcome.error
    assert len(outcome.files) == 4


def test_what_came_before_another_failure_is_kept(comfy_server, open_session, tmp_path):
    server = comfy_server(vram_batch_limit=2)
    session = open_session(server)
    server.hold()
    job = session.submit(txt2img(6))
    run_until(server, part_id(job.id, 4, 2))
    server.fail_next["GET /view"] = [(404, {}, "")] * 4
    server.release()
    outcome = job.wait(LIMIT)
    assert outcome.state == "failed"
    assert isinstance(outcome.error, errors.FileMissing)
    assert len(outcome.files) == 4
    assert "Ran in parts" in outcome.note
    assert leftovers(tmp_path) == []


def run_until(server, prompt_id: str) -> None:
    """Let the held server go on, step by step, until it stands before the first node of this prompt."""
    while prompt_id not in server.executions:
        with contextlib.suppress(TimeoutError):  # between two prompts nothing stands anywhere
            server.wait_held(0.05)
            if prompt_id not in server.executions:
                server.step()
    server.wait_held()


@pytest.mark.parametrize("level", ["0.3.64", "0.27.0"])
def test_cancelling_ends_the_part_under_way_and_all_others(comfy_server, open_session, tmp_path, level):
    server = comfy_server(level, vram_batch_limit=2)
    session = open_session(server)
    server.hold()
    job = session.submit(txt2img(8))
    run_until(server, part_id(job.id, 2, 2))
    job.cancel()
    outcome = job.wait(LIMIT)
    server.release()
    assert outcome.state == "cancelled"
    assert outcome.files == []
    assert session.submit(graphs.empty_save()).wait(LIMIT).state == "finished"
    assert part_id(job.id, 4, 2) not in server.executions
    assert server.history[part_id(job.id, 2, 2)]["status"]["status_str"] == "error"
    assert leftovers(tmp_path) == []


def test_our_next_job_does_not_come_between_the_parts(comfy_server, open_session):
    server = comfy_server(vram_batch_limit=2)
    session = open_session(server)
    server.hold()
    first = session.submit(txt2img(8))
    run_until(server, part_id(first.id, 0, 2))
    later = session.submit(graphs.empty_save())
    server.release()
    assert first.wait(LIMIT).state == later.wait(LIMIT).state == "finished"
    assert list(server.executions)[-1] == later.id


@pytest.mark.parametrize("moment", [(0, 4), (0, 2), (4, 2)])
def test_after_a_crash_each_part_is_found_again_and_runs_once(comfy_server, open_session, tmp_path, moment):
    server = comfy_server(vram_batch_limit=2)
    server.hold()
    first = open_session(server)
    job = first.submit(txt2img(8))
    run_until(server, part_id(job.id, *moment))
    first.close()
    assert job.outcome.stays_open
    server.release()
    [again] = returned(open_session(server))
    outcome = again.wait(LIMIT)
    assert again.id == job.id
    assert outcome.state == "finished", outcome.error
    assert pixels(outcome) == whole(comfy_server, open_session, txt2img(8))
    assert set(server.executions.values()) == {1}
    assert len(server.executions) == 6
    views = [record.query["filename"] for record in server.requests if record.route == "/view"]
    assert len(views) <= 8 + 6  # what the first session had fetched already is fetched again, once
    assert leftovers(tmp_path) == []


def test_a_part_that_the_server_forgets_is_lost_and_said(comfy_server, open_session):
    server = comfy_server(vram_batch_limit=2)
    session = open_session(server)
    server.hold()
    job = session.submit(txt2img(8))
    run_until(server, part_id(job.id, 2, 2))
    server.stop()
    server.start()
    server.release()
    outcome = job.wait(LIMIT)
    assert outcome.state == "lost"
    assert "Run it again" in str(outcome.error)
    assert len(outcome.files) == 2


def test_parts_are_no_results_of_other_clients(comfy_server, open_session):
    session = open_session(comfy_server(vram_batch_limit=2))
    session.submit(txt2img(4)).wait(LIMIT)
    events = session.subscribe()
    session.list_foreign()
    while type(event := events.get()).__name__ != "ForeignListed":
        pass
    assert event.results == ()
