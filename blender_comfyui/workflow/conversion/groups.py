"""Old group nodes (``workflow>name``), rewritten as subgraph definitions. No bpy, no network.

A group node's inputs, outputs and values are those of the nodes inside, one after the other, under names that the
editor makes up anew whenever it reads the file; so they are made up here the same way
(``src/extensions/core/groupNode.ts`` of the official front end).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..node_inputs import InputType, input_type
from ..node_types import NodeType, NodeTypes
from ..wording import quoted
from .graphs import SUBGRAPH_INPUT, SUBGRAPH_OUTPUT, Graph, Link, Slot, UiNode, index_of, list_of, node_of, type_name
from .layout import places

_PREFIXES = ("workflow>", "workflow/")
_SEEDS = ("seed", "noise_seed")


def is_group(node: UiNode, groups: Mapping[str, Any]) -> bool:
    """True for an instance of a group that the file describes."""
    return node.type.startswith("workflow") and _described(node, groups) is not None


def as_graph(node: UiNode, groups: Mapping[str, Any], node_types: NodeTypes) -> Graph:
    """Return the graph that a group node stands for, with the values that this one has.

    Raises BrokenWorkflow where the group's description is no graph.
    """
    return _Group(node, _described(node, groups) or {}, node_types).graph


def _described(node: UiNode, groups: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for prefix in _PREFIXES:
        if node.type.startswith(prefix):
            described = groups.get(node.type.removeprefix(prefix))
            return described if isinstance(described, Mapping) else None
    return None


class _Group:
    """``seen`` counts the names given; ``converted`` are inputs that come after all others."""

    def __init__(self, host: UiNode, described: Mapping[str, Any], node_types: NodeTypes) -> None:
        where = f"the group node {quoted(host.type)}"
        self.node_types = node_types
        self.values = list(host.values or [])
        self.graph = Graph(id=host.type, name=host.type, is_group=True)
        self.config = described.get("config")
        self.seen: dict[str, int] = {}
        self.converted: list[tuple[UiNode, int, InputType]] = []
        raw_nodes = list_of(described.get("nodes"), "nodes", where)
        self.nodes = [
            node_of({**raw, "id": index} if isinstance(raw, Mapping) else raw, index + 1, where)
            for index, raw in enumerate(raw_nodes)
        ]
        self.to: dict[tuple[str, int], str] = {}
        self.types_from: dict[tuple[str, int], str] = {}
        self.external = {tuple(row[:2]) for row in list_of(described.get("external"), "outputs", where) if _pair(row)}
        self.read_links(list_of(described.get("links"), "links", where))
        for node in self.nodes:
            self.add(node)
        for node, slot, input_ in self.converted:
            self.add_input(node, slot, input_)
            self.take_value(node, input_)

    def read_links(self, rows: list[Any] | tuple[Any, ...]) -> None:
        """Read links between the nodes, which are named by their index; those from outside have no origin."""
        for number, row in enumerate(rows):
            parts = [index_of(part) for part in row[:4]] if isinstance(row, list | tuple) and len(row) >= 4 else [None]
            if None in parts:
                continue
            origin, origin_slot, target, target_slot = (part or 0 for part in parts)
            link_id = f"link {number}"
            self.graph.links[link_id] = Link(str(origin), origin_slot, str(target), target_slot)
            self.to[str(target), target_slot] = link_id
            type_ = type_name(row[5]) if len(row) > 5 else "*"
            self.types_from.setdefault((str(origin), origin_slot), type_)

    def add(self, node: UiNode) -> None:
        self.graph.nodes[node.id] = node
        node_type = self.node_types.get(node.type)
        if node.type in ("PrimitiveNode", "Reroute"):
            self.add_virtual(node)
        elif node_type is not None:
            self.add_node(node, node_type)
        else:
            node.inputs = [self.linked(node, slot, old) for slot, old in enumerate(node.inputs)]

    def linked(self, node: UiNode, slot: int, old: Slot) -> Slot:
        link = self.to.get((node.id, slot))
        return old._replace(links=(link,) if link else ())

    def add_virtual(self, node: UiNode) -> None:
        """Add a primitive, whose value is one of the group's, or a reroute, which may be an end of the group."""
        type_ = self.types_from.get((node.id, 0))
        if node.type == "PrimitiveNode":
            value = input_type("value", [type_ or "*", {"control_after_generate": True}], True)
            if type_ is not None and value is not None:
                self.name_of(node, "value")
                node.named = {}
                self.take_value(node, value)
                node.values = [node.named["value"]] if "value" in node.named else node.values
            return
        old = node.inputs[0] if node.inputs else Slot("", "*", ())
        node.inputs = [self.linked(node, 0, old)]
        is_external = (int(node.id), 0) in self.external
        if type_ is not None and node.inputs[0].links and not is_external:
            return
        reroute = input_type(type_ or "*", [type_ or "*"], True)
        if reroute is not None and not node.inputs[0].links:
            self.add_input(node, 0, reroute)
        if type_ is None or is_external:
            self.add_output(node, 0, type_ or "*")

    def add_node(self, node: UiNode, node_type: NodeType) -> None:
        old = {slot.name: (index, slot) for index, slot in enumerate(node.inputs)}
        converted = {
            old[input_.name][0]: input_
            for input_ in node_type.inputs
            if input_.is_widget and input_.name in old and old[input_.name][1].widget == input_.name
        }
        for input_ in node_type.inputs:
            if input_.is_widget and input_ not in converted.values():
                self.name_of(node, input_.name)
                self.take_value(node, input_)
        sockets = [input_ for input_ in node_type.inputs if not input_.is_widget]
        labels = {slot.name: slot for slot in node.inputs}
        node.inputs = []
        for slot, input_ in enumerate([*sockets, *(converted[index] for index in sorted(converted))]):
            found = labels.get(input_.name, Slot(input_.name, input_.type, (), input_.name if input_.is_widget else ""))
            node.inputs.append(self.linked(node, slot, found))
            if not node.inputs[slot].links and input_.is_widget:
                self.converted.append((node, slot, input_))
            elif not node.inputs[slot].links:
                self.add_input(node, slot, input_)
        self.add_outputs(node, node_type)

    def add_outputs(self, node: UiNode, node_type: NodeType) -> None:
        for slot, output in enumerate(node_type.outputs):
            hidden = (node.id, slot) in self.types_from and (int(node.id), slot) not in self.external
            if self.configured(node, "output", str(slot)).get("visible", not hidden):
                self.add_output(node, slot, output.type)

    def add_input(self, node: UiNode, slot: int, input_: InputType) -> None:
        name = self.name_of(node, input_.name)
        if self.configured(node, "input", input_.name).get("visible") is False:
            return
        link_id = f"input {len(self.graph.inputs)}"
        self.graph.links[link_id] = Link(SUBGRAPH_INPUT, len(self.graph.inputs), node.id, slot)
        self.graph.inputs.append(Slot(name, input_.type, (link_id,)))
        node.inputs[slot] = node.inputs[slot]._replace(links=(link_id,))

    def add_output(self, node: UiNode, slot: int, type_: str) -> None:
        link_id = f"output {len(self.graph.outputs)}"
        self.graph.links[link_id] = Link(node.id, slot, SUBGRAPH_OUTPUT, len(self.graph.outputs))
        self.graph.outputs.append(Slot(type_, type_, (link_id,)))

    def take_value(self, node: UiNode, input_: InputType) -> None:
        """Give the next of the group's values to a widget inside."""
        is_seed = input_.widget == "INT" and input_.name in _SEEDS
        count = 2 if is_seed else places(input_.name, input_)
        if count and self.values:
            node.named[input_.name] = self.values[0]
        del self.values[:count]

    def name_of(self, node: UiNode, input_name: str) -> str:
        """Make up the group's name for an input, one that no other has."""
        label = self.configured(node, "input", input_name).get("name")
        name = key = label if isinstance(label, str) else input_name
        if (node.type == "PrimitiveNode" and node.title) or name in self.seen:
            prefix = f"{node.title or node.type} "
            name = key = f"{prefix}{input_name}"
            if name in self.seen:
                name = f"{prefix}{self.seen[name]} {input_name}"
        self.seen[key] = self.seen.get(key, 1) + 1
        return name

    def configured(self, node: UiNode, side: str, name: str) -> Mapping[str, Any]:
        """Return what people have set for an input or output of the group."""
        found: Any = self.config
        for key in (node.id, side, name):
            found = found.get(key) if isinstance(found, Mapping) else None
        return found if isinstance(found, Mapping) else {}


def _pair(row: object) -> bool:
    return isinstance(row, list | tuple) and len(row) >= 2 and all(type(part) is int for part in row[:2])
