"""What a ComfyUI server says on its websocket, one frozen dataclass a message. No network here, no bpy.

What a server sends is not trusted: a message that is unknown or malformed parses to None, and no input raises. Every
string of an event can be encoded as UTF-8, except inside the raw ``NodeExecuted.output`` and ``FeatureFlags.flags``.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from .bounded_json import read_json

_MAX_VALUES = 250_000  # in one message; a snapshot of 1000 nodes has 8000
_MAX_ABOUT = 64 * 1024  # bytes of what is told about a preview
_MAX_WORDS = 2000  # bytes of what a node says while it runs


@dataclass(frozen=True)
class Connected:
    """The stream itself: a new websocket is open, under a fresh client id."""

    client_id: str


@dataclass(frozen=True)
class Disconnected:
    """The stream itself: the websocket is gone. ``reason`` is a sentence for a person."""

    reason: str


@dataclass(frozen=True)
class QueueStatus:
    """``remaining`` counts the prompts of everybody, running or waiting. ``sid`` comes only on connecting."""

    remaining: int
    sid: str | None = None


@dataclass(frozen=True)
class FeatureFlags:
    """The server's answer to ours."""

    flags: Mapping[str, object]


@dataclass(frozen=True)
class ExecutionStarted:
    prompt_id: str


@dataclass(frozen=True)
class NodesCached:
    """These nodes will not run: their results are still there from before."""

    prompt_id: str
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class NodeExecuting:
    """``node`` None: the server is done with the prompt. After a reconnect ``prompt_id`` is None."""

    prompt_id: str | None
    node: str | None
    display_node: str | None = None


@dataclass(frozen=True)
class NodeProgress:
    """One node's own steps, ``value`` of ``maximum``; both finite. Old servers leave the ids out."""

    prompt_id: str | None
    node: str | None
    value: float
    maximum: float


@dataclass(frozen=True)
class NodeState:
    """``state`` is 'pending', 'running', 'finished' or 'error'. ``display_node_id`` is in the sent prompt."""

    node_id: str
    display_node_id: str
    value: float
    maximum: float
    state: str


@dataclass(frozen=True)
class ProgressState:
    """A whole snapshot of the nodes that have begun."""

    prompt_id: str
    nodes: tuple[NodeState, ...]


@dataclass(frozen=True)
class NodeExecuted:
    """An output node is done. ``output`` is as the server sent it, and can be None."""

    prompt_id: str
    node: str
    output: Mapping[str, object] | None


@dataclass(frozen=True)
class ExecutionSucceeded:
    prompt_id: str


@dataclass(frozen=True)
class ExecutionErrored:
    """A node raised. With ``exception_type`` "ExecutionBlocked" the prompt goes on: it is no end."""

    prompt_id: str
    node_id: str
    node_type: str
    exception_type: str
    message: str
    traceback: tuple[str, ...]

    @property
    def is_block(self) -> bool:
        """A node asked not to go on along its own branch; the run itself does go on."""
        return self.exception_type == "ExecutionBlocked"


@dataclass(frozen=True)
class ExecutionInterrupted:
    prompt_id: str
    node_id: str


@dataclass(frozen=True)
class Preview:
    """A picture on the way, or one from SaveImageWebsocket. ``format`` is what the bytes begin like."""

    image: bytes
    format: Literal["jpeg", "png"]
    prompt_id: str | None = None
    node_id: str | None = None


@dataclass(frozen=True)
class ProgressText:
    """What a node says while it runs. The message form that we ask for names no prompt."""

    node_id: str
    text: str
    prompt_id: str | None = None


Event: TypeAlias = (
    Connected
    | Disconnected
    | QueueStatus
    | FeatureFlags
    | ExecutionStarted
    | NodesCached
    | NodeExecuting
    | NodeProgress
    | ProgressState
    | NodeExecuted
    | ExecutionSucceeded
    | ExecutionErrored
    | ExecutionInterrupted
    | Preview
    | ProgressText
)


def parse_text(text: str) -> Event | None:
    """Read a text message; None when it is unknown or malformed. Never raises."""
    message = _json(text)
    if not isinstance(message, dict):
        return None
    return parse_message(message.get("type"), message.get("data"))


def parse_message(kind: object, data: object) -> Event | None:
    """Read a message by its parts, as the history keeps it; None when unknown or malformed. Never raises."""
    parse = _PARSERS.get(kind) if isinstance(kind, str) else None
    if parse is None or not isinstance(data, dict):
        return None
    try:
        return parse(data)
    except _MalformedError:
        return None


def parse_binary(data: bytes) -> Event | None:
    """Read a binary message; None when it is unknown or malformed. Never raises."""
    kind, body = _counted(data)
    if kind == 1:
        return _preview(body[4:])
    if kind == 3:
        return _progress_text(body)
    if kind == 4:
        return _preview_with_metadata(body)
    return None


class _MalformedError(Exception):
    """A message is not as it should be; stays inside this module."""


def _json(text: str | bytes) -> Any:
    try:
        return read_json(text, _MAX_VALUES)
    except ValueError:  # also for thousands of digits, bad UTF-8, and what is nested too deeply or too much
        return None


def _text(value: object, default: str = "") -> str:
    """Return a string that can be encoded: JSON may escape half a surrogate pair."""
    if not isinstance(value, str):
        return default
    return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _id(value: object) -> str:
    """Return a node's or a prompt's id; nodes may be numbered with integers."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() < 64:
        return str(value)
    if isinstance(value, str) and value:
        return _text(value)
    raise _MalformedError


def _id_or_none(value: object) -> str | None:
    return None if value is None else _id(value)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _MalformedError
    try:
        number = float(value)
    except OverflowError:
        raise _MalformedError from None
    if not math.isfinite(number):
        raise _MalformedError
    return number


def _queue_status(data: dict[str, Any]) -> QueueStatus:
    try:
        remaining = data["status"]["exec_info"]["queue_remaining"]
    except (KeyError, TypeError, IndexError):
        raise _MalformedError from None
    if isinstance(remaining, bool) or not isinstance(remaining, int) or not 0 <= remaining < 1 << 31:
        raise _MalformedError
    return QueueStatus(remaining, _text(data.get("sid")) or None)


def _nodes_cached(data: dict[str, Any]) -> NodesCached:
    nodes = data.get("nodes")
    if not isinstance(nodes, list):
        raise _MalformedError
    return NodesCached(_id(data.get("prompt_id")), tuple(_id(node) for node in nodes))


def _node_executing(data: dict[str, Any]) -> NodeExecuting:
    if "node" not in data:  # only a null that was really sent means the end
        raise _MalformedError
    return NodeExecuting(
        _id_or_none(data.get("prompt_id")), _id_or_none(data["node"]), _id_or_none(data.get("display_node"))
    )


def _node_progress(data: dict[str, Any]) -> NodeProgress:
    return NodeProgress(
        _id_or_none(data.get("prompt_id")),
        _id_or_none(data.get("node")),
        _number(data.get("value")),
        _number(data.get("max")),
    )


def _progress_state(data: dict[str, Any]) -> ProgressState:
    nodes = data.get("nodes")
    if not isinstance(nodes, dict):
        raise _MalformedError
    states = (_node_state_or_none(key, node) for key, node in nodes.items())
    return ProgressState(_id(data.get("prompt_id")), tuple(state for state in states if state))


def _node_state_or_none(key: str, node: object) -> NodeState | None:
    # One custom node that counts to infinity shall not hide the progress of all others.
    try:
        return _node_state(key, node)
    except _MalformedError:
        return None


def _node_state(key: str, node: object) -> NodeState:
    if not isinstance(node, dict) or not isinstance(node.get("state"), str):
        raise _MalformedError
    node_id = _id(node.get("node_id", key))
    display = node.get("display_node_id")
    return NodeState(
        node_id,
        node_id if display is None else _id(display),
        _number(node.get("value")),
        _number(node.get("max")),
        _text(node["state"]),
    )


def _node_executed(data: dict[str, Any]) -> NodeExecuted:
    output = data.get("output")
    if output is not None and not isinstance(output, dict):
        raise _MalformedError
    return NodeExecuted(_id(data.get("prompt_id")), _id(data.get("node")), output)


def _execution_errored(data: dict[str, Any]) -> ExecutionErrored:
    # Only the prompt must be known: an error that is told badly is still an error.
    traceback = data.get("traceback")
    lines = traceback if isinstance(traceback, list) else [traceback]
    return ExecutionErrored(
        _id(data.get("prompt_id")),
        _id_or_empty(data.get("node_id")),
        _text(data.get("node_type")),
        _text(data.get("exception_type")),
        _text(data.get("exception_message")),
        tuple(_text(line) for line in lines if isinstance(line, str)),
    )


def _execution_interrupted(data: dict[str, Any]) -> ExecutionInterrupted:
    return ExecutionInterrupted(_id(data.get("prompt_id")), _id_or_empty(data.get("node_id")))


def _id_or_empty(value: object) -> str:
    try:
        return _id(value)
    except _MalformedError:
        return ""


_PARSERS: dict[str, Callable[[dict[str, Any]], Event]] = {
    "status": _queue_status,
    "feature_flags": FeatureFlags,
    "execution_start": lambda data: ExecutionStarted(_id(data.get("prompt_id"))),
    "execution_cached": _nodes_cached,
    "executing": _node_executing,
    "progress": _node_progress,
    "progress_state": _progress_state,
    "executed": _node_executed,
    "execution_success": lambda data: ExecutionSucceeded(_id(data.get("prompt_id"))),
    "execution_error": _execution_errored,
    "execution_interrupted": _execution_interrupted,
}


def _counted(data: bytes) -> tuple[int, bytes]:
    """Split a leading big-endian u32 off; -1 when there is none."""
    if len(data) < 4:
        return -1, b""
    return struct.unpack_from(">I", data)[0], data[4:]


def _split(data: bytes) -> tuple[bytes, bytes] | None:
    """Split a part with its length before it off; None when the data is cut."""
    length, rest = _counted(data)
    return (rest[:length], rest[length:]) if 0 <= length <= len(rest) else None


def _preview(image: bytes, prompt_id: str | None = None, node_id: str | None = None) -> Preview | None:
    # The bytes decide, not the number before them: some nodes of others send frames that are no pictures.
    if image.startswith(b"\xff\xd8\xff"):
        return Preview(image, "jpeg", prompt_id, node_id)
    if image.startswith(b"\x89PNG\r\n\x1a\n"):
        return Preview(image, "png", prompt_id, node_id)
    return None


def _preview_with_metadata(body: bytes) -> Preview | None:
    parts = _split(body)
    metadata = _json(parts[0]) if parts and len(parts[0]) <= _MAX_ABOUT else None
    if parts is None or not isinstance(metadata, dict):
        return None
    try:
        return _preview(parts[1], _id_or_none(metadata.get("prompt_id")), _id_or_none(metadata.get("node_id")))
    except _MalformedError:
        return None


def _progress_text(body: bytes) -> ProgressText | None:
    parts = _split(body)
    if not parts or not parts[0]:
        return None
    return ProgressText(*(part[:_MAX_WORDS].decode("utf-8", "replace") for part in parts))
