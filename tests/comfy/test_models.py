"""Models by folder, from servers of all ages and systems."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from blender_comfyui.comfy.address import ServerAddress
from blender_comfyui.comfy.client import ComfyClient
from blender_comfyui.comfy.models import FOLDERS, Models, asked_as, in_menus, listed


def test_a_recorded_answer(transcripts: Path) -> None:
    folders = listed(json.loads((transcripts / "0.3.64" / "http_models.json").read_text("utf-8"))["body"])
    assert folders[0] == "checkpoints"
    assert all(asked_as(folder, folders) == folder for folder in FOLDERS)


@pytest.mark.parametrize("answer", [None, {}, "x", 3, {"a": []}, [None, 3, [], ""]])
def test_what_is_no_list_of_names_is_empty(answer: object) -> None:
    assert listed(answer) == ()


def test_names_are_kept_as_they_are() -> None:
    names = ["sub\\name.safetensors", "a b/ü 墨.ckpt", "a\0b", "x" * 1001, "twice", "twice", " "]
    assert listed(names) == ("sub\\name.safetensors", "a b/ü 墨.ckpt", "twice", " ")


def test_older_servers_call_folders_otherwise() -> None:
    assert asked_as("diffusion_models", ("checkpoints", "unet")) == "unet"
    assert asked_as("text_encoders", ("clip",)) == "clip"
    assert asked_as("loras", ("checkpoints",)) == ""


def test_menus_stand_in_for_folders() -> None:
    definitions = {
        "CheckpointLoaderSimple": {"input": {"required": {"ckpt_name": [["a", "sub\\b"]]}}},
        "UpscaleModelLoader": {"input": {"required": {"model_name": ["COMBO", {"options": ["4x"]}]}}},
        "CLIPLoader": {"input": {"required": {"clip_name": [["t5"]]}}},
        "DualCLIPLoader": {"input": {"required": {"clip_name1": [["t5", "l"]]}}},
        "LoraLoader": "nonsense",
    }
    assert in_menus(definitions) == Models(
        {
            "checkpoints": ("a", "sub\\b"),
            "text_encoders": ("t5", "l"),
            "loras": (),
            "upscale_models": ("4x",),
        }
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ("SD15\\Café v2.safetensors", "ink/tusche.safetensors")),
        ("cafe\u0301", ("SD15\\Café v2.safetensors",)),
        ("V2 sd15", ("SD15\\Café v2.safetensors",)),
        ("sd15/caf", ("SD15\\Café v2.safetensors",)),
        ("ink\\", ("ink/tusche.safetensors",)),
        ("flux", ()),
    ],
)
def test_they_are_searched_in_any_case_and_composition(text: str, found: tuple[str, ...]) -> None:
    models = Models({"loras": ("SD15\\Café v2.safetensors", "ink/tusche.safetensors")})
    assert models.search("loras", text) == found
    assert models.search("vae", text) == ()


@pytest.mark.parametrize("level", ["0.3.64", "0.27.0"])
def test_a_server_is_asked_by_folder(comfy_server, level: str) -> None:
    server = comfy_server(level=level)
    server.models["unknown"] = ("x",)
    server.models["loras"] = ("sub\\墨 1.safetensors",)
    client = ComfyClient(ServerAddress.parse(server.url))
    found = client.models()
    assert found is not None
    assert set(found.folders) == set(FOLDERS)
    assert found.names("loras") == ("sub\\墨 1.safetensors",)
    assert found.names("checkpoints") == server.knobs.checkpoints
    assert found.names("embeddings") == ("random_ti",)
    server.fail_next["GET /models"] = [(404, {}, "")]
    assert client.models() is None
    client.close()
