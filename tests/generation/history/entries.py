"""Requests, outcomes and files for the tests of the history."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin

from blender_comfyui.generation.history import History, Placement
from blender_comfyui.generation.outcome import JobState, Outcome, Output
from blender_comfyui.generation.outputs import file_name
from blender_comfyui.generation.request import Request
from tests import graphs

SERVER = "http://127.0.0.1:8188"
OWNER = "a1"


def an_id() -> str:
    return str(uuid.uuid4())


def request(text: str = "a red fox", seed: int = 7, **fields: Any) -> Request:
    usual = {"prompt": graphs.empty_save(colour=seed), "parameters": {"prompt": text, "seed": seed}, "label": text}
    return Request(**usual | fields)


def picture(folder: Path, job_id: str, number: int = 1, stem: str = "fox", graph: object = None) -> Path:
    """A PNG as the server saves it, with its graph, under the name that we give it."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = PngImagePlugin.PngInfo()
    texts.add_text("prompt", json.dumps(graphs.txt2img() if graph is None else graph))
    path = folder / file_name(stem, job_id, number, "x.png")
    Image.new("RGB", (8, 8)).save(path, pnginfo=texts)
    return path


def output(path: Path) -> Output:
    return Output(path, "2", "Save final", "image", "output")


def finished(*paths: Path, seconds: float = 1.0) -> Outcome:
    return Outcome(JobState.FINISHED, tuple(output(path) for path in paths), seconds=seconds)


def add(history: History, asked: Request | None = None, job_id: str = "", **given: Any) -> str:
    """An open job; its id."""
    job_id = job_id or an_id()
    history.add(job_id, asked or request(), given.pop("server", SERVER), OWNER, given.pop("rank", 1.0), **given)
    return job_id


def add_finished(
    history: History,
    asked: Request | None = None,
    *,
    paths: tuple[Path, ...] = (),
    placement: Placement = Placement.KEPT,
    state: JobState = JobState.FINISHED,
    seconds: float = 1.0,
    when: float = 2.0,
    **given: Any,
) -> str:
    """A job that has ended, its files settled; its id."""
    job_id = add(history, asked, **given)
    error = None if state is JobState.FINISHED else RuntimeError("no")
    history.end(job_id, Outcome(state, tuple(output(path) for path in paths), error, seconds=seconds), when)
    for number in range(1, len(paths) + 1):
        history.place(job_id, number, placement)
    return job_id


@contextmanager
def opened(folder: Path, **given: Any) -> Iterator[History]:
    history = History(folder, **given)
    try:
        yield history
    finally:
        history.close()
