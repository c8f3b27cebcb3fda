"""Every tier of every bundled task: what is sent is the workflow with the tier's and the person's values, and no more.

Where a value belongs in each workflow is written here by hand.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from blender_comfyui.generation.choices import SERVERS_FIRST
from blender_comfyui.generation.events import StateChanged
from blender_comfyui.generation.outcome import JobState
from blender_comfyui.generation.tasks.book import FILE, TaskBook
from blender_comfyui.workflow import bundled
from blender_comfyui.workflow.graph import Workflow
from blender_comfyui.workflow.loras import Lora
from tests.workflow.graphs import Graph, node, txt2img

LIMIT = 120.0
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
# as any reader of YAML and JSON has them, not ours
TOLD = yaml.safe_load((bundled.folder() / FILE).read_text(encoding="utf-8"))["tasks"]
CASES = [(task, tier) for task in TOLD for tier in TOLD[task]["tiers"]]


def placed(graph: Graph, places: Mapping[str, list[str]], values: Mapping[str, object]) -> Graph:
    result = copy.deepcopy(graph)
    for name, value in values.items():
        for number, place in enumerate(places[name]):
            node_id, _, input_name = place.partition(".")
            assert input_name in result[node_id]["inputs"]
            result[node_id]["inputs"][input_name] = value[number] if isinstance(value, list) else value
    return result


def sent_by(held: Any, task: str, tier: str, values: Mapping[str, object], **options: Any) -> Any:
    """The job, cancelled before it ran, and the graph that the server was sent."""
    server, session = held
    job = session.run_task(task, tier, values, **options)
    for event in job.events():
        if isinstance(event, StateChanged) and event.state is not JobState.WAITING:
            job.cancel()
    assert job.outcome.state is JobState.CANCELLED, job.outcome
    posts = [request.json for request in server.journal.requests if request.route == "/prompt"]
    (sent,) = [post["prompt"] for post in posts if post["prompt_id"] == job.id]
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
def test_what_is_sent(held, picture, mask, task: str, tier: str, own: bool) -> None:
    told = TOLD[task]["tiers"][tier]
    places = PLACES[told["workflow"]]
    files = {name: file for name, file in (("image", picture), ("mask", mask)) if name in places}
    asked: dict[str, Any] = files | {"prompt": "a red fox", "negative_prompt": "a dog", "seed": 2**64 - 1}
    if own:
        asked |= {"steps": 33, "cfg": 5.5, "width": 1024, "height": 1088, "length": 17, "denoise": 0.5, "fps": 12.5}
        asked |= {"sampler_name": "euler_ancestral", "scheduler": "simple", "strength": 0.6, "Fit width.width": 640}
    job, sent = sent_by(held, task, tier, asked)
    has_place = {name: value for name, value in asked.items() if name in places}
    if task == "grid":
        has_place["seed"] = [2**64 - 1, 0, 1, 2]
    graph = json.loads(bundled.text(told["workflow"]))
    assert sent == placed(graph, places, told["parameters"] | as_seen(has_place))
    assert (job.request.task, job.request.tier, job.request.workflow_name) == (task, tier, told["workflow"])
    left_out = [setting.name for setting in job.task_report.settings if not setting.is_set]
    assert left_out == [name for name in asked if name not in places]


# ---- workflows of other makes in the place of a tier's own


def two_encoders() -> Graph:
    """SDXL with two texts a side, and a value that a primitive holds."""
    graph = txt2img(n8=node("PrimitiveInt", "Steps", value=20))
    for id_, title, text in (("2", "Good", "a cat"), ("3", "Bad", "blurry")):
        sizes = {"width": 1024, "height": 1024, "crop_w": 0, "crop_h": 0, "target_width": 1024, "target_height": 1024}
        graph[id_] = node("CLIPTextEncodeSDXL", title, **sizes, text_g=text, text_l=text, clip=["1", 1])
    graph["1"]["inputs"]["ckpt_name"] = "sd_xl_base_1.0.safetensors"
    graph["5"]["inputs"]["steps"] = ["8", 0]
    return graph


def guided() -> Graph:
    """A guider between the texts and the sampler, and each setting on a node of its own."""
    return {
        "1": node("CheckpointLoaderSimple", ckpt_name="sd_xl_base_1.0.safetensors"),
        "2": node("CLIPTextEncode", text="a cat", clip=["1", 1]),
        "3": node("CLIPTextEncode", text="blurry", clip=["1", 1]),
        "4": node("CFGGuider", cfg=7.0, model=["1", 0], positive=["2", 0], negative=["3", 0]),
        "5": node("RandomNoise", noise_seed=1),
        "6": node("KSamplerSelect", sampler_name="euler"),
        "7": node("BasicScheduler", scheduler="simple", steps=20, denoise=1.0, model=["1", 0]),
        "8": node("EmptyLatentImage", width=512, height=512, batch_size=1),
        "9": node(
            "SamplerCustomAdvanced",
            noise=["5", 0],
            guider=["4", 0],
            sampler=["6", 0],
            sigmas=["7", 0],
            latent_image=["8", 0],
        ),
        "10": node("VAEDecode", samples=["9", 0], vae=["1", 2]),
        "11": node("SaveImage", filename_prefix="x", images=["10", 0]),
    }


OTHER_MAKES: list[tuple[Graph, dict[str, list[str]]]] = [
    (
        two_encoders(),
        {"prompt": ["2.text_g", "2.text_l"], "negative_prompt": ["3.text_g", "3.text_l"]}
        | size("4")
        | sampled_by("5")
        | {"steps": ["8.value"]},
    ),
    (
        guided(),
        texts("2", "3")
        | size("8")
        | {
            "seed": ["5.noise_seed"],
            "steps": ["7.steps"],
            "scheduler": ["7.scheduler"],
            "cfg": ["4.cfg"],
            "sampler_name": ["6.sampler_name"],
        },
    ),
]


@pytest.mark.parametrize(("graph", "places"), OTHER_MAKES, ids=["two text encoders", "a guider"])
def test_a_workflow_of_another_make_takes_the_place_of_the_tiers_own(held, graph: Graph, places: Any) -> None:
    asked = {"prompt": "a red fox", "negative_prompt": "a dog", "seed": 7, "cfg": 5.5}
    told = CONFIGURATION.tasks["image_generation"].tiers["high"]
    job, sent = sent_by(held, "image_generation", "high", asked, workflow=graph)
    assert sent == placed(graph, places, told.parameters | asked)
    assert job.task_report.sentences == ()


def test_what_a_workflow_in_place_of_the_tiers_own_has_no_place_for_is_said(held, picture) -> None:
    graph = txt2img(n1=node("CheckpointLoaderSimple", ckpt_name="sd_xl_base_1.0.safetensors"))
    job, sent = sent_by(held, "upscale", "low", {"image": picture, "seed": 7}, workflow=graph)
    assert sent == placed(graph, {"seed": ["5.seed"]}, {"seed": 7})
    assert job.task_report.sentences == (
        "The tier's “scale_by” is left out: the workflow has no place for it.",
        "“image” is left out: the workflow has no place for it.",
    )


def test_a_contact_sheet_of_prompts(held) -> None:
    asked = {"prompt": ["fox", "owl"], "seed": [5, 6, 7, 8]}
    job, sent = sent_by(held, "grid", "low", asked)
    told = CONFIGURATION.tasks["grid"].tiers["low"]
    wanted = {"prompt": ["fox", "owl", "fox", "owl"], "seed": [5, 6, 7, 8]}
    assert sent == placed(Workflow.load("grid").api(), PLACES["grid"], told.parameters | wanted)
    assert job.request.label == "fox | owl"
    assert job.request.parameters == told.parameters | {"prompt": ("fox", "owl"), "seed": (5, 6, 7, 8)}


def test_loras_of_the_stack_and_of_the_prompt(held) -> None:
    """Those of the prompt by a part of their names, behind those of the stack; the prompt goes without them."""
    asked = {"prompt": "a red fox <lora:墨:0.8:0.6>", "negative_prompt": "a dog", "seed": 7}
    stack = (Lora("ink.safetensors", 0.5), Lora("off", on=False))
    job, sent = sent_by(held, "image_generation", "low", asked, loras=stack)
    graph = Workflow.load("sd_basic").api()
    for id_, name, strengths, before in (
        ("8", "ink.safetensors", (0.5, 0.5), "1"),
        ("9", "sub dir\\墨.safetensors", (0.8, 0.6), "8"),
    ):
        inputs = {"lora_name": name, "strength_model": strengths[0], "strength_clip": strengths[1]}
        graph[id_] = node("LoraLoader", f"LoRA {name}", **inputs, model=[before, 0], clip=[before, 1])
    for place, link in {"2.clip": ["9", 1], "3.clip": ["9", 1], "5.model": ["9", 0]}.items():
        graph[place[0]]["inputs"][place[2:]] = link
    told = CONFIGURATION.tasks["image_generation"].tiers["low"]
    assert sent == placed(graph, PLACES["sd_basic"], told.parameters | asked | {"prompt": "a red fox"})
    assert job.request.label == "a red fox"
    assert job.request.parameters["loras"] == ["<lora:ink.safetensors:0.5>", "<lora:sub dir\\墨.safetensors:0.8:0.6>"]
    assert job.request.seed == 7


def test_any_checkpoint_will_do(held) -> None:
    _, sent = sent_by(held, "image_generation", "low", {"prompt": "fox", "checkpoint": SERVERS_FIRST})
    assert sent["1"]["inputs"]["ckpt_name"] == "v1-5-pruned-emaonly-fp16.safetensors"


# ---- to the end


@pytest.mark.parametrize("level", ["0.3.64", "0.27.0"])
def test_every_task_runs_to_its_end(full_server, open_session, picture, mask, level: str) -> None:
    session = open_session(full_server(level))
    files = {"image": picture, "mask": mask}
    jobs = {
        task.name: session.run_task(task.name, "low", {name: files[name] for name in task.needs} | {"steps": 12})
        for task in session.tasks()
    }
    made = {name: job.wait(LIMIT) for name, job in jobs.items()}
    assert {name: (outcome.state, outcome.error) for name, outcome in made.items()} == dict.fromkeys(
        jobs, (JobState.FINISHED, None)
    )
    assert {name: len(outcome.files) for name, outcome in made.items()} == dict.fromkeys(jobs, 1)
    assert made["video_generation"].files[0].suffix == ".mp4"
    sizes = {name: Image.open(outcome.files[0]).size for name, outcome in made.items() if name != "video_generation"}
    assert sizes["character_portrait"] == (640, 960)
    assert sizes["upscale"] == (192, 144)
    assert sizes["inpaint"] == sizes["image_to_image"] == (512, 384)
    assert sizes["grid"] == (384 * 2 + 8, 384 * 2 + 8)
