"""Which nodes of a workflow give something back. No bpy, no network."""

from __future__ import annotations

from .graph import Workflow
from .node_types import NodeTypes


def outputs_of(workflow: Workflow, node_types: NodeTypes) -> tuple[str, ...]:
    """Return the ids of the nodes that the server runs a workflow for; it runs these and what feeds them."""
    return tuple(
        node.id
        for node in workflow.nodes.values()
        if (node_type := node_types.get(node.class_type)) is not None and node_type.output_node
    )
