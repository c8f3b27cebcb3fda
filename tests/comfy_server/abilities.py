"""What a node class does here: written for it, a partner's, or passing on by type."""

from __future__ import annotations

from collections.abc import Callable

from . import joined_pictures, nodes, partners, passing, probes, saving, stock_nodes, videos
from .node_types import NodeType
from .runs import NODES, Result

_REGISTERED = (joined_pictures, nodes, probes, saving, stock_nodes, videos)  # importing them registers their nodes


def ability(node_type: NodeType) -> Callable[..., Result] | None:
    """None for a class that cannot run: such a class is none of this server's."""
    written = NODES.get(node_type["name"])
    if written is not None:
        return written
    if node_type.get("api_node"):
        return partners.ask_partner
    return passing.pass_on if passing.fits(node_type) else None
