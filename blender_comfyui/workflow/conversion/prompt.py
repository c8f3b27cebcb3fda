"""The prompt: every node that runs, with its values and links. No bpy, no network."""

from __future__ import annotations

import random as random_module
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from random import Random
from typing import Any

from ..errors import BrokenWorkflow, UnknownClasses
from ..node_types import NodeTypes
from ..reading import NotJson, copied_as_json
from ..wording import quoted
from .graphs import Graph, UiFile, UiNode
from .layout import MISSING, Widget, custom_combo_index, shown_value
from .nodes import PRIMITIVE, Nodes
from .numbers import held_by_primitive, held_by_widget
from .promoted import Promotion
from .routes import Literal, Output, Routes
from .scopes import Scope, open_up
from .texts import dynamic_prompt, replaced, shown

_REPLACE_IN_PRIMITIVE = "Run widget replace on values"
_SEARCH_NAME = "Node name for S&R"
_SUBGRAPH_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# In the file names of these, and of no others, the editor replaces what stands between % signs.
_SAVERS = frozenset(
    "SaveImage SaveImageAdvanced SaveSVGNode SaveVideo SaveAnimatedWEBP SaveAnimatedPNG SaveWEBM SaveAudio "
    "SaveAudioMP3 SaveAudioOpus SaveAudioAdvanced SaveGLB Save3DAdvanced SaveGaussianSplat SavePointCloud SaveLatent "
    "CLIPSave VAESave ModelSave LoraSave".split()
)


class Prompt:
    """One conversion."""

    def __init__(self, file: UiFile, node_types: NodeTypes, rng: Random | None, now: datetime | None) -> None:
        self._file = file
        self._node_types = node_types
        self._random = rng.random if rng else random_module.random
        self._now = now
        self._nodes = Nodes(file, node_types)
        self._scopes = open_up(file.root, self._nodes.definition)
        self._named: dict[str, UiNode] | None = None
        self._fed: set[tuple[UiNode, str]] = set()  # widgets that already have a primitive's value
        self._refuse_unknown()
        self._apply_primitives()
        self._promotion = Promotion(self._nodes, self._scopes)
        self._routes = Routes(self._nodes, self._promotion)

    def made(self) -> dict[str, Any]:
        """Return the graph in the API format, a new one that shares nothing with the file."""
        graph = {}
        for scope, node in self._running():
            graph[f"{scope.prefix}{node.id}"] = self._emitted(scope, node)
        for emitted in graph.values():
            inputs = emitted["inputs"]
            # Lists are links: values that are lists have been wrapped.
            for name in [name for name, value in inputs.items() if isinstance(value, list) and value[0] not in graph]:
                del inputs[name]
        return graph

    def _running(self) -> Iterator[tuple[Scope, UiNode]]:
        for scope in self._scopes:
            for node in scope.graph.nodes.values():
                if self._nodes.runs(node):
                    yield scope, node

    def _refuse_unknown(self) -> None:
        packs: dict[str, str] = {}
        called: dict[str, str] = {}
        for _, node in self._running():
            if node.type not in self._node_types:
                packs[node.type] = packs.get(node.type) or _pack(node)
                called.setdefault(node.type, _called(node, packs[node.type]))
        if packs:
            raise UnknownClasses(
                _unknown_sentence(list(called.values())),
                classes=tuple(packs),
                packs={class_type: pack for class_type, pack in packs.items() if pack},
            )

    def _apply_primitives(self) -> None:
        """Write the values of primitives into the widgets that they are directly linked to, as the editor does."""
        for graph in dict.fromkeys(scope.graph for scope in self._scopes):
            for node in graph.nodes.values():
                if node.type == PRIMITIVE and node.values:
                    self._apply_primitive(graph, node)

    def _apply_primitive(self, graph: Graph, primitive: UiNode) -> None:
        fed = []
        for target, input_ in self._nodes.fed_by(graph, primitive):
            widget = self._nodes.layout(target).widgets.get(input_.widget)
            if widget is not None:
                fed.append(widget)
                self._fed.add((target, widget.name))
        value = held_by_primitive(self._primitive_value(primitive), [widget.input_ for widget in fed])
        primitive.values = [value, *(primitive.values or ())[1:]]
        for widget in fed:
            widget.value = _in_widget(widget, value)

    def _primitive_value(self, node: UiNode) -> Any:
        value = node.values[0] if node.values else None
        if isinstance(value, str) and node.properties.get(_REPLACE_IN_PRIMITIVE):
            return self._replaced(value)
        return value

    def _emitted(self, scope: Scope, node: UiNode) -> dict[str, Any]:
        layout = self._nodes.layout(node)
        inputs: dict[str, Any] = {}
        for widget in layout.widgets.values():
            if widget.is_sent:
                inputs[widget.name] = self._widget_value(node, widget, widget.value)
        for index, input_ in enumerate(layout.inputs):
            source: Output | Literal | None
            if (node.id, input_.name) in scope.overrides:
                source = Literal(scope.overrides[node.id, input_.name], False)
            else:
                source = self._routes.source(scope, node, index) if input_.link is not None else None
            self._put(inputs, node, input_.name, layout.widgets.get(input_.widget), source)
        node_type = self._node_types.get(node.type)
        title = node.title or (node_type.display_name if node_type else node.type)
        return {"class_type": node.type, "inputs": inputs, "_meta": {"title": title, **_origin(node)}}

    def _put(
        self, inputs: dict[str, Any], node: UiNode, name: str, widget: Widget | None, source: Output | Literal | None
    ) -> None:
        if isinstance(source, Output):
            inputs[name] = [source.node_id, source.slot]
        elif isinstance(source, Literal) and not source.is_primitives:
            inputs[name] = _wrapped(_copied(node, source.value))
            if node.type == "CustomCombo" and name == "choice":
                inputs["index"] = _custom_index(inputs, source.value)
        elif isinstance(source, Literal) and widget is not None and (node, widget.name) not in self._fed:
            inputs[name] = self._widget_value(
                node, widget, _in_widget(widget, held_by_primitive(source.value, [widget.input_]))
            )

    def _widget_value(self, node: UiNode, widget: Widget, value: Any) -> Any:
        if isinstance(value, str):
            if widget.kind == "STRING" and widget.input_ is not None and widget.input_.dynamic_prompts:
                return dynamic_prompt(_copied(node, value), self._random)
            if widget.name == "filename_prefix" and _saves(node):
                return self._replaced(value)
        copy = _copied(node, value)
        if widget.kind == "CURVE" and value is not None:
            return {"__type__": "CURVE", "__value__": copy}
        return _wrapped(copy)

    def _replaced(self, text: str) -> str:
        return replaced(text, self._value_by_name, self._now or datetime.now()) if "%" in text else text

    def _value_by_name(self, node_name: str, widget_name: str) -> str | None:
        """Return the value of the first node with this name, which is its search name or else its title."""
        if self._named is None:
            self._named = self._by_name()
        node = self._named.get(node_name)
        widget = self._nodes.layout(node).widgets.get(widget_name) if node else None
        if widget is None or widget.value is MISSING:
            return None
        return shown(_copied(node, widget.value)) if node else None

    def _by_name(self) -> dict[str, UiNode]:
        by_search_name: dict[str, UiNode] = {}
        by_title: dict[str, UiNode] = {}
        for node in self._all_nodes():
            search_name = node.properties.get(_SEARCH_NAME, None if _saves(node) else node.type)
            if isinstance(search_name, str):
                by_search_name.setdefault(search_name, node)
            node_type = self._node_types.get(node.type)
            by_title.setdefault(node.title or (node_type.display_name if node_type else node.type), node)
        return by_title | by_search_name

    def _all_nodes(self) -> Iterable[UiNode]:
        graphs: dict[Graph, None] = dict.fromkeys(scope.graph for scope in self._scopes)
        return (node for graph in graphs for node in graph.nodes.values())


def _custom_index(inputs: dict[str, Any], choice: Any) -> int:
    options: list[Any] = []
    while (name := f"option{len(options) + 1}") in inputs:
        options.append(inputs[name])
    return custom_combo_index(choice, options)


def _in_widget(widget: Widget, value: Any) -> Any:
    """Return what a widget makes of a primitive's value."""
    if widget.input_ is None:
        return value
    return held_by_widget(shown_value(widget.input_, value), widget.input_)


def _copied(node: UiNode, value: Any) -> Any:
    try:
        return copied_as_json(value)
    except NotJson as error:
        raise BrokenWorkflow(
            f"A value of node {quoted(node.title or node.type)} (id {node.id}) cannot be sent: {error}. "
            "Correct it in ComfyUI."
        ) from None


def _wrapped(value: Any) -> Any:
    """Wrap a list, which would be taken for a link."""
    return {"__value__": value} if isinstance(value, list) else value


def _saves(node: UiNode) -> bool:
    return node.type in _SAVERS


def _pack(node: UiNode) -> str:
    for key in ("cnr_id", "aux_id"):
        pack = node.properties.get(key)
        if isinstance(pack, str) and pack:
            return pack
    return ""


def _origin(node: UiNode) -> dict[str, str]:
    """Return where a class comes from as far as the file says it, for whoever imports the prompt one day."""
    found = ((key, node.properties.get(key)) for key in ("cnr_id", "aux_id", "ver"))
    return {key: value for key, value in found if isinstance(value, str) and value}


def _called(node: UiNode, pack: str) -> str:
    if _SUBGRAPH_ID.fullmatch(node.type):
        return f"{quoted(node.title or node.type)} (a subgraph that the file lacks)"
    return f"{quoted(node.type)} (of the node pack {quoted(pack)})" if pack else quoted(node.type)


def _unknown_sentence(names: list[str]) -> str:
    if len(names) == 1:
        return f"The server does not know the node class {names[0]}. Install its node pack on the server."
    return (
        f"The server does not know {len(names)} node classes: {', '.join(names)}. "
        "Install their node packs on the server."
    )
