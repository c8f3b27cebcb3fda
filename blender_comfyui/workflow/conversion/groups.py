"""Old group nodes, rewritten as subgraph definitions. No bpy, no network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..node_types import NodeTypes
from .graphs import Graph, UiNode

_PREFIXES = ("workflow>", "workflow/")


def is_group(node: UiNode, groups: Mapping[str, Any]) -> bool:
    """True for an instance of a group that the file describes."""
    return any(node.type.startswith(prefix) and node.type[len(prefix) :] in groups for prefix in _PREFIXES)


def as_graph(node: UiNode, groups: Mapping[str, Any], node_types: NodeTypes) -> Graph:
    """Return the graph that a group node stands for, with the values that this one has."""
    raise NotImplementedError
