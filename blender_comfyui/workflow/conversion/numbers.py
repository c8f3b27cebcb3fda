"""What number fields make of the value that a primitive gives them. No bpy, no network.

A value from the file stands in a number field as it is. One from a primitive goes through the primitive's own field,
which keeps to the limits of all the widgets it feeds, and through the field of each of them, which rounds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from ..node_inputs import InputType

_FINEST = 1e-10  # steps below this are float dust
# Two widgets may differ in these and still share a primitive's field.
_FREE = frozenset(
    {"min", "max", "step", "default", "forceInput", "defaultInput", "control_after_generate", "multiline", "tooltip"}
    | {"dynamicPrompts"}
)
_MOST_DECIMALS = 100
_LARGEST = 1e300
_SMALLEST_STEP, _LARGEST_STEP = 1e-100, 1e100


@dataclass(frozen=True, slots=True)
class Field:
    """A number field; ``step`` is the server's or 1, ``least`` and ``most`` may be infinite."""

    kind: str
    least: float
    most: float
    step: float
    rounding: float
    decimals: int
    others: dict[str, Any]

    @classmethod
    def of(cls, input_: InputType) -> Field | None:
        """Return the field of a widget's input; None where it holds no number."""
        if input_.widget not in ("INT", "FLOAT"):
            return None
        least, most, step = input_.minimum, input_.maximum, _usable(input_.step)
        return cls(
            input_.widget,
            -math.inf if least is None else least,
            math.inf if most is None else most,
            1 if step is None else step,
            input_.round or 0,
            _decimals(0.5 if step is None else step),
            {key: value for key, value in input_.options.items() if key not in _FREE and value is not None},
        )

    def shared(self, other: Field) -> Field | None:
        """Return the field of a primitive that feeds both; None where one field cannot stand for the two."""
        least, most = max(self.least, other.least), min(self.most, other.most)
        alike = (self.kind, self.others) == (other.kind, other.others)
        if not alike or least > most:
            return None
        step = _usable(_common_multiple(self.step, other.step))
        return replace(self, least=least, most=most, step=step or 1, decimals=_decimals(step or 1))

    def kept_to_limits(self, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return value
        return self.least if value < self.least else self.most if value > self.most else value

    def rounded(self, value: Any) -> Any:
        """Round as the field does when it is given a value; what is no number stays as it is."""
        number = _number(value)
        if number is None:
            return value
        if self.kind == "INT":
            return _to_step(number, self.step, self.least)
        rounding = self.rounding or (10.0**-self.decimals if self.decimals else 0)
        if not rounding or self.decimals > _MOST_DECIMALS or not abs(number / rounding) < _LARGEST:
            return value
        exact = Decimal(math.floor(number / rounding + 0.5) * rounding)
        try:
            fixed = float(exact.quantize(Decimal(1).scaleb(-self.decimals), ROUND_HALF_UP))
        except InvalidOperation:  # a number with more places than anyone could mean
            fixed = float(exact)
        return min(max(fixed, self.least), self.most)


def held_by_primitive(value: Any, inputs: Iterable[InputType | None]) -> Any:
    """Return what a primitive holds that feeds these widgets."""
    field: Field | None = None
    for input_ in inputs:
        other = Field.of(input_) if input_ is not None else None
        if other is None:
            continue
        merged = (field or other).shared(other)
        if merged is not None:
            field = merged
            value = field.rounded(field.kept_to_limits(value))
    return value


def held_by_widget(value: Any, input_: InputType) -> Any:
    """Return what a widget holds that a primitive gives a value."""
    field = Field.of(input_)
    return field.rounded(value) if field else value


def _number(value: Any) -> int | float | None:
    if value is None:
        return 0
    if isinstance(value, str):
        try:
            value = float(value.strip() or 0)
        except ValueError:
            return None
    if not isinstance(value, int | float) or not abs(value) < _LARGEST:
        return None
    return int(value) if isinstance(value, bool) else value


def _to_step(number: int | float, step: float, least: float) -> int | float:
    if not max(abs(number), 0 if math.isinf(least) else abs(least)) / abs(step) < _LARGEST:
        return number
    offset = 0 if step == 1 or math.isinf(least) else least - math.trunc(least / step) * step
    if all(isinstance(part, int) for part in (number, step, offset)):
        return int((2 * (number - offset) + step) // (2 * step) * step + offset)  # exact, however large
    made = math.floor((number - offset) / step + 0.5) * step + offset
    return int(made) if float(made).is_integer() else made


def _usable(step: float | None) -> float | None:
    """Return a step that can be counted in; None for none."""
    return step if step is not None and _SMALLEST_STEP < abs(step) < _LARGEST_STEP else None


def _decimals(step: float) -> int:
    return max(0, -math.floor(math.log10(step))) if 0 < step < _LARGEST else 0


def _common_multiple(one: float, other: float) -> float:
    x, y = abs(one), abs(other)
    if isinstance(one, int) and isinstance(other, int):
        return math.lcm(one, other)
    while y > _FINEST and x:
        x, y = y, math.fmod(x, y)
    return abs(one * other) / x if x else 0
