"""The widgets of one node of a workflow, by its class's definition, and what kind of thing each is. No bpy, no network.

Dynamic inputs come and go with a menu: those of all its choices are told, each with the conditions it is there under.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from .conversion.layout import MISSING, default_value
from .graph import Node
from .node_inputs import Autogrow, DynamicCombo, DynamicGroup, InputType
from .node_types import NodeType


class Kind(StrEnum):
    """What a widget asks a person for; OTHER is what only the editor can draw (curves, boxes, paintings)."""

    TEXT = "text"
    MULTILINE = "multiline"
    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    SEED = "seed"
    COLOUR = "colour"
    IMAGE = "image"
    MASK = "mask"
    VIDEO = "video"
    AUDIO = "audio"
    MESH = "mesh"
    FILE = "file"
    MODEL = "model"
    LORA = "lora"
    OTHER = "other"


MEDIA = frozenset({Kind.IMAGE, Kind.MASK, Kind.VIDEO, Kind.AUDIO, Kind.MESH, Kind.FILE})
MODELS = frozenset({Kind.MODEL, Kind.LORA})
MODEL_ENDINGS = (".safetensors", ".sft", ".ckpt", ".pt", ".pt2", ".pth", ".bin", ".gguf", ".onnx", ".pkl", ".engine")
SEED_NAMES = frozenset({"seed", "noise_seed"})
# Widgets of the browser alone; servers are not sent them.
BROWSER_ONLY = frozenset(
    "RESOLUTION_PREVIEW CAMERA_INFO_STATE AUDIO_UI IMAGEUPLOAD IMAGECOMPARE CHART GALLERIA".split()
)

_MOST_WIDGETS = 2000  # of one node: rows of rows of rows are no class that anyone could use
_LONGEST_NAME = 500
_LOOKED_AT = 5  # so many of a menu's choices tell what it lists
_NUMBERS = {"INT": Kind.INTEGER, "FLOAT": Kind.FLOAT, "BOOLEAN": Kind.BOOLEAN, "COLOR": Kind.COLOUR}
_TEXTS = frozenset({"STRING", "MARKDOWN", "TEXTAREA"})
_MENUS = frozenset({"COMBO", "COMFY_DYNAMICCOMBO_V3"})
_UPLOADS = (("image_upload", Kind.IMAGE), ("video_upload", Kind.VIDEO), ("audio_upload", Kind.AUDIO))
_MESHES = ("MESH", "FILE_3D", "LOAD_3D")
_OF_VALUES: tuple[tuple[type, str], ...] = ((bool, "BOOLEAN"), (int, "INT"), (float, "FLOAT"), (str, "STRING"))


@dataclass(frozen=True, slots=True)
class Condition:
    """The widget is there only while the menu ``input_name`` of its node holds one of ``choices``."""

    input_name: str
    choices: tuple[str, ...]


Conditions: TypeAlias = tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class NodeWidget:
    """A widget with its value, which is the default where the workflow has none; ``when`` all must hold."""

    name: str
    input_: InputType
    value: Any
    when: Conditions = ()


def widgets_of(node: Node, node_type: NodeType | None) -> Iterator[NodeWidget]:
    """Yield the widgets of a node that nothing is linked to, in the order of the editor.

    Of a class that is not known, each value is taken for a widget of its own type.
    """
    if node_type is None:
        yield from _by_values(node)
        return
    expanding = _Expanding(node)
    for input_ in node_type.inputs:
        yield from expanding.widgets(input_.name, input_, ())


def _by_values(node: Node) -> Iterator[NodeWidget]:
    for name, value in node.inputs.items():
        for python_type, type_ in _OF_VALUES:
            if isinstance(value, python_type):
                yield NodeWidget(name, InputType(name, type_, False, type_, (), {}), value)
                break


class _Expanding:
    """Walks through a definition along with a node's inputs."""

    def __init__(self, node: Node) -> None:
        self.inputs = node.inputs
        self.links = node.links()
        self.left = _MOST_WIDGETS

    def widgets(self, name: str, input_: InputType, when: Conditions) -> Iterator[NodeWidget]:
        self.left -= 1
        if self.left < 0:
            return
        if isinstance(input_.dynamic, Autogrow | DynamicGroup):
            yield from self.rows(name, input_.dynamic, when)
        elif input_.widget and input_.widget not in BROWSER_ONLY and name not in self.links:
            yield NodeWidget(name, input_, self.value(name, input_, when), when)
            if isinstance(input_.dynamic, DynamicCombo):
                yield from self.children(name, input_.dynamic, when)

    def children(self, name: str, combo: DynamicCombo, when: Conditions) -> Iterator[NodeWidget]:
        for child, choices in _merged(combo):
            yield from self.widgets(f"{name}.{child.name}", child, (*when, Condition(name, choices)))

    def rows(self, name: str, grown: Autogrow | DynamicGroup, when: Conditions) -> Iterator[NodeWidget]:
        """Yield the widgets of the rows that the workflow has; new rows are for the editor to make."""
        there = {prefix for key in self.inputs if key.startswith(f"{name}.") for prefix in _prefixes(key)}
        if not there:
            return
        for row in range(min(grown.most, len(there) + grown.least)):
            for full_name, input_ in _row(grown, name, row):
                if full_name in there:
                    yield from self.widgets(full_name, input_, when)

    def value(self, name: str, input_: InputType, when: Conditions) -> Any:
        if name in self.inputs and holds(self.inputs, when):
            return unwrapped(self.inputs[name])
        default = default_value(input_)
        return None if default is MISSING else default


def _prefixes(key: str) -> Iterator[str]:
    """Yield a full name and the names of the dynamic inputs that it is in."""
    yield key
    for at, character in enumerate(key[:_LONGEST_NAME]):
        if character == ".":
            yield key[:at]


def _row(grown: Autogrow | DynamicGroup, name: str, row: int) -> Iterator[tuple[str, InputType]]:
    if isinstance(grown, Autogrow):
        return grown.row(name, row)
    return ((f"{name}.{row}.{input_.name}", input_) for input_ in grown.inputs)


def _merged(combo: DynamicCombo) -> list[tuple[InputType, tuple[str, ...]]]:
    """Return the inputs of all choices; one that several choices have alike is there for each of them."""
    merged: dict[str, list[tuple[InputType, list[str]]]] = {}
    for choice, inputs in combo.inputs.items():
        for input_ in inputs:
            same_name = merged.setdefault(input_.name, [])
            found = next((choices for other, choices in same_name if other == input_), None)
            if found is None:
                same_name.append((input_, [choice]))
            else:
                found.append(choice)
    return [(input_, tuple(choices)) for rows in merged.values() for input_, choices in rows]


def holds(values: Mapping[str, Any], when: Conditions) -> bool:
    """True where the menus among the values of a node hold what all the conditions want."""
    return all(values.get(condition.input_name) in condition.choices for condition in when)


def unwrapped(value: Any) -> Any:
    """Return a list that is wrapped so that it is not taken for a link."""
    if isinstance(value, dict) and isinstance(value.get("__value__"), list):
        return value["__value__"]
    return value


def kind_of(widget: NodeWidget, node_type: NodeType | None) -> Kind:
    """Return what a widget asks for."""
    input_ = widget.input_
    if input_.type == "COMBO" or input_.widget in _MENUS:
        return _kind_of_menu(widget, {output.type for output in node_type.outputs} if node_type else set())
    if input_.widget == "INT":
        if input_.options.get("display") == "color":
            return Kind.COLOUR
        return Kind.SEED if input_.name in SEED_NAMES else Kind.INTEGER
    if input_.widget in _TEXTS:
        if node_type is None and _is_model_file(widget.value):
            return _model_kind(widget)
        return Kind.MULTILINE if input_.multiline or input_.widget != "STRING" else Kind.TEXT
    return _NUMBERS.get(input_.widget, Kind.OTHER)


def _kind_of_menu(widget: NodeWidget, outputs: set[str]) -> Kind:
    for option, kind in _UPLOADS:
        if widget.input_.options.get(option):
            return Kind.MASK if kind is Kind.IMAGE and outputs == {"MASK"} else kind
    if widget.input_.options.get("file_upload"):
        return Kind.MESH if any(type_.startswith(_MESHES) for type_ in outputs) else Kind.FILE
    return _model_kind(widget) if lists_models(widget.input_, widget.value) else Kind.CHOICE


def _model_kind(widget: NodeWidget) -> Kind:
    return Kind.LORA if "lora" in widget.input_.name.lower() else Kind.MODEL


def lists_models(input_: InputType, value: object) -> bool:
    """True for a menu of model files, as its value or its choices end."""
    return _is_model_file(value) or any(map(_is_model_file, input_.choices[:_LOOKED_AT]))


def _is_model_file(value: object) -> bool:
    return isinstance(value, str) and value.lower().endswith(MODEL_ENDINGS)
