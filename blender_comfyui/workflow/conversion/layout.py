"""A node's inputs and the values of its widgets, by its class's definition. No bpy, no network.

The file keeps widget values without names, one after the other, so their meaning hangs on the order of the widgets,
on those that take several places (a seed has its control beside it), and on the inputs that come with a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..node_inputs import DYNAMIC_COMBO, MOST_ROWS, Autogrow, DynamicCombo, DynamicGroup, InputType
from ..node_types import NodeType
from ..reading import NotJson, copied_as_json
from .graphs import Slot, UiNode
from .texts import shown

MISSING: Final = object()  # what JavaScript calls undefined; None is a value that files have
CONTROLS = frozenset({"control_after_generate", "control_filter_list"})

_WITHOUT_PLACE = frozenset({"RESOLUTION_PREVIEW", "IMAGECOMPARE", "CAMERA_INFO_STATE", "AUDIO_UI"})
_NOT_SENT = frozenset({"RESOLUTION_PREVIEW", "CAMERA_INFO_STATE", "AUDIO_UI", "IMAGEUPLOAD", "COMFY_DYNAMICGROUP_V3"})
_UPLOADS = ("image_upload", "animated_image_upload", "video_upload", "audio_upload")
# Buttons before the view of a mesh that can be loaded: the editor keeps and sends them like widgets.
_MESH_BUTTONS = {"upload 3d model": "upload3dmodel", "upload extra resources": "uploadExtraResources", "clear": "clear"}
_MOST_INPUTS = 5000
_SEEDS = frozenset({"seed", "noise_seed"})
_SAMPLERS = frozenset({"KSampler", "KSamplerAdvanced"})
_DEFAULTS: dict[str, Any] = {
    "INT": 0,
    "FLOAT": 0,
    "STRING": "",
    "MARKDOWN": "",
    "TEXTAREA": "",
    "BOOLEAN": False,
    "COLOR": "#000000",
    "COLORS": [],
    "BOUNDING_BOXES": [],
    "BOUNDING_BOX": {"x": 0, "y": 0, "width": 512, "height": 512},
    "CURVE": {"points": [[0, 0], [1, 1]], "interpolation": "monotone_cubic"},
    "CHART": {},
    "COMPOSITOR": {},
    "GALLERIA": [],
    "RANGE": {"min": 0, "max": 1},
    "VIDEO_EDIT": {
        "trim": {"start_time": 0, "duration": 0},
        "crop": {"x": 0, "y": 0, "width": 0, "height": 0},
    },
    "IMAGECOMPARE": ["", ""],  # two pictures that the browser compares; the server only wants that there is something
}

# The browser's view of a mesh before anybody has turned it.
_VIEW = {
    "image": "",
    "mask": "",
    "normal": "",
    "camera_info": {
        "position": {"x": 10, "y": 10, "z": 10.000000000000002},
        "target": {"x": 0, "y": 0, "z": 0},
        "zoom": 1,
        "cameraType": "perspective",
        "quaternion": {
            "x": -0.2798481423331213,
            "y": 0.3647051996310008,
            "z": 0.11591689595929511,
            "w": 0.8804762392171493,
        },
        "fov": 35,
        "aspect": 1,
        "near": 0.01,
        "far": 10000,
        "frustum": {"left": -5, "right": 5, "top": 5, "bottom": -5},
    },
    "recording": "",
    "model_3d_info": [],
}


@dataclass(slots=True)
class Widget:
    """A widget with its value, MISSING where there is none; ``input_`` is None for one that only the editor makes.

    ``control`` is what the editor does to the value after queueing, '' where the file says nothing.
    """

    name: str
    kind: str
    value: Any
    input_: InputType | None = None
    control: str = ""

    @property
    def is_sent(self) -> bool:
        return self.kind not in _NOT_SENT and self.value is not MISSING


@dataclass(slots=True)
class Input:
    """An input with the link that feeds it; ``widget`` is the name of the widget it stands for, '' for a socket."""

    name: str
    type: str
    link: str | None
    widget: str = ""


@dataclass(slots=True)
class Layout:
    """``inputs`` are in the order that counts where a node is bypassed."""

    inputs: list[Input] = field(default_factory=list)
    widgets: dict[str, Widget] = field(default_factory=dict)
    output_types: list[str] = field(default_factory=list)


def lay_out(node: UiNode, node_type: NodeType | None) -> Layout:
    """Give the inputs and widgets of a node their names, links and values.

    A node whose class is not known keeps the inputs that the file gives it, and has no widgets.
    """
    if node_type is None:
        inputs = [Input(slot.name, slot.type, slot.link, slot.widget) for slot in node.inputs]
        return Layout(inputs, {}, [slot.type for slot in node.outputs])
    placing = _Placing(node, node_type)
    for input_ in node_type.inputs:
        placing.place(input_.name, input_)
    layout = Layout([*placing.sockets, *placing.beside_widgets], placing.widgets)
    layout.inputs.extend(_extras(node, layout))
    layout.output_types = [output.type for output in node_type.outputs]
    layout.output_types.extend(slot.type for slot in node.outputs[len(node_type.outputs) :])
    _own_ways(node, layout)
    return layout


def _extras(node: UiNode, layout: Layout) -> Iterator[Input]:
    """Yield the inputs that only the file has; those of widgets or choices that are no more are left out."""
    defined = {input_.name for input_ in layout.inputs}
    left = tuple(f"{combo}." for combo in layout.widgets if layout.widgets[combo].kind == DYNAMIC_COMBO and node.values)
    for slot in node.inputs:
        if left and slot.name.startswith(left):
            continue
        if slot.name not in defined and (not slot.widget or slot.widget in layout.widgets):
            defined.add(slot.name)
            yield Input(slot.name, slot.type, slot.link, slot.widget)


class _Placing:
    """Walks through a definition and hands out the values of the file."""

    def __init__(self, node: UiNode, node_type: NodeType) -> None:
        self.slots = {slot.name: slot for slot in node.inputs}
        self.named = {**node.mapped, **node.named} if node_type.is_of_a_pack else node.named
        self.values = _dealt(node, node_type)
        self.at = 0
        self.sockets: list[Input] = []
        self.beside_widgets: list[Input] = []
        self.widgets: dict[str, Widget] = {}
        self.left = _MOST_INPUTS

    def place(self, name: str, input_: InputType, into: list[Input] | None = None) -> None:
        self.left -= 1
        if self.left < 0:
            return  # rows of rows of rows: no class that anyone could use
        if isinstance(input_.dynamic, Autogrow):
            self.place_rows(name, input_.dynamic, into)
        elif input_.widget:
            self.place_widget(name, input_, into)
        else:
            (self.sockets if into is None else into).append(self.input(name, input_))

    def input(self, name: str, input_: InputType) -> Input:
        slot = self.slots.get(name)
        return Input(name, input_.type, slot.link if slot else None, name if input_.widget else "")

    def place_rows(self, name: str, grown: Autogrow, into: list[Input] | None) -> None:
        linked = [grown.index(slot.name[len(name) + 1 :]) for slot in _linked_in(self.slots, name)]
        rows = min(max(grown.least + 1, max(linked, default=-1) + 2), grown.most)
        for row in range(rows):
            for row_name, input_ in grown.row(name, row):
                self.place(row_name, input_, into)

    def place_widget(self, name: str, input_: InputType, into: list[Input] | None) -> None:
        into = self.beside_widgets if into is None else into
        if input_.widget == "LOAD_3D" and name == "image" and "model_file" in self.widgets:
            self.place_buttons(_MESH_BUTTONS)
        into.append(self.input(name, input_))
        saved = self.take(name, input_)
        widget = self.widgets[name] = Widget(name, input_.widget, shown_value(input_, saved), input_)
        widget.control = self.control(name, input_)
        self.add_of_format(input_, widget.value)
        if isinstance(input_.dynamic, DynamicCombo):
            self.place_chosen(name, input_.dynamic, widget.value, saved is None, into)
        elif isinstance(input_.dynamic, DynamicGroup):
            self.place_group(name, input_.dynamic, saved, into)

    def add_of_format(self, input_: InputType, chosen: Any) -> None:
        """Add what VideoHelperSuite's menu of formats brings for the chosen one, as far as the file has it."""
        formats = input_.options.get("formats")
        rows = formats.get(chosen) if isinstance(formats, Mapping) and isinstance(chosen, str) else None
        for row in rows if isinstance(rows, list | tuple) else ():
            name = row[0] if isinstance(row, list | tuple) and row else None
            if isinstance(name, str) and name in self.named:
                self.widgets.setdefault(name, Widget(name, "", self.named[name]))

    def place_buttons(self, buttons: Mapping[str, str]) -> None:
        for button, value in buttons.items():
            saved = self.saved(self.at)
            self.widgets[button] = Widget(button, "", value if saved is MISSING else saved)
            self.at += 1

    def place_chosen(self, name: str, combo: DynamicCombo, chosen: Any, is_late: bool, into: list[Input]) -> None:
        """Place what a choice brings; ``is_late`` where the editor chooses only after it has dealt out the values."""
        dealt, at = self.values, self.at
        if is_late:
            self.values = []
        for child in combo.inputs.get(chosen, ()) if isinstance(chosen, str) else ():
            self.place(f"{name}.{child.name}", child, into)
        if is_late:
            self.values, self.at = dealt, at

    def place_group(self, name: str, group: DynamicGroup, saved: Any, into: list[Input]) -> None:
        is_number = isinstance(saved, int | float) and not isinstance(saved, bool) and saved == saved
        count = int(min(max(saved, 0), MOST_ROWS)) if is_number else 0
        for row in range(min(max(count, group.least), group.most)):
            for field_ in group.inputs:
                self.place(f"{name}.{row}.{field_.name}", field_, into)

    def take(self, name: str, input_: InputType) -> Any:
        """Return the next value, and go on past all the places that belong to it."""
        count = places(name, input_)
        value = self.saved(self.at) if count else MISSING
        if _has_button(input_):
            pressed = self.saved(self.at + 2)
            self.widgets["refresh"] = Widget("refresh", "", "refresh" if pressed is MISSING else pressed)
        self.at += count
        return self.named.get(name, value)

    def control(self, name: str, input_: InputType) -> str:
        """Return what the file says beside the value just taken."""
        control = self.saved(self.at - _controls(name, input_)) if _controls(name, input_) else ""
        return control if isinstance(control, str) else ""

    def saved(self, at: int) -> Any:
        return self.values[at] if at < len(self.values) else MISSING


def _linked_in(slots: dict[str, Slot], group: str) -> Iterator[Slot]:
    return (slot for name, slot in slots.items() if slot.links and name.startswith(f"{group}."))


def places(name: str, input_: InputType) -> int:
    """Return how many of the file's values belong to a widget: its own, and those of the controls beside it."""
    if input_.widget in _WITHOUT_PLACE or name == "audioUI":
        return 0
    if input_.widget == "BOUNDING_BOX":
        return 5
    return 1 + _is_remote(input_) + _has_button(input_) + _controls(name, input_)


def _is_remote(input_: InputType) -> bool:
    """True for a menu that the browser fills by a request of its own; a switch for doing so again stands beside it."""
    return input_.widget == "COMBO" and bool(input_.options.get("remote"))


def _has_button(input_: InputType) -> bool:
    """True for a menu beside which a button is, which the editor takes for a widget called refresh and sends."""
    if not _is_remote(input_):
        return False
    remote = input_.options["remote"]
    return isinstance(remote, Mapping) and bool(remote.get("refresh_button"))


def _controls(name: str, input_: InputType) -> int:
    control = input_.options.get("control_after_generate")
    if input_.widget == "INT":
        return int(bool(control) if control is not None else name in _SEEDS)
    if not control:
        return 0
    return {"FLOAT": 1, "COMBO": 2}.get(input_.widget, 0)


def _dealt(node: UiNode, node_type: NodeType) -> list[Any]:
    """Return a node's values without those for inputs that were hidden widgets before 1.16 and are sockets now.

    They can only be told by their number: as many values as widgets, forced inputs and controls together. The editor
    takes a mapping for a list of its values where it has that many; packs that write mappings read them by name.
    """
    values = node.values or []
    if not node.mapped and not any(input_.is_forced for input_ in node_type.inputs):
        return values
    places_forced = list(_forced_places(node_type))
    buttons = any(input_.options.get(upload) for input_ in node_type.inputs for upload in _UPLOADS)
    if node.mapped and len(node.mapped) == len(places_forced) + buttons and not node_type.is_of_a_pack:
        values = [node.mapped[key] for key in sorted(node.mapped, key=_as_javascript_sorts)]
    if len(places_forced) != len(values):
        return values
    return [value for value, is_forced in zip(values, places_forced, strict=True) if not is_forced]


def _as_javascript_sorts(key: Any) -> tuple[bool, int]:
    """Put keys that are whole numbers first, as the browser does."""
    is_number = isinstance(key, str) and key.isascii() and key.isdigit() and len(key) < 10 and str(int(key)) == key
    return not is_number, int(key) if is_number else 0


def _forced_places(node_type: NodeType) -> Iterator[bool]:
    """Yield for each value that the editor once kept whether it is a forced input's."""
    for input_ in node_type.inputs:
        if input_.is_forced or input_.widget:
            yield input_.is_forced
            control = input_.options.get("control_after_generate")
            if control if control is not None else input_.type == "INT" and input_.name in _SEEDS:
                yield False


def shown_value(input_: InputType, saved: Any) -> Any:
    """Return the value that the editor shows for a saved one."""
    if input_.widget == "AUDIO_RECORD":
        return ""  # what the browser has recorded: nothing
    if input_.widget == "LOAD_3D" and input_.name == "viewport_state":
        return saved if isinstance(saved, Mapping) else _VIEW
    if saved is MISSING or (saved is None and isinstance(input_.dynamic, DynamicCombo)):
        return default_value(input_)
    if saved is None and input_.widget == "COMBO":
        return [] if input_.options.get("multi_select") else next(iter(input_.choices), None)
    if isinstance(saved, str) or not _is_text_field(input_):
        return saved
    try:
        return shown(copied_as_json(saved))
    except NotJson:  # told where it is sent
        return saved


def _is_text_field(input_: InputType) -> bool:
    """True for what the browser makes a field of several lines of, which holds nothing but texts."""
    return input_.widget == "MARKDOWN" or (input_.widget == "STRING" and input_.multiline)


def default_value(input_: InputType) -> Any:
    """Return what a new widget holds; MISSING where the server says nothing and the kind has nothing of its own."""
    if isinstance(input_.dynamic, DynamicCombo):
        return next(iter(input_.dynamic.inputs), MISSING)
    if input_.has_default:
        return input_.default
    if input_.widget == "COMBO":
        if input_.options.get("multi_select"):
            return []
        return input_.choices[0] if input_.choices else MISSING
    return _DEFAULTS.get(input_.widget, MISSING)


def _own_ways(node: UiNode, layout: Layout) -> None:
    """Do what the editor does for single classes."""
    if node.type in _SAMPLERS:
        sampler = layout.widgets.get("sampler_name")
        if sampler and isinstance(sampler.value, str):
            sampler.value = sampler.value.removeprefix("sample_")
    if node.type == "CustomCombo" and "choice" in layout.widgets:
        _custom_combo(node, layout)


def _custom_combo(node: UiNode, layout: Layout) -> None:
    """Add the choices that people type in; there is always an empty one after the last."""
    saved = (node.values or [])[2:]
    end = next((index for index, value in enumerate(saved) if not value), len(saved))
    options = [*saved[:end], saved[end] if end < len(saved) else ""]
    layout.widgets["index"] = Widget("index", "", custom_combo_index(layout.widgets["choice"].value, options))
    for number, option in enumerate(options, 1):
        layout.widgets[f"option{number}"] = Widget(f"option{number}", "", option)


def custom_combo_index(choice: Any, options: list[Any]) -> int:
    """Return which option is chosen, from 0; -1 for none."""
    return next((index for index, option in enumerate(options) if option == choice), -1)
