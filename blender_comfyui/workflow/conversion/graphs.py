"""A workflow file of the editor, read and checked. No bpy, no network.

What is missing is taken as empty, as the front end does. What has a wrong type where the file says how the workflow
hangs together (nodes, links, inputs, definitions) is an error: leaving it out in silence would make another workflow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..errors import BrokenWorkflow, NotAWorkflow
from ..wording import quoted

SUBGRAPH_INPUT, SUBGRAPH_OUTPUT = "-10", "-20"
MUTED, BYPASSED = 2, 4
_DEEPEST_DEFINITIONS = 100
_LARGEST_ID = 2**64
_LONGEST_ID = 200
_LARGEST_INDEX = 10**9
# Asked thousands of times: plain dicts and lists are told at once, all else takes its time.
_MAPPINGS = (dict, Mapping)
_LISTS = (list, tuple)


class Link(NamedTuple):
    """``origin`` and ``target`` are node ids; SUBGRAPH_INPUT and SUBGRAPH_OUTPUT are the graph's own ends."""

    origin: str
    origin_slot: int
    target: str
    target_slot: int


class Slot(NamedTuple):
    """An input or output as the file has it.

    ``widget`` is the widget an input belongs to, '' for a plain socket; ``label`` is what people renamed it to.
    """

    name: str
    type: str
    links: tuple[str, ...]
    widget: str = ""
    label: str = ""

    @property
    def link(self) -> str | None:
        return self.links[0] if self.links else None


class _Here(NamedTuple):
    """Where a node is, written out only where it is told."""

    node_id: str
    type: str
    where: str

    def __str__(self) -> str:
        return f"node {quoted(self.node_id)} ({quoted(self.type)}) in {self.where}"


@dataclass(slots=True, eq=False)
class UiNode:
    """One node of the file; ``values`` are its widgets', None where the file has no list of them.

    ``named`` are values known by their widget's name, as a group node gives them; they go before the others.
    ``mapped`` are the values of a file that has no list of them but a mapping by name. ``by_place`` are links that no
    input of the file names, by the index of the input that they end at.
    """

    id: str
    type: str
    mode: float
    title: str
    inputs: list[Slot]
    outputs: list[Slot]
    values: list[Any] | None
    properties: Mapping[str, Any]
    named: dict[str, Any] = field(default_factory=dict)
    mapped: Mapping[str, Any] = field(default_factory=dict)
    by_place: dict[int, str] = field(default_factory=dict)

    @property
    def is_cut(self) -> bool:
        """True for a node that does not run: muted or bypassed."""
        return self.mode in (MUTED, BYPASSED)


@dataclass(slots=True, eq=False)
class Graph:
    """The workflow itself, or the definition of a subgraph; ``inputs`` and ``outputs`` are a definition's own.

    One that an old group node stands for has its values already (``is_group``).
    """

    id: str = ""
    name: str = ""
    nodes: dict[str, UiNode] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    inputs: list[Slot] = field(default_factory=list)
    outputs: list[Slot] = field(default_factory=list)
    is_group: bool = False


@dataclass(slots=True, eq=False)
class UiFile:
    """``groups`` are the old group nodes' definitions, still as the file has them, by name."""

    root: Graph
    definitions: dict[str, Graph]
    groups: Mapping[str, Any]


def read(ui: object) -> UiFile:
    """Read a workflow of the editor.

    Raises NotAWorkflow where it is none at all, BrokenWorkflow where it is one that cannot be made sense of.
    """
    if not isinstance(ui, Mapping):
        raise NotAWorkflow(f"A workflow of ComfyUI's editor is a mapping, not a {type(ui).__name__}.")
    if not isinstance(ui.get("nodes"), list | tuple):
        raise NotAWorkflow("This is no workflow of ComfyUI's editor: it has no list of nodes. Save it again there.")
    definitions: dict[str, Graph] = {}
    for raw in _definitions(ui):
        graph = _graph(raw, f"the subgraph {quoted(raw.get('name') or raw['id'])}", False)
        definitions.setdefault(graph.id, graph)
    extra = ui.get("extra")
    groups = extra.get("groupNodes") if isinstance(extra, Mapping) else None
    return UiFile(_graph(ui, "the workflow", True), definitions, groups if isinstance(groups, Mapping) else {})


def _definitions(ui: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the subgraph definitions, those inside others too."""
    waiting = [(ui, 0)]
    while waiting:
        graph, depth = waiting.pop()
        if depth > _DEEPEST_DEFINITIONS:
            raise BrokenWorkflow("The workflow's subgraph definitions are nested too deep. Save it again in ComfyUI.")
        section = graph.get("definitions")
        if section is None:
            continue
        subgraphs = section.get("subgraphs") if isinstance(section, Mapping) else section
        for raw in list_of(subgraphs, "subgraph definitions", "the workflow"):
            if not isinstance(raw, Mapping) or id_of(raw.get("id")) is None:
                raise BrokenWorkflow("A subgraph definition of the workflow has no id. Save it again in ComfyUI.")
            yield raw
            waiting.append((raw, depth + 1))


def _graph(raw: Mapping[str, Any], where: str, renumbers: bool) -> Graph:
    graph = Graph(id=id_of(raw.get("id")) or "", name=_text(raw.get("name")))
    later = []
    for position, raw_node in enumerate(list_of(raw.get("nodes"), "nodes", where), 1):
        node = node_of(raw_node, position, where)
        if node.id in graph.nodes:
            later.append(node)
        else:
            graph.nodes[node.id] = node
    # The second of two equal ids gets a new one, or inside a subgraph is left out; the links are the first's.
    for node in later if renumbers else ():
        node.id = _unused_id(graph.nodes)
        graph.nodes[node.id] = node
    graph.links = dict(_links(raw.get("links"), where))
    graph.inputs = [_slot(slot, where, "linkIds") for slot in list_of(raw.get("inputs"), "inputs", where)]
    graph.outputs = [_slot(slot, where, "linkIds") for slot in list_of(raw.get("outputs"), "outputs", where)]
    return graph


def _unused_id(nodes: Mapping[str, UiNode]) -> str:
    number = len(nodes)
    while str(number) in nodes:
        number += 1
    return str(number)


def node_of(raw: object, position: int, where: str) -> UiNode:
    """Read a node; raise BrokenWorkflow where it has no id or class."""
    if not isinstance(raw, _MAPPINGS):
        raise BrokenWorkflow(f"Node number {position} of {where} is no node. Save the workflow again in ComfyUI.")
    node_id, type_ = id_of(raw.get("id")), raw.get("type")
    if node_id is None or not isinstance(type_, str) or not type_:
        lacks = "id" if node_id is None else "class"
        raise BrokenWorkflow(f"Node number {position} of {where} has no {lacks}. Save the workflow again in ComfyUI.")
    here = _Here(node_id, type_, where)
    values, properties, mode = raw.get("widgets_values"), raw.get("properties"), raw.get("mode")
    return UiNode(
        id=node_id,
        type=type_,
        mode=mode if isinstance(mode, int | float) else 0,
        title=_text(raw.get("title")),
        inputs=[_slot(slot, here, "link") for slot in list_of(raw.get("inputs"), "inputs", here)],
        outputs=[_slot(slot, here, "links") for slot in list_of(raw.get("outputs"), "outputs", here)],
        values=list(values) if isinstance(values, _LISTS) else None,
        properties=properties if isinstance(properties, _MAPPINGS) else {},
        mapped=values if values and not isinstance(values, _LISTS) and isinstance(values, Mapping) else {},
    )


def _slot(raw: object, where: object, links_key: str) -> Slot:
    """Read an input or output."""
    if not isinstance(raw, _MAPPINGS):
        raise BrokenWorkflow(f"An input or output of {where} is none. Save the workflow again in ComfyUI.")
    name, type_, widget = raw.get("name"), raw.get("type"), raw.get("widget")
    if not isinstance(name, str):
        name = ""
    owner = ""
    if widget is not None and isinstance(widget, _MAPPINGS):
        owner = _text(widget.get("name")) or name
    shown = type_ if isinstance(type_, str) else type_name(type_)
    return Slot(name, shown, _ids(raw.get(links_key)), owner, _text(raw.get("label")))


def _ids(raw: object) -> tuple[str, ...]:
    if raw is None:
        return ()
    if not isinstance(raw, _LISTS):
        id_ = id_of(raw)
        return () if id_ is None else (id_,)
    return tuple(id_ for id_ in map(id_of, raw) if id_ is not None)


def _links(raw: object, where: str) -> Iterator[tuple[str, Link]]:
    """Yield the links of a graph by id, however its time wrote them: lists, objects, or objects by id."""
    rows = raw.values() if isinstance(raw, _MAPPINGS) else list_of(raw, "links", where)
    for row in rows:
        if isinstance(row, _MAPPINGS):
            parts = [row.get(key) for key in ("id", "origin_id", "origin_slot", "target_id", "target_slot")]
        elif isinstance(row, _LISTS) and len(row) >= 5:
            parts = list(row[:5])
        else:
            continue  # a link to nothing, which the editor leaves out
        id_, origin, target = id_of(parts[0]), id_of(parts[1]), id_of(parts[3])
        origin_slot, target_slot = index_of(parts[2]), index_of(parts[4])
        if id_ is not None and origin is not None and origin_slot is not None:
            yield id_, Link(origin, origin_slot, target or "", -1 if target_slot is None else target_slot)


def type_name(raw: object) -> str:
    """Return a slot's type as one word; lists of choices are menus, and what old files number is anything."""
    if isinstance(raw, str):
        return raw
    return "COMBO" if isinstance(raw, list | tuple) else "*"


def id_of(raw: object) -> str | None:
    """Return an id as the API writes it; the editor treats 5, 5.0 and "5" alike. None for what is no id."""
    if type(raw) is int:
        return str(raw) if -_LARGEST_ID <= raw <= _LARGEST_ID else None
    if isinstance(raw, str):
        return raw if 0 < len(raw) <= _LONGEST_ID else None
    if isinstance(raw, float) and raw.is_integer() and abs(raw) <= _LARGEST_ID:
        return str(int(raw))
    return None


def index_of(raw: object) -> int | None:
    """Return a slot's index; None for what is none."""
    if type(raw) is int:
        return raw if 0 <= raw <= _LARGEST_INDEX else None
    text = id_of(raw)
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 10 else None


def _text(raw: object) -> str:
    return raw if isinstance(raw, str) else ""


def list_of(raw: object, what: str, where: object) -> list[Any] | tuple[Any, ...]:
    """Return a list of the file, empty where it is missing; raise BrokenWorkflow where it is something else."""
    if raw is None:
        return ()
    if not isinstance(raw, list | tuple):
        raise BrokenWorkflow(f"The {what} of {where} are no list. Save the workflow again in ComfyUI.")
    return raw
