"""Stand-ins for node classes that the server lacks, so that a file can be converted and checked all the same.

A file of the editor tells enough of its nodes to convert them: their inputs, which of these are widgets, their outputs.
What comes out cannot run; ``preflight`` with the server's own classes says why, and offers replacements.
No bpy, no network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from .conversion.graphs import UiFile, UiNode, read
from .conversion.nodes import Nodes
from .node_types import NodeTypes
from .panel_widgets import SEED_NAMES
from .problems import replacement_widgets

_PACK_KEYS = ("cnr_id", "aux_id")
_WIDGETS = frozenset({"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"})
# A kind of widget that files keep no value of and that is not sent, but that subgraphs promote as any other.
_WITHOUT_VALUE = "AUDIO_UI"
_CONTROL = "control_"
_OF_VALUES: tuple[tuple[type, str], ...] = ((bool, "BOOLEAN"), (int, "INT"), (float, "FLOAT"), (str, "STRING"))


def with_stand_ins(
    ui: Mapping[str, Any], node_types: NodeTypes, replacements: Mapping[str, Any] | None = None
) -> NodeTypes:
    """Return the server's classes and, for those of a file that it lacks, definitions made from the file.

    ``to_api`` with the result raises no UnknownClasses. Many files do not name all widgets of a node; then the values
    get names only where the server's replacements (``GET /node_replacements``) have them, and are left out otherwise.

    Raises NotAWorkflow and BrokenWorkflow.
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


def _definition(node: UiNode, offered: tuple[str, ...]) -> dict[str, Any]:
    values = node.values or []
    types = {slot.widget: slot.type for slot in node.inputs if slot.widget}
    described = (list(_widgets(names, types, values)) for names in (list(types), list(offered)))
    widgets = next((found for found in described if sum(widget.places for widget in found) == len(values)), None)
    if widgets is None:
        widgets = [_Widget(name, [type_, {"widgetType": _WITHOUT_VALUE}], 0) for name, type_ in types.items()]
    named = {widget.name for widget in widgets}
    sockets = {slot.name: [slot.type, {"forceInput": True}] for slot in node.inputs if slot.name not in named}
    return {
        "input": {"required": {widget.name: widget.spec for widget in widgets}, "optional": sockets},
        "output": [slot.type for slot in node.outputs],
        "output_name": [slot.name for slot in node.outputs],
        "display_name": node.type,
    }


class _Widget(NamedTuple):
    """A widget as a server would describe it; ``places`` are the values that a file has for it."""

    name: str
    spec: list[Any]
    places: int


def _widgets(names: list[str], types: Mapping[str, str], values: list[Any]) -> Iterator[_Widget]:
    """Yield the widgets of a class, with types that the values tell where the file does not.

    In a file, what controls a seed stands after it. Names from a server's replacements count it as a widget, names from
    a file do not.
    """
    at = 0
    for index, name in enumerate(names):
        if name.startswith(_CONTROL):
            continue
        type_ = types.get(name, "")
        if type_ not in _WIDGETS:
            type_ = _type_of(values[at] if at < len(values) else "")
        following = names[index + 1] if index + 1 < len(names) else ""
        controlled = type_ == "INT" and (name in SEED_NAMES if types else following.startswith(_CONTROL))
        widget = _Widget(name, [type_, {"control_after_generate": controlled}], 2 if controlled else 1)
        at += widget.places
        yield widget


def _type_of(value: Any) -> str:
    return next((type_ for python_type, type_ in _OF_VALUES if isinstance(value, python_type)), "STRING")
