"""The values of an imported workflow as custom properties of `scene.comfyui.values`, and back.

Only what is shown, or was added, has one; everything else has what the workflow says.
"""

import math
import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import bpy

from ...workflow.errors import InvalidValue
from ...workflow.graph import Place
from ...workflow.panel_parameters import CONTROLS, Parameter
from ...workflow.parameters import LARGEST_SEED
from ...workflow.wording import quoted
from . import forms
from .building import Built, property_name
from .forms import Form
from .state import ComfyMedia, ComfyValues

_MODE_NAMES = {
    "fixed": ("Fixed", "The same each time"),
    "increment": ("Increment", "One more after each click on Generate"),
    "decrement": ("Decrement", "One less after each click on Generate"),
    "randomize": ("Random", "Another one after each click on Generate"),
    "animated": ("Animated", "The same plus a number that takes keyframes and drivers"),
}
ANIMATED = len(CONTROLS)  # Blender animates numbers of 32 bits: those of 64 are kept as text
_FARTHEST = 2**31 - 128  # curves are floats


def mode_name(name: str) -> str:
    """Return the property that says what becomes of a value after each click."""
    return property_name(f"{name}|after")


def last_name(name: str) -> str:
    """Return the property with the value of the last click, for what changes after each."""
    return property_name(f"{name}|last")


def plus_name(name: str) -> str:
    """Return the property with what is added to an animated value."""
    return property_name(f"{name}|plus")


def path(name: str) -> str:
    """Return a property's name as `layout.prop` and animation want it."""
    return f'["{bpy.utils.escape_identifier(name)}"]'


def media(values: ComfyValues) -> "bpy.types.bpy_prop_collection_idprop[ComfyMedia]":
    """Return what stands beside the values that are files, by the same names."""
    return values.id_data.comfyui.media


def has(values: ComfyValues, name: str) -> bool:
    """Whether there is a property of this name."""
    return values.get(name) is not None


def fits(values: ComfyValues, name: str, parameter: Parameter) -> bool:
    """Whether a property is there and holds what it was made for."""
    form = forms.form_of(parameter)
    return form is not None and has(values, name) and forms.holds(form, values[name])


def write(values: ComfyValues, name: str, parameter: Parameter) -> None:
    """Make the property of a parameter, with the workflow's own value, or bring its limits and menus up to date."""
    form = forms.form_of(parameter)
    if form is None:
        return
    if has(values, name) and not forms.holds(form, values[name]):
        del values[name]
    told = forms.settings_of(form, parameter)
    items: dict[str, int] = {}
    if form is Form.MENU:
        told["items"] = forms.menu_items(parameter, _items(values, name) if has(values, name) else ())
        items = {item[0]: item[4] for item in told["items"]}
    if not has(values, name):
        values[name] = forms.raw(form, parameter.value, items)
    if form is Form.FILE and media(values).get(name) is None:
        media(values).add().name = name
    values.id_properties_ui(name).update(**told)  # all at once: an update without items drops them
    if parameter.control and not has(values, mode_name(name)):
        _write_mode(values, name, parameter.control, is_text=form is Form.BIG_INTEGER)


def write_all(values: ComfyValues, built: Built, names: Iterable[str]) -> None:
    for name in names:
        if name in built.parameters:
            write(values, name, built.parameters[name])


def reset(values: ComfyValues, name: str, parameter: Parameter) -> None:
    """Give the property the workflow's own value again."""
    if not fits(values, name, parameter):
        write(values, name, parameter)
    set_value(values, name, parameter, parameter.value)
    if (item := media(values).get(name)) is not None:
        for choice in ("image", "mask", "file"):
            item.property_unset(choice)


def set_value(values: ComfyValues, name: str, parameter: Parameter, value: Any) -> bool:
    """Put a value as the server knows it into a property; return whether it takes it."""
    form = forms.form_of(parameter)
    items = numbers(values, name) if form is Form.MENU else {}
    if form is None or (form is Form.MENU and str(value) not in items):
        return False
    values[name] = forms.raw(form, value, items)
    return True


def remove(values: ComfyValues, name: str) -> None:
    for found in (name, mode_name(name), last_name(name), plus_name(name)):
        if has(values, found):
            del values[found]
    if (at := media(values).find(name)) >= 0:
        media(values).remove(at)


def read(values: ComfyValues, name: str, parameter: Parameter) -> Any:
    """Return the value of one parameter as the server knows it, at the current frame."""
    form = forms.form_of(parameter)
    if form is None or not fits(values, name, parameter):
        return parameter.value
    choices = {number: text for text, number in numbers(values, name).items()} if form is Form.MENU else {}
    found = forms.value(form, values[name], parameter, choices)
    if form is Form.BIG_INTEGER and (plus := _plus(values, name)):
        low, high = _limits(parameter)
        return min(max(found + plus, low), high)
    return found


def read_all(values: ComfyValues, built: Built) -> dict[Place, Any]:
    """Return what the panel says, at the current frame: that which differs from the workflow.

    Of inputs that come and go with a menu, only those that are there now. Raises InvalidValue.
    """
    found: dict[Place, Any] = {}
    for name, parameter in visible(values, built):
        if has(values, name) and not fits(values, name, parameter):
            raise InvalidValue(
                f"{quoted(parameter.label)} of {quoted(parameter.node_title)} holds something else than it was made "
                "for. Reset it in the panel.",
                name=parameter.key,
            )
        value = read(values, name, parameter)
        if value != parameter.value or type(value) is not type(parameter.value):
            found[parameter.place] = value
    return found


def visible(values: ComfyValues, built: Built) -> Iterator[tuple[str, Parameter]]:
    """Yield the parameters that the menus let be there now, with the names of their properties."""
    now: dict[str, Any] = {}
    for name, parameter in sorted(built.parameters.items(), key=lambda item: len(item[1].when)):  # menus first
        if parameter.is_visible(now):
            now[parameter.key] = read(values, name, parameter)
            yield name, parameter


def by_key(found: Mapping[Place, Any]) -> dict[str, Any]:
    return {f"{place.node_id}.{place.input_name}": value for place, value in found.items()}


def advance(values: ComfyValues, built: Built) -> None:
    """Have seeds and counters go on, after a click on Generate has read them."""
    for name, parameter in built.parameters.items():
        mode = values.get(mode_name(name)) if parameter.control else None
        if not isinstance(mode, int) or not fits(values, name, parameter):
            continue
        now = read(values, name, parameter)
        values[last_name(name)] = str(now)
        if 0 <= mode < ANIMATED:
            set_value(values, name, parameter, _next(now, CONTROLS[mode], parameter))


def _limits(parameter: Parameter) -> tuple[int, int]:
    low = 0 if parameter.minimum is None else int(parameter.minimum)
    return low, LARGEST_SEED if parameter.maximum is None else int(parameter.maximum)


def _plus(values: ComfyValues, name: str) -> int:
    """Return what is added to a value at the current frame."""
    plus = values.get(plus_name(name)) if values.get(mode_name(name)) == ANIMATED else 0
    return round(plus) if isinstance(plus, int | float) and math.isfinite(plus) else 0


def _next(now: int, control: str, parameter: Parameter) -> int:
    low, high = _limits(parameter)
    match control:
        case "increment":
            return min(now + 1, high)
        case "decrement":
            return max(now - 1, low)
        case "randomize":
            return low + secrets.randbelow(max(high - low, 0) + 1)
        case _:
            return now


def _write_mode(values: ComfyValues, name: str, control: str, *, is_text: bool) -> None:
    mode, plus = mode_name(name), plus_name(name)
    values[mode] = CONTROLS.index(control)
    offered = (*CONTROLS, "animated") if is_text else CONTROLS
    items = [(one, *_MODE_NAMES[one], "NONE", number) for number, one in enumerate(offered)]
    values.id_properties_ui(mode).update(items=items, description="What becomes of the value after each click")
    if is_text:
        values[plus] = 0
        limits = {"min": -_FARTHEST, "max": _FARTHEST, "soft_min": -_FARTHEST, "soft_max": _FARTHEST}
        values.id_properties_ui(plus).update(**limits, default=0, description="Added to the value at each frame")


def _items(values: ComfyValues, name: str) -> tuple[tuple[Any, ...], ...]:
    """Return a menu's items as its property keeps them, also through saving and loading."""
    if not isinstance(values[name], int):
        return ()
    return tuple(values.id_properties_ui(name).as_dict().get("items", ()))


def numbers(values: ComfyValues, name: str) -> dict[str, int]:
    """Return a menu's choices with the numbers that stand for them."""
    return {str(item[0]): int(item[4]) for item in _items(values, name)} if has(values, name) else {}
