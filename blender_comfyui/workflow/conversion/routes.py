"""From an input back to what feeds it: through reroutes, bypassed nodes, and in and out of subgraphs.

No bpy, no network.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..errors import BrokenWorkflow
from ..wording import quoted
from .graphs import BYPASSED, MUTED, SUBGRAPH_INPUT, SUBGRAPH_OUTPUT, Graph, Link, UiNode
from .layout import MISSING, Input
from .nodes import GETTERS, PRIMITIVE, SETTERS, Nodes
from .promoted import Promotion
from .scopes import Scope


class Output(NamedTuple):
    """The output of a node that runs, by its id in the prompt."""

    node_id: str
    slot: int


class Literal(NamedTuple):
    """A value. One that a subgraph's instance holds is sent as it is; a primitive's as if the widget held it."""

    value: Any
    is_primitives: bool


class _At(NamedTuple):
    """A place on the way: an input, where ``slot`` is its index, or an output. ``wanted`` is the type searched for."""

    scope: Scope
    node: UiNode
    slot: int
    is_input: bool
    wanted: str


_Step = _At | Output | Literal | None


class Routes:
    """Follows links; every step has one next step, so no way is longer than the graph."""

    def __init__(self, nodes: Nodes, promotion: Promotion) -> None:
        self._nodes = nodes
        self._promotion = promotion
        self._known: dict[_At, Output | Literal | None] = {}
        self._setters: dict[Graph, dict[str, UiNode]] = {}

    def source(self, scope: Scope, node: UiNode, index: int) -> Output | Literal | None:
        """Return what feeds an input, by its index; None where nothing does.

        Raises BrokenWorkflow for links that run in a circle without a node that runs.
        """
        found: _Step = self._before_input(_At(scope, node, index, True, ""))
        way: dict[tuple[Scope, UiNode, int, bool], _At] = {}
        while isinstance(found, _At):
            if found in self._known:
                found = self._known[found]
                break
            place = found[:4]
            if place in way:
                raise BrokenWorkflow(
                    f"The links at {quoted(found.node.title or found.node.type)} (id {found.scope.prefix}"
                    f"{found.node.id}) run in a circle. Cut one of them in ComfyUI."
                )
            way[place] = found
            found = self._before_input(found) if found.is_input else self._before_output(found)
        for step in way.values():  # all on the way have the same source
            self._known[step] = found
        return found

    def _before_input(self, at: _At) -> _Step:
        inputs = self._nodes.inputs(at.node)
        if at.slot >= len(inputs):
            return None
        input_ = inputs[at.slot]
        link = at.scope.graph.links.get(input_.link) if input_.link is not None else None
        if link is not None:
            return self._before_link(at.scope, link, at.wanted or input_.type)
        return None

    def _before_link(self, scope: Scope, link: Link, wanted: str) -> _Step:
        if link.origin == SUBGRAPH_INPUT:
            return self._outside(scope, link.origin_slot)
        origin = scope.graph.nodes.get(link.origin)
        if origin is None:
            return None
        if self._nodes.runs(origin):  # as most do
            return Output(f"{scope.prefix}{origin.id}", link.origin_slot)
        return _At(scope, origin, link.origin_slot, False, wanted)

    def _outside(self, scope: Scope, index: int) -> _At | Literal | None:
        """Go on at the instance, where its input is linked; else take the value that it holds."""
        if scope.parent is None or scope.host is None:
            return None
        inputs = self._nodes.inputs(scope.host)
        if index < len(inputs) and inputs[index].link in scope.parent.graph.links:
            return _At(scope.parent, scope.host, index, True, "")
        value = self._promotion.value(scope, index)
        return None if value is MISSING else Literal(value, False)

    def _before_output(self, at: _At) -> _Step:
        node = at.node
        if node.type == PRIMITIVE:
            return Literal(node.values[0], True) if node.values else None
        if node.mode == MUTED:
            return None
        if node.mode == BYPASSED:
            index = self._bypass(at)
            return None if index is None else _At(at.scope, node, index, True, "")
        if self._nodes.definition(node) is not None:
            return self._inside(at)
        if self._nodes.passes_on(node):
            return at._replace(is_input=True)
        return self._set_for(at) if node.type in GETTERS else None

    def _inside(self, at: _At) -> _Step:
        scope = at.scope.children.get(at.node.id)
        link = _output_link(scope.graph, at.slot) if scope else None
        return self._before_link(scope, link, at.wanted) if scope and link else None

    def _set_for(self, at: _At) -> _At | None:
        """Return the input of the Set node that a Get node names: in its own graph, else in those around it."""
        name = at.node.values[0] if at.node.values else None
        scope: Scope | None = at.scope
        while scope is not None and isinstance(name, str):
            setter = self._setters_of(scope.graph).get(name)
            if setter is not None:
                return _At(scope, setter, 0, False, at.wanted)
            scope = scope.parent
        return None

    def _setters_of(self, graph: Graph) -> dict[str, UiNode]:
        if graph not in self._setters:
            setters = self._setters[graph] = {}
            for node in graph.nodes.values():
                if node.type in SETTERS and node.values and isinstance(node.values[0], str):
                    setters.setdefault(node.values[0], node)
        return self._setters[graph]

    def _bypass(self, at: _At) -> int | None:
        """Return the input that a bypassed node gives on in place of an output."""
        inputs = self._nodes.inputs(at.node)
        if not inputs:
            return None
        if at.wanted in ("*", ""):
            return at.slot if at.slot < len(inputs) else 0
        output = self._nodes.output_type(at.node, at.slot)
        fitting = [index for index, input_ in enumerate(inputs) if _fits(input_, output, at.wanted)]
        if at.slot in fitting:
            return at.slot
        exact = next((index for index, input_ in enumerate(inputs) if input_.type == at.wanted), None)
        return exact if exact is not None else next(iter(fitting), None)


def _fits(input_: Input, output: str, wanted: str) -> bool:
    return compatible(input_.type, output) and compatible(input_.type, wanted)


def compatible(one: str, other: str) -> bool:
    """Tell whether an output of one type may be linked to an input of another; both may be lists with commas."""
    if any(type_ in ("*", "", "COMFY_MATCHTYPE_V3") for type_ in (one, other)) or one == other:
        return True
    ones, others = one.casefold().split(","), other.casefold().split(",")
    return "*" in ones or "*" in others or not set(ones).isdisjoint(others)


def _output_link(graph: Graph, slot: int) -> Link | None:
    """Return the link inside a subgraph that feeds one of its outputs."""
    if slot >= len(graph.outputs):
        return None
    for link_id in graph.outputs[slot].links:
        if link_id in graph.links:
            return graph.links[link_id]
    feeding = (link for link in graph.links.values() if link.target == SUBGRAPH_OUTPUT and link.target_slot == slot)
    return next(feeding, None)
