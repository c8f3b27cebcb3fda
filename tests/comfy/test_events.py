import dataclasses
import json
import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from blender_comfyui.comfy import events
from blender_comfyui.comfy.events import (
    Event,
    ExecutionErrored,
    ExecutionInterrupted,
    ExecutionStarted,
    ExecutionSucceeded,
    FeatureFlags,
    NodeExecuted,
    NodeExecuting,
    NodeProgress,
    NodesCached,
    NodeState,
    Preview,
    ProgressState,
    ProgressText,
    QueueStatus,
    parse_binary,
    parse_message,
    parse_text,
)

CLASSES: dict[str, type] = {
    "status": QueueStatus,
    "feature_flags": FeatureFlags,
    "execution_start": ExecutionStarted,
    "execution_cached": NodesCached,
    "executing": NodeExecuting,
    "progress": NodeProgress,
    "progress_state": ProgressState,
    "executed": NodeExecuted,
    "execution_success": ExecutionSucceeded,
    "execution_error": ExecutionErrored,
    "execution_interrupted": ExecutionInterrupted,
}
JPEG = b"\xff\xd8\xff\xe0picture"
PNG = b"\x89PNG\r\n\x1a\npicture"


def message(kind: object, data: object) -> Event | None:
    return parse_text(json.dumps({"type": kind, "data": data}))


def recorded_messages(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if node.get("binary") is True or (isinstance(node.get("type"), str) and isinstance(node.get("data"), dict)):
            yield node
            return
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from recorded_messages(child)


def test_every_recorded_message(transcripts: Path) -> None:
    counts: Counter[str] = Counter()
    for path in sorted(transcripts.glob("[0-9]*/*.json")):
        if path.name.startswith(("http_", "comfy_api_proxy")):
            continue
        for recorded in recorded_messages(json.loads(path.read_text(encoding="utf-8"))):
            if recorded.get("binary"):
                check_recorded_frame(recorded)
                counts[f"binary {recorded['event_type']}"] += 1
            else:
                event = parse_text(json.dumps(recorded))
                assert type(event) is CLASSES[recorded["type"]], (path, recorded)
                counts[recorded["type"]] += 1
    assert counts.keys() == {*CLASSES, "binary 1", "binary 3", "binary 4"}
    assert counts.total() > 2000


def check_recorded_frame(recorded: dict[str, Any]) -> None:
    """Rebuild a frame from its summary: the head is real, the rest is filled up to its length."""
    head = bytes.fromhex(recorded["head_hex"])
    if recorded["event_type"] == 4:
        metadata = json.dumps(recorded["metadata"], separators=(", ", ": ")).encode()
        image = bytes.fromhex(recorded["image_head"]).ljust(recorded["image_bytes"], b"\0")
        if recorded["metadata"]["image_type"] == "image/png":
            image = PNG.ljust(recorded["image_bytes"], b"\0")
        event = parse_binary(struct.pack(">II", 4, len(metadata)) + metadata + image)
        assert isinstance(event, Preview)
        assert event.prompt_id
        assert event.image == image
        assert event.prompt_id == recorded["metadata"]["prompt_id"]
    elif recorded["event_type"] == 1:
        event = parse_binary(head.ljust(recorded["length"], b"\0"))
        assert isinstance(event, Preview)
        assert len(event.image) == recorded["length"] - 8
        assert event.format == {1: "jpeg", 2: "png"}[recorded["image_type"]]
    else:
        assert isinstance(parse_binary(head.ljust(recorded["length"], b" ")), ProgressText)


def test_status() -> None:
    assert message("status", {"status": {"exec_info": {"queue_remaining": 3}}}) == QueueStatus(3)
    assert message("status", {"status": {"exec_info": {"queue_remaining": 0}}, "sid": "s"}) == QueueStatus(0, "s")
    assert message("status", {"status": {"exec_info": {"queue_remaining": True}}}) is None
    assert message("status", {"status": [1]}) is None


def test_feature_flags() -> None:
    assert message("feature_flags", {"a": [1]}) == FeatureFlags({"a": [1]})


def test_the_course_of_a_prompt() -> None:
    assert message("execution_start", {"prompt_id": "p", "timestamp": 1}) == ExecutionStarted("p")
    assert message("execution_cached", {"prompt_id": "p", "nodes": ["1", 2]}) == NodesCached("p", ("1", "2"))
    assert message("progress", {"prompt_id": "p", "node": "5", "value": 1, "max": 4}) == NodeProgress("p", "5", 1, 4)
    assert message("execution_success", {"prompt_id": "p"}) == ExecutionSucceeded("p")
    assert message("execution_interrupted", {"prompt_id": "p", "node_id": "2"}) == ExecutionInterrupted("p", "2")


def test_executing() -> None:
    assert message("executing", {"prompt_id": "p", "node": "1", "display_node": "2"}) == NodeExecuting("p", "1", "2")
    assert message("executing", {"prompt_id": "p", "node": None}) == NodeExecuting("p", None)
    assert message("executing", {"node": "2"}) == NodeExecuting(None, "2")


def test_executing_without_a_node_is_not_the_end() -> None:
    assert message("executing", {"prompt_id": "p"}) is None
    assert message("executing", {"prompt_id": "p", "node": {}}) is None
    assert message("executing", {"prompt_id": "p", "node": ""}) is None


def test_progress_state() -> None:
    nodes = {
        "7:1": {"value": 1, "max": 2, "state": "running", "node_id": "7:1", "display_node_id": "7"},
        "8": {"value": 1.0, "max": 1.0, "state": "finished"},
    }
    assert message("progress_state", {"prompt_id": "p", "nodes": nodes}) == ProgressState(
        "p", (NodeState("7:1", "7", 1.0, 2.0, "running"), NodeState("8", "8", 1.0, 1.0, "finished"))
    )


def test_one_bad_node_does_not_hide_the_others() -> None:
    good = {"value": 1, "max": 2, "state": "running"}
    text = json.dumps({"type": "progress_state", "data": {"prompt_id": "p", "nodes": {"1": good, "2": [], "3": good}}})
    text = text.replace('"3": {"value": 1', '"3": {"value": Infinity')
    assert parse_text(text) == ProgressState("p", (NodeState("1", "1", 1.0, 2.0, "running"),))


def test_executed() -> None:
    output = {"images": [{"filename": "x.png", "subfolder": "", "type": "output"}]}
    assert message("executed", {"prompt_id": "p", "node": "2", "output": output}) == NodeExecuted("p", "2", output)
    assert message("executed", {"prompt_id": "p", "node": "2", "output": None}) == NodeExecuted("p", "2", None)
    assert message("executed", {"prompt_id": "p", "node": "2", "output": [1]}) is None


def test_an_error() -> None:
    data = {
        "prompt_id": "p",
        "node_id": "2",
        "node_type": "KSampler",
        "exception_message": "böse \ud800",
        "exception_type": "ValueError",
        "traceback": ["a\n", 1, "b\n"],
    }
    event = message("execution_error", data)
    assert event == ExecutionErrored("p", "2", "KSampler", "ValueError", "böse �", ("a\n", "b\n"))


def test_a_block_is_told_from_an_error() -> None:
    blocked = parse_message("execution_error", {"prompt_id": "p", "exception_type": "ExecutionBlocked"})
    failed = parse_message("execution_error", {"prompt_id": "p", "exception_type": "ValueError"})
    assert isinstance(blocked, ExecutionErrored)
    assert isinstance(failed, ExecutionErrored)
    assert (blocked.is_block, failed.is_block) == (True, False)


def test_messages_by_their_parts_as_in_the_history() -> None:
    assert parse_message("execution_start", {"prompt_id": "p"}) == ExecutionStarted("p")
    assert parse_message(["execution_start"], {"prompt_id": "p"}) is None
    assert parse_message("execution_start", ["p"]) is None


def test_an_error_that_is_told_badly_is_still_an_error() -> None:
    event = message("execution_error", {"prompt_id": "p", "node_id": [], "exception_message": 5, "traceback": "x"})
    assert event == ExecutionErrored("p", "", "", "", "", ("x",))
    assert message("execution_error", {"node_id": "2"}) is None


@pytest.mark.parametrize("bad", ["Infinity", "-Infinity", "NaN", "1e999", "true", '"3"', "null", "9" * 400, "9" * 5000])
def test_bad_numbers(bad: str) -> None:
    assert parse_text(f'{{"type":"progress","data":{{"prompt_id":"p","node":"1","value":{bad},"max":4}}}}') is None
    assert parse_text(f'{{"type":"progress","data":{{"prompt_id":"p","node":"1","value":1,"max":{bad}}}}}') is None


def test_a_bare_infinity_elsewhere_does_no_harm() -> None:
    text = '{"type":"execution_start","data":{"prompt_id":"p","timestamp":Infinity}}'
    assert parse_text(text) == ExecutionStarted("p")


@pytest.mark.parametrize("text", ["", "null", "[]", '"x"', "{", "{}", '{"type":[]}', "[" * 100_000, '{"a":' * 100_000])
def test_what_is_no_message(text: str) -> None:
    assert parse_text(text) is None


@pytest.mark.parametrize("kind", [*CLASSES, "crystools.monitor", None, [], 5])
@pytest.mark.parametrize("data", [None, [], "x", 5])
def test_data_that_is_no_object(kind: object, data: object) -> None:
    assert message(kind, data) is None
    assert parse_text(json.dumps({"type": kind})) is None


def test_unknown_types_are_ignored() -> None:
    assert message("crystools.monitor", {"prompt_id": "p"}) is None


def test_previews() -> None:
    assert parse_binary(struct.pack(">II", 1, 1) + JPEG) == Preview(JPEG, "jpeg")
    assert parse_binary(struct.pack(">II", 1, 2) + PNG) == Preview(PNG, "png")
    metadata = json.dumps({"node_id": "5", "prompt_id": "p", "image_type": "image/jpeg"}).encode()
    frame = struct.pack(">II", 4, len(metadata)) + metadata + JPEG
    assert parse_binary(frame) == Preview(JPEG, "jpeg", "p", "5")


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\0\0",
        struct.pack(">I", 1),
        struct.pack(">II", 1, 1),
        struct.pack(">II", 1, 1) + b"GIF89a",
        struct.pack(">II", 2, 1) + JPEG,
        struct.pack(">II", 4, 2) + b"[]" + JPEG,
        struct.pack(">II", 4, 2) + b"{]" + JPEG,
        struct.pack(">II", 4, 2) + b"\xff\xff" + JPEG,
        struct.pack(">II", 4, 0xFFFFFFFF) + b"{}" + JPEG,
        struct.pack(">II", 4, 18) + b'{"prompt_id":[1]} ' + JPEG,
        struct.pack(">II", 4, 2) + b"{}",
        struct.pack(">II", 3, 0) + b"text",
        struct.pack(">II", 3, 99) + b"5text",
        struct.pack(">I", 3),
    ],
)
def test_frames_that_are_cut_or_unknown(frame: bytes) -> None:
    assert parse_binary(frame) is None


def test_progress_text() -> None:
    assert parse_binary(struct.pack(">II", 3, 2) + b"12" + "halb…".encode()) == ProgressText("12", "halb…")
    assert parse_binary(struct.pack(">II", 3, 2) + b"12" + b"\xff") == ProgressText("12", "�")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
ids = st.sampled_from(["p", "\ud800", "ü", 5, None, True, 2**70])
fields = {
    "prompt_id": ids | anything,
    "node": ids | anything,
    "nodes": anything | st.dictionaries(st.text(max_size=3), st.dictionaries(st.sampled_from(["state"]), anything)),
    "value": anything,
    "max": anything,
    "output": anything,
    "status": anything | st.fixed_dictionaries({"exec_info": anything}),
    "traceback": anything | st.lists(st.text(st.characters())),
    "exception_message": anything,
    "sid": ids,
    "node_id": ids,
}
nearly_right = st.builds(
    lambda kind, data: json.dumps({"type": kind, "data": data}),
    st.sampled_from(list(CLASSES)),
    st.fixed_dictionaries({}, optional=fields),
)


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for inner in value:
            yield from strings(inner)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from strings(getattr(value, field.name))


@given(st.text(st.characters()) | anything.map(json.dumps) | nearly_right)
@example('{"type": "progress_state", "data": {"prompt_id": "p", "nodes": {"": {"state": "x"}}}}')
@example('{"type": "status", "data": {"status": "abc"}}')
def test_no_text_raises(text: str) -> None:
    for string in strings(parse_text(text)):
        string.encode("utf-8")


@given(st.binary() | st.builds(lambda kind, rest: struct.pack(">I", kind) + rest, st.integers(0, 5), st.binary()))
@example(struct.pack(">II", 4, 50000) + b"[" * 50000 + JPEG)
def test_no_frame_raises(frame: bytes) -> None:
    for string in strings(parse_binary(frame)):
        string.encode("utf-8")


def test_events_are_frozen() -> None:
    for kind in events.Event.__args__:
        assert dataclasses.is_dataclass(kind)
        assert kind.__dataclass_params__.frozen
