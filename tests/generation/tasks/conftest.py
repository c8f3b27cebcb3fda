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


def with_all(start: Callable[..., Any]) -> Callable[..., Any]:
    if not OBJECT_INFO.is_file():
        pytest.skip(f"no list of ComfyUI's nodes at {OBJECT_INFO}")

    def started(level: str = "0.27.0", **knobs: Any) -> Any:
        server = start(level, object_info=OBJECT_INFO, **knobs)
        server.models = {**server.models, **MODELS}
        return server

    return started


@pytest.fixture
def full_server(comfy_server) -> Callable[..., Any]:
    """``full_server(level)`` gives a stand-in with ComfyUI's own nodes, and the models of the bundled workflows."""
    return with_all(comfy_server)


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Session]]:
    """A full server that runs nothing, and a session with it, for many tests that look at what is sent."""
    pytest.importorskip("aiohttp", reason="the stand-in server needs aiohttp")
    from tests.comfy_server import ComfyServer

    with ExitStack() as stack:
        server = with_all(lambda *level, **knobs: stack.enter_context(ComfyServer(*level, **knobs)))()
        server.hold()
        session = stack.enter_context(Session(server.url, data_dir=tmp_path_factory.mktemp("held")))
        session.stock.read()
        yield server, session


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
    Image.new("RGB", (96, 72), (9, 99, 199)).save(path)
    return path


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    path = tmp_path / "hole.png"
    drawn = Image.new("L", (96, 72), 0)
    drawn.paste(255, (32, 16, 64, 48))
    drawn.save(path)
    return path
