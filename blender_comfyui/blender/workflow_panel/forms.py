"""How the value of each kind of parameter is kept in a custom property, and what it may be."""

import math
import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import numpy

from ...workflow.panel_parameters import Parameter
from ...workflow.panel_widgets import MEDIA, Kind

LONGEST_MENU = 100  # longer lists are searched in: a menu with thousands of lines helps nobody
_LARGEST = 2**31 - 1  # Blender's integers have 32 bits
_LARGEST_ANIMATED = 2**31 - 128  # curves are floats: the next one would come out as the smallest integer of all
_HUGE = 10**308  # whole numbers beyond it are no floats
_WIDEST_SLIDER = 10_000
_NOISE = 2.5e-7  # of a number: what a curve's last steps may be off with 32 bits
_WHITE = "#ffffff"


class Form(Enum):
    """What a custom property is."""

    FLOAT = "float"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    MENU = "menu"  # an integer; the property's own items say which choice it stands for
    NAME = "name"  # one of a long list, as text
    BIG_INTEGER = "big integer"  # as text
    TEXT = "text"
    LONG_TEXT = "long text"
    COLOUR = "colour"
    FILE = "file"  # a file's name on the server


_PLAIN = {
    Kind.FLOAT: Form.FLOAT,
    Kind.INTEGER: Form.INTEGER,
    Kind.BOOLEAN: Form.BOOLEAN,
    Kind.SEED: Form.BIG_INTEGER,
    Kind.TEXT: Form.TEXT,
    Kind.MULTILINE: Form.LONG_TEXT,
    Kind.COLOUR: Form.COLOUR,
} | dict.fromkeys(MEDIA, Form.FILE)


def form_of(parameter: Parameter) -> Form | None:
    """Return how a parameter's value is kept; None for what only ComfyUI's own editor can show."""
    if parameter.kind is Kind.INTEGER and not fits_32_bits(parameter.value):
        return Form.BIG_INTEGER
    if parameter.kind in _PLAIN:
        return _PLAIN[parameter.kind]
    if parameter.kind is Kind.OTHER:
        return None
    choices = parameter.choices
    return Form.MENU if choices and len(choices) <= LONGEST_MENU else Form.NAME


def fits_32_bits(value: object) -> bool:
    return not isinstance(value, int | float) or -_LARGEST - 1 <= value <= _LARGEST


def holds(form: Form, kept: Any) -> bool:
    """Whether this is what a custom property of that form may hold: a .blend and a script may put anything there."""
    match form:
        case Form.FLOAT:
            return isinstance(kept, int | float)
        case Form.INTEGER | Form.BOOLEAN:
            return isinstance(kept, int | float) and math.isfinite(kept)
        case Form.MENU:
            return isinstance(kept, int)
        case Form.COLOUR:
            return hasattr(kept, "to_list") and len(kept) == 3 and all(math.isfinite(channel) for channel in kept)
        case _:
            return isinstance(kept, str | int | float)


def raw(form: Form, value: Any, items: Mapping[str, int]) -> Any:
    """Return the value as its custom property holds it; one of another kind is made to fit, as the server does."""
    match form:
        case Form.FLOAT:
            number = _number(value)
            return float(max(-_HUGE, min(number, _HUGE)) if isinstance(number, int) else number)
        case Form.INTEGER:
            return max(-_LARGEST - 1, min(_whole(value), _LARGEST))
        case Form.BOOLEAN:
            return bool(value)
        case Form.MENU:
            return items.get(str(value), 0)
        case Form.COLOUR:
            return _channels(value)
        case Form.BIG_INTEGER:
            return str(_whole(value))
        case _:
            return "" if value is None else str(value)


def value(form: Form, kept: Any, parameter: Parameter, choices: Mapping[int, str]) -> Any:
    """Return what the server is sent for what a custom property holds. `choices` are a menu's, by number."""
    match form:
        case Form.FLOAT:
            return _like(parameter.value, tidy(kept))
        case Form.INTEGER | Form.BOOLEAN:
            return int(kept) if form is Form.INTEGER else bool(kept)
        case Form.MENU:
            name = choices.get(int(kept))
            return parameter.value if name is None else _choice(parameter, name)
        case Form.NAME:
            return _choice(parameter, kept)
        case Form.BIG_INTEGER:
            return _big(kept, parameter)
        case Form.COLOUR:
            return _colour(kept, parameter.value)
        case _:
            return str(kept)


def tidy(number: float) -> float:
    """Return a number without the noise of animation and sliders, which have 32 bits: 7.1 for 7.0999999."""
    short = numpy.float32(number)
    if float(short) != number:  # a script or the workflow says it exactly
        return number
    few_digits = float(f"{number:.6g}")
    return few_digits if abs(few_digits - number) <= _NOISE * abs(number) else float(str(short))


def settings_of(form: Form, parameter: Parameter) -> dict[str, Any]:
    """Return what a custom property is told of itself, beside the items of a menu."""
    told: dict[str, Any] = {"description": parameter.tooltip or f"{parameter.label} of “{parameter.node_title}”"}
    if form is Form.COLOUR:
        return told | {"subtype": "COLOR_GAMMA", "min": 0.0, "max": 1.0}
    if form not in (Form.FLOAT, Form.INTEGER):
        return told
    of_kind = float if form is Form.FLOAT else int
    low, high = _limits(parameter, form)
    told |= {"min": of_kind(low), "max": of_kind(high), "soft_min": of_kind(low), "soft_max": of_kind(high)}
    if isinstance(parameter.default, int | float):
        told["default"] = raw(form, parameter.default, {})
    step = parameter.step or (0.01 if form is Form.FLOAT else 1)
    if form is Form.INTEGER:
        return told | {"step": max(1, min(int(step), 1000))}
    digits = _digits(parameter.round or step)
    return told | {"step": min(float(step) * 100, 1e6), "precision": digits}  # Blender counts in hundredths


def is_slider(form: Form, parameter: Parameter) -> bool:
    """Whether the limits are near enough that where a value lies between them tells something."""
    if form not in (Form.FLOAT, Form.INTEGER) or parameter.minimum is None or parameter.maximum is None:
        return False
    return 0 < parameter.maximum - parameter.minimum <= _WIDEST_SLIDER


def menu_items(parameter: Parameter, old: Sequence[tuple[Any, ...]] = ()) -> list[tuple[str, str, str, str, int]]:
    """Return a menu's items. Choices keep the numbers that they had: keyframes know nothing else.

    The workflow's own value is among them, marked, also where the server does not offer it.
    """
    offered = dict.fromkeys(str(choice) for choice in parameter.choices)
    numbers = {str(item[0]): int(item[4]) for item in old}
    own = "" if parameter.value is None else str(parameter.value)
    names = [*offered, *(name for name in dict.fromkeys((*numbers, own)) if name not in offered)]
    unused = max(numbers.values(), default=-1) + 1
    items = []
    for name in names:
        if name not in numbers:
            numbers[name], unused = unused, unused + 1
        known = name in offered
        text = name or "Nothing"
        items.append((name, text, text if known else "Not on this server", "NONE" if known else "ERROR", numbers[name]))
    return items


def _number(value: object) -> float | int:
    try:
        return value if isinstance(value, int | float) else float(str(value))
    except ValueError:
        return 0


def _whole(value: object) -> int:
    number = _number(value)
    return int(number) if isinstance(number, int) or math.isfinite(number) else 0


def _limits(parameter: Parameter, form: Form) -> tuple[float, float]:
    farthest = _LARGEST_ANIMATED if form is Form.INTEGER else 3.4e38
    low = -farthest if parameter.minimum is None else min(max(parameter.minimum, -farthest), farthest)
    high = farthest if parameter.maximum is None else max(min(parameter.maximum, farthest), -farthest)
    return low, max(low, high)


def _digits(step: float) -> int:
    """Return how many decimals are needed to show multiples of a step."""
    shown = f"{step:.6f}".rstrip("0")
    return min(max(len(shown.partition(".")[2]), 1), 6)


def _like(old: object, number: float) -> float | int:
    """Return a whole number where the workflow had one."""
    return int(number) if type(old) is int and number == int(number) else number


def _choice(parameter: Parameter, name: str) -> Any:
    """Return the choice that is written so; menus of numbers hold numbers."""
    own = parameter.value
    if str(own) == name:
        return own
    return next((choice for choice in parameter.choices if str(choice) == name), name)


def _big(kept: str, parameter: Parameter) -> int:
    number = int(re.sub(r"[^0-9-]|(?<=.)-", "", str(kept))[:40].rstrip("-") or 0)
    if isinstance(parameter.value, int) and number == parameter.value:
        return number  # outside its limits it is for the checks to say so
    low, high = parameter.minimum, parameter.maximum
    number = number if low is None else max(number, int(low))
    return number if high is None else min(number, int(high))


def _channels(value: object) -> list[float]:
    if isinstance(value, int):
        value = f"#{value & 0xFFFFFF:06x}"
    text = str(value).lstrip("#")
    text = "".join(character * 2 for character in text) if len(text) == 3 else text
    digits = text[:6] if re.fullmatch("[0-9a-fA-F]{6,8}", text) else _WHITE[1:]
    return [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]


def _colour(kept: Any, own: object) -> str | int:
    text = "".join(f"{round(min(max(channel, 0.0), 1.0) * 255):02x}" for channel in kept)
    if isinstance(own, int):
        return int(text, 16)
    alpha = own[7:] if isinstance(own, str) and len(own) == 9 else ""
    return f"#{text}{alpha}"
