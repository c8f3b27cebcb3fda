"""What a server's node classes take and give: an immutable view of its /object_info. No bpy, no network.

A class is read when it is first asked for: a server with many node packs describes thousands, a workflow uses dozens.
Definitions come from node packs and are not trusted: a malformed input is left out, a malformed option is ignored, a
malformed class is as unknown as one that is not there.

Which types are widgets and how inputs are ordered is what the official front end does:
https://github.com/Comfy-Org/ComfyUI_frontend (``src/scripts/widgets.ts``, ``src/core/graph/widgets``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from .errors import NotNodeTypes
from .node_inputs import InputType, inputs_of

__all__ = ["InputType", "NodeType", "NodeTypes", "OutputType"]

_STOCK_PACK = "ComfyUI"
_PACK_PREFIX = "custom_nodes."


@dataclass(frozen=True, slots=True)
class OutputType:
    """``matches`` is the template of the inputs that decide the type, for an output that adapts; '' otherwise."""

    name: str
    type: str
    is_list: bool = False
    tooltip: str = ""
    matches: str = ""


@dataclass(frozen=True, slots=True)
class NodeType:
    """One node class; ``inputs`` are in the order in which the editor makes their widgets, hidden ones apart."""

    class_type: str
    display_name: str
    inputs: tuple[InputType, ...]
    hidden: tuple[str, ...]
    outputs: tuple[OutputType, ...]
    output_node: bool
    category: str
    description: str
    python_module: str
    deprecated: bool
    experimental: bool
    api_node: bool

    @property
    def node_pack(self) -> str:
        """Where the class comes from: the folder of its node pack on the server, or ComfyUI itself."""
        if self.python_module.startswith(_PACK_PREFIX):
            return self.python_module.removeprefix(_PACK_PREFIX).split(".")[0]
        return _STOCK_PACK

    @property
    def is_of_a_pack(self) -> bool:
        """True for a class that is not ComfyUI's own."""
        return self.python_module.startswith(_PACK_PREFIX)

    def input(self, name: str) -> InputType | None:
        """Return the input of this name; None where there is none. Inputs inside dynamic ones are not looked at."""
        return next((input_ for input_ in self.inputs if input_.name == name), None)


class NodeTypes(Mapping[str, NodeType]):
    """All node classes of a server, by name. Immutable; keep one for as long as the server's answer holds."""

    __slots__ = ("_known", "_raw")

    def __init__(self, raw: Mapping[str, Any]) -> None:
        """Take over an answer; use ``from_object_info``."""
        self._raw = raw
        self._known: dict[str, NodeType] = {}

    @classmethod
    def from_object_info(cls, object_info: Mapping[str, Any]) -> NodeTypes:
        """View what a server answers to ``GET /object_info``; the mapping is kept, so it must not be changed later.

        Raises NotNodeTypes where it is no mapping of node classes.
        """
        if not isinstance(object_info, Mapping):
            raise NotNodeTypes(
                "The server's list of node classes cannot be read: it is no list of nodes. "
                "Is the address that of a ComfyUI server?"
            )
        usable = {name: raw for name, raw in object_info.items() if isinstance(name, str) and isinstance(raw, Mapping)}
        if object_info and not usable:
            raise NotNodeTypes("The server's list of node classes cannot be read: it describes no node class.")
        return cls(usable)

    def extended(self, definitions: Mapping[str, Mapping[str, Any]]) -> NodeTypes:
        """Return a view with more classes, described as the server describes its own; its own stay as they are."""
        return NodeTypes({**definitions, **self._raw})

    def described(self, classes: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        """Return what the server says of these classes, as it says it, to keep beside a workflow."""
        return {name: self._raw[name] for name in dict.fromkeys(classes) if name in self._raw}

    def __getitem__(self, class_type: str) -> NodeType:
        known = self._known.get(class_type)
        if known is None:
            known = self._known[class_type] = _node_type(class_type, self._raw[class_type])
        return known

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)

    def __contains__(self, class_type: object) -> bool:
        return isinstance(class_type, str) and class_type in self._raw

    def __repr__(self) -> str:
        return f"<NodeTypes of {len(self)} classes>"


def _node_type(class_type: str, raw: Mapping[str, Any]) -> NodeType:
    inputs = raw.get("input")
    sections: Mapping[str, Any] = inputs if isinstance(inputs, Mapping) else MappingProxyType({})
    hidden = sections.get("hidden")
    return NodeType(
        class_type=class_type,
        display_name=_text(raw, "display_name") or class_type,
        inputs=inputs_of(sections, raw.get("input_order")),
        hidden=tuple(name for name in hidden if isinstance(name, str)) if isinstance(hidden, Mapping) else (),
        outputs=tuple(_outputs(raw)),
        output_node=raw.get("output_node") is True,
        category=_text(raw, "category"),
        description=_text(raw, "description"),
        python_module=_text(raw, "python_module"),
        deprecated=raw.get("deprecated") is True,
        experimental=raw.get("experimental") is True,
        api_node=raw.get("api_node") is True,
    )


def _outputs(raw: Mapping[str, Any]) -> Iterator[OutputType]:
    for index, type_ in enumerate(_items(raw, "output")):
        # a list of choices as a type is how old nodes give a menu's value on
        shown = type_ if isinstance(type_, str) else "COMBO" if isinstance(type_, list | tuple) else "*"
        yield OutputType(
            name=_nth(raw, "output_name", index) or shown,
            type=shown,
            is_list=_nth_is_true(raw, "output_is_list", index),
            tooltip=_nth(raw, "output_tooltips", index),
            matches=_nth(raw, "output_matchtypes", index),
        )


def _items(raw: Mapping[str, Any], key: str) -> list[Any] | tuple[Any, ...]:
    value = raw.get(key)
    return value if isinstance(value, list | tuple) else ()


def _nth(raw: Mapping[str, Any], key: str, index: int) -> str:
    items = _items(raw, key)
    return items[index] if index < len(items) and isinstance(items[index], str) else ""


def _nth_is_true(raw: Mapping[str, Any], key: str, index: int) -> bool:
    items = _items(raw, key)
    return index < len(items) and items[index] is True


def _text(raw: Mapping[str, Any], key: str) -> str:
    value = raw.get(key)
    return value if isinstance(value, str) else ""
