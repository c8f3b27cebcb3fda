"""The node classes this server knows, as /object_info describes them (node_types.json)."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

NodeType = dict[str, Any]

_DATA: dict[str, Any] = json.loads((Path(__file__).parent / "node_types.json").read_text("utf-8"))
SAMPLERS: list[str] = _DATA["$samplers"]
SCHEDULERS: list[str] = _DATA["$schedulers"]
NODE_TYPES: dict[str, NodeType] = {name: data for name, data in _DATA.items() if not name.startswith("$")}


def describe(models: Mapping[str, Sequence[str]], input_files: Sequence[str]) -> dict[str, NodeType]:
    """All node types with the options as they are at this moment; a copy."""
    return {name: describe_one(name, models, input_files) for name in NODE_TYPES}


def describe_one(name: str, models: Mapping[str, Sequence[str]], input_files: Sequence[str]) -> NodeType:
    node_type = copy.deepcopy(NODE_TYPES[name])
    for group in ("required", "optional"):
        for spec in node_type["input"].get(group, {}).values():
            if isinstance(spec[0], str) and spec[0].startswith("$"):
                spec[0] = _options(spec[0], models, input_files)
    return node_type


def _options(mark: str, models: Mapping[str, Sequence[str]], input_files: Sequence[str]) -> list[str]:
    if mark.startswith("$models/"):
        return list(models[mark.removeprefix("$models/")])
    return {"$samplers": list(SAMPLERS), "$schedulers": list(SCHEDULERS), "$input": list(input_files)}[mark]


def inputs_of(node_type: NodeType) -> dict[str, tuple[str, list[Any]]]:
    """Input name -> (group, [type or options, settings?]); hidden inputs are left out."""
    found = {}
    for group in ("required", "optional"):
        for name, spec in node_type["input"].get(group, {}).items():
            found[name] = (group, spec)
    return found
