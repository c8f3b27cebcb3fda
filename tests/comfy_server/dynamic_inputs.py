"""Inputs that come and go with a choice, or in rows: ``parent.child`` in a prompt, one nested value for the node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .node_types import NodeType, inputs_of

DYNAMIC_COMBO = "COMFY_DYNAMICCOMBO_V3"
AUTOGROW = "COMFY_AUTOGROW_V3"

Spec = list[Any]
Declared = tuple[str, Spec]


def live_inputs(node_type: NodeType, inputs: Mapping[str, Any]) -> dict[str, Declared]:
    """Input name -> (group, spec) of all that a node with these inputs has, parents before what they bring."""
    found: dict[str, Declared] = {}
    for name, (group, spec) in inputs_of(node_type).items():
        found.update(_opened(name, group, spec, inputs))
    return found


def _opened(name: str, group: str, spec: Spec, inputs: Mapping[str, Any]) -> Iterator[tuple[str, Declared]]:
    if spec[0] == AUTOGROW:
        yield from _rows(name, group, spec[1]["template"])
        return
    yield name, (group, spec)
    if spec[0] == DYNAMIC_COMBO:
        chosen = next((option for option in spec[1]["options"] if option["key"] == inputs.get(name)), {})
        for part in ("required", "optional"):
            for child, child_spec in chosen.get("inputs", {}).get(part, {}).items():
                yield from _opened(f"{name}.{child}", part, child_spec, inputs)


def _rows(name: str, group: str, template: dict[str, Any]) -> Iterator[tuple[str, Declared]]:
    [spec] = [spec for part in template["input"].values() for spec in part.values()]
    rows = template.get("names") or [f"{template['prefix']}{number}" for number in range(template["max"])]
    for number, row in enumerate(rows):
        is_required = group == "required" and number < template.get("min", 0)
        yield f"{name}.{row}", ("required" if is_required else "optional", spec)


def options_of(spec: Spec) -> list[Any] | None:
    """What a menu of any of the three forms offers, None for what is none."""
    if isinstance(spec[0], list):
        return list(spec[0])
    if spec[0] == DYNAMIC_COMBO:
        return [option["key"] for option in spec[1]["options"]]
    return list(spec[1]["options"]) if spec[0] == "COMBO" and len(spec) > 1 and "options" in spec[1] else None


def nested(values: Mapping[str, Any], declared: Mapping[str, Declared]) -> dict[str, Any]:
    """As the node gets them: ``{"size": "by factor", "size.factor": 2}`` is ``size={"size": …, "factor": 2}``."""
    whole: dict[str, Any] = {}
    for name, value in values.items():
        path = name.split(".")
        if declared[name][1][0] == DYNAMIC_COMBO:
            path.append(path[-1])
        target = whole
        for part in path[:-1]:
            target = target.setdefault(part, {})
        target[path[-1]] = value
    return whole
