"""What tests of storyboards share: a server, sessions that end with the test, and boards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from blender_comfyui.generation.patience import Patience
from blender_comfyui.generation.retry import Retry
from blender_comfyui.generation.session import Session
from blender_comfyui.generation.storyboard.model import Panel, Storyboard
from tests.generation.tasks.conftest import with_all

QUICK = Patience(unsent=10.0, outage=1.0, absence=0.3, absence_behind_proxy=0.3, look=0.2, look_blind=0.1)
SOON = Retry(first=0.02)


@pytest.fixture
def full_server(comfy_server) -> Callable[..., Any]:
    """``full_server()`` gives a stand-in with ComfyUI's own nodes, and the models of the bundled workflows."""
    return with_all(comfy_server)


@pytest.fixture
def open_session(tmp_path: Path) -> Iterator[Callable[..., Session]]:
    """``open_session(server)`` gives a session on one data folder; all end with the test."""
    with ExitStack() as sessions:
        yield lambda server: sessions.enter_context(
            Session(server.url, data_dir=tmp_path / "data", patience=QUICK, retry=SOON)
        )


def board(count: int = 3, **fields: Any) -> Storyboard:
    """A small storyboard of the task image_generation, its panels p01, p02, …"""
    panels = tuple(Panel(f"p{number:02}", f"fox number {number}") for number in range(1, count + 1))
    usual: dict[str, Any] = {
        "id": "fox",
        "title": "The fox",
        "seed": 42,
        "width": 96,
        "height": 64,
        "task": "image_generation",
        "tier": "low",
        "panels": panels,
        "parameters": {"steps": 10},
    }
    return Storyboard(**usual | fields)
