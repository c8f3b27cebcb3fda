"""The node classes this server knows, as /object_info describes them (node_types.json, and see stock)."""

from __future__ import annotations

import copy
import json
import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

NodeType = dict[str, Any]
Models = Mapping[str, Sequence[str]]

_DATA: dict[str, Any] = json.loads((Path(__file__).parent / "node_types.json").read_text("utf-8"))
SAMPLERS: list[str] = _DATA["$samplers"]
SCHEDULERS: list[str] = _DATA["$schedulers"]
NODE_TYPES: dict[str, NodeType] = {name: data for name, data in _DATA.items() if not name.startswith("$")}


def describe(types: Mapping[str, NodeType], models: Models, input_files: Sequence[str]) -> dict[str, NodeType]:
    """All node types with the options as they are at this moment; a copy."""
    return {name: _described(node_type, models, input_files) for name, node_type in types.items()}


def _described(node_type: NodeType, models: Models, input_files: Sequence[str]) -> NodeType:
    node_type = copy.deepcopy(node_type)
    for _, spec in inputs_of(node_type).values():
        if mark := mark_of(spec):
            options = _options(mark, models, input_files)
            if spec[0] == "COMBO":
                spec[1]["options"] = options
            else:
                spec[0] = options
    return node_type


def mark_of(spec: list[Any]) -> str:
    """What stands for options that change, such as ``$models/loras``; '' for an input without."""
    place = spec[1].get("options") if spec[0] == "COMBO" and len(spec) > 1 else spec[0]
    return place if isinstance(place, str) and place.startswith("$") else ""


def _options(mark: str, models: Models, input_files: Sequence[str]) -> list[str]:
    if mark.startswith("$models/"):
        return list(models.get(mark.removeprefix("$models/"), ()))
    if mark.startswith("$input/"):
        kind = mark.removeprefix("$input/")
        return [name for name in input_files if (mimetypes.guess_type(name)[0] or "").startswith(f"{kind}/")]
    return {"$samplers": list(SAMPLERS), "$schedulers": list(SCHEDULERS), "$input": list(input_files)}[mark]


def inputs_of(node_type: NodeType) -> dict[str, tuple[str, list[Any]]]:
    """Input name -> (group, [type or options, settings?]); hidden inputs are left out."""
    found = {}
    for group in ("required", "optional"):
        for name, spec in node_type["input"].get(group, {}).items():
            found[name] = (group, spec)
    return found


def upload_kind(spec: list[Any]) -> str:
    """``image``, ``audio`` or ``video`` for an input that names a file of the input folder, else ''."""
    settings = spec[1] if len(spec) > 1 else {}
    return next((kind for kind in ("image", "audio", "video") if settings.get(f"{kind}_upload")), "")


def lazy_of(node_type: NodeType) -> set[str]:
    """The inputs that are worked out only if the node asks for them."""
    return {name for name, (_, spec) in inputs_of(node_type).items() if len(spec) > 1 and spec[1].get("lazy")}


def uploads_of(node_type: NodeType) -> Iterator[str]:
    """The inputs that name a file."""
    return (name for name, (_, spec) in inputs_of(node_type).items() if upload_kind(spec))
