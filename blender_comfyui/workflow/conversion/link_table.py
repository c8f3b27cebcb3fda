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
    mended = _mended(graph, forgotten) if is_mended and forgotten else None
    for node, at in strangers:
        _correct(graph, node, at)
    for id_, link in forgotten if mended is None else mended:
        node, at = graph.nodes[link.target], link.target_slot
        if mended is not None:
            node.inputs[at] = node.inputs[at]._replace(links=(id_,))
        elif at >= 0:
            node.by_place.setdefault(at, id_)


def _mended(graph: Graph, forgotten: list[tuple[str, Link]]) -> list[tuple[str, Link]] | None:
    """Return the links that no input names but the editor gives to one; it drops the others.

    None where it gives up, which it does where it has touched one input of a node and then finds another one linked;
    it then leaves all links as the table has them.
    """
    unnamed = dict(forgotten)
    touched: dict[str, set[int]] = {}
    given = []
    for id_, link in reversed(graph.links.items()):
        node, at = graph.nodes.get(link.target), link.target_slot
        if node is None:
            continue
        here = node.inputs[at].link if 0 <= at < len(node.inputs) else None
        is_listed = _is_listed(graph, id_, link)
        if here is not None and at not in touched.get(node.id, {at}) and (here == id_ or is_listed):
            return None
        is_cut = here == id_ and link.origin not in graph.nodes
        if is_cut or (here is None and is_listed and at not in touched.get(node.id, ())):
            touched.setdefault(node.id, set())
            if at < len(node.inputs):
                touched[node.id].add(at)
                given += [(id_, link)] if id_ in unnamed else []
    return given


def _is_listed(graph: Graph, id_: str, link: Link) -> bool:
    """True where the output that a link begins at names it."""
    origin = graph.nodes.get(link.origin)
    outputs = origin.outputs if origin is not None else []
    return link.origin_slot < len(outputs) and id_ in outputs[link.origin_slot].links


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
