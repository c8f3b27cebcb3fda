"""One input of a node class, as the server describes it. No bpy, no network.

An input is ``[type, options]``. Its type is a name, several names with commas between them, a list of choices (which
is how old nodes write COMBO), or one of four names for inputs that come and go: see ``DynamicCombo``, ``Autogrow``,
``DynamicGroup``; COMFY_MATCHTYPE_V3 is a socket of the types that its template allows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

# What the editor draws as a widget. The last three it draws from the browser's own devices or pictures.
WIDGET_TYPES = frozenset(
    "INT FLOAT STRING BOOLEAN COMBO MARKDOWN TEXTAREA COLOR COLORS BOUNDING_BOX BOUNDING_BOXES CURVE RANGE PAINTER "
    "COMPOSITOR VIDEO_EDIT IMAGECOMPARE CHART GALLERIA RESOLUTION_PREVIEW CAMERA_INFO_STATE AUDIO_UI IMAGEUPLOAD "
    "COMFY_DYNAMICCOMBO_V3 COMFY_DYNAMICGROUP_V3 LOAD_3D WEBCAM AUDIO_RECORD".split()
)
DYNAMIC_COMBO = "COMFY_DYNAMICCOMBO_V3"
AUTOGROW = "COMFY_AUTOGROW_V3"
DYNAMIC_GROUP = "COMFY_DYNAMICGROUP_V3"
MATCH_TYPE = "COMFY_MATCHTYPE_V3"

MOST_ROWS = 1000  # whatever a definition says: rows are made from it
_DEEPEST = 10
_FARTHEST = 1e300  # a limit that is further away is none
_UPLOADS = ("image_upload", "audio_upload", "video_upload", "file_upload")
_NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class DynamicCombo:
    """A menu, each choice of which brings inputs of its own, named ``parent.name``."""

    inputs: Mapping[str, tuple[InputType, ...]]


@dataclass(frozen=True, slots=True)
class Autogrow:
    """Rows of inputs that grow as they are linked; ``least`` rows are required, there are never more than ``most``."""

    inputs: tuple[InputType, ...]
    names: tuple[str, ...]
    prefix: str
    least: int
    most: int

    def row(self, group: str, index: int) -> Iterator[tuple[str, InputType]]:
        """Yield the full names of a row's inputs with their types."""
        for input_ in self.inputs:
            if self.names:
                yield f"{group}.{self.names[index]}", input_
            else:
                yield f"{group}.{self.prefix if len(self.inputs) == 1 else input_.name}{index}", input_

    def index(self, short_name: str) -> int:
        """Return the row that an input belongs to, from its name without the group's; -1 for none."""
        if self.names:
            return self.names.index(short_name) if short_name in self.names else -1
        stem = short_name.rstrip("0123456789")
        digits = short_name[len(stem) :]
        return int(digits) if digits and len(digits) < 10 else -1


@dataclass(frozen=True, slots=True)
class DynamicGroup:
    """Rows of widgets, counted by a widget before them; their names are ``parent.row.name``."""

    inputs: tuple[InputType, ...]
    least: int
    most: int
    label: str


@dataclass(frozen=True, slots=True)
class InputType:
    """One input. ``widget`` is the kind of widget that the editor makes for it, '' for a socket.

    ``type`` is what links are held against; ``choices`` are a COMBO's, as far as the server knows them; ``options``
    is all that the server says beside the type.
    """

    name: str
    type: str
    required: bool
    widget: str
    choices: tuple[Any, ...]
    options: Mapping[str, Any]
    dynamic: DynamicCombo | Autogrow | DynamicGroup | None = None

    @property
    def is_widget(self) -> bool:
        return bool(self.widget)

    @property
    def is_forced(self) -> bool:
        """True for an input that must be linked, whatever its type."""
        return bool(self.options.get("forceInput"))

    @property
    def label(self) -> str:
        """The name that people see."""
        return self._text("display_name") or self.name

    @property
    def tooltip(self) -> str:
        return self._text("tooltip")

    @property
    def has_default(self) -> bool:
        return "default" in self.options

    @property
    def default(self) -> Any:
        """The default as the server gives it; None where it gives none."""
        return self.options.get("default")

    @property
    def minimum(self) -> float | None:
        return self._number("min")

    @property
    def maximum(self) -> float | None:
        return self._number("max")

    @property
    def step(self) -> float | None:
        return self._number("step")

    @property
    def round(self) -> float | None:
        """What values are rounded to; None for not at all, which the server writes as false."""
        return self._number("round")

    @property
    def multiline(self) -> bool:
        return self.options.get("multiline") is True

    @property
    def dynamic_prompts(self) -> bool:
        """True for a text in which {a|b} and comments mean something."""
        return self.options.get("dynamicPrompts") is True

    @property
    def advanced(self) -> bool:
        return self.options.get("advanced") is True

    @property
    def is_hidden(self) -> bool:
        """True for a widget that the editor does not show, though it keeps and sends its value."""
        return self.options.get("hidden") is True

    @property
    def uploads(self) -> bool:
        """True for a menu of files that one can upload to."""
        return any(self.options.get(name) for name in _UPLOADS)

    def _text(self, key: str) -> str:
        value = self.options.get(key)
        return value if isinstance(value, str) else ""

    def _number(self, key: str) -> float | None:
        value = self.options.get(key)
        if not isinstance(value, int | float) or isinstance(value, bool):
            return None
        return value if -_FARTHEST < value < _FARTHEST else None


def inputs_of(sections: Mapping[str, Any], order: object = None, depth: int = 0) -> tuple[InputType, ...]:
    """Read required and optional inputs in the order of the editor: as ``order`` says, then what it forgot."""
    made = {}
    for section, name in _ordered(sections, order if isinstance(order, Mapping) else _NO_OPTIONS):
        input_ = input_type(name, sections[section].get(name), section == "required", depth)
        if input_ is not None and name not in made:
            made[name] = input_
    return tuple(made.values())


def _ordered(sections: Mapping[str, Any], order: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    usable = [section for section in ("required", "optional") if isinstance(sections.get(section), Mapping)]
    for section in usable:
        names = order.get(section)
        for name in names if isinstance(names, list | tuple) else ():
            if isinstance(name, str) and name in sections[section]:
                yield section, name
    for section in usable:
        for name in sections[section]:
            if isinstance(name, str):
                yield section, name


def input_type(name: str, spec: object, required: bool, depth: int = 0) -> InputType | None:
    """Read one input; None where it has no type."""
    if not isinstance(spec, list | tuple) or not spec:
        return None
    options = spec[1] if len(spec) > 1 and isinstance(spec[1], Mapping) else _NO_OPTIONS
    type_, choices = _type_and_choices(spec[0], options)
    if type_ is None:
        return None
    if type_ == MATCH_TYPE:
        type_ = _allowed_types(options)
    return InputType(
        name=name,
        type=type_,
        required=required,
        widget=_widget(type_, options),
        choices=choices,
        options=MappingProxyType(options) if isinstance(options, dict) else options,
        dynamic=_dynamic(type_, options, depth),
    )


def _type_and_choices(type_: object, options: Mapping[str, Any]) -> tuple[str | None, tuple[Any, ...]]:
    if isinstance(type_, list | tuple):
        return "COMBO", tuple(type_)
    if not isinstance(type_, str):
        return None, ()
    choices = options.get("options")
    if type_ == DYNAMIC_COMBO or not isinstance(choices, list | tuple):
        return type_, ()
    return type_, tuple(choices)


def _widget(type_: str, options: Mapping[str, Any]) -> str:
    if options.get("forceInput"):
        return ""
    wanted = options.get("widgetType")
    kind = wanted if isinstance(wanted, str) and wanted else type_
    return kind if kind in WIDGET_TYPES else ""


def _allowed_types(options: Mapping[str, Any]) -> str:
    template = options.get("template")
    allowed = template.get("allowed_types") if isinstance(template, Mapping) else None
    return allowed if isinstance(allowed, str) else "*"


def _dynamic(type_: str, options: Mapping[str, Any], depth: int) -> DynamicCombo | Autogrow | DynamicGroup | None:
    if depth >= _DEEPEST:
        return None
    if type_ == DYNAMIC_COMBO:
        return _dynamic_combo(options, depth + 1)
    template = options.get("template")
    if type_ == AUTOGROW and isinstance(template, Mapping):
        return _autogrow(template, depth + 1)
    if type_ == DYNAMIC_GROUP and isinstance(template, Mapping):
        fields = tuple(field for field in inputs_of(template, None, depth + 1) if field.is_widget)
        most = _count(options.get("max"), 50)
        return DynamicGroup(fields, min(_count(options.get("min"), 0), most), most, str(options.get("group_name", "")))
    return None


def _dynamic_combo(options: Mapping[str, Any], depth: int) -> DynamicCombo:
    choices = options.get("options")
    inputs = {}
    for choice in choices if isinstance(choices, list | tuple) else ():
        if isinstance(choice, Mapping) and isinstance(choice.get("key"), str):
            sections = choice.get("inputs")
            inputs[choice["key"]] = inputs_of(sections, None, depth) if isinstance(sections, Mapping) else ()
    return DynamicCombo(MappingProxyType(inputs))


def _autogrow(template: Mapping[str, Any], depth: int) -> Autogrow:
    sections = template.get("input")
    names = template.get("names")
    named = tuple(name for name in names if isinstance(name, str)) if isinstance(names, list | tuple) else ()
    prefix = template.get("prefix")
    most = min(len(named), MOST_ROWS) if named else _count(template.get("max"), 100)
    return Autogrow(
        inputs=inputs_of(sections, None, depth) if isinstance(sections, Mapping) else (),
        names=named,
        prefix=prefix if isinstance(prefix, str) else "",
        least=min(_count(template.get("min"), 1), most),
        most=most,
    )


def _count(value: object, otherwise: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        return otherwise
    return min(max(value, 0), MOST_ROWS)
