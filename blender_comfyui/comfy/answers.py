"""The server's answers as frozen values, checked before use: what it sends is not trusted. No network here."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .errors import NodeProblem, NotAComfyServer, ServerFault, plain_text
from .events import ExecutionErrored, ExecutionInterrupted, parse_message

_MAX_DEPTH = 8
_MAX_TEXT = 100_000  # characters
_MAX_TEXTS = 1000  # of one node
_CUT = " …"


@dataclass(frozen=True)
class Device:
    """A device that the server computes on; memory in bytes."""

    name: str
    type: str
    vram_total: int
    vram_free: int


@dataclass(frozen=True)
class SystemStats:
    """GET /system_stats."""

    version: str
    os: str
    devices: tuple[Device, ...]


@dataclass(frozen=True)
class Queue:
    """GET /queue: prompt ids, those waiting in the order in which they will run."""

    running: tuple[str, ...]
    pending: tuple[str, ...]

    def __contains__(self, prompt_id: object) -> bool:
        return prompt_id in self.running or prompt_id in self.pending


@dataclass(frozen=True)
class ServerFile:
    """A file that a node left on the server, by the three names that /view wants."""

    filename: str
    subfolder: str
    type: str


@dataclass(frozen=True)
class NodeOutput:
    """What one node left: files under any key, and texts."""

    node_id: str
    files: tuple[ServerFile, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True)
class HistoryEntry:
    """GET /history/{id} of a prompt that ended. ``failure`` is what stopped it, or None where it succeeded."""

    outputs: tuple[NodeOutput, ...]
    failure: ExecutionErrored | ExecutionInterrupted | None


@dataclass(frozen=True)
class PastPrompt:
    """A prompt in the server's history, whoever sent it. ``ended`` in seconds since 1970, None where unknown."""

    prompt_id: str
    graph: Mapping[str, object]
    entry: HistoryEntry
    ended: float | None


@dataclass(frozen=True)
class Accepted:
    """POST /prompt was accepted. ``problems`` names outputs that the server dropped in silence."""

    prompt_id: str
    number: float
    problems: tuple[NodeProblem, ...]


def system_stats(data: object) -> SystemStats:
    """Raises NotAComfyServer unless the answer looks like ComfyUI's."""
    system = data.get("system") if isinstance(data, Mapping) else None
    if not isinstance(data, Mapping) or not isinstance(system, Mapping) or "devices" not in data:
        raise NotAComfyServer(
            "A server answers there, but it is not ComfyUI. Check host and port: ComfyUI's port is usually 8188.",
            details=str(data)[:500],
        )
    devices = data["devices"]
    return SystemStats(
        version=_name(system.get("comfyui_version")) or "unknown",
        os=_name(system.get("os")),
        devices=tuple(_device(d) for d in (devices if isinstance(devices, list) else []) if isinstance(d, Mapping)),
    )


def queue(data: object) -> Queue:
    """Raises ServerFault for another shape. Pending items form a heap on the server: sorted here."""
    if not isinstance(data, Mapping):
        raise ServerFault("The server's queue could not be read. Try again.", details=str(data)[:500])
    running = _queue_items(data.get("queue_running"))
    pending = sorted(_queue_items(data.get("queue_pending")))
    return Queue(tuple(i for _, i in running), tuple(i for _, i in pending))


def is_waiting_for(data: object, prompt_id: str, client_id: str) -> bool:
    """Whether this prompt waits in GET /queue, and was sent under this client id."""
    items = data.get("queue_pending") if isinstance(data, Mapping) else None
    return any(
        isinstance(item, list)
        and len(item) > 3
        and item[1] == prompt_id
        # number, id, graph, extra data
        and isinstance(item[3], Mapping)
        and item[3].get("client_id") == client_id
        for item in (items if isinstance(items, list) else [])
    )


def history_entry(data: object, prompt_id: str) -> HistoryEntry | None:
    """The entry of `prompt_id`, or None while it has none; an answer for another prompt counts as none."""
    entry = data.get(prompt_id) if isinstance(data, Mapping) else None
    if not isinstance(entry, Mapping) or _is_of_another(entry.get("prompt"), prompt_id):
        return None
    outputs = entry.get("outputs")
    return HistoryEntry(
        outputs=tuple(
            node_output(str(node), out) for node, out in (outputs.items() if isinstance(outputs, Mapping) else ())
        ),
        failure=_failure(entry.get("status")),
    )


def past_prompts(data: object) -> tuple[PastPrompt, ...]:
    """All of GET /history that can be read, in its order; what has another shape is left out."""
    found = []
    for prompt_id, body in data.items() if isinstance(data, Mapping) else ():
        entry = history_entry(data, prompt_id)
        item = body.get("prompt") if isinstance(body, Mapping) else None
        graph = item[2] if isinstance(item, list) and len(item) > 2 else None
        if entry is not None and isinstance(graph, Mapping):
            found.append(PastPrompt(prompt_id, graph, entry, _ended(body.get("status"))))
    return tuple(found)


def node_output(node_id: str, output: object) -> NodeOutput:
    """Every {filename, subfolder, type} under any key, each once; texts are the strings under "text", long ones cut."""
    text = output.get("text") if isinstance(output, Mapping) else None
    texts = (each for each in (text if isinstance(text, list | tuple) else [text]) if isinstance(each, str))
    return NodeOutput(
        node_id=node_id,
        files=tuple(dict.fromkeys(_files(output, 0))),
        texts=tuple(_cut(text) for text in itertools.islice(texts, _MAX_TEXTS)),
    )


def combo_options(object_info: object, class_type: str, input_name: str) -> tuple[str, ...]:
    """The choices of one input in /object_info; both forms, `[[…], {}]` and `["COMBO", {"options": […]}]`."""
    try:
        inputs = object_info[class_type]["input"]  # type: ignore[index]
        spec = {**inputs.get("optional", {}), **inputs.get("required", {})}[input_name]
        options = spec[0] if isinstance(spec[0], list) else spec[1]["options"]
        # Blender's menus end at a null character
        return tuple(name for name in map(str, options) if "\0" not in name)
    except (AttributeError, KeyError, IndexError, TypeError):
        return ()


def _is_of_another(item: object, prompt_id: str) -> bool:
    """An entry holds what was queued: number, id, graph, … An id that is not the one asked for is a mix-up."""
    return isinstance(item, list) and len(item) > 1 and isinstance(item[1], str) and item[1] != prompt_id


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - len(_CUT)] + _CUT


def _device(data: Mapping[str, object]) -> Device:
    return Device(
        name=_name(data.get("name")) or _name(data.get("type")) or "unknown device",
        type=_name(data.get("type")),
        vram_total=_whole(data.get("vram_total")),
        vram_free=_whole(data.get("vram_free")),
    )


def _name(value: object) -> str:
    return plain_text(str(value or ""), 200)


def _whole(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < 1 << 63 else 0


def _queue_items(items: object) -> list[tuple[float, str]]:
    return [
        (item[0], item[1])
        for item in (items if isinstance(items, list) else [])
        if isinstance(item, list) and len(item) > 1
        if isinstance(item[0], int | float) and isinstance(item[1], str)
    ]


def _files(data: object, depth: int) -> Iterator[ServerFile]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(data, Mapping):
        name, subfolder, kind = data.get("filename"), data.get("subfolder", ""), data.get("type", "output")
        if isinstance(name, str) and name and isinstance(subfolder, str) and isinstance(kind, str):
            yield ServerFile(name, subfolder, kind)
        else:
            for value in data.values():
                yield from _files(value, depth + 1)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from _files(value, depth + 1)


def _failure(status: object) -> ExecutionErrored | ExecutionInterrupted | None:
    """What ended the run, by the last message that says so; a "blocked" node is no end (the run goes on)."""
    messages = status.get("messages") if isinstance(status, Mapping) else None
    for message in reversed(messages if isinstance(messages, list) else []):
        if not isinstance(message, list) or len(message) != 2:
            continue
        event = parse_message(message[0], message[1])
        if isinstance(event, ExecutionInterrupted):
            return event
        if isinstance(event, ExecutionErrored) and not event.is_block:
            return event
    if isinstance(status, Mapping) and status.get("status_str") == "error" and not _succeeded(messages):
        return ExecutionErrored("", "", "", "", "The server does not say why.", ())
    return None


def _ended(status: object) -> float | None:
    """When its last message was sent; the server counts in milliseconds."""
    messages = status.get("messages") if isinstance(status, Mapping) else None
    last = messages[-1] if isinstance(messages, list) and messages else None
    told = last[1] if isinstance(last, list) and len(last) == 2 else None
    when = told.get("timestamp") if isinstance(told, Mapping) else None
    return when / 1000 if isinstance(when, int | float) and 0 < when < 1e14 else None


def _succeeded(messages: object) -> bool:
    return any(
        isinstance(message, list) and message[:1] == ["execution_success"]
        for message in (messages if isinstance(messages, list) else [])
    )


def uploaded_name(data: object) -> str:
    """Under which name /upload/image keeps a file, with its folder; '' where it says none that could be one."""
    match data:
        case {"name": str(name), "subfolder": str(subfolder)} if name and min(name + subfolder) >= " ":
            return f"{subfolder}/{name}" if subfolder else name
    return ""


def upload_limit(data: object) -> int | None:
    """How many bytes an upload may have, by /features; None where the server does not say."""
    match data:
        case {"max_upload_size": int(limit)} if limit > 0:
            return limit
    return None
