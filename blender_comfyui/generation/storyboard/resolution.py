"""The size that a storyboard wants, as the model can make it: its multiples, and the aspect.

The size is that of the files. Where a tier enlarges what it has made at first (its parameters whose names end in
``scale_by``), the first pass is asked for that much smaller. What cannot be exactly so is said.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..tasks.records import Kind, Rule, Tier
from ..tasks.rules import checked, number_of

_LARGEST = 16384
_ANY = Rule(Kind.INTEGER, 1, _LARGEST)
_AROUND = 2  # multiples that the width may give way for a truer aspect
_SIZE_COUNTS = 0.125  # so much of what the aspect does
_SAME_ASPECT = 0.03  # a difference that nobody sees


@dataclass(frozen=True)
class Resolution:
    """What to ask for, in pixels, and what comes of it as a file; ``sentence`` says what is not as wanted, or ''."""

    width: int
    height: int
    file_width: int
    file_height: int
    sentence: str = ""


def fitted(width: int, height: int, tier: Tier, parameters: Mapping[str, object] | None = None) -> Resolution:
    """Return the size nearest to the wanted one that the tier's rules allow, with its aspect.

    ``parameters`` are a person's own; an enlargement among them counts in the place of the tier's.
    """
    factor = enlargement({**tier.parameters, **(parameters or {})})
    rules = (tier.rules.get("width", _ANY), tier.rules.get("height", _ANY))
    first = (width / factor, height / factor)
    scale = _scale(first, rules)
    wanted = (first[0] * scale, first[1] * scale)
    best = min(_candidates(wanted, rules), key=lambda size: _cost(size, wanted))
    made = (round(best[0] * factor), round(best[1] * factor))
    return Resolution(*best, *made, _sentence((width, height), made, rules, factor))


def enlargement(parameters: Mapping[str, object]) -> float:
    """Return by how much the first pass is enlarged before it is saved."""
    factors = [
        float(number)
        for name, value in parameters.items()
        if name.split(".")[-1] == "scale_by" and (number := number_of(value)) is not None and number > 0
    ]
    return math.prod(factors)


def _scale(size: tuple[float, float], rules: tuple[Rule, Rule]) -> float:
    """Return by how much both sides are made smaller, or larger, to keep the aspect within the bounds."""
    most = min((rule.maximum or _LARGEST) / side for side, rule in zip(size, rules, strict=True))
    least = max((rule.minimum or 1) / side for side, rule in zip(size, rules, strict=True))
    return min(max(1.0, least), most)


def _candidates(wanted: tuple[float, float], rules: tuple[Rule, Rule]) -> Iterator[tuple[int, int]]:
    step = rules[0].multiple
    for around in range(-_AROUND, _AROUND + 1) if step > 1 else (0,):
        width = _allowed(wanted[0] + around * step, rules[0])
        height = width * wanted[1] / wanted[0]
        for side in (height - rules[1].multiple / 2, height, height + rules[1].multiple / 2):
            yield width, _allowed(side, rules[1])


def _allowed(side: float, rule: Rule) -> int:
    value = checked("size", side, Rule(Kind.INTEGER, rule.minimum or 1, rule.maximum, rule.multiple, rule.offset)).value
    return max(1, int(number_of(value) or 1))


def _cost(size: tuple[int, int], wanted: tuple[float, float]) -> float:
    wide, high = math.log(size[0] / wanted[0]), math.log(size[1] / wanted[1])
    return abs(wide - high) + _SIZE_COUNTS * abs(wide + high)


def _sentence(wanted: tuple[int, int], made: tuple[int, int], rules: tuple[Rule, Rule], factor: float) -> str:
    if made == wanted:
        return ""
    is_kept = abs(math.log(made[0] * wanted[1] / made[1] / wanted[0])) < _SAME_ASPECT
    why = f"multiples of {rules[0].multiple}" if rules[0].multiple > 1 else "other sizes"
    if rules[0].multiple != rules[1].multiple:
        why += f" and {rules[1].multiple}"
    enlarged = f", enlarged by {factor:g}" if factor != 1 else ""
    most = [rule.maximum for rule in rules if rule.maximum is not None]
    bounds = f" up to {min(most):g}" if most else ""
    return (
        f"{wanted[0]} × {wanted[1]} becomes {made[0]} × {made[1]}: the model makes {why}{bounds}{enlarged}, "
        f"and the aspect {'is' if is_kept else 'cannot be'} kept."
    )
