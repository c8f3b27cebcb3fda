"""Blender is killed with SIGKILL at panel 23 of 60: after a restart there are 60 right strips, and no panel was made
twice (at most one execution more than 60 is allowed).

5.2 and two moments only, each takes a minute; all seven where BLENDER_COMFYUI_VERSIONS names versions ("all", "5.2").
"""

import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.comfy_server import ComfyServer
from tools import extension
from tools.project import ROOT
from tools.venvs import BLENDERS, Blender

PATIENCE = 150.0  # seconds in which a life says something
COUNT = 60
FPS = 24
PANEL = 23
# Where it dies: module and function of the extension, and which of its calls; and when the file was saved before.
UNPREPARED = "as panels are still prepared"
MOMENTS = {
    "as it is sent": ("before", ("comfy.client", "ComfyClient.queue_prompt"), PANEL, 0),
    "once it is sent": ("after", ("comfy.client", "ComfyClient.queue_prompt"), PANEL, 0),
    "as its file is fetched": ("before", ("comfy.client", "ComfyClient.download"), PANEL, 10),
    "as it is noted to be finished": ("after", ("generation.history.history", "History.end"), PANEL, 0),
    "before its strip": ("before", ("blender.sinks", "place"), PANEL, 0),
    "after its strip": ("after", ("blender.sinks", "place"), PANEL, 20),
    UNPREPARED: ("before", ("generation.history.history", "History.add"), PANEL, 0),
}
USUAL = ("once it is sent", "after its strip")


def moments() -> list[str]:
    return list(MOMENTS if "BLENDER_COMFYUI_VERSIONS" in os.environ else USUAL)


def versions() -> list[Blender]:
    wanted = os.environ.get("BLENDER_COMFYUI_VERSIONS", "5.2")
    return [known for known in BLENDERS if wanted == "all" or known.version.startswith(tuple(wanted.split()))]


class Lives:
    """Blenders one after the other, with one history and one .blend."""

    def __init__(self, blender: Blender, server: ComfyServer, folder: Path) -> None:
        self._blender = blender
        self._resources = folder / "resources"
        self._resources.mkdir()
        self._plan: dict[str, Any] = {
            "zip": os.environ.get("BLENDER_COMFYUI_ZIP") or str(extension.zip_for_this_machine()),
            "host": server.url,
            "blend": str(folder / "film.blend"),
            "storyboard": str(folder / "film.json"),
        }

    def live(self, act: str, **more: Any) -> tuple[int, list[dict[str, Any]], str]:
        """One life: its exit code, what it said to us, and its last words."""
        env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHON"))}
        process = subprocess.Popen(
            [
                self._blender.venv.python,
                "-m",
                "tests.recovery.storyboard_life",
                json.dumps({**self._plan, "act": act, **more}),
            ],
            cwd=ROOT,
            env=env | {"BLENDER_USER_RESOURCES": str(self._resources)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()

        def read() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                lines.put(line)
            lines.put(None)

        threading.Thread(target=read, daemon=True).start()
        told: list[str] = []
        try:
            while (line := lines.get(timeout=PATIENCE)) is not None:
                told.append(line)
        except queue.Empty:
            process.kill()
            raise AssertionError("Blender hangs:\n" + "".join(told[-40:])) from None
        said = [json.loads(line[2:]) for line in told if line.startswith("@@")]
        return process.wait(PATIENCE), said, "".join(line[:400] for line in told[-40:])


def write_storyboard(path: Path) -> list[tuple[str, int, int]]:
    """Write a project of 60 panels; return where their strips belong."""
    panels, wanted, start = [], [], 1
    for number in range(COUNT):
        length = 24 + 12 * (number % 3)
        panels.append({"id": f"{number + 1:03}", "prompt": f"a fox, shot {number + 1}", "seconds": length / FPS})
        wanted.append((f"{number + 1:03}", start, start + length))
        start += length
    project = {"id": "film", "seed": 7, "task": "image_generation", "tier": "low", "panels": panels}
    project["parameters"] = {"checkpoint": "random_sd15.safetensors", "steps": 10, "width": 256, "height": 256}
    path.write_text(json.dumps(project), encoding="utf-8")
    return wanted


@pytest.mark.parametrize("moment", moments())
@pytest.mark.parametrize("blender", versions(), ids=lambda blender: f"bpy-{blender.version}")
def test_killed_at_panel_23_the_storyboard_is_resumed(
    blender: Blender, moment: str, comfy_server: Callable[..., ComfyServer], tmp_path: Path
) -> None:
    if not blender.venv.is_ready:
        pytest.skip(f"bpy {blender.version} is not installed: it needs Python {blender.python}")
    wanted = write_storyboard(tmp_path / "film.json")
    server = comfy_server()
    lives = Lives(blender, server, tmp_path)
    code, _, words = lives.live("install")
    assert code == 0, words
    when, point, count, save_at = MOMENTS[moment]
    code, said, words = lives.live("run", when=when, point=point, count=count, save_at=save_at)
    assert (code, said) == (-signal.SIGKILL, []), words
    code, said, words = lives.live("resume")
    assert code == 0, words
    [by_itself, resumed] = said
    asked_for = COUNT if moment != UNPREPARED else PANEL - 1
    assert by_itself["states"] == ["finished"] * asked_for + ["missing"] * (COUNT - asked_for), words
    assert [tuple(one) for one in resumed["placed"]] == wanted
    assert resumed["files"] == COUNT
    assert resumed["failures"] == 0
    executions = sum(server.executions.values())
    assert COUNT <= executions <= COUNT + 1
