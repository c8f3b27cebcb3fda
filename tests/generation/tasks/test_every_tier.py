"""Every tier of every bundled task: what is sent is the workflow with the tier's and the person's values, and no more.

Where a value belongs in each workflow is written here by hand.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from blender_comfyui.generation.events import StateChanged
from blender_comfyui.generation.outcome import JobState
from blender_comfyui.generation.tasks.book import TaskBook
from blender_comfyui.workflow.graph import Workflow
from tests.workflow.graphs import Graph

LIMIT = 60.0
SAMPLED = ("seed", "steps", "cfg", "sampler_name", "scheduler", "denoise")


def sampled_by(*ids: str) -> dict[str, list[str]]:
    return {name: [f"{id_}.{name}" for id_ in ids] for name in SAMPLED}


def texts(prompt: str, negative: str) -> dict[str, list[str]]:
    return {"prompt": [f"{prompt}.text"], "negative_prompt": [f"{negative}.text"]}


def size(id_: str) -> dict[str, list[str]]:
    return {"width": [f"{id_}.width"], "height": [f"{id_}.height"]}


TWO_PASSES = texts("2", "3") | size("4") | sampled_by("5", "7") | {"denoise": ["5.denoise"]}
TWO_PASSES |= {"Enlarge.scale_by": ["6.scale_by"]}
CONTROLLED = texts("2", "3") | size("7") | sampled_by("8") | {"image": ["5.image"], "strength": ["6.strength"]}
PLACES: Mapping[str, Mapping[str, list[str]]] = {
    "sd_basic": texts("2", "3") | size("4") | sampled_by("5"),
    "character_portrait": TWO_PASSES,
    "scene_generation": TWO_PASSES,
    "ltx_video": texts("3", "4")
    | size("6")
    | {
        "seed": ["9.noise_seed"],
        "steps": ["7.steps"],
        "cfg": ["9.cfg"],
        "sampler_name": ["8.sampler_name"],
        "length": ["6.length"],
        "fps": ["5.frame_rate", "11.fps"],
    },
    "upscale_4x": {"image": ["1.image"], "scale_by": ["4.scale_by"]},
    "inpaint": texts("2", "3")
    | sampled_by("9")
    | {"image": ["4.image"], "mask": ["5.image"], "Fit width.width": ["6.width"]},
    "image_to_image": texts("2", "3") | sampled_by("7") | {"image": ["4.image"], "Fit width.width": ["5.width"]},
    "controlnet_pose": CONTROLLED,
    "controlnet_depth": CONTROLLED,
    "grid": {"prompt": ["2.text", "3.text", "4.text", "5.text"], "negative_prompt": ["6.text"]}
    | size("7")
    | sampled_by("8", "9", "10", "11"),
}

CONFIGURATION = TaskBook().refresh()
CASES = [(task.name, tier) for task in CONFIGURATION.tasks.values() for tier in task.tiers]


def placed(graph: Graph, places: Mapping[str, list[str]], values: Mapping[str, object]) -> Graph:
    result = copy.deepcopy(graph)
    for name, value in values.items():
        for number, place in enumerate(places[name]):
            node_id, _, input_name = place.partition(".")
            assert input_name in result[node_id]["inputs"]
            result[node_id]["inputs"][input_name] = value[number] if isinstance(value, list) else value
    return result


def sent_by(session: Any, server: Any, task: str, tier: str, values: Mapping[str, object], **options: Any) -> Any:
    """The job, and the graph that the server was sent; it does not run."""
    server.hold()
    job = session.run_task(task, tier, values, **options)
    for event in job.events():
        if isinstance(event, StateChanged) and event.state is not JobState.WAITING:
            break
    assert job.outcome is None, job.outcome
    (sent,) = [r.json["prompt"] for r in server.journal.requests if r.route == "/prompt" and r.method == "POST"]
    return job, sent


def as_seen(values: Mapping[str, object]) -> dict[str, object]:
    """Files have their names on the server then."""
    return {name: value.name if isinstance(value, Path) else value for name, value in values.items()}


def test_the_bundled_tasks_and_tiers() -> None:
    assert list(CONFIGURATION.tasks) == [
        "image_generation",
        "character_portrait",
        "scene_generation",
        "video_generation",
        "upscale",
        "inpaint",
        "image_to_image",
        "controlnet_pose",
        "controlnet_depth",
        "grid",
    ]
    for task in CONFIGURATION.tasks.values():
        assert list(task.tiers) == ["low", "standard", "high"]
        seconds = [tier.seconds for tier in task.tiers.values()]
        assert seconds == sorted(seconds)
    used = {tier.workflow_name for task in CONFIGURATION.tasks.values() for tier in task.tiers.values()}
    assert used == set(PLACES)


@pytest.mark.parametrize("own", [False, True], ids=["as it is", "with own values"])
@pytest.mark.parametrize(("task", "tier"), CASES)
def test_what_is_sent(full_server, open_session, picture, mask, task: str, tier: str, own: bool) -> None:
    server = full_server()
    told = CONFIGURATION.tasks[task].tiers[tier]
    places = PLACES[told.workflow_name]
    files = {name: file for name, file in (("image", picture), ("mask", mask)) if name in places}
    asked: dict[str, Any] = files | {"prompt": "a red fox", "negative_prompt": "a dog", "seed": 2**64 - 1}
    if own:
        asked |= {"steps": 33, "cfg": 5.5, "width": 1024, "length": 17, "denoise": 0.5}
    job, sent = sent_by(open_session(server), server, task, tier, asked)
    has_place = {name: value for name, value in asked.items() if name in places}
    if task == "grid":
        has_place["seed"] = [2**64 - 1, 0, 1, 2]
    wanted = placed(Workflow.load(told.workflow_name).api(), places, told.parameters | as_seen(has_place))
    assert sent == wanted
    assert (job.request.task, job.request.tier, job.request.workflow_name) == (task, tier, told.workflow_name)
    left_out = [setting.name for setting in job.task_report.settings if not setting.is_set]
    assert left_out == [name for name in asked if name not in places]
