"""Every recorded prompt, from POST to its end: answer, messages, history."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.comfy_server import ComfyServer

from .client import Client
from .recordings import LEVELS, collapsed, differences, kind_of, kinds, load, names, recorded_messages, stories

# Recorded prompts that are held against the server elsewhere, or not at all, and why.
ELSEWHERE = {
    "huge_8192": "says the same as empty_save, with 8192² pixels that take seconds",
}


def prompts(folder: Path, level: str) -> list[str]:
    """Recordings of one prompt seen by its own client from POST to end."""
    found = []
    for name in names(folder, level, ""):
        recorded = load(folder, level, name)
        if isinstance(recorded, dict) and {"ws_types", "history", "response"} <= recorded.keys():
            found.append(name)
    return [name for name in found if name not in ELSEWHERE]


@pytest.mark.parametrize("level", LEVELS)
def test_every_recorded_prompt(level: str, transcripts: Path, comfy_server: Any) -> None:
    found = prompts(transcripts, level)
    assert len(found) >= 4
    problems = []
    for name in found:
        server = comfy_server(level, probe_tick=0.001)
        problems += [f"{name}: {each}" for each in _replay(load(transcripts, level, name), server)]
        server.close()
    assert not problems, "\n".join(problems)


def _replay(recorded: dict[str, Any], server: ComfyServer) -> list[str]:
    (entry,) = recorded["history"].values()
    prompt, extra = entry["prompt"][2], entry["prompt"][3]
    _make_inputs(server, prompt)
    expected = recorded_messages(recorded["ws"])
    _warm_up(server, prompt, _cached(expected))
    client = Client(server, flags=_flags(recorded["ws_types"]))
    extra = {key: value for key, value in extra.items() if key not in ("client_id", "create_time")}
    answer = client.post(prompt, extra_data=extra or None)
    if answer.status_code != recorded["status"]:
        return [f"status {answer.status_code}: {answer.text}"]
    ours = client.hear_end_of(answer.json()["prompt_id"])
    problems = differences(recorded["response"], answer.json(), "answer")
    problems += _compare_messages(expected, ours, len(entry["prompt"][4]))
    history = client.get(f"/history/{answer.json()['prompt_id']}").json()
    client.close()
    return problems + differences(entry, history[answer.json()["prompt_id"]], "history")


def _flags(types: list[str]) -> dict[str, Any] | None:
    return {"supports_preview_metadata": "bin4" in types} if "feature_flags" in types else None


def _cached(messages: list[dict[str, Any]]) -> list[str]:
    return next(list(each["data"]["nodes"]) for each in messages if kind_of(each) == "execution_cached")


def _compare_messages(expected: list[dict[str, Any]], ours: list[dict[str, Any]], outputs: int) -> list[str]:
    expected, ours = collapsed(expected), collapsed(ours)
    problems = []
    if sorted(_cached(expected)) != sorted(_cached(ours)):
        problems.append(f"cached nodes {_cached(expected)} recorded, {_cached(ours)} here")
    for message in ours:
        same = next((each for each in expected if _same_place(each) == _same_place(message)), None)
        if same is not None and kind_of(message) not in ("progress_state", "executing", "execution_cached"):
            problems += differences(_shape(same), _shape(message), kind_of(message))
    if outputs > 1:  # the server runs several outputs in the order of a set
        if sorted(kinds(expected)) != sorted(kinds(ours)):
            problems.append(f"messages {sorted(kinds(expected))} recorded, {sorted(kinds(ours))} here")
        return problems
    for theirs, mine in zip(stories(expected), stories(ours), strict=False):
        if theirs != mine:
            problems.append(f"message {theirs} recorded, {mine} here")
    if kinds(expected) != kinds(ours):
        problems.append(f"messages {kinds(expected)} recorded, {kinds(ours)} here")
    return problems


def _same_place(message: dict[str, Any]) -> tuple[str, Any]:
    return kind_of(message), message["data"].get("node") if kind_of(message) == "executed" else None


def _shape(message: dict[str, Any]) -> dict[str, Any]:
    """The message without what depends on how it was recorded."""
    left_out = ("length", "head_hex", "image_bytes", "node_id", "text") if message.get("binary") else ("sid",)
    data = {key: value for key, value in message.items() if key not in left_out}
    if kind_of(message) == "status":
        data["data"] = {"status": data["data"]["status"]}
    return data


def _make_inputs(server: ComfyServer, prompt: dict[str, Any]) -> None:
    """The files and models that the prompt names."""
    for node in prompt.values():
        inputs = node["inputs"]
        if node["class_type"] in ("LoadImage", "LoadAudio"):
            path = server.folders.find_input(inputs.get("image") or inputs["audio"])
            path.parent.mkdir(parents=True, exist_ok=True)
            if node["class_type"] == "LoadImage":
                Image.linear_gradient("L").resize((64, 64)).convert("RGBA").save(path)
            else:
                _write_tone(path)
        for key, folder in (("lora_name", "loras"), ("vae_name", "vae"), ("ckpt_name", "checkpoints")):
            if key in inputs:
                server.models[folder] = (inputs[key],)


def _write_tone(path: Path) -> None:
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16000))


def _warm_up(server: ComfyServer, prompt: dict[str, Any], cached: list[str]) -> None:
    """Runs before what was cached in the recording; a preview at each loose end makes it a whole prompt."""
    if not cached:
        return
    part = {node_id: prompt[node_id] for node_id in cached}
    used = {value[0] for node in part.values() for value in node["inputs"].values() if isinstance(value, list)}
    types = server.site.node_types()
    for node_id in list(part):
        if node_id not in used and not types[part[node_id]["class_type"]]["output_node"]:
            part[f"end of {node_id}"] = {"class_type": "PreviewAny", "inputs": {"source": [node_id, 0]}}
    client = Client(server)
    answer = client.post(part)
    assert answer.status_code == 200, answer.text
    client.hear_end_of(answer.json()["prompt_id"])
    client.close()
