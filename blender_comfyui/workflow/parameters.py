"""Setting the parameters of a workflow, on a copy. No bpy, no network."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from numbers import Integral, Real
from typing import Any

from .errors import AmbiguousParameter, InvalidValue, UnknownParameter
from .graph import Place, Workflow
from .reading import NotJson, copied_as_json
from .roles import INTEGER_ROLES, ROLES, find_roles
from .tracing import value_at, value_behind
from .wording import nearest, quoted

LARGEST_SEED = 2**64 - 1
_SEEDS = frozenset({"seed", "noise_seed"})
# The server would cut fractions off these in silence.
_INTEGERS = INTEGER_ROLES | _SEEDS | {"start_at_step", "end_at_step", "length"}
_AT_LEAST_ONE = frozenset({"steps", "width", "height", "batch_size"})


def set_parameters(workflow: Workflow, parameters: Mapping[str, object]) -> Workflow:
    """Return a copy of the workflow with these parameters; the given workflow and values stay as they are.

    A parameter is named by a role, such as ``prompt``, and then set in all its places, or as
    ``"node id or title.input"``, which wins over a role. Values must be of the kind that is there now; numbers are
    finite, seeds are integers from 0 to 2**64 - 1 or strings of digits. When the role ``steps`` changes, samplers
    that share the steps between them (``start_at_step``, ``end_at_step``) go on sharing them in the same proportion.

    Raises UnknownParameter, AmbiguousParameter or InvalidValue.
    """
    roles = find_roles(workflow) if any(name in ROLES for name in parameters) else {}
    values: dict[Place, Any] = {}
    explicit: dict[Place, Any] = {}
    for name, value in parameters.items():
        if name in ROLES:
            for place in _role_places(workflow, name, roles):
                _put(values, place, _fitting(workflow, name, place, value), name)
        else:
            place = find_place(workflow, name)
            _put(explicit, place, _fitting(workflow, name, place, value), name)
    shared = dict(_shared_steps(workflow, values)) if "steps" in parameters else {}
    return workflow.with_values(shared | values | explicit)


def read_parameters(workflow: Workflow) -> dict[str, Any]:
    """Return the values that the roles of a workflow have, where all places of a role hold the same one."""
    found = {}
    for role, places in find_roles(workflow).items():
        values = [workflow.nodes[place.node_id].inputs.get(place.input_name) for place in places]
        if all(value == values[0] for value in values):
            found[role] = values[0]
    return found


def find_place(workflow: Workflow, name: str) -> Place:
    """Return the input that ``"node id or title.input"`` names; titles and inputs may hold dots themselves.

    Raises UnknownParameter or AmbiguousParameter.
    """
    splits = [(name[:dot], name[dot + 1 :]) for dot in range(len(name) - 1, -1, -1) if name[dot] == "."]
    for node_name, input_name in splits:
        if node_name in workflow.nodes and input_name in workflow.nodes[node_name].inputs:
            return Place(node_name, input_name)
    for node_name, input_name in splits:
        ids = [id_ for id_ in workflow.titled(node_name) if input_name in workflow.nodes[id_].inputs]
        if len(ids) == 1:
            return Place(ids[0], input_name)
        if ids:
            choices = ", ".join(f"{id_}.{input_name}" for id_ in ids)
            raise AmbiguousParameter(
                f"{quoted(name)} may be any of {len(ids)} nodes with this title. Use an id instead: {choices}.",
                name=name,
                node_ids=tuple(ids),
            )
    raise UnknownParameter(_unknown(workflow, name, splits), name=name)


def _unknown(workflow: Workflow, name: str, splits: list[tuple[str, str]]) -> str:
    for node_name, input_name in splits:
        ids = [node_name] if node_name in workflow.nodes else workflow.titled(node_name)
        if ids:
            inputs = workflow.nodes[ids[0]].inputs
            have = f"It has {', '.join(map(quoted, inputs))}." if inputs else "It has none."
            return (
                f"The node {quoted(node_name)} has no input {quoted(input_name)}. {have}{nearest(input_name, inputs)}"
            )
    roles = list(find_roles(workflow))
    named = [f"{node.title}.{input_name}" for node in workflow.nodes.values() for input_name in node.inputs]
    have = f"It has {', '.join(roles)}, and" if roles else "It has"
    return (
        f"The workflow has no parameter {quoted(name)}.{nearest(name, [*roles, *named])} "
        f"{have} every input as “node title.input”{_example(workflow)}."
    )


def _example(workflow: Workflow) -> str:
    for node in workflow.nodes.values():
        for input_name in node.inputs:
            if not node.link(input_name):
                return f", such as {quoted(f'{node.title}.{input_name}')}"
    return ""


def _role_places(workflow: Workflow, role: str, roles: Mapping[str, tuple[Place, ...]]) -> tuple[Place, ...]:
    if role in roles:
        return roles[role]
    have = f"It has {', '.join(roles)}." if roles else "It has none of the usual ones."
    raise UnknownParameter(
        f"The workflow has no single place for {quoted(role)}. {have} "
        f"Name the node and its input instead, as “node title.input”{_example(workflow)}.",
        name=role,
    )


def _put(values: dict[Place, Any], place: Place, value: Any, name: str) -> None:
    if place in values and values[place] != value:
        raise InvalidValue(
            f"{quoted(name)} is set to {quoted(value)} and, under another name, to {quoted(values[place])}, "
            "but the workflow keeps both in one input. Give them the same value.",
            name=name,
        )
    values[place] = value


def _fitting(workflow: Workflow, name: str, place: Place, value: object) -> Any:
    """Return the value as JSON of the kind that the place holds now; raise InvalidValue."""
    node = workflow.nodes[place.node_id]
    link = node.link(place.input_name)
    if link is not None:
        raise InvalidValue(
            f"{quoted(name)} takes its value from the node {quoted(workflow.title(link.node_id) or link.node_id)} "
            f"(id {link.node_id}), so it cannot be set. Set that node's input, or cut the link in ComfyUI.",
            name=name,
        )
    kind = name if name in ROLES else place.input_name
    if kind in _SEEDS:
        return _seed(name, value)
    present = node.inputs[place.input_name]
    if isinstance(present, bool):
        return _expect(name, value, isinstance(value, bool), "true or false")
    if isinstance(present, int | float):
        return _number(name, kind, present, value)
    if isinstance(present, str):
        return _text(name, value)
    return _json(name, present, value)


def _expect(name: str, value: object, right: bool, expected: str) -> Any:
    if not right:
        raise InvalidValue(f"{quoted(name)} must be {expected}, not {quoted(value)}.", name=name)
    return value


def _seed(name: str, value: object) -> int:
    number = int(value) if isinstance(value, str) and _is_digits(value) else _plain_number(value)
    fits = number is not None and number == math.floor(number) and 0 <= number <= LARGEST_SEED
    _expect(name, value, fits, f"a whole number from 0 to {LARGEST_SEED}")
    return int(number or 0)


def _is_digits(text: str) -> bool:
    digits = text.strip()
    return digits.isascii() and digits.isdigit() and len(digits) <= 20


def _number(name: str, kind: str, present: float, value: object) -> int | float:
    number = _plain_number(value)
    if number is None:
        raise InvalidValue(f"{quoted(name)} must be a number, not {quoted(value)}.", name=name)
    if kind in _INTEGERS:
        _expect(name, value, number == math.floor(number), "a whole number")
    if kind in _AT_LEAST_ONE:
        _expect(name, value, number >= 1, "at least 1")
    whole = isinstance(present, int) and number == math.floor(number)
    return int(number) if whole else number


def _plain_number(value: object) -> int | float | None:
    """Return a finite number as Python's own kind, also from NumPy's; None for everything else, truth values too."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        number = int(value) if isinstance(value, Integral) else float(value)
        finite = math.isfinite(number)
    except (OverflowError, ValueError):
        return None
    return number if finite and abs(number) < 2**1000 else None


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidValue(f"{quoted(name)} must be a text, not {quoted(value)}.", name=name)
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidValue(f"{quoted(name)} holds a broken character. Type it again.", name=name) from None
    return str.__str__(value)


def _json(name: str, present: object, value: object) -> Any:
    if isinstance(present, dict | list):
        fits = isinstance(value, Mapping) if isinstance(present, dict) else isinstance(value, list | tuple)
        _expect(name, value, fits, "a mapping" if isinstance(present, dict) else "a list")
    try:
        return copied_as_json(value)
    except NotJson as error:
        raise InvalidValue(f"{quoted(name)} cannot be sent to the server: {error}.", name=name) from None


def _shared_steps(workflow: Workflow, values: Mapping[Place, Any]) -> Iterator[tuple[Place, int]]:
    """Yield where the steps of samplers that each do a part of them begin and end, after ``steps`` changed."""
    for node in workflow.nodes.values():
        steps = value_behind(workflow.nodes, Place(node.id, "steps"))
        if steps is None or steps not in values:
            continue
        before, after = value_at(workflow.nodes, steps), values[steps]
        for input_name in ("start_at_step", "end_at_step"):
            place = value_behind(workflow.nodes, Place(node.id, input_name))
            at = value_at(workflow.nodes, place) if place else None
            if place and isinstance(before, int) and isinstance(at, int) and 0 < at < before:
                yield place, min(max(round(at * after / before), 1), max(after - 1, 1))
