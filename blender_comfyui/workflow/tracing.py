"""Following links upstream to the node or the value behind an input. No bpy here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from .graph import Link, Node, Place

Nodes: TypeAlias = Mapping[str, Node]

_SEEDS = ("seed", "noise_seed")
# No honest graph hands a value on more often; it keeps a made one from exhausting Python's stack.
FARTHEST = 100


def value_behind(nodes: Nodes, place: Place) -> Place | None:
    """Return where the value of an input is really written: follow its link to a primitive, if it has one.

    None when it is computed by a node, or when the input is not there.
    """
    return _value_behind(nodes, place, place.input_name, set())


def value_at(nodes: Nodes, place: Place) -> object:
    """Return the value at a place that exists."""
    return nodes[place.node_id].inputs[place.input_name]


def source(nodes: Nodes, node: Node, input_name: str) -> tuple[Node, int] | None:
    """Return the node that really feeds an input, and its slot, past switches and reroutes."""
    link = node.link(input_name)
    seen: set[Link] = set()
    while link is not None and link not in seen:
        seen.add(link)
        giver = nodes.get(link.node_id)
        if giver is None:
            return None
        passed = passed_through(nodes, giver)
        if passed is None:
            return giver, link.slot
        link = giver.link(passed)
    return None


def passed_through(nodes: Nodes, node: Node, seen: set[Place] | None = None) -> str | None:
    """Return the input that a switch or a reroute hands on as it is; None for other nodes."""
    if "switch" in node.inputs and ("on_true" in node.inputs or "on_false" in node.inputs):
        place = _value_behind(nodes, Place(node.id, "switch"), "switch", set() if seen is None else seen)
        return "on_true" if place and value_at(nodes, place) else "on_false"
    if "reroute" in node.class_type.lower():
        return next(iter(node.links()), None)
    return None


def _value_behind(nodes: Nodes, place: Place, wanted: str, seen: set[Place]) -> Place | None:
    node = nodes.get(place.node_id)
    if node is None or place.input_name not in node.inputs or place in seen or len(seen) > FARTHEST:
        return None
    seen.add(place)
    link = node.link(place.input_name)
    if link is None:
        return place
    giver = nodes.get(link.node_id)
    if giver is None:
        return None
    passed = passed_through(nodes, giver, seen)
    names = [passed] if passed else ["value", *(_SEEDS if wanted in _SEEDS else [wanted])]
    for name in names:
        found = _value_behind(nodes, Place(giver.id, name), wanted, seen)
        if found is not None:
            return found
    return None
