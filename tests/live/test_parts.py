"""Parts of a batch against the whole of it, on a real ComfyUI: named by COMFYUI_URL, with a checkpoint.

A few samplers stand for their kinds; with COMFYUI_ALL=1 every sampler of the server is measured, which takes an hour
on two cores. Pixels may be one step of 255 apart: sums of another size are rounded otherwise.
"""

from __future__ import annotations

import io
import os
import random
import time
import uuid
from typing import Any

import pytest
import requests
from PIL import Image, ImageChops

from blender_comfyui.workflow.batch import TOOLS, Batch, find_batch
from blender_comfyui.workflow.graph import Workflow
from tests import graphs

URL = os.environ.get("COMFYUI_URL", "").rstrip("/")
LIMIT = 900.0
SIZE = 4
PARTS = ((0, 2), (2, 2), (3, 1))
ROUNDING = 1

pytestmark = pytest.mark.skipif(not URL, reason="COMFYUI_URL names no real server")


def get(path: str) -> Any:
    return requests.get(URL + path, timeout=60).json()


@pytest.fixture(scope="module")
def checkpoint() -> str:
    found = get("/object_info/CheckpointLoaderSimple")["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0]
    if not found:
        pytest.skip("the server has no checkpoint")
    return str(found[0])


def batch_of(graph: graphs.Graph) -> Batch:
    classes = {node["class_type"] for node in graph.values()} | TOOLS
    return find_batch(Workflow.load(graph), {name: get(f"/object_info/{name}")[name]["output"] for name in classes})


def made(graph: graphs.Graph) -> list[Image.Image]:
    """The pictures that a graph saves on the server."""
    prompt_id = str(uuid.uuid4())
    body = {"prompt": graph, "client_id": uuid.uuid4().hex, "prompt_id": prompt_id}
    assert requests.post(URL + "/prompt", json=body, timeout=60).status_code == 200
    deadline = time.monotonic() + LIMIT
    while not (entry := get(f"/history/{prompt_id}").get(prompt_id)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert entry["status"]["status_str"] == "success", entry["status"]
    files = [file for output in entry["outputs"].values() for file in output["images"]]
    return [_picture(requests.get(URL + "/view", params=file, timeout=60).content) for file in files]


def _picture(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def apart(first: Image.Image, second: Image.Image) -> int:
    """The greatest difference of two pictures' pixels, of 255."""
    return max(high for _, high in ImageChops.difference(first, second).getextrema())  # type: ignore[misc]


def txt2img(checkpoint: str, sampler: str = "euler", size: int = 64, steps: int = 4) -> graphs.Graph:
    graph = graphs.txt2img(steps=steps, size=size, batch=SIZE, checkpoint=checkpoint)
    graph["5"]["inputs"] |= {"seed": random.randrange(1 << 32), "sampler_name": sampler}
    return graph


def differences(graph: graphs.Graph) -> list[int]:
    """Of each picture of each part from its place in the whole batch."""
    batch, whole = batch_of(graph), made(graph)
    found = []
    for first, count in PARTS:
        pictures = made(batch.part(first, count).api())
        assert len(pictures) == count
        found += [apart(picture, whole[first + place]) for place, picture in enumerate(pictures)]
    return found


def samplers() -> list[str]:
    if not (URL and os.environ.get("COMFYUI_ALL")):
        return ["euler", "dpmpp_2m", "uni_pc", "euler_ancestral", "dpmpp_sde"]
    return list(get("/object_info/KSampler")["KSampler"]["input"]["required"]["sampler_name"][0])


@pytest.mark.parametrize("sampler", samplers())
def test_parts_are_the_same_pictures_unless_that_is_said(checkpoint: str, sampler: str) -> None:
    graph = txt2img(checkpoint, sampler)
    same = max(differences(graph)) <= ROUNDING
    assert same is (batch_of(graph).difference == "")


def test_a_second_pass_over_the_pictures_has_the_same_noise(checkpoint: str) -> None:
    graph = txt2img(checkpoint, steps=2)
    second = graph["5"]["inputs"] | {"latent_image": ["8", 0], "seed": random.randrange(1 << 32), "denoise": 0.8}
    graph |= {
        "8": {"class_type": "VAEEncode", "inputs": {"pixels": ["6", 0], "vae": ["1", 2]}},
        "9": {"class_type": "KSampler", "inputs": second},
        "10": {"class_type": "VAEDecode", "inputs": {"samples": ["9", 0], "vae": ["1", 2]}},
    }
    graph["7"]["inputs"]["images"] = ["10", 0]
    assert max(differences(graph)) <= ROUNDING


def test_one_picture_repeated(checkpoint: str) -> None:
    graph = txt2img(checkpoint, steps=2)
    graph |= {
        "4": {"class_type": "RepeatLatentBatch", "inputs": {"samples": ["8", 0], "amount": SIZE}},
        "8": {"class_type": "VAEEncode", "inputs": {"pixels": ["9", 0], "vae": ["1", 2]}},
        "9": graphs.empty_save(size=64)["1"],
    }
    graph["5"]["inputs"]["denoise"] = 0.8
    assert max(differences(graph)) <= ROUNDING


def test_at_an_odd_size_parts_agree_with_each_other_and_the_rest_is_said(checkpoint: str) -> None:
    graph = txt2img(checkpoint, size=72, steps=2)
    batch = batch_of(graph)
    assert "72 × 72" in batch.difference
    (_, fourth), (alone,) = (made(batch.part(first, count).api()) for first, count in ((2, 2), (3, 1)))
    assert apart(fourth, alone) <= ROUNDING
    assert apart(made(graph)[3], alone) > ROUNDING
