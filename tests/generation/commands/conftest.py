"""What tests of commands share: a command in this process or in one of its own, and the schemas."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from blender_comfyui.generation.commands.program import main
from blender_comfyui.generation.commands.surroundings import Surroundings, without_blender
from tests import graphs
from tests.generation.commands.schemas import check_schema
from tests.generation.tasks.conftest import full_server, picture

__all__ = ["full_server", "picture"]

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """What --json printed: one object in one line, which its schema knows, and nothing else."""
        [line] = self.out.splitlines()
        found = json.loads(line)
        check_schema(found)
        assert found["exit_code"] == self.code
        return found


class Commands:
    """``commands("run", "sd_basic")`` runs a verb in this process, with `server` where one is set."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.server: Any = None
        self.environment: dict[str, str] = {}
        self.around: dict[str, Any] = {}

    def __call__(self, *words: object) -> Done:
        out, err = io.StringIO(), io.StringIO()
        environment = {"COMFYUI_DATA": str(self.data), **self.environment}
        if self.server is not None:
            environment.setdefault("COMFYUI_URL", self.server.url)
        base = without_blender(environment)
        surroundings = Surroundings(**{**vars(base), "output": self.folder / "out", **self.around})
        code = main([str(word) for word in words], surroundings, out=out, err=err, environment=environment)
        return Done(code, out.getvalue(), err.getvalue())

    def json(self, *words: object) -> Done:
        return self(*words, "--json")

    def file(self, name: str, graph: object) -> Path:
        """A file with a graph."""
        path = self.folder / name
        path.write_text(json.dumps(graph), encoding="utf-8")
        return path


class Running:
    """``python -m blender_comfyui`` while it runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def stop(self, number: int = signal.SIGINT) -> None:
        self.process.send_signal(number)

    def end(self) -> Done:
        out, err = self.process.communicate(timeout=60)
        return Done(self.process.returncode, out, err)


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    return Commands(tmp_path)


@pytest.fixture
def at_server(commands: Commands, comfy_server: Callable[..., Any]) -> Commands:
    """Commands with a stand-in server."""
    commands.server = comfy_server()
    return commands


@pytest.fixture
def begin(commands: Commands) -> Iterator[Callable[..., Running]]:
    """``begin("run", …)`` starts a process of its own."""
    begun: list[Running] = []

    def start(*words: object, **options: Any) -> Running:
        own = {"COMFYUI_DATA": str(commands.data), "COMFYUI_URL": commands.server.url, **commands.environment}
        env = {name: value for name, value in os.environ.items() if not name.startswith("COMFYUI")}
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **options}
        process = subprocess.Popen(
            [sys.executable, "-m", "blender_comfyui", *map(str, words)],
            cwd=commands.folder,
            env={**env, "PYTHONPATH": str(ROOT), **own},
            text=True,
            **streams,
        )
        begun.append(Running(process))
        return begun[-1]

    yield start
    for running in begun:
        if running.process.poll() is None:
            running.process.kill()
            running.process.communicate()


@pytest.fixture
def workflow(commands: Commands) -> Path:
    """A workflow that the stand-in can run."""
    return commands.file("fox.json", graphs.txt2img())
