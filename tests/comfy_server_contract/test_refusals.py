"""Recorded POST /prompt that are refused, or accepted although something is wrong: each err_*.json, at each level."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from tests.comfy_server import ComfyServer

from .recordings import LEVELS, differences, load, names

# Words of the server's own Python that depend on where a validation failed.
MACHINE = {"traceback", "exception_message"}


@pytest.mark.parametrize("level", LEVELS)
def test_every_recorded_refusal(level: str, transcripts: Path, comfy_server: Any) -> None:
    found = names(transcripts, level, "err_")
    assert found
    problems = []
    for name in found:
        recorded = load(transcripts, level, name)
        models = ("random_sd15.safetensors",) if level != "0.3.64" else ()
        server = comfy_server(level, checkpoints=models)
        problems += [f"{name}{each}" for each in _compare(recorded, server)]
    assert not problems, "\n".join(problems)


def _compare(recorded: dict[str, Any], server: ComfyServer) -> list[str]:
    request = recorded["request"]
    kwargs = {"json": request["json"]} if request["json"] is not None else {"data": request["data"].encode()}
    answer = requests.post(server.url + request["path"], timeout=20, **kwargs)
    problems = []
    if answer.status_code != recorded["status"]:
        problems.append(f": status {recorded['status']} recorded, {answer.status_code} here: {answer.text}")
    if answer.headers["Content-Type"] != recorded["headers"]["Content-Type"]:
        problems.append(f": content type {answer.headers['Content-Type']}")
    problems += differences(recorded["body"], answer.json())
    problems += _different_words(recorded["body"], answer.json())
    return problems


def _different_words(recorded: Any, ours: Any, where: str = "") -> list[str]:
    """Error bodies must be the same word for word, but for ids, numbers and the server's own traceback."""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        keys = recorded.keys() & ours.keys() - MACHINE - {"prompt_id", "number"}
        return [each for key in keys for each in _different_words(recorded[key], ours[key], f"{where}.{key}")]
    if isinstance(recorded, list) and isinstance(ours, list):
        if _is_sorted_alike(recorded, ours):
            return []
        pairs = zip(recorded, ours, strict=False)
        return [each for index, pair in enumerate(pairs) for each in _different_words(*pair, f"{where}[{index}]")]
    return [] if recorded == ours else [f"{where}: {recorded!r} recorded, {ours!r} here"]


def _is_sorted_alike(recorded: list[Any], ours: list[Any]) -> bool:
    """The server walks inputs and outputs in the order of a set."""
    return sorted(map(str, recorded)) == sorted(map(str, ours))


def test_a_negative_number_puts_a_prompt_first(transcripts: Path, comfy_server: Any) -> None:
    recorded = load(transcripts, "0.3.64", "err_front_number")
    answer = requests.post(comfy_server("0.3.64").url + "/prompt", json=recorded["request"]["json"], timeout=20)
    assert recorded["body"]["number"] < 0
    assert answer.json()["number"] <= 0


def test_a_partial_target_runs_alone(transcripts: Path, comfy_server: Any) -> None:
    body = load(transcripts, "0.3.64", "err_partial_targets")["request"]["json"]
    server = comfy_server("0.3.64")
    prompt_id = requests.post(server.url + "/prompt", json=body, timeout=20).json()["prompt_id"]
    server.wait_finished(prompt_id)
    assert list(server.history[prompt_id]["outputs"]) == body["partial_execution_targets"]
