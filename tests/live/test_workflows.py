"""Any workflow against a real ComfyUI: files that it loads, its own list of what it offers, and pre-flight."""

from __future__ import annotations

import array
import os
import random
from pathlib import Path

import pytest
from PIL import Image

from blender_comfyui.comfy.address import ServerAddress
from blender_comfyui.comfy.client import ComfyClient
from blender_comfyui.comfy.errors import UploadRefused
from blender_comfyui.generation.drawings import Drawing, Pixels
from blender_comfyui.generation.request import Request, Upload
from blender_comfyui.generation.session import Session
from blender_comfyui.workflow.node_types import NodeTypes
from blender_comfyui.workflow.preflight import preflight
from tests import graphs

URL = os.environ.get("COMFYUI_URL", "")
LIMIT = 300.0

pytestmark = pytest.mark.skipif(not URL, reason="COMFYUI_URL names no real server")

LOAD_SAVE = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "example.png"}, "_meta": {"title": "The photo"}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "live"}},
}
LOAD_SAVE_MASK = LOAD_SAVE | {
    "2": {"class_type": "MaskToImage", "inputs": {"mask": ["1", 1]}},
    "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "live"}},
}


@pytest.fixture
def session(tmp_path):
    with Session(URL, data_dir=tmp_path / "data") as session:
        yield session


def photo(path: Path) -> tuple[Path, tuple[int, int, int]]:
    path.parent.mkdir(exist_ok=True)
    colour = tuple(random.randrange(256) for _ in range(3))
    Image.new("RGB", (64, 32), colour).save(path)
    return path, colour


def pixel(path: Path, at: tuple[int, int] = (0, 0)) -> tuple[int, ...]:
    with Image.open(path) as image:
        return image.convert("RGB").getpixel(at)


@pytest.mark.parametrize("name", ["fox.png", 'füchse und 猫 \'n "more".png', "a%20b (1).png"])
def test_a_file_is_sent_and_loaded_though_others_have_its_name(session, tmp_path, name):
    for folder in ("a", "b"):
        path, colour = photo(tmp_path / folder / name)
        outcome = session.submit(LOAD_SAVE, {"The photo.image": path}).wait(LIMIT)
        assert outcome.error is None
        assert pixel(outcome.files[0]) == colour


def test_the_mask_is_where_it_is_white(session):
    shade = random.random()
    picture = Pixels(64, 32, array.array("f", [shade, 0.2, 0.4, 1.0] * (64 * 32)).tobytes())
    mask = Pixels(2, 1, array.array("f", [1, 1, 1, 1, 0, 0, 0, 1]).tobytes())
    upload = Upload(Path("Photo.png"), (("1", "image"),), drawing=Drawing("Photo", picture, mask))
    outcome = session.run(Request(LOAD_SAVE_MASK, uploads=(upload,))).wait(LIMIT)
    assert outcome.error is None
    assert [pixel(outcome.files[0], (x, 16)) for x in (2, 61)] == [(255, 255, 255), (0, 0, 0)]


def test_what_is_too_large_is_said(session, tmp_path):
    path = tmp_path / "film.png"
    with path.open("wb") as file:
        file.truncate(101 * 2**20)
    outcome = session.submit(LOAD_SAVE, {"1.image": path}).wait(LIMIT)
    assert isinstance(outcome.error, UploadRefused)


def test_what_runs_has_no_problems_before_it_is_sent(session):
    with_client = ComfyClient(ServerAddress.parse(URL))
    try:
        types = NodeTypes.from_object_info(dict(with_client.object_info()))
        with_client.saved_workflows()
        with_client.templates()
    finally:
        with_client.close()
    graph = graphs.empty_save()
    assert preflight(graph, types, files=()) == ()
    assert session.submit(graph).wait(LIMIT).error is None
    graph["1"]["inputs"]["width"] = 0
    (problem,) = preflight(graph, types, files=())
    assert "width" in problem.sentence
