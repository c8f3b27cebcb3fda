"""Values held against rules: what cannot be is refused, what is out of bounds is brought back, and both are said."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import NamedTuple

from ...workflow.wording import quoted
from .errors import ParameterValidationError
from .records import Kind, Limit, Rule

_LONGEST_NUMBER = 40  # characters


class Checked(NamedTuple):
    """A value as it may be sent; ``sentence`` says what was changed of it, '' for nothing."""

    value: object
    sentence: str = ""


def checked(name: str, value: object, rule: Rule | None) -> Checked:
    """Hold a value, or each of several, against its rule; without one it is as it is.

    Raises ParameterValidationError for what is no number, or no text, where one belongs.
    """
    if rule is None:
        return Checked(value)
    if isinstance(value, list | tuple):
        each = [checked(name, one, rule) for one in value]
        return Checked(tuple(one.value for one in each), " ".join(one.sentence for one in each if one.sentence))
    return _text(name, value, rule) if rule.kind is Kind.TEXT else _number(name, value, rule)


def kept_back(value: object, limit: Limit | None) -> str:
    """Say why a person's own value is not compatible, as the end of a sentence; '' where it is.

    What is no number is left to the rules.
    """
    for one in value if isinstance(value, list | tuple) else (value,):
        number = number_of(one)
        if limit is None or number is None:
            continue
        if limit.minimum is not None and number < limit.minimum:
            return f"it has to be at least {limit.minimum}"
        if limit.maximum is not None and number > limit.maximum:
            return f"it may be at most {limit.maximum}"
    return ""


def number_of(value: object) -> int | float | None:
    """Return a finite number as Python's own, also one that is typed; None for all else, truth values too."""
    if isinstance(value, str):
        return _typed(value.strip())
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        number = int(value) if isinstance(value, Integral) else float(value)
    except (OverflowError, ValueError):
        return None
    return number if isinstance(number, int) or math.isfinite(number) else None


def _typed(text: str) -> int | float | None:
    if not text or len(text) > _LONGEST_NUMBER or "_" in text or not text.isascii():
        return None
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _text(name: str, value: object, rule: Rule) -> Checked:
    if not isinstance(value, str):
        raise ParameterValidationError(f"{quoted(name)} must be a text, not {quoted(value)}.", name=name)
    if rule.longest is None or len(value) <= rule.longest:
        return Checked(value)
    cut = value[: rule.longest]
    return Checked(cut, f"{quoted(name)} was cut from {len(value):,} to {rule.longest:,} characters.")


def _number(name: str, value: object, rule: Rule) -> Checked:
    number = number_of(value)
    if number is None:
        raise ParameterValidationError(f"{quoted(name)} must be a number, not {quoted(value)}.", name=name)
    fitting = _clamped(number, rule)
    if rule.kind is Kind.INTEGER:
        fitting = _whole(fitting, rule)
    if fitting == number:
        return Checked(fitting)
    return Checked(fitting, f"{quoted(name)} is {fitting} instead of {_short(number)}: {_allowed(rule)}.")


def _clamped(number: int | float, rule: Rule) -> int | float:
    if rule.minimum is not None and number < rule.minimum:
        return rule.minimum
    return rule.maximum if rule.maximum is not None and number > rule.maximum else number


def _whole(number: int | float, rule: Rule) -> int:
    """Return the nearest number of the rule's row within its bounds; of two, the greater one."""
    step, offset = rule.multiple, rule.offset
    whole = math.floor(number + 0.5) if isinstance(number, float) else number
    whole = (2 * (whole - offset) + step) // (2 * step) * step + offset if step > 1 else whole
    if rule.minimum is not None and whole < rule.minimum:
        whole = math.ceil(rule.minimum)
        whole += (offset - whole) % step
    if rule.maximum is not None and whole > rule.maximum:
        whole = math.floor(rule.maximum)
        whole -= (whole - offset) % step
    return whole


def _allowed(rule: Rule) -> str:
    low, high = rule.minimum, rule.maximum
    kind = f"multiples of {rule.multiple}" if rule.multiple > 1 else ""
    kind += f" plus {rule.offset}" if kind and rule.offset else ""
    kind = kind or ("whole numbers" if rule.kind is Kind.INTEGER else "numbers")
    if low is not None and high is not None:
        return f"{kind} from {low} to {high} are allowed"
    if low is not None:
        return f"{kind} from {low} on are allowed"
    return f"{kind} up to {high} are allowed" if high is not None else f"{kind} are allowed"


def _short(number: int | float) -> str:
    return str(number) if isinstance(number, float) or number.bit_length() < 200 else "a far longer number"
