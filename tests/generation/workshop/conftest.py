"""A workshop, and what it opens."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from blender_comfyui.comfy.transport import Timeouts
from blender_comfyui.generation.workshop import Answer, Question, Workshop
from tests.conftest import SHARED
from tests.local_http import LocalHTTP

LIMIT = 120.0  # seconds; only reached where something is wrong
SHORT = Timeouts(connect=2.0, read=5.0, total=10.0)


class Asked(Workshop):
    """One whose answers can be waited for."""

    def answer(self, question: Question) -> Any:
        self.ask(question)
        return self.next_answer()

    def next_answer(self) -> Answer:
        return self._answers.get(timeout=LIMIT)


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Callable[..., Asked]]:
    """``workshop(server or url)`` gives one that ends with the test; ``pictures`` is where it keeps those."""
    made: list[Asked] = []

    def make(server: Any = None, pictures: Path | None = None, timeouts: Timeouts = SHORT) -> Asked:
        url = getattr(server, "url", server)
        made.append(Asked(tmp_path / "library", url, timeouts=timeouts, pictures=pictures))
        return made[-1]

    yield make
    for each in made:
        each.close()
        each.join(LIMIT)
        assert each._thread is None or not each._thread.is_alive()


@pytest.fixture(scope="session")
def object_info() -> bytes:
    """What a large server answers."""
    path = SHARED / "conversion" / "object_info.json"
    if not path.is_file():
        pytest.skip(f"no definitions at {path}")
    return path.read_bytes()


def put(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def ui_file(first: str = "EmptyImage", width: int = 64) -> dict[str, Any]:
    """EmptyImage → SaveImage as the editor saves it; `first` is another class in the place of the first."""
    widgets = [
        {"name": name, "type": "INT", "widget": {"name": name}, "link": None}
        for name in ("width", "height", "batch_size", "color")
    ]
    return {
        "version": 0.4,
        "last_node_id": 2,
        "last_link_id": 1,
        "nodes": [
            {
                "id": 1,
                "type": first,
                "mode": 0,
                "inputs": widgets,
                "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [1]}],
                "properties": {"cnr_id": "some-pack"},
                "widgets_values": [width, 48, 1, 7],
            },
            {
                "id": 2,
                "type": "SaveImage",
                "mode": 0,
                "inputs": [
                    {"name": "images", "type": "IMAGE", "link": 1},
                    {"name": "filename_prefix", "type": "STRING", "widget": {"name": "filename_prefix"}, "link": None},
                ],
                "outputs": [],
                "properties": {},
                "widgets_values": ["t"],
            },
        ],
        "links": [[1, 1, 0, 2, 0, "IMAGE"]],
    }


class SilentServer(LocalHTTP):
    """Takes every request, and answers none until it is closed."""

    def __init__(self) -> None:
        asked, ended = threading.Event(), threading.Event()
        self._asked, self._ended = asked, ended

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.set()
                ended.wait(LIMIT)

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(Handler)

    def wait_asked(self) -> None:
        assert self._asked.wait(LIMIT)

    def close(self) -> None:
        self._ended.set()
        super().close()


@pytest.fixture
def silent_server() -> Iterator[SilentServer]:
    server = SilentServer()
    yield server
    server.close()
