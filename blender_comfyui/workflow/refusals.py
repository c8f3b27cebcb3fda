"""What a server refused of a workflow, as problems like those found beforehand. No bpy, no network.

A server says in ``node_errors`` what it does not like, with a 400 where nothing runs and, in silence, with a 200 where
other outputs do. The types of errors are those of ComfyUI 0.3.64 to 0.38.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from .graph import Workflow
from .node_types import NodeTypes
from .preflight import preflight
from .problems import Problem, ProblemKind
from .wording import quoted

_KINDS = {
    "required_input_missing": ProblemKind.MISSING_INPUT,
    "invalid_input_type": ProblemKind.WRONG_TYPE,
    "value_smaller_than_min": ProblemKind.OUT_OF_RANGE,
    "value_bigger_than_max": ProblemKind.OUT_OF_RANGE,
    "value_not_in_list": ProblemKind.UNKNOWN_CHOICE,
    "return_type_mismatch": ProblemKind.WRONG_LINK,
    "bad_linked_input": ProblemKind.BROKEN_LINK,
    "dependency_cycle": ProblemKind.CYCLE,
}
_LONGEST = 300
_MOST = 500


def refused_problems(
    node_errors: object, workflow: Workflow, node_types: NodeTypes, *, files: Collection[str] | None = None
) -> tuple[Problem, ...]:
    """Return a server's ``node_errors`` as problems, with an action where ``preflight`` knows the same problem.

    What the server sends is not trusted: all that makes no sense is left out, texts are cut.
    """
    ours = preflight(workflow, node_types, files=files)
    made: list[Problem] = []
    for node_id, entry in _items(node_errors):
        for error in _rows(entry.get("errors"))[:_MOST]:
            problem = _known(ours, node_id, error) or _problem(workflow, node_id, error, entry)
            if problem not in made:
                made.append(problem)
    return tuple(made)


def _items(node_errors: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for node_id, entry in list(node_errors.items())[:_MOST] if isinstance(node_errors, Mapping) else ():
        if isinstance(node_id, str) and isinstance(entry, Mapping):
            yield node_id, entry


def _rows(raw: object) -> list[Mapping[str, Any]]:
    return [row for row in raw if isinstance(row, Mapping)] if isinstance(raw, list | tuple) else []


def _known(ours: Collection[Problem], node_id: str, error: Mapping[str, Any]) -> Problem | None:
    """Return the problem of ours that the server means: of the same input or, where it names none, of the same node."""
    name = _input_name(error)
    return next((one for one in ours if one.node_id == node_id and (not name or one.parameter == name)), None)


def _problem(workflow: Workflow, node_id: str, error: Mapping[str, Any], entry: Mapping[str, Any]) -> Problem:
    title = workflow.title(node_id) or _text(entry, "class_type") or node_id
    parts = [part for key in ("message", "details") if (part := _text(error, key))]
    said = ": ".join(parts) or "the server refuses it without a reason"
    dependent = entry.get("dependent_outputs")
    outputs = tuple(one for one in dependent if isinstance(one, str)) if isinstance(dependent, list | tuple) else ()
    return Problem(
        kind=_KINDS.get(_text(error, "type"), ProblemKind.REFUSED),
        node_id=node_id,
        node_title=title,
        parameter=_input_name(error),
        sentence=f"{quoted(title)}: {said.rstrip('.')}.",
        outputs=outputs,
    )


def _input_name(error: Mapping[str, Any]) -> str:
    extra = error.get("extra_info")
    return _text(extra, "input_name") if isinstance(extra, Mapping) else ""


def _text(raw: Mapping[str, Any], key: str) -> str:
    value = raw.get(key)
    if not isinstance(value, str):
        return ""
    return "".join(character if character.isprintable() else " " for character in value[:_LONGEST]).strip()
