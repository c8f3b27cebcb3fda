"""What is known of each node of a file: its layout, or its definition where it is a subgraph's instance.

No bpy, no network.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..node_types import NodeTypes
from . import groups, link_table
from .graphs import Graph, Link, Slot, UiFile, UiNode
from .layout import Input, Layout, lay_out

PRIMITIVE, REROUTE = "PrimitiveNode", "Reroute"
_NOTES = frozenset({"Note", "MarkdownNote"})
SETTERS = frozenset({"SetNode", "easy setNode"})
GETTERS = frozenset({"GetNode", "easy getNode"})
# Nodes of front-end extensions that many files have: their classes are known to no server.
_PASSING = frozenset({"Reroute (rgthree)"}) | SETTERS
_ORNAMENTS = frozenset(
    {
        "Label (rgthree)",
        "Bookmark (rgthree)",
        "Fast Muter (rgthree)",
        "Fast Bypasser (rgthree)",
        "Fast Groups Muter (rgthree)",
        "Fast Groups Bypasser (rgthree)",
        "Fast Actions Button (rgthree)",
        "Mute / Bypass Relay (rgthree)",
        "Mute / Bypass Repeater (rgthree)",
        "Random Unmuter (rgthree)",
        "Node Collector (rgthree)",
    }
)
_OF_THE_EDITOR = _NOTES | {PRIMITIVE, REROUTE}
_OF_EXTENSIONS = _PASSING | _ORNAMENTS | GETTERS


class Nodes:
    """Answers for the nodes of one file, each worked out once."""

    def __init__(self, file: UiFile, node_types: NodeTypes) -> None:
        link_table.agree(file)
        self.node_types = node_types
        self._file = file
        self._layouts: dict[UiNode, Layout] = {}
        self._instance_inputs: dict[UiNode, list[Input]] = {}
        self._by_link: dict[UiNode, dict[str, int]] = {}
        self._definitions: dict[UiNode, Graph | None] = {}
        self._running: dict[UiNode, bool] = {}
        self._links: dict[Graph, dict[str, list[tuple[str, Link]]]] = {}

    def is_virtual(self, node: UiNode) -> bool:
        """True for a node that only the editor knows."""
        if node.type in _OF_THE_EDITOR:
            return True
        return node.type in _OF_EXTENSIONS and node.type not in self.node_types

    def passes_on(self, node: UiNode) -> bool:
        """True for a virtual node whose outputs are its inputs of the same index."""
        return node.type == REROUTE or (node.type in _PASSING and node.type not in self.node_types)

    def runs(self, node: UiNode) -> bool:
        """True for a node that is in the prompt under its own id."""
        if node not in self._running:
            self._running[node] = not (node.is_cut or self.is_virtual(node) or self.definition(node) is not None)
        return self._running[node]

    def definition(self, node: UiNode) -> Graph | None:
        """Return what an instance of a subgraph, or an old group node, stands for; None for every other node."""
        if node not in self._definitions:
            graph = self._file.definitions.get(node.type)
            if graph is None and groups.is_group(node, self._file.groups):
                graph = groups.as_graph(node, self._file.groups, self.node_types)
            self._definitions[node] = graph
        return self._definitions[node]

    def layout(self, node: UiNode) -> Layout:
        """Return a node's inputs and widgets; for an instance, use ``inputs``."""
        layout = self._layouts.get(node)
        if layout is None:
            node_type = None if self.is_virtual(node) else self.node_types.get(node.type)
            layout = self._layouts[node] = lay_out(node, node_type)
            _put_in_place(layout.inputs, node)
        return layout

    def inputs(self, node: UiNode) -> list[Input]:
        """Return a node's inputs; those of an instance as its definition has them, by index."""
        graph = self.definition(node)
        if graph is None:
            return self.layout(node).inputs
        if node not in self._instance_inputs:
            inputs = self._instance_inputs[node] = list(_matched(graph.inputs, node.inputs))
            _put_in_place(inputs, node)
        return self._instance_inputs[node]

    def output_type(self, node: UiNode, slot: int) -> str:
        """Return the type of an output, * where there is none."""
        graph = self.definition(node)
        types = [output.type for output in graph.outputs] if graph else self.layout(node).output_types
        return types[slot] if slot < len(types) else "*"

    def fed_by(self, graph: Graph, primitive: UiNode) -> Iterator[tuple[UiNode, Input]]:
        """Yield the widget inputs that a primitive is directly linked to."""
        for link_id, link in self.links_from(graph, primitive.id):
            node = graph.nodes.get(link.target) if not link.origin_slot else None
            at = self.linked_input(node, link_id) if node else None
            if node is not None and at is not None and self.inputs(node)[at].widget:
                yield node, self.inputs(node)[at]

    def linked_input(self, node: UiNode, link_id: str) -> int | None:
        """Return the index of the input that a link ends at, as the inputs say; what links say cannot be trusted."""
        if node not in self._by_link:
            by_link = self._by_link[node] = {}
            for at, input_ in enumerate(self.inputs(node)):
                if input_.link is not None:
                    by_link.setdefault(input_.link, at)
        return self._by_link[node].get(link_id)

    def links_from(self, graph: Graph, origin: str) -> list[tuple[str, Link]]:
        """Return the links that begin at a node, or at the subgraph's own inputs."""
        if graph not in self._links:
            by_origin = self._links[graph] = {}
            for link_id, link in graph.links.items():
                by_origin.setdefault(link.origin, []).append((link_id, link))
        return self._links[graph].get(origin, [])


def _put_in_place(inputs: list[Input], node: UiNode) -> None:
    """Give the links that no input of the file names to the inputs whose places they end at."""
    for at, link in node.by_place.items():
        if 0 <= at < len(inputs) and inputs[at].link is None:
            inputs[at].link = link


def _matched(defined: list[Slot], saved: list[Slot]) -> Iterator[Input]:
    """Yield a subgraph's inputs with the links of an instance, found by name: the file may leave some out."""
    links: dict[str, list[str | None]] = {}
    for slot in saved:
        links.setdefault(slot.name, []).append(slot.link)
    for slot in defined:
        waiting = links.get(slot.name)
        yield Input(slot.name, slot.type, waiting.pop(0) if waiting else None)
