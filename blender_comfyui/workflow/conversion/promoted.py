"""Values that an instance of a subgraph gives to the widgets inside it. No bpy, no network.

An input of a subgraph that leads to a widget is promoted: where nothing is linked to it, the instance holds its value.
Files from before 2026 promote widgets without an input instead, in ``properties.proxyWidgets``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from .graphs import SUBGRAPH_INPUT, Graph, UiNode, id_of
from .layout import CONTROLS, MISSING, Layout
from .nodes import PRIMITIVE, Nodes
from .scopes import Scope

_LEGACY_NAME = re.compile(r"\s*(\d+)\s*:\s*(.+)", re.DOTALL)
_THE_INSTANCE = "-1"
_LONGEST_TEXT = 1_000_000
_LONGEST_NAME = 500
_MOST_ENTRIES = 1000


class Target(NamedTuple):
    """The widget that an input of a subgraph leads to; for one in a nested instance, ``inner`` is its input there."""

    node: UiNode
    name: str
    inner: int | None


class Entry(NamedTuple):
    """One of the old proxyWidgets; ``source`` tells widgets of the same name in a nested instance apart."""

    node_id: str
    name: str
    source: str


class Promotion:
    """Finds what is promoted, and its value in every scope."""

    def __init__(self, nodes: Nodes, scopes: list[Scope]) -> None:
        self._nodes = nodes
        self._targets: dict[tuple[Graph, int], Target | None] = {}
        self._ranks: dict[tuple[Graph, int], int] = {}
        self._inner: dict[Graph, dict[int, list[str]]] = {}
        self._by_target: dict[Graph, dict[tuple[str, str], int]] = {}
        for scope in reversed(scopes):  # what stands outside has the last word
            self._take_proxies(scope)

    def target(self, graph: Graph, index: int) -> Target | None:
        """Return the widget that an input of a subgraph leads to; None where it is not promoted."""
        key = (graph, index)
        if key not in self._targets:
            self._targets[key] = None  # for definitions that lead back to themselves
            self._targets[key] = next(self._found(graph, index), None)
        return self._targets[key]

    def targets(self, graph: Graph, index: int) -> tuple[Target, ...]:
        """Return all widgets that an input of a subgraph leads to; it takes its value from the first."""
        return tuple(dict.fromkeys(self._found(graph, index)))

    def _found(self, graph: Graph, index: int) -> Iterator[Target]:
        for link_id in self._inner_links(graph, index):
            link = graph.links.get(link_id)
            node = graph.nodes.get(link.target) if link else None
            if node is None:
                continue
            at = self._nodes.linked_input(node, link_id)
            if at is None:
                continue
            inputs = self._nodes.inputs(node)
            definition = self._nodes.definition(node)
            if definition is not None:
                if self.target(definition, at) is not None:
                    yield Target(node, inputs[at].name, at)
            elif inputs[at].widget:
                yield Target(node, inputs[at].widget, None)

    def _inner_links(self, graph: Graph, index: int) -> list[str]:
        listed = graph.inputs[index].links
        if listed:
            return list(listed)
        if graph not in self._inner:
            by_slot = self._inner[graph] = {}
            for id_, link in self._nodes.links_from(graph, SUBGRAPH_INPUT):
                by_slot.setdefault(link.origin_slot, []).append(id_)
        return self._inner[graph].get(index, [])

    def value(self, scope: Scope, index: int) -> Any:
        """Return what an instance holds for an input that nothing is linked to; MISSING where it is not promoted."""
        if not 0 <= index < len(scope.graph.inputs) or scope.parent is None or scope.host is None:
            return MISSING
        outer = scope.parent.overrides.get((scope.host.id, scope.graph.inputs[index].name), MISSING)
        if outer is not MISSING:
            return outer
        if index not in scope.values:
            scope.values[index] = self._own_value(scope, index)
        return scope.values[index]

    def _own_value(self, scope: Scope, index: int) -> Any:
        target = self.target(scope.graph, index)
        if target is None:
            return MISSING
        held = self._held(scope, index)
        if held is None:
            return self._instead_of_null(target)
        if held is not MISSING:
            return held
        if target.inner is not None and target.node.id in scope.children:
            return self.value(scope.children[target.node.id], target.inner)
        widget = self._nodes.layout(target.node).widgets.get(target.name)
        return widget.value if widget else MISSING

    def _held(self, scope: Scope, index: int) -> Any:
        """Return the value that the instance has for an input by itself."""
        if index in scope.given:
            return scope.given[index]
        values = scope.host.values if scope.host and not scope.graph.is_group else None
        rank = self._rank(scope.graph, index)
        return values[rank] if values is not None and rank < len(values) else MISSING

    def _instead_of_null(self, target: Target) -> Any:
        """Return a menu's first choice, as for a menu that is not promoted; None for all else."""
        definition = self._nodes.definition(target.node)
        while definition is not None and target.inner is not None:
            inner = self.target(definition, target.inner)
            if inner is None:
                return None
            target, definition = inner, self._nodes.definition(inner.node)
        widget = self._nodes.layout(target.node).widgets.get(target.name)
        return next(iter(widget.input_.choices), None) if widget and widget.input_ else None

    def _rank(self, graph: Graph, index: int) -> int:
        """Return how many promoted inputs come before this one."""
        key = (graph, index)
        if key not in self._ranks:
            rank = 0
            for at in range(len(graph.inputs)):
                self._ranks[graph, at] = rank
                rank += self.target(graph, at) is not None
        return self._ranks[key]

    def _take_proxies(self, scope: Scope) -> None:
        host = scope.host
        if host is None:
            return
        for name, value in set_aside(host).items():
            self._assign_by_name(scope, name, value)
        given = list(zip(host.values or [], entries(host), strict=False))
        for value, entry in given:
            if entry is not None:
                self._assign(scope, entry, value)
        for value, entry in given:
            if entry is not None and entry.node_id == _THE_INSTANCE:
                self._assign_by_name(scope, entry.name, value)

    def _assign_by_name(self, scope: Scope, name: str, value: Any) -> None:
        """Give a value to the first input of this name."""
        found = next((index for index, slot in enumerate(scope.graph.inputs) if slot.name == name), None)
        if found is not None:
            scope.given[found] = value

    def _assign(self, scope: Scope, entry: Entry, value: Any) -> bool:
        """Give a value to the widget that an old entry names; True where there is such a widget."""
        node = scope.graph.nodes.get(entry.node_id)
        if node is None:
            return False
        return any(
            self._assign_to_input(scope, read, value) or self._assign_inside(scope, node, read, value)
            for read in readings(entry)
        )

    def _assign_to_input(self, scope: Scope, entry: Entry, value: Any) -> bool:
        if scope.graph not in self._by_target:
            by_target = self._by_target[scope.graph] = {}
            for index in range(len(scope.graph.inputs)):
                target = self.target(scope.graph, index)
                if target is not None:
                    by_target.setdefault((target.node.id, target.name), index)
        found = self._by_target[scope.graph].get((entry.node_id, entry.name))
        if found is not None:
            scope.given[found] = value
        return found is not None

    def _assign_inside(self, scope: Scope, node: UiNode, entry: Entry, value: Any) -> bool:
        if node.type == PRIMITIVE:
            for target, input_ in self._nodes.fed_by(scope.graph, node):
                scope.overrides[target.id, input_.name] = value
            return True
        child = scope.children.get(node.id)
        if child is not None:
            return self._assign_to_instance(scope, child, entry, value)
        layout = self._nodes.layout(node)
        if entry.name in layout.widgets:
            scope.overrides[node.id, _input_of(layout, entry.name)] = value
            return True
        return False

    def _assign_to_instance(self, scope: Scope, child: Scope, entry: Entry, value: Any) -> bool:
        for index, slot in enumerate(child.graph.inputs):
            target = self.target(child.graph, index)
            if target and is_named(entry, slot.name, target):
                scope.overrides[entry.node_id, slot.name] = value
                return True
        # The nested instance has the widget from an old entry of its own.
        by_node: dict[str, Entry] = {}  # one try for each, or nested ones would multiply
        for other in entries(child.host) if child.host else []:
            if other and other.name == entry.name and entry.source in ("", other.node_id):
                by_node.setdefault(other.node_id, other)
        return any(self._assign(child, other, value) for other in by_node.values())


def is_named(entry: Entry, input_name: str, target: Target) -> bool:
    """True where an old entry means this input of a nested instance."""
    if entry.source:
        return entry.name == target.name and entry.source == target.node.id
    return entry.name in (input_name, target.name)


def readings(entry: Entry) -> Iterator[Entry]:
    """Yield an entry as it is, then with the node ids stripped that old names began with (``5: 7: text``)."""
    if entry.name.startswith("$$") or entry.name in CONTROLS:
        return
    yield entry
    name, source = entry.name, ""
    while legacy := _LEGACY_NAME.fullmatch(name):
        source, name = legacy[1], legacy[2]
    if source and not name.startswith("$$") and name not in CONTROLS:
        yield Entry(entry.node_id, name, source)


def _input_of(layout: Layout, widget: str) -> str:
    return next((input_.name for input_ in layout.inputs if input_.widget == widget), widget)


def entries(host: UiNode) -> list[Entry | None]:
    """Return the old proxyWidgets of an instance; None for one that means nothing, so that the places stay right."""
    raw = host.properties.get("proxyWidgets")
    if isinstance(raw, str) and len(raw) < _LONGEST_TEXT:
        try:
            raw = json.loads(raw)
        except (ValueError, RecursionError):
            return []
    return [_entry(item) for item in raw[:_MOST_ENTRIES]] if isinstance(raw, list | tuple) else []


def set_aside(host: UiNode) -> dict[str, Any]:
    """Return the values, by input, of old entries for the instance itself, which newer files keep apart."""
    raw = host.properties.get("proxyWidgetErrorQuarantine")
    values: dict[str, Any] = {}
    for item in raw[:_MOST_ENTRIES] if isinstance(raw, list | tuple) else ():
        entry = _entry(item.get("originalEntry")) if isinstance(item, Mapping) and "hostValue" in item else None
        if entry is not None and entry.node_id == _THE_INSTANCE:
            values.setdefault(entry.name, item["hostValue"])
    return values


def _entry(raw: object) -> Entry | None:
    if not isinstance(raw, list | tuple) or len(raw) < 2:
        return None
    node_id, name, source = id_of(raw[0]), raw[1], id_of(raw[2]) if len(raw) > 2 else None
    if node_id is None or not isinstance(name, str) or len(name) > _LONGEST_NAME:
        return None
    return Entry(node_id, name, source or "")
