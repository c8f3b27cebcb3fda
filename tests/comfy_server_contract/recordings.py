"""Reading recorded exchanges, and holding an answer's shape against a recorded one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

LEVELS = ("0.3.64", "0.25.0", "0.27.0")

# Parts that say which machine recorded them: their keys and types may differ.
FREE = {"traceback", "current_inputs", "current_outputs", "argv", "comfy_package_versions", "input_config"}


def load(folder: Path, level: str, name: str) -> Any:
    return json.loads((folder / level / f"{name}.json").read_text("utf-8"))


def names(folder: Path, level: str, *starts: str) -> list[str]:
    return sorted(path.stem for path in (folder / level).glob("*.json") if path.stem.startswith(starts))


def differences(recorded: Any, ours: Any, where: str = "") -> list[str]:
    """Where the two differ in keys or types; lists are compared by their first items."""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        found = [f"{where}: missing {key}" for key in recorded.keys() - ours.keys() - FREE]
        found += [f"{where}: additional {key}" for key in ours.keys() - recorded.keys() - FREE]
        for key in recorded.keys() & ours.keys() - FREE:
            found += differences(recorded[key], ours[key], f"{where}.{key}")
        return found
    if isinstance(recorded, list) and isinstance(ours, list):
        if bool(recorded) != bool(ours):
            return [f"{where}: {len(recorded)} items recorded, {len(ours)} here"]
        return differences(recorded[0], ours[0], f"{where}[0]") if recorded else []
    if _kind(recorded) != _kind(ours):
        return [f"{where}: {recorded!r} recorded, {ours!r} here"]
    return []


def _kind(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return type(value).__name__
    return "number" if isinstance(value, int | float) else type(value).__name__


def pattern(text: str) -> str:
    """A file name with its counter and random letters made the same in all runs."""
    return re.sub(r"ComfyUI_temp_[a-z]{5}", "ComfyUI_temp_?", re.sub(r"_\d{5}_", "_#_", text))


# ---- messages


def kind_of(message: dict[str, Any]) -> str:
    return f"bin{message['event_type']}" if message.get("binary") else str(message["type"])


def recorded_messages(exchange: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages of a recorded socket, without its close."""
    return [entry["msg"] for entry in exchange if "msg" in entry]


def collapsed(messages: list[dict[str, Any]], *more: str) -> list[dict[str, Any]]:
    """Of messages of the same type in a row only the last, for those sent as often as the server likes."""
    kept: list[dict[str, Any]] = []
    for message in messages:
        kind = kind_of(message)
        if kept and kind == kind_of(kept[-1]) and kind in ("status", "progress_state", *more):
            kept.pop()
        kept.append(message)
    return kept


def without(messages: list[dict[str, Any]], *kinds: str) -> list[dict[str, Any]]:
    return [message for message in messages if kind_of(message) not in kinds]


def kinds(messages: list[dict[str, Any]]) -> list[str]:
    return [kind_of(message) for message in messages]


def stories(messages: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """What each message says that must be the same in every run."""
    return [_story(message) for message in messages]


def _story(message: dict[str, Any]) -> tuple[Any, ...]:
    kind = kind_of(message)
    if message.get("binary"):
        metadata = {key: value for key, value in message.get("metadata", {}).items() if key != "prompt_id"}
        return kind, message.get("image_type"), message.get("text"), str(metadata)
    data = message["data"]
    if kind == "status":
        return kind, data["status"]["exec_info"]["queue_remaining"]
    if kind == "progress":
        return kind, data["node"], data["value"], data["max"]
    if kind == "progress_state":
        return kind, *sorted((node, entry["state"], entry["max"]) for node, entry in data["nodes"].items())
    if kind == "executed":
        return kind, data["node"], pattern(json.dumps(data["output"], sort_keys=True))
    if kind.startswith("execution_") and "node_id" in data:
        text = data.get("exception_message", "").partition("\n full_output_folder")[0]
        return kind, data["node_id"], data["node_type"], data.get("exception_type"), text
    return kind, data.get("node")
