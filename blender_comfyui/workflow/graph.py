"""A ComfyUI graph in the API format, read and checked. No bpy, no network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from . import reading
from .errors import AmbiguousParameter, UnknownParameter
from .wording import nearest, quoted


class Place(NamedTuple):
    """One input of one node."""

    node_id: str
    input_name: str


class Link(NamedTuple):
    """Where a linked input comes from."""

    node_id: str
    slot: int


@dataclass(frozen=True)
class Node:
    """``title`` is what the author of the workflow called it, else its class."""

    id: str
    class_type: str
    title: str
    inputs: Mapping[str, Any]

    def link(self, input_name: str) -> Link | None:
        """Return where an input is linked from; None when it holds a value, or is not there."""
        return as_link(self.inputs.get(input_name))

    def links(self) -> dict[str, Link]:
        """Return all linked inputs by name."""
        return {name: link for name, value in self.inputs.items() if (link := as_link(value))}


def as_link(value: object) -> Link | None:
    """Tell a link from a value as the server does: a list of a node id and a slot number."""
    if not isinstance(value, list) or len(value) != 2:
        return None
    node_id, slot = value
    return Link(node_id, slot) if isinstance(node_id, str) and type(slot) is int else None


class Workflow:
    """An immutable view of a graph in the API format; what hands out changeable data hands out copies.

    ``nodes`` maps node ids, always strings, to nodes, in the order of the file.
    """

    __slots__ = ("_graph", "nodes")

    def __init__(self, graph: Mapping[str, Mapping[str, Any]]) -> None:
        """Take over a graph that ``reading.checked_graph`` made; use ``load`` for anything else."""
        self._graph = graph
        self.nodes: Mapping[str, Node] = MappingProxyType({id_: _node(id_, raw) for id_, raw in graph.items()})

    @classmethod
    def load(cls, source: Mapping[Any, Any] | Path | str) -> Workflow:
        """Read a graph from a mapping (copied), a file, a bundled workflow's name, or JSON text beginning with {.

        Raises NotAWorkflow, with a sentence that names the file and the node, for all that is no API-format graph.
        """
        return cls(reading.read(source))

    def title(self, node_id: str) -> str:
        """Return a node's title; '' for an id that the graph does not have."""
        node = self.nodes.get(node_id)
        return node.title if node else ""

    def meta(self, node_id: str) -> Mapping[str, Any]:
        """Return what the file says beside a node's class and inputs; nothing for an id that the graph lacks."""
        meta = self._graph.get(node_id, {}).get("_meta")
        return MappingProxyType(meta) if isinstance(meta, dict) else MappingProxyType({})

    def node_id(self, name: str) -> str:
        """Return the id of the node with this id or, when there is none, with this title.

        Raises UnknownParameter, or AmbiguousParameter when several nodes share the title.
        """
        if name in self.nodes:
            return name
        ids = self.titled(name)
        if len(ids) > 1:
            raise AmbiguousParameter(
                f"{len(ids)} nodes are titled {quoted(name)}. "
                f"Use one of their ids instead ({', '.join(ids)}), or give them titles of their own in ComfyUI.",
                name=name,
                node_ids=ids,
            )
        if not ids:
            known = dict.fromkeys([*(node.title for node in self.nodes.values()), *self.nodes])
            raise UnknownParameter(f"No node has the id or title {quoted(name)}.{nearest(name, known)}", name=name)
        return ids[0]

    def titled(self, title: str) -> tuple[str, ...]:
        """Return the ids of all nodes with this title."""
        return tuple(node.id for node in self.nodes.values() if node.title == title)

    def ancestors(self, ids: Iterable[str]) -> set[str]:
        """Return these nodes and all that feeds them: what the server runs for these outputs."""
        found: set[str] = set()
        waiting = [id_ for id_ in ids if id_ in self.nodes]
        while waiting:
            node_id = waiting.pop()
            if node_id not in found:
                found.add(node_id)
                sources = (link.node_id for link in self.nodes[node_id].links().values())
                waiting.extend(id_ for id_ in sources if id_ in self.nodes)
        return found

    def fed_by(self, ids: Iterable[str]) -> set[str]:
        """Return all nodes that these feed, directly or through others."""
        takers: dict[str, list[str]] = {}
        for node in self.nodes.values():
            for link in node.links().values():
                takers.setdefault(link.node_id, []).append(node.id)
        found: set[str] = set()
        waiting = list(ids)
        while waiting:
            new = [id_ for id_ in takers.get(waiting.pop(), ()) if id_ not in found]
            found.update(new)
            waiting.extend(new)
        return found

    def with_values(self, values: Mapping[Place, Any]) -> Workflow:
        """Return a copy with other values at these places, which must exist; the values become the copy's own."""
        graph = dict(self._graph)
        for (node_id, input_name), value in values.items():
            raw = graph[node_id]
            graph[node_id] = {**raw, "inputs": {**raw["inputs"], input_name: value}}
        return Workflow(graph)

    def without(self, places: Iterable[Place]) -> Workflow:
        """Return a copy in which these inputs are not there, whether or not they were."""
        graph = dict(self._graph)
        for node_id, input_name in places:
            if node_id in graph and input_name in graph[node_id]["inputs"]:
                kept = {name: value for name, value in graph[node_id]["inputs"].items() if name != input_name}
                graph[node_id] = {**graph[node_id], "inputs": kept}
        return Workflow(graph)

    def api(self) -> dict[str, Any]:
        """Return the graph as the server takes it, a copy of the caller's own."""
        return {node_id: reading.copied(raw) for node_id, raw in self._graph.items()}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Workflow) and self._graph == other._graph

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Workflow of {len(self.nodes)} nodes>"


def _node(node_id: str, raw: Mapping[str, Any]) -> Node:
    meta = raw.get("_meta")
    title = meta.get("title") if isinstance(meta, Mapping) else None
    return Node(
        node_id,
        raw["class_type"],
        title if isinstance(title, str) and title else raw["class_type"],
        MappingProxyType(raw["inputs"]),
    )
