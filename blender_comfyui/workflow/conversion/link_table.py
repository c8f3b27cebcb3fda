"""Nodes' inputs and the table of links, brought to agree. No bpy, no network.

A file says twice where a link ends: the input names the link, and the table names the node and the input's place. The
editor goes by the table; what the inputs say finds the input by its name where places have shifted. Before that, it
mends the links of the workflow itself, not those inside subgraphs, where only one end knows of a link.
"""

from __future__ import annotations

from .graphs import Graph, Link, UiFile, UiNode


def agree(file: UiFile) -> None:
    """Leave every input the link that the editor would, and note links that no input of the file names."""
    for graph in (file.root, *file.definitions.values()):
        _settle(graph, graph is file.root)
        for node in graph.nodes.values():
            if node.type in file.definitions:
                _by_place(graph, node, {slot.name for slot in file.definitions[node.type].inputs})


def _by_place(graph: Graph, node: UiNode, names: set[str]) -> None:
    """Note the links of an instance's inputs whose names the subgraph no longer has."""
    for slot in node.inputs:
        if slot.link is not None and slot.name not in names:
            node.by_place.setdefault(graph.links[slot.link].target_slot, slot.link)


def _settle(graph: Graph, is_mended: bool) -> None:
    named: set[str] = set()
    strangers: list[tuple[UiNode, int]] = []
    for node in graph.nodes.values():
        for at, slot in enumerate(node.inputs):
            if not slot.links:
                continue
            link = graph.links.get(slot.links[0])
            if link is None or link.target not in ("", node.id) or slot.links[0] in named:
                strangers.append((node, at))
            else:
                named.add(slot.links[0])
    forgotten = [(id_, link) for id_, link in graph.links.items() if id_ not in named and link.target in graph.nodes]
    placed = [_place(graph, id_, link, is_mended, named) for id_, link in forgotten]
    for node, at in strangers:
        _correct(graph, node, at)
    for place in placed:
        if place is not None:
            node, at, id_ = place
            if at < len(node.inputs) and node.inputs[at].link is None:
                node.inputs[at] = node.inputs[at]._replace(links=(id_,))
            else:
                node.by_place.setdefault(at, id_)


def _place(graph: Graph, id_: str, link: Link, is_mended: bool, named: set[str]) -> tuple[UiNode, int, str] | None:
    """Return the node and the place of an input for a link that no input names; None where the editor drops it."""
    node, at = graph.nodes[link.target], link.target_slot
    if at < 0:
        return None
    if is_mended:
        if not _is_listed(graph, id_, link):
            return None
        is_free = at < len(node.inputs) and not node.inputs[at].links
        if not is_free and not (at >= len(node.inputs) and any(slot.link in named for slot in node.inputs)):
            return None
    return node, at, id_


def _is_listed(graph: Graph, id_: str, link: Link) -> bool:
    """True where the output that a link begins at names it."""
    origin = graph.nodes.get(link.origin)
    return (
        origin is not None and link.origin_slot < len(origin.outputs) and id_ in origin.outputs[link.origin_slot].links
    )


def _correct(graph: Graph, node: UiNode, at: int) -> None:
    """Take away a link that ends elsewhere, unless it is an earlier input's of this node and its place is here."""
    slot = node.inputs[at]
    link = graph.links.get(slot.links[0])
    if link is not None and link.target == node.id and link.target_slot == at:
        for other, earlier in enumerate(node.inputs):
            if earlier.links[:1] == slot.links[:1] and other != at:
                node.inputs[other] = earlier._replace(links=())
    else:
        node.inputs[at] = slot._replace(links=())
