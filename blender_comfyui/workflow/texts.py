"""Finding the text that a person wrote behind a conditioning. No bpy here."""

from __future__ import annotations

from typing import Literal, TypeAlias

from .graph import Node, Place
from .tracing import FARTHEST, Nodes, passed_through, source, value_at

Side: TypeAlias = Literal["positive", "negative"]

# How nodes that encode text call it; some take two or three wordings of the same.
_ENCODER_TEXTS = (
    "text",
    "prompt",
    "text_g",
    "text_l",
    "clip_g",
    "clip_l",
    "t5xxl",
    "llama",
    "tags",
    "caption",
)
# How nodes that hold, join, fill in or rewrite text call what they are given.
_HANDED_ON = ("value", "text", "prompt", "source", "string_a", "string_b", "string", "replace", "json_string")
# Makes the negative from the positive: what it is fed with is not what to avoid.
_EMPTYING = frozenset({"ConditioningZeroOut"})
_INSTRUCTING = ("system", "template", "instruction")


def texts_behind(nodes: Nodes, node: Node, input_name: str, side: Side) -> list[Place]:
    """Return where the texts are written that a conditioning input comes from, in the order of the links."""
    places: dict[Place, None] = {}
    seen: set[tuple[str, Side]] = set()
    waiting = [(node, input_name, side)]
    while waiting:
        node, input_name, side = waiting.pop()
        found = source(nodes, node, input_name)
        if found is None:
            continue
        encoder, slot = found
        side = _side(encoder, slot, side)
        if (encoder.id, side) not in seen:
            seen.add((encoder.id, side))
            places.update(dict.fromkeys(_own_texts(nodes, encoder, side)))
            waiting.extend((encoder, name, side) for name in reversed(_conditionings(encoder, side)))
    return list(places)


def text_behind(nodes: Nodes, place: Place) -> Place | None:
    """Return where a person writes the text that arrives at an input.

    On the way it may be joined with others, filled into a template or rewritten by a language model. Of all texts
    that go into it, one on a node of its own is preferred to a frame written into the joining node; then one whose
    node is titled as the user's; one that is titled as a system prompt, a template or instructions comes last.
    """
    leaves: list[Place] = []
    _collect(nodes, place, leaves, set())
    return min(leaves, key=lambda leaf: _rank(nodes[leaf.node_id], leaves, leaf), default=None)


def _rank(node: Node, leaves: list[Place], leaf: Place) -> tuple[bool, int, int]:
    title = node.title.lower()
    place = leaves.index(leaf)
    if "user" in title:
        return bool(node.links()), 0, place
    if any(word in title for word in _INSTRUCTING):
        return bool(node.links()), 2, -place  # instructions come first and what matters after them
    return bool(node.links()), 1, place


def _collect(nodes: Nodes, place: Place, leaves: list[Place], seen: set[Place]) -> None:
    node = nodes.get(place.node_id)
    if node is None or place.input_name not in node.inputs or place in seen or len(seen) > FARTHEST:
        return
    seen.add(place)
    link = node.link(place.input_name)
    if link is None:
        if isinstance(value_at(nodes, place), str):
            leaves.append(place)
        return
    giver = nodes.get(link.node_id)
    if giver is None:
        return
    passed = passed_through(nodes, giver)
    for name in [passed] if passed else _HANDED_ON:
        _collect(nodes, Place(giver.id, name), leaves, seen)


def _side(node: Node, slot: int, side: Side) -> Side:
    """Nodes that take both sides give them out in the order of their inputs, whatever they are then used for."""
    both = node.link("positive") and node.link("negative")
    if (both or "negative_prompt" in node.inputs) and slot in (0, 1):
        return "negative" if slot else "positive"
    return side


def _conditionings(node: Node, side: Side) -> list[str]:
    """Return the linked inputs through which a node is conditioned on one side."""
    links = node.links()
    if node.class_type in _EMPTYING:
        return []
    if "positive" in node.inputs:
        name = side if side in node.inputs else "positive"
        return [name] if name in links else []
    named = [name for name in links if name.startswith("cond")]
    if named or _text_inputs(node, side):
        return named
    return list(links) if len(links) == 1 else []


def _own_texts(nodes: Nodes, node: Node, side: Side) -> list[Place]:
    if node.class_type in _EMPTYING or _conditionings(node, side):
        return []
    found = (text_behind(nodes, Place(node.id, name)) for name in _text_inputs(node, side))
    return [place for place in found if place]


def _text_inputs(node: Node, side: Side) -> list[str]:
    if isinstance(node.inputs.get(side), str):  # loaders that also encode, such as "Efficient Loader"
        return [side]
    if side == "negative" and "negative_prompt" in node.inputs:
        return ["negative_prompt"]
    return [name for name in _ENCODER_TEXTS if name in node.inputs]
