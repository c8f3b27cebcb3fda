"""What tests of tasks share: a server with all that the bundled workflows name, and pictures to give it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from blender_comfyui.generation.session import Session
from tests.conftest import SHARED

OBJECT_INFO = SHARED / "conversion" / "object_info.json"
MODELS = {
    "checkpoints": (
        "v1-5-pruned-emaonly-fp16.safetensors",
        "sd_xl_base_1.0.safetensors",
        "ltx-video-2b-v0.9.5.safetensors",
    ),
    "text_encoders": ("t5xxl_fp16.safetensors",),
    "controlnet": (
        "control_v11p_sd15_openpose_fp16.safetensors",
        "control_v11f1p_sd15_depth_fp16.safetensors",
    ),
    "upscale_models": ("RealESRGAN_x4plus.safetensors",),
    "loras": ("ink.safetensors", "sub dir\\墨.safetensors"),
}


@pytest.fixture
def full_server(comfy_server) -> Callable[..., Any]:
    """``full_server(level)`` gives a stand-in with ComfyUI's own nodes, and the models of the bundled workflows."""
    if not OBJECT_INFO.is_file():
        pytest.skip(f"no list of ComfyUI's nodes at {OBJECT_INFO}")

    def start(level: str = "0.27.0", **knobs: Any) -> Any:
        server = comfy_server(level=level, object_info=OBJECT_INFO, **knobs)
        server.models = {**server.models, **MODELS}
        return server

    return start


@pytest.fixture
def open_session(tmp_path: Path) -> Iterator[Callable[..., Session]]:
    """``open_session(server, …)`` gives a session that ends with the test."""
    with ExitStack() as sessions:
        yield lambda server, **options: sessions.enter_context(
            Session(server.url, data_dir=tmp_path / "data", **options)
        )


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.new("RGB", (96, 64), (9, 99, 199)).save(path)
    return path


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    path = tmp_path / "hole.png"
    drawn = Image.new("L", (96, 64), 0)
    drawn.paste(255, (32, 16, 64, 48))
    drawn.save(path)
    return path
