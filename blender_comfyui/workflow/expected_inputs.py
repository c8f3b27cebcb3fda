"""Which inputs a server expects of a node, with dynamic ones as the node's values call for. No bpy, no network.

What is required inside a dynamic input is so whether or not the dynamic input is, as in ``_expand_schema_for_dynamic``
of ComfyUI's comfy_api/latest/_io.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .graph import Node
from .node_inputs import Autogrow, DynamicCombo, DynamicGroup, InputType
from .node_types import NodeType
from .panel_widgets import BROWSER_ONLY

_MOST = 2000


class Expected(NamedTuple):
    """An input by its full name; ``required`` where the server refuses a node without it."""

    name: str
    input_: InputType
    required: bool


def expected_inputs(node: Node, node_type: NodeType) -> Iterator[Expected]:
    """Yield the inputs of a node that its class has for the present values of its menus."""
    walking = _Walking(node)
    for input_ in node_type.inputs:
        yield from walking.inputs(input_.name, input_, input_.required)


class _Walking:
    """Walks through a definition along with a node's values."""

    def __init__(self, node: Node) -> None:
        self.values = node.inputs
        self.left = _MOST

    def inputs(self, name: str, input_: InputType, required: bool) -> Iterator[Expected]:
        self.left -= 1
        if self.left < 0:
            return
        dynamic = input_.dynamic
        if isinstance(dynamic, Autogrow):
            yield from self.rows(name, dynamic)
        elif isinstance(dynamic, DynamicGroup):
            yield from self.group(name, dynamic)
        elif input_.widget not in BROWSER_ONLY:
            yield Expected(name, input_, required)
            if isinstance(dynamic, DynamicCombo):
                chosen = self.values.get(name)
                for child in dynamic.inputs.get(chosen, ()) if isinstance(chosen, str) else ():
                    yield from self.inputs(f"{name}.{child.name}", child, child.required)

    def rows(self, name: str, grown: Autogrow) -> Iterator[Expected]:
        there = self.there(name)
        for row in range(min(grown.most, max(grown.least, self.last_row(grown, name, there) + 1))):
            for full_name, input_ in grown.row(name, row):
                needed = input_.required and row < grown.least
                if needed or full_name in there:
                    yield from self.inputs(full_name, input_, needed)

    def last_row(self, grown: Autogrow, name: str, there: set[str]) -> int:
        return max((grown.index(key[len(name) + 1 :].split(".")[0]) for key in there), default=-1)

    def group(self, name: str, group: DynamicGroup) -> Iterator[Expected]:
        there = self.there(name)
        for row in range(min(group.most, len(there))):
            for field in group.inputs:
                if f"{name}.{row}.{field.name}" in there:
                    yield from self.inputs(f"{name}.{row}.{field.name}", field, False)

    def there(self, name: str) -> set[str]:
        return {key for key in self.values if key.startswith(f"{name}.")}
