"""Shared by all tests. No imports beyond pytest here: tests/blender runs in Blenders that have nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .comfy_server import ComfyServer

if find_spec("hypothesis"):
    from hypothesis import settings

    settings.register_profile("no clock", deadline=None)  # machines are busy at times
    settings.load_profile("no clock")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Many examples of the same lines are not traced for the coverage: they would take twice as long."""
    if not config.pluginmanager.has_plugin("_cov"):
        return
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker("no_cover")


# These run inside Blender; tests/matrix starts them there, once a version.
collect_ignore = [] if find_spec("bpy") else ["blender"]

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


@pytest.fixture
def comfy_server() -> Iterator[Callable[..., ComfyServer]]:
    """``comfy_server(level="0.27.0", **knobs)`` gives a running stand-in server; it ends with the test."""
    pytest.importorskip("aiohttp", reason="the stand-in server needs aiohttp")
    from tests.comfy_server import ComfyServer

    with ExitStack() as servers:

        def start(level: str = "0.27.0", **knobs: Any) -> ComfyServer:
            return servers.enter_context(ComfyServer(level, **knobs))

        yield start


@pytest.fixture(scope="session")
def transcripts() -> Path:
    """The folder of the recorded exchanges, by release."""
    folder = SHARED / "transcripts"
    if not folder.is_dir():
        pytest.skip(f"no recorded exchanges at {folder}")
    return folder
