"""What can keep a workflow from running on a server, and what one click does about it. No bpy, no network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeAlias

from .errors import UnknownParameter
from .graph import as_link
from .reading import checked_graph, copied
from .wording import quoted


class ProblemKind(StrEnum):
    """What is wrong."""

    MISSING_CLASS = "missing_class"
    MISSING_MODEL = "missing_model"
    MISSING_FILE = "missing_file"
    UNKNOWN_CHOICE = "unknown_choice"
    OUT_OF_RANGE = "out_of_range"
    WRONG_TYPE = "wrong_type"
    MISSING_INPUT = "missing_input"
    BROKEN_LINK = "broken_link"
    WRONG_LINK = "wrong_link"
    CYCLE = "cycle"
    NO_OUTPUT = "no_output"
    REFUSED = "refused"  # by the server, for a reason of its own


@dataclass(frozen=True, slots=True)
class SetValue:
    """Put this value, or link, into the parameter."""

    value: Any


@dataclass(frozen=True, slots=True)
class RemoveInput:
    """Take the parameter away, so that the node goes without it."""


@dataclass(frozen=True, slots=True)
class RemoveNode:
    """Take the node away, and the links that come from it."""


@dataclass(frozen=True, slots=True)
class ReplaceClass:
    """Use another class in the place of the missing one.

    ``inputs`` are the new class's by name, each with the old one's name, ``values`` those that it gives itself; without
    either, all inputs keep their names. ``outputs`` are new slots by old ones; without any, all stay.
    """

    class_type: str
    inputs: Mapping[str, str]
    values: Mapping[str, Any]
    outputs: Mapping[int, int]


Action: TypeAlias = SetValue | RemoveInput | RemoveNode | ReplaceClass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, in one place.

    ``parameter`` is the input's name, '' where the node as a whole is meant; ``node_id`` is '' for the workflow.
    ``sentence`` says it to a person, node and parameter included. ``action`` is what one click does, ``label`` what
    stands on its button; None and '' where only a person can help. ``suggestions`` are values for the parameter, the
    nearest first. ``is_sure`` is true for an action that changes nothing but how the same thing is written.
    ``outputs`` are the ids of the output nodes that give nothing because of it. ``pack`` is the node pack of a missing
    class, as the registry's id or as the repository, ``source`` the address in the web where a missing model is to be
    had, each '' where nobody says.
    """

    kind: ProblemKind
    node_id: str
    node_title: str
    parameter: str
    sentence: str
    action: Action | None = None
    label: str = ""
    suggestions: tuple[Any, ...] = ()
    is_sure: bool = False
    outputs: tuple[str, ...] = ()
    pack: str = ""
    source: str = ""


def apply(api: Mapping[str, Any], problem: Problem, action: Action | None = None) -> dict[str, Any]:
    """Return a copy of a graph with a problem's action done, or with another one, such as another suggestion's.

    Raises UnknownParameter where there is nothing to do or the graph no longer has the node; NotAWorkflow for what is
    no graph.
    """
    graph: dict[str, Any] = checked_graph(api, "The workflow")
    action = action or problem.action
    if action is None:
        raise UnknownParameter(f"Nobody but you can mend this: {problem.sentence}", name=problem.parameter)
    if problem.node_id not in graph:
        raise UnknownParameter(
            f"The workflow no longer has the node {quoted(problem.node_title or problem.node_id)}. Check it again.",
            name=problem.node_id,
        )
    _do(graph, problem, action)
    return graph


def _do(graph: dict[str, Any], problem: Problem, action: Action) -> None:
    inputs = graph[problem.node_id]["inputs"]
    if isinstance(action, SetValue):
        inputs[problem.parameter] = copied(action.value)
    elif isinstance(action, RemoveInput):
        inputs.pop(problem.parameter, None)
    elif isinstance(action, RemoveNode):
        del graph[problem.node_id]
        for owner, name, _ in list(_links_from(graph, problem.node_id)):
            del owner[name]
    else:
        _replace_class(graph, problem.node_id, action)


def _replace_class(graph: dict[str, Any], node_id: str, action: ReplaceClass) -> None:
    node = graph[node_id]
    old = node["inputs"]
    node["class_type"] = action.class_type
    if action.inputs or action.values:
        kept = {new: old[name] for new, name in action.inputs.items() if name in old}
        node["inputs"] = kept | {name: copied(value) for name, value in action.values.items()}
    if not action.outputs:
        return
    for owner, name, slot in list(_links_from(graph, node_id)):
        if slot in action.outputs:
            owner[name] = [node_id, action.outputs[slot]]
        else:
            del owner[name]


def _links_from(graph: Mapping[str, Any], node_id: str) -> Iterator[tuple[dict[str, Any], str, int]]:
    """Yield the inputs that are linked to a node: whose they are, their names and the slots."""
    for node in graph.values():
        for name, value in node["inputs"].items():
            link = as_link(value)
            if link is not None and link.node_id == node_id:
                yield node["inputs"], name, link.slot


def with_outputs(problem: Problem, outputs: tuple[str, ...]) -> Problem:
    """Return the problem with the output nodes that give nothing because of it."""
    return replace(problem, outputs=outputs)


def replacements_of(class_type: str, replacements: object) -> Iterator[ReplaceClass]:
    """Yield what a server offers for a missing class, as far as it makes sense.

    ``replacements`` is the answer to ``GET /node_replacements``: lists of ``{new_node_id, input_mapping: [{new_id,
    old_id} or {new_id, set_value}], output_mapping: [{new_idx, old_idx}]}`` by the old class. It is not trusted.
    """
    for raw in _offered(class_type, replacements):
        if isinstance(raw.get("new_node_id"), str) and raw["new_node_id"]:
            inputs, values = _mapped_inputs(raw.get("input_mapping"))
            outputs = MappingProxyType(dict(_mapped_outputs(raw.get("output_mapping"))))
            yield ReplaceClass(raw["new_node_id"], inputs, values, outputs)


def replacement_widgets(class_type: str, replacements: object) -> tuple[str, ...]:
    """Return the names of a missing class's widgets in the order of files that do not name them; () for not known."""
    for raw in _offered(class_type, replacements):
        names = [name for name in _list(raw.get("old_widget_ids")) if isinstance(name, str)]
        if names:
            return tuple(names)
    return ()


def _offered(class_type: str, replacements: object) -> Iterator[Mapping[str, Any]]:
    return _rows(replacements.get(class_type)) if isinstance(replacements, Mapping) else iter(())


def _mapped_inputs(raw: object) -> tuple[Mapping[str, str], Mapping[str, Any]]:
    inputs: dict[str, str] = {}
    values: dict[str, Any] = {}
    for row in _rows(raw):
        new, old = row.get("new_id"), row.get("old_id")
        if isinstance(new, str) and isinstance(old, str):
            inputs[new] = old
        elif isinstance(new, str) and "set_value" in row:
            values[new] = copied(row["set_value"])
    return MappingProxyType(inputs), MappingProxyType(values)


def _mapped_outputs(raw: object) -> Iterator[tuple[int, int]]:
    for row in _rows(raw):
        new, old = row.get("new_idx"), row.get("old_idx")
        if type(new) is int and type(old) is int:
            yield old, new


def _rows(raw: object) -> Iterator[Mapping[str, Any]]:
    return (row for row in _list(raw) if isinstance(row, Mapping))


def _list(raw: object) -> list[Any] | tuple[Any, ...]:
    return raw if isinstance(raw, list | tuple) else ()
