"""Stand-ins for node classes that the server lacks, so that a file can be converted and checked all the same.

A file of the editor tells enough of its nodes to convert them: their inputs, which of these are widgets, their outputs.
What comes out cannot run; ``preflight`` with the server's own classes says why, and offers replacements.
No bpy, no network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .conversion.graphs import UiFile, UiNode, read
from .conversion.nodes import Nodes
from .node_types import NodeTypes
from .problems import replacement_widgets

_PACK_KEYS = ("cnr_id", "aux_id")
_WIDGETS = frozenset({"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"})
_OF_VALUES: tuple[tuple[type, str], ...] = ((bool, "BOOLEAN"), (int, "INT"), (float, "FLOAT"), (str, "STRING"))


def with_stand_ins(
    ui: Mapping[str, Any], node_types: NodeTypes, replacements: Mapping[str, Any] | None = None
) -> NodeTypes:
    """Return the server's classes and, for those of a file that it lacks, definitions made from the file.

    ``to_api`` with the result raises no UnknownClasses for nodes with inputs. Files from before 2025 do not name their
    widgets; where the server offers replacements (``GET /node_replacements``), these do. Raises NotAWorkflow and
    BrokenWorkflow.
    """
    file = read(ui)
    made = {
        node.type: _definition(node, replacement_widgets(node.type, replacements))
        for node in _unknown(file, node_types)
    }
    return node_types.extended(made) if made else node_types


def packs_of(ui: Mapping[str, Any]) -> dict[str, str]:
    """Return the node packs that a file names, by class: the registry's id, or the repository.

    Raises NotAWorkflow and BrokenWorkflow.
    """
    packs: dict[str, str] = {}
    for node in _nodes(read(ui)):
        found = (node.properties.get(key) for key in _PACK_KEYS)
        pack = next((pack for pack in found if isinstance(pack, str) and pack), "")
        if pack:
            packs.setdefault(node.type, pack)
    return packs


def _nodes(file: UiFile) -> Iterator[UiNode]:
    for graph in (file.root, *file.definitions.values()):
        yield from graph.nodes.values()


def _unknown(file: UiFile, node_types: NodeTypes) -> Iterator[UiNode]:
    nodes = Nodes(file, node_types)
    for node in _nodes(file):
        if node.type not in node_types and nodes.definition(node) is None and not nodes.is_virtual(node):
            yield node


def _definition(node: UiNode, widget_names: tuple[str, ...]) -> dict[str, Any]:
    named = [slot for slot in node.inputs if slot.widget]
    names = [slot.widget for slot in named] or list(widget_names)
    types = {slot.widget: slot.type for slot in named}
    required = {name: [types.get(name) or "*"] for name in names}
    for name, value in zip(_with_controls(names, types), node.values or (), strict=False):
        if name in required and required[name][0] not in _WIDGETS:
            required[name] = [_type_of(value)]
    sockets = {slot.name: [slot.type] for slot in node.inputs if not slot.widget and slot.name not in required}
    return {
        "input": {"required": required, "optional": sockets},
        "output": [slot.type for slot in node.outputs],
        "output_name": [slot.name for slot in node.outputs],
        "display_name": node.type,
    }


def _with_controls(names: list[str], types: Mapping[str, str]) -> Iterator[str]:
    """Yield the names of widgets as their values stand in the file: what controls a seed stands after it."""
    for name in names:
        yield name
        if name in ("seed", "noise_seed") and types.get(name, "INT") == "INT":
            yield ""


def _type_of(value: Any) -> str:
    return next((type_ for python_type, type_ in _OF_VALUES if isinstance(value, python_type)), "STRING")
