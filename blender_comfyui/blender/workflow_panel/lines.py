"""The panel's lines with all that drawing needs looked up before: a panel is drawn ten times a second."""

import itertools
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...workflow.panel_parameters import Parameter
from ...workflow.panel_widgets import MODELS
from . import forms, shown, values
from .building import Built
from .forms import Form
from .state import ComfyImported, ComfyValues

_REMEMBERED = 8
_NEARLY = 1e-6  # Blender's sliders have 32 bits
_COLOUR_NEARLY = 0.002
_EXACT = frozenset(Form) - {Form.FLOAT, Form.COLOUR}
_WIDE = frozenset({Form.LONG_TEXT, Form.NAME, Form.FILE, Form.BIG_INTEGER})
_GIVEN = frozenset({"prompt", "negative_prompt", "image", "mask", "video", "audio", "mesh", "file"})
_OPEN = 24  # lines of the groups that are open at first: more is no overview


@dataclass(frozen=True, slots=True)
class Line:
    """One parameter as it is drawn. `own` is the workflow's own value as the property would hold it."""

    name: str
    path: str
    label: str
    form: Form
    is_exact: bool
    is_wide: bool
    is_conditional: bool
    is_slider: bool
    is_list: bool
    takes_mask: bool
    own: Any
    mode: str
    mode_path: str
    last: str
    plus_path: str
    parameter: Parameter

    def is_modified(self, kept: Any) -> bool:
        """Whether the property holds something else than the workflow."""
        if self.is_exact:
            return bool(kept != self.own)
        if self.form is Form.FLOAT:
            return bool(abs(kept - self.own) > _NEARLY * max(1.0, abs(self.own)))
        return any(abs(one - other) > _COLOUR_NEARLY for one, other in zip(kept, self.own, strict=False))


@dataclass(frozen=True, slots=True)
class Group:
    """`panel` is the name under which Blender remembers whether it is open."""

    title: str
    panel: str
    is_closed: bool  # at first
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The whole panel. `given` is how many groups at its top hold what is given anew each time: texts and pictures.
    `menus` are those that others depend on: their properties and what the numbers stand for."""

    groups: tuple[Group, ...]
    given: int
    menus: Mapping[str, tuple[str, Mapping[int, str], Any]]

    def is_visible(self, line: Line, now: Mapping[str, Any]) -> bool:
        """Whether the menus let this line be there. `now` are the properties."""
        return all(self._choice(key, now) in choices for key, choices in line.parameter.visible_when)

    def _choice(self, key: str, now: Mapping[str, Any]) -> Any:
        name, choices, own = self.menus[key]
        kept = now.get(name)
        if isinstance(kept, str):  # of a long list
            return kept
        return choices.get(kept, own) if isinstance(kept, int) else own


_known: OrderedDict[tuple[int, str, str], Table] = OrderedDict()


def table(imported: ComfyImported, kept: ComfyValues, built: Built) -> Table:
    """Return the panel's lines. Made once, and when they were changed."""
    key = (imported.id_data.session_uid, imported.stamp, imported.layout)  # scenes number their menus differently
    if key not in _known:
        _known[key] = _made(shown.layout(imported, built), kept, built)
        while len(_known) > _REMEMBERED:
            _known.popitem(last=False)
    return _known[key]


def forget() -> None:
    """Have them made anew, as the properties' own settings have changed."""
    _known.clear()


def _made(layout: shown.Layout, kept: ComfyValues, built: Built) -> Table:
    groups, told = [], 0
    for title, members in shown.groups(layout):
        lines = tuple(_line(one, kept, built) for one in members)
        told += len(lines)
        is_closed = told > _OPEN or not any(line.parameter.role for line in lines)
        panel = f"COMFYUI_values_{zlib.crc32(title.encode()):08x}"
        groups.append(Group(title, panel, is_closed, lines))
    keys = {key for group in groups for line in group.lines for key, _ in line.parameter.visible_when}
    given = sum(1 for _ in itertools.takewhile(_is_given, groups)) or len(groups)
    return Table(tuple(groups), given, {key: _menu(key, kept, built) for key in keys})


def _is_given(group: Group) -> bool:
    return any(line.parameter.role in _GIVEN for line in group.lines)


def _line(one: shown.Shown, kept: ComfyValues, built: Built) -> Line:
    parameter = built.parameters[one.name]
    form = forms.form_of(parameter) or Form.TEXT
    items = values.numbers(kept, one.name) if form is Form.MENU else {}
    mode = values.mode_name(one.name) if parameter.control else ""
    return Line(
        name=one.name,
        path=values.path(one.name),
        label=one.label,
        form=form,
        is_exact=form in _EXACT,
        is_wide=form in _WIDE or parameter.kind in MODELS,
        is_conditional=bool(parameter.visible_when),
        is_slider=forms.is_slider(form, parameter),
        is_list=form is Form.NAME or (form is Form.FILE and bool(parameter.choices)),
        takes_mask=one.name in built.masked,
        own=forms.raw(form, parameter.value, items),
        mode=mode,
        mode_path=values.path(mode),
        last=values.last_name(one.name),
        plus_path=values.path(values.plus_name(one.name)),
        parameter=parameter,
    )


def _menu(key: str, kept: ComfyValues, built: Built) -> tuple[str, Mapping[int, str], Any]:
    name = next(iter(built.names.get(key, ())), "")
    parameter = built.parameters.get(name)
    choices = {number: text for text, number in values.numbers(kept, name).items()}
    return name, choices, parameter.value if parameter else None
