"""Stock classes beyond the stand-in's own, as a real server defines them: official templates run to results."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from tests.comfy_server import ComfyServer

from .client import Client

CASES = Path(__file__).resolve().parents[3] / "shared" / "conversion"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason=f"no official templates at {CASES}")


@pytest.fixture
def stock(comfy_server: Callable[..., ComfyServer]) -> Callable[..., ComfyServer]:
    """``stock(**knobs)`` is a server with a real one's definitions."""
    return lambda **knobs: comfy_server(object_info=CASES / "object_info.json", **knobs)


def template(name: str, **changed: Any) -> dict[str, Any]:
    """A template as the editor converts it; values of inputs with these names, in all nodes, are changed."""
    prompt: dict[str, Any] = json.loads((CASES / "templates" / f"{name}.api.json").read_text(encoding="utf-8"))
    for node in prompt.values():
        node["inputs"].update({key: value for key, value in changed.items() if key in node["inputs"]})
    return prompt


def ran(server: ComfyServer, prompt: dict[str, Any]) -> Any:
    """The history entry."""
    answer = Client(server).post(prompt)
    assert answer.status_code == 200, answer.text
    prompt_id = answer.json()["prompt_id"]
    server.wait_finished(prompt_id, 30)
    return server.history[prompt_id]


def files(server: ComfyServer, entry: Any) -> dict[str, bytes]:
    """Name -> bytes of what was saved in the output folder."""
    shown = [one for out in entry["outputs"].values() for found in out.values() for one in found]
    saved = [one for one in shown if isinstance(one, dict) and one["type"] == "output"]
    client = Client(server)
    return {one["filename"]: client.get("/view", params=one).content for one in saved}


def picture_size(data: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(data)) as image:
        return image.size


def film(data: bytes) -> tuple[int, int, int, float]:
    """Width, height, frames, frames per second."""
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        frames = sum(1 for _ in container.decode(stream))
        return stream.width, stream.height, frames, float(stream.average_rate or 0)


@pytest.mark.parametrize(
    ("name", "changed", "size"),
    [
        ("sdxl_simple_example", {"width": 128, "height": 96}, (128, 96)),
        ("image_qwen_image", {"width": 128, "height": 96}, (128, 96)),
        ("flux_dev_checkpoint_example", {"width": 96, "height": 128}, (96, 128)),
        ("image_flux2_klein_text_to_image", {"value": 64}, (64, 64)),
        ("utility_interpolation_image_upscale", {}, (192, 128)),
        ("utility_seedvr2_3b_int8_upscale_image", {"resize_type.multiplier": 1.5}, (144, 96)),
    ],
)
def test_templates_of_pictures(stock: Any, name: str, changed: dict[str, Any], size: tuple[int, int]) -> None:
    server = stock()
    prompt = template(name, **changed)
    server.provide(prompt)
    entry = ran(server, prompt)
    assert entry["status"]["status_str"] == "success"
    [data] = files(server, entry).values()
    assert picture_size(data) == size


@pytest.mark.parametrize(
    ("name", "changed", "expected"),
    [
        ("image_to_video_wan", {"width": 64, "height": 48, "length": 11}, (64, 48, 9, 16.0)),
        ("ltxv_image_to_video", {"width": 100, "height": 64, "length": 12}, (96, 64, 9, 24.0)),
        ("utility-gan_upscaler", {}, (384, 256, 8, 8.0)),
    ],
)
def test_templates_of_videos(stock: Any, name: str, changed: dict[str, Any], expected: tuple[int, ...]) -> None:
    server = stock()
    prompt = template(name, **changed)
    server.provide(prompt)
    [(file_name, data)] = files(server, ran(server, prompt)).items()
    assert file_name.endswith(".mp4")
    assert film(data) == expected


def test_what_is_compared_is_shown_from_the_temp_folder(stock: Any) -> None:
    server = stock()
    prompt = template("utility_interpolation_image_upscale")
    server.provide(prompt)
    shown = ran(server, prompt)["outputs"]["7"]
    assert list(shown) == ["a_images", "b_images"]
    assert [one["type"] for found in shown.values() for one in found] == ["temp", "temp"]


@pytest.mark.parametrize("is_on", [False, True])
def test_a_switch_runs_only_the_side_that_it_takes(stock: Any, is_on: bool) -> None:
    server = stock()
    prompt = template("image_qwen_image", width=64, height=64)
    prompt["76:86"]["inputs"]["value"] = is_on
    server.provide(prompt)
    assert ran(server, prompt)["status"]["status_str"] == "success"
    assert server.journal.nodes_run["LoraLoaderModelOnly"] == is_on
    assert server.journal.nodes_run["PrimitiveInt"] == server.journal.nodes_run["PrimitiveFloat"] == 1
    assert server.journal.nodes_run["KSampler"] == 1


def test_models_are_validated(stock: Any) -> None:
    server = stock()
    answer = Client(server).post(template("image_qwen_image"))
    kinds = {reason["type"] for node in answer.json()["node_errors"].values() for reason in node["errors"]}
    assert (answer.status_code, kinds) == (400, {"value_not_in_list"})


def test_inputs_of_a_dynamic_menu_are_validated(stock: Any) -> None:
    server = stock()
    prompt = template("utility_seedvr2_3b_int8_upscale_image")
    server.provide(prompt)
    del prompt["66:57"]["inputs"]["resize_type.multiplier"]
    found = Client(server).post(prompt).json()["node_errors"]["66:57"]["errors"]
    assert [(one["type"], one["details"]) for one in found] == [("required_input_missing", "resize_type.multiplier")]
    prompt["66:57"]["inputs"]["resize_type"] = "by guess"
    found = Client(server).post(prompt).json()["node_errors"]["66:57"]["errors"]
    assert [one["type"] for one in found] == ["value_not_in_list"]


def test_a_class_that_cannot_run_is_not_there(stock: Any) -> None:
    server = stock()
    answer = Client(server).post(template("3d_hunyuan3d_image_to_model"))
    assert answer.json()["error"]["type"] == "missing_node_type"
    assert "SaveGLB" not in Client(server).get("/object_info").json()


def test_partner_nodes_want_an_account(stock: Any) -> None:
    server = stock()
    prompt = template("api_google_gemini_image", aspect_ratio="16:9")
    server.provide(prompt)
    status = ran(server, prompt)["status"]
    [told] = [data for kind, data in status["messages"] if kind == "execution_error"]
    assert status["status_str"] == "error"
    assert told["exception_type"] == "Exception"
    assert told["exception_message"].strip() == "Unauthorized: Please login first to use this node."
    server.partner_account, server.partner_side = True, 160
    entry = ran(server, prompt)
    assert entry["outputs"]["4"]["text"][0].startswith("A giant yellow balloon")
    assert [picture_size(data) for data in files(server, entry).values()] == [(160, 90)]
