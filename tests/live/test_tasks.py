"""The bundled workflows and tasks on a real ComfyUI, named by COMFYUI_URL."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
import requests
from PIL import Image

from blender_comfyui.generation.outcome import JobState
from blender_comfyui.generation.session import Session
from blender_comfyui.generation.tasks.book import TaskBook
from blender_comfyui.workflow import bundled
from blender_comfyui.workflow.graph import Workflow
from blender_comfyui.workflow.loras import Lora, with_loras
from blender_comfyui.workflow.preflight import preflight

URL = os.environ.get("COMFYUI_URL", "")
LIMIT = 900.0  # on a processor
OF_MODELS = frozenset({"ckpt_name", "clip_name", "control_net_name", "model_name", "lora_name"})
SMALL = {"steps": 2, "seed": random.randrange(1 << 32)}

pytestmark = pytest.mark.skipif(not URL, reason="COMFYUI_URL names no real server")


@pytest.fixture
def session(tmp_path):
    """One whose tiers take two steps for enough."""
    quick = tmp_path / "quick.yaml"
    quick.write_text("limits: {steps: {min: 1}}")
    with Session(URL, data_dir=tmp_path, task_book=TaskBook(studio=quick)) as session:
        yield session


@pytest.fixture
def checkpoint(session) -> str:
    names = session.stock.read().models.names("checkpoints")
    if not names:
        pytest.skip("the server has no checkpoint")
    return names[0]


@pytest.fixture
def picture(tmp_path) -> Path:
    path = tmp_path / f"live_{random.randrange(1 << 32)}.png"
    Image.effect_noise((128, 96), 80).convert("RGB").save(path)
    return path


@pytest.fixture
def mask(tmp_path) -> Path:
    path = tmp_path / f"live_mask_{random.randrange(1 << 32)}.png"
    drawn = Image.new("L", (128, 96), 0)
    drawn.paste(255, (32, 24, 96, 72))
    drawn.save(path)
    return path


@pytest.fixture
def example(picture) -> str:
    """The name of a picture in the server's input folder."""
    with picture.open("rb") as file:
        return str(requests.post(f"{URL}/upload/image", files={"image": file}, timeout=30).json()["name"])


def refusals(graph: dict) -> list[tuple[str, str]]:
    """(Input, kind) of all that the server's own validation objects to; a prompt that it takes is cancelled at once."""
    answer = requests.post(f"{URL}/prompt", json={"prompt": graph}, timeout=60).json()
    if "prompt_id" in answer:
        requests.post(f"{URL}/queue", json={"delete": [answer["prompt_id"]]}, timeout=30)
        requests.post(f"{URL}/interrupt", json={"prompt_id": answer["prompt_id"]}, timeout=30)
    assert answer.get("error", {}).get("type", "") in ("", "prompt_outputs_failed_validation"), answer
    errors = [error for node in answer.get("node_errors", {}).values() for error in node["errors"]]
    return [(error.get("extra_info", {}).get("input_name", ""), error["type"]) for error in errors]


def with_example(graph: dict, example: str) -> dict:
    for node in graph.values():
        if "image" in node["inputs"] and isinstance(node["inputs"]["image"], str):
            node["inputs"]["image"] = example
    return graph


@pytest.mark.parametrize("name", bundled.names())
@pytest.mark.parametrize("loras", [(), (Lora("none.safetensors", 0.8),)], ids=["alone", "with a LoRA"])
def test_the_server_takes_every_bundled_workflow_but_for_models_that_it_lacks(name, loras, example) -> None:
    graph = with_example(with_loras(Workflow.load(name), loras).api(), example)
    found = refusals(graph)
    assert {kind for _, kind in found} <= {"value_not_in_list"}
    assert {input_name for input_name, _ in found} <= OF_MODELS


@pytest.mark.parametrize("name", bundled.names())
def test_preflight_finds_what_the_server_refuses(session, name) -> None:
    found = preflight(Workflow.load(name), session.stock.read().node_types)
    assert {problem.kind for problem in found} <= {"missing_model"}


def test_models_are_told_by_folder(session) -> None:
    stock = session.stock.read()
    combo = requests.get(f"{URL}/object_info/CheckpointLoaderSimple", timeout=30).json()
    told = combo["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0]
    assert list(stock.models.names("checkpoints")) == told


def test_the_basic_workflow_runs(session, checkpoint) -> None:
    own = {"prompt": "a red fox", "negative_prompt": "a dog", "width": 128, "height": 64, "checkpoint": checkpoint}
    job = session.run_task("image_generation", "low", own | SMALL)
    outcome = job.wait(LIMIT)
    assert (outcome.state, outcome.error) == (JobState.FINISHED, None)
    assert Image.open(outcome.files[0]).size == (128, 64)
    assert session.status(job.id).progress == 100.0


def test_a_picture_is_painted_over(session, checkpoint, picture) -> None:
    own = {"image": picture, "prompt": "a red fox", "Fit width.width": 128, "checkpoint": checkpoint}
    outcome = session.run_task("image_to_image", "low", own | SMALL).wait(LIMIT)
    assert (outcome.state, outcome.error) == (JobState.FINISHED, None)
    assert Image.open(outcome.files[0]).size == (128, 96)


def test_only_what_the_mask_says_is_made_anew(session, checkpoint, picture, mask) -> None:
    own = {"image": picture, "mask": mask, "prompt": "a red fox", "Fit width.width": 128, "checkpoint": checkpoint}
    outcome = session.run_task("inpaint", "low", own | SMALL).wait(LIMIT)
    assert (outcome.state, outcome.error) == (JobState.FINISHED, None)
    before, after = Image.open(picture).convert("RGB"), Image.open(outcome.files[0]).convert("RGB")
    assert after.size == before.size
    corner = (0, 0, 128, 20)
    assert after.crop(corner).tobytes() == before.crop(corner).tobytes()
    middle = (40, 32, 88, 64)
    assert after.crop(middle).tobytes() != before.crop(middle).tobytes()


def test_a_contact_sheet_has_the_pictures_of_four_seeds(session, checkpoint) -> None:
    """The first is what the basic workflow makes of the same seed."""
    size = {"width": 64, "height": 64, "checkpoint": checkpoint, "prompt": "a red fox", "negative_prompt": "a dog"}
    sheet = session.run_task("grid", "low", size | SMALL).wait(LIMIT)
    single = session.run_task("image_generation", "low", size | SMALL).wait(LIMIT)
    assert (sheet.state, single.state) == (JobState.FINISHED, JobState.FINISHED)
    whole, first = Image.open(sheet.files[0]), Image.open(single.files[0])
    assert whole.size == (136, 136)
    assert whole.crop((0, 0, 64, 64)).tobytes() == first.tobytes()
    assert whole.crop((72, 0, 136, 64)).tobytes() != first.tobytes()
