"""Subgraph instances, opened up into a tree of scopes. No bpy, no network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..errors import BrokenWorkflow
from ..wording import quoted
from .graphs import Graph, UiNode

_MOST_NODES = 20_000
_DEEPEST = 100


@dataclass(slots=True, eq=False)
class Scope:
    """One graph in use: the workflow itself, or a definition seen from one of its instances, the ``host``.

    ``overrides`` are values that the host gives to widgets inside which no input of the subgraph leads to, by node id
    and widget; ``given`` are those for its inputs, by index; ``values`` are the inputs' values as far as known.
    """

    graph: Graph
    parent: Scope | None = None
    host: UiNode | None = None
    prefix: str = ""
    depth: int = 0
    children: dict[str, Scope] = field(default_factory=dict)
    overrides: dict[tuple[str, str], Any] = field(default_factory=dict)
    given: dict[int, Any] = field(default_factory=dict)
    values: dict[int, Any] = field(default_factory=dict)

    def is_inside(self, graph: Graph) -> bool:
        """True where the scope, or one around it, shows this graph."""
        scope: Scope | None = self
        while scope is not None:
            if scope.graph is graph or (graph.id and scope.graph.id == graph.id):
                return True
            scope = scope.parent
        return False


def open_up(root: Graph, definition_of: Callable[[UiNode], Graph | None]) -> list[Scope]:
    """Return the scopes of a workflow, each after the one around it.

    An instance in the workflow itself that is muted or bypassed stays closed; one inside a subgraph does not, as in
    the front end. Raises BrokenWorkflow for a subgraph that contains itself, or more than anyone could mean.
    """
    scopes = [Scope(root)]
    total = 0
    for scope in scopes:
        for node in scope.graph.nodes.values():
            graph = definition_of(node)
            if graph is None or (scope.parent is None and node.is_cut):
                continue
            total += 1 + len(graph.nodes)
            _check(scope, graph, total)
            child = Scope(graph, scope, node, f"{scope.prefix}{node.id}:", scope.depth + 1)
            scope.children[node.id] = child
            scopes.append(child)
    return scopes


def _check(scope: Scope, graph: Graph, total: int) -> None:
    called = f"The subgraph {quoted(graph.name or graph.id)}"
    if scope.parent is not None and scope.is_inside(graph):
        raise BrokenWorkflow(f"{called} contains itself. Take it out of itself in ComfyUI.")
    if scope.depth >= _DEEPEST:
        raise BrokenWorkflow(f"{called} is nested more than {_DEEPEST} levels deep. Unpack some levels in ComfyUI.")
    if total > _MOST_NODES:
        raise BrokenWorkflow(
            f"The subgraphs of the workflow, opened up, make more than {_MOST_NODES:,} nodes. "
            "Remove instances of subgraphs in ComfyUI."
        )
