"""From a file, a text or a mapping to a graph that is what it should be. No bpy, no network.

A graph is plain JSON: ``{node id: {"class_type": …, "inputs": {…}, …}}``. Everything else is refused here with a
sentence, so that the rest of the code need not expect it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import bundled
from .errors import NotAWorkflow
from .json_text import decoded, parsed
from .wording import quoted

_DEEPEST = 100
_LONGEST_INTEGER = 1024  # bits; Python itself refuses to print much longer ones
_EXPORT = "In ComfyUI, open it and use Workflow > Export (API), or “Save (API Format)” in older versions."


def read(source: Mapping[Any, Any] | Path | str) -> dict[str, dict[str, Any]]:
    """Return a checked graph that shares nothing with the source; raise NotAWorkflow."""
    if isinstance(source, Mapping):
        return checked_graph(source, "The workflow")
    if isinstance(source, str):
        text = source.lstrip("\ufeff \t\r\n")
        if text.startswith("{"):
            return checked_graph(parsed(text, "The workflow"), "The workflow")
        if source in bundled.names():
            return checked_graph(parsed(bundled.text(source), quoted(source)), quoted(source))
        source = Path(source)
    if not isinstance(source, Path):
        raise NotAWorkflow(f"A workflow is a mapping, a path or a name, not a {type(source).__name__}.")
    called = quoted(source.name or str(source))
    return checked_graph(parsed(_file_text(source, called), called), called)


def checked_graph(graph: object, called: str) -> dict[str, dict[str, Any]]:
    """Return a checked copy of a graph; ``called`` begins the sentences."""
    if not isinstance(graph, Mapping):
        raise NotAWorkflow(f"{called} is no ComfyUI workflow: it holds no nodes. {_EXPORT}")
    if isinstance(graph.get("nodes"), list | tuple) and "links" in graph:
        raise NotAWorkflow(f"{called} is in the format of ComfyUI's editor, not in the API format. {_EXPORT}")
    if not graph:
        raise NotAWorkflow(f"{called} is empty: it has no nodes. {_EXPORT}")
    checked: dict[str, dict[str, Any]] = {}
    for key, node in graph.items():
        node_id = _node_id(key, called)
        if node_id in checked:
            raise NotAWorkflow(f"{called} has two nodes with the id {node_id}. Give one of them another id.")
        checked[node_id] = _checked_node(node_id, node, called)
    if any(isinstance(key, int) for key in graph):
        _name_links_by_strings(checked)
    return checked


def copied(value: Any) -> Any:
    """Copy plain JSON; several times faster than ``copy.deepcopy``."""
    if isinstance(value, dict):
        return {key: copied(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [copied(inner) for inner in value]
    return value


class NotJson(Exception):
    """Says in a few words why a value is not plain JSON; ``copied_as_json`` raises it."""


def copied_as_json(value: object, depth: int = 0) -> Any:
    """Copy a value of mappings, lists, tuples and scalars as plain JSON; raise NotJson for anything else."""
    if value is None or isinstance(value, str):  # as most are
        return value
    if isinstance(value, int):
        if value.bit_length() > _LONGEST_INTEGER:
            raise NotJson("it is too long a number")
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise NotJson(f"{value} is no number that JSON can hold")
        return value
    if depth > _DEEPEST:
        raise NotJson("it is nested too deep")
    if isinstance(value, Mapping):
        return {_key(key): copied_as_json(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [copied_as_json(inner, depth + 1) for inner in value]
    raise NotJson(f"a {type(value).__name__} is no JSON")


def _key(key: object) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, int) and not isinstance(key, bool) and key.bit_length() <= _LONGEST_INTEGER:
        return str(key)
    raise NotJson(f"a {type(key).__name__} is no name")


def _file_text(path: Path, called: str) -> str:
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise NotAWorkflow(
            f"There is no workflow {called}: neither a file nor a bundled one ({', '.join(bundled.names())}). "
            "Check the path."
        ) from error
    except OSError as error:
        raise NotAWorkflow(f"{called} cannot be read: {error.strerror}. Check the path.") from error
    return decoded(data, called)


def _node_id(key: object, called: str) -> str:
    try:
        return _key(key)
    except NotJson as error:
        raise NotAWorkflow(f"{called} has a bad node id: {error}. Use strings.") from None


def _checked_node(node_id: str, node: object, called: str) -> dict[str, Any]:
    if not isinstance(node, Mapping) or not isinstance(node.get("class_type"), str) or not node["class_type"]:
        raise NotAWorkflow(f"{called} is in no API format: node {quoted(node_id)} has no class_type. {_EXPORT}")
    try:
        copy: dict[str, Any] = copied_as_json(node)
    except NotJson as error:
        raise NotAWorkflow(
            f"{called} has a bad value in node {quoted(node_id)} ({node['class_type']}): {error}. Correct it there."
        ) from None
    if not isinstance(copy.setdefault("inputs", {}), dict):
        raise NotAWorkflow(
            f"{called} is in no API format: the inputs of node {quoted(node_id)} are not named. {_EXPORT}"
        )
    return copy


def _name_links_by_strings(graph: dict[str, dict[str, Any]]) -> None:
    """Where the ids of nodes were integers, those in links are, too; the server takes neither."""
    for node in graph.values():
        for name, value in node["inputs"].items():
            if _is_numeric_link(value) and str(value[0]) in graph:
                node["inputs"][name] = [str(value[0]), value[1]]


def _is_numeric_link(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(part) is int for part in value)
