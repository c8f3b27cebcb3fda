"""Workflows wherever they stand in a JSON value: by themselves, or wrapped as programs hand them around. No bpy here.

Known wrappers: the body of ``POST /prompt`` (``prompt``, ``extra_data.extra_pnginfo.workflow``), what the editor's
``graphToPrompt`` gives (``output``, ``workflow``), an entry of ``/history`` and ``/queue`` (``prompt`` is a list), the
comment of a video of VideoHelperSuite (both, as texts), an entry of our own library (``api``, ``ui``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .errors import NotAWorkflow
from .json_text import parsed, without_nan

_WRAPPERS = ("workflow", "ui", "prompt", "output", "api", "extra_pnginfo", "extra_data")
_NO_NODES = frozenset({"extra", "extraMetadata"})  # what Civitai's generator leaves among the nodes
_DEEPEST = 6
_EDITORS_OWN = frozenset("links version last_node_id last_link_id state groups".split())


class Graphs(NamedTuple):
    """``api`` and ``ui`` as they were found; not checked but for their shape."""

    api: dict[str, Any] | None = None
    ui: dict[str, Any] | None = None

    def filled_up(self, other: Graphs) -> Graphs:
        """Return these, and of another what is missing."""
        return Graphs(other.api if self.api is None else self.api, other.ui if self.ui is None else self.ui)


def graphs_in(value: Any, depth: int = 0) -> Graphs:
    """Find the workflows in a value: the first one in the API's format, the first one in the editor's."""
    if isinstance(value, str):  # JSON in JSON: copying a video's metadata on wraps it once more
        try:
            return graphs_in(parsed(value, ""), depth + 1) if depth < _DEEPEST else Graphs()
        except NotAWorkflow:
            return Graphs()
    if isinstance(value, list):  # number, id, prompt, extra data, outputs
        found = Graphs()
        for part in value[2:4] if depth and len(value) > 3 else ():
            found = found.filled_up(graphs_in(part, depth + 1))
        return found
    return _in_mapping(value, depth) if isinstance(value, dict) else Graphs()


def _in_mapping(value: dict[str, Any], depth: int) -> Graphs:
    if _is_ui(value):
        return Graphs(ui=without_nan(value))
    if any(isinstance(node, dict) and "class_type" in node for node in value.values()):
        return Graphs(api=_without_marks(value))
    found = Graphs()
    for key in _WRAPPERS if depth < _DEEPEST else ():
        if key in value:
            found = found.filled_up(graphs_in(value[key], depth + 1))
    if found == Graphs() and _has_nodes_without_class(value):
        return Graphs(api=value)
    return found


def _is_ui(value: Mapping[str, Any]) -> bool:
    """Whether it is meant to be the editor's, even if it is broken: then there is more to say than that it is none."""
    return isinstance(value.get("nodes"), list) or ("nodes" in value and not _EDITORS_OWN.isdisjoint(value))


def _has_nodes_without_class(value: Mapping[str, Any]) -> bool:
    return bool(value) and all(isinstance(node, dict) and "inputs" in node for node in value.values())


def _without_marks(graph: dict[str, Any]) -> dict[str, Any]:
    """Return a graph without what others left in it; servers leave ``is_changed: [NaN]`` beside the inputs."""
    return {
        node_id: {key: part if key == "inputs" else without_nan(part) for key, part in node.items()}
        if isinstance(node, dict)
        else node
        for node_id, node in graph.items()
        if node_id not in _NO_NODES or (isinstance(node, dict) and "class_type" in node)
    }
