"""What a workflow file of the editor says about its panel and the API format does not. No bpy, no network.

Titles of subgraphs, the widgets that are promoted to them, primitives, and what becomes of a seed after queueing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .conversion.graphs import Graph, UiNode, read
from .conversion.nodes import PRIMITIVE, Nodes
from .conversion.promoted import Entry, Promotion, Target, entries, is_named, readings
from .conversion.scopes import Scope, open_up
from .graph import Place
from .node_types import NodeTypes

_SEARCH_NAME = "Node name for S&R"


@dataclass(frozen=True, slots=True)
class Promoted:
    """A value that an author put on a subgraph, or into a primitive; it is kept in all of ``places``.

    ``owner`` is the id of the subgraph's instance or of the primitive; places may hold links, or not be sent at all.
    """

    label: str
    owner: str
    places: tuple[Place, ...]


@dataclass(slots=True)
class PanelLayout:
    """``titles`` are those of subgraph instances in the workflow itself, by id; ``titled`` nodes were renamed."""

    titles: dict[str, str] = field(default_factory=dict)
    promoted: list[Promoted] = field(default_factory=list)
    controls: dict[Place, str] = field(default_factory=dict)
    titled: set[str] = field(default_factory=set)


def panel_layout(ui: Mapping[str, Any], node_types: NodeTypes) -> PanelLayout:
    """Read a workflow of the editor. Raises NotAWorkflow or BrokenWorkflow, as ``to_api`` does."""
    file = read(ui)
    nodes = Nodes(file, node_types)
    scopes = open_up(file.root, nodes.definition)
    reading = _Reading(nodes, Promotion(nodes, scopes))
    for scope in scopes:
        reading.add(scope)
    return reading.layout


class _Reading:
    """One file being read."""

    def __init__(self, nodes: Nodes, promotion: Promotion) -> None:
        self.nodes = nodes
        self.promotion = promotion
        self.layout = PanelLayout()

    def add(self, scope: Scope) -> None:
        if scope.depth == 1 and scope.host is not None:
            self.layout.titles[scope.host.id] = scope.host.title or scope.graph.name
            self.add_promoted(scope, scope.host)
        for node in scope.graph.nodes.values():
            if node.type == PRIMITIVE:
                self.add_primitive(scope, node)
            elif self.nodes.runs(node):
                self.add_node(scope, node)

    def add_promoted(self, scope: Scope, host: UiNode) -> None:
        seen: set[tuple[Place, ...]] = set()
        for label, places in (*self.inputs(scope), *self.proxies(scope, host)):
            if places and places not in seen:
                seen.add(places)
                self.layout.promoted.append(Promoted(label, host.id, places))

    def inputs(self, scope: Scope) -> Iterator[tuple[str, tuple[Place, ...]]]:
        for index, slot in enumerate(scope.graph.inputs):
            yield slot.label or slot.name, tuple(self.places(scope, index))

    def places(self, scope: Scope, index: int) -> Iterator[Place]:
        """Yield where an input of a subgraph puts its value."""
        if not 0 <= index < len(scope.graph.inputs):
            return
        for target in self.promotion.targets(scope.graph, index):
            yield from self.target_places(scope, target)

    def target_places(self, scope: Scope, target: Target) -> Iterator[Place]:
        if target.inner is None:
            yield Place(f"{scope.prefix}{target.node.id}", target.name)
        elif target.node.id in scope.children:
            yield from self.places(scope.children[target.node.id], target.inner)

    def proxies(self, scope: Scope, host: UiNode) -> Iterator[tuple[str, tuple[Place, ...]]]:
        """Yield the widgets that files from before 2026 promote without an input."""
        for entry in entries(host):
            for read_ in readings(entry) if entry else ():
                places = tuple(self.proxied(scope, read_))
                if places:
                    yield read_.name, places
                    break

    def proxied(self, scope: Scope, entry: Entry) -> Iterator[Place]:
        node = scope.graph.nodes.get(entry.node_id)
        if node is None:
            return
        child = scope.children.get(node.id)
        if child is not None:
            yield from self.of_instance(child, entry)
        elif node.type == PRIMITIVE:
            yield from self.fed_by(scope, node)
        elif entry.name in self.nodes.layout(node).widgets:
            yield Place(f"{scope.prefix}{node.id}", entry.name)

    def of_instance(self, child: Scope, entry: Entry) -> Iterator[Place]:
        for index, slot in enumerate(child.graph.inputs):
            target = self.promotion.target(child.graph, index)
            if target and is_named(entry, slot.name, target):
                yield from self.places(child, index)
                return
        for other in entries(child.host) if child.host else ():
            if other and other.name == entry.name and entry.source in ("", other.node_id):
                yield from self.proxied(child, other)
                return

    def add_primitive(self, scope: Scope, node: UiNode) -> None:
        places = tuple(self.fed_by(scope, node))
        if places:
            self.layout.promoted.append(Promoted(node.title, f"{scope.prefix}{node.id}", places))

    def fed_by(self, scope: Scope, primitive: UiNode) -> Iterator[Place]:
        for node, input_ in self.nodes.fed_by(scope.graph, primitive):
            at = self.nodes.linked_input(node, input_.link) if input_.link else None
            graph: Graph | None = self.nodes.definition(node)
            if graph is None:
                yield Place(f"{scope.prefix}{node.id}", input_.name)
            elif at is not None and node.id in scope.children:
                yield from self.places(scope.children[node.id], at)

    def add_node(self, scope: Scope, node: UiNode) -> None:
        node_id = f"{scope.prefix}{node.id}"
        if node.title and node.title != node.properties.get(_SEARCH_NAME):
            self.layout.titled.add(node_id)
        for name, widget in self.nodes.layout(node).widgets.items():
            if widget.control:
                self.layout.controls[Place(node_id, name)] = widget.control
