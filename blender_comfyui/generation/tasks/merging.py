"""A tier's parameters and a person's own, put together; every difference is said. No disk, no network, no bpy.

The tier's come first. What a person sets replaces them, unless it breaks a limit of the tier: then the tier's value
stays. What the tier does not name is added where the workflow has a place for it. Values are held to the rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from ...workflow.wording import quoted
from .errors import ParameterValidationError
from .places import Places
from .records import Rule, Tier
from .rules import checked, kept_back, number_of

V = TypeVar("V")


class How(StrEnum):
    """Where a parameter's value comes from."""

    TIER = "tier"
    OVERRIDDEN = "overridden"  # the person's instead of the tier's
    ADDED = "added"  # the person's, where the tier says nothing
    KEPT_BACK = "kept back"  # the person's is not compatible: the tier's, or the workflow's own, stays
    NO_PLACE = "no place"  # the workflow has none for it: it is not sent
    RENAMED = "renamed"  # what the server writes otherwise, such as a model in a folder


@dataclass(frozen=True, slots=True)
class Setting:
    """One parameter: ``value`` is what is sent, ``asked`` what the person wanted, ``tiers`` what the tier has; None
    where there is no such value. ``sentence`` says what a person might not expect, '' where it is as asked."""

    name: str
    how: How
    value: object = None
    asked: object = None
    tiers: object = None
    sentence: str = ""

    @property
    def is_set(self) -> bool:
        """Whether it is put into the workflow; what is not stays as the workflow has it."""
        if self.how is How.KEPT_BACK:
            return self.tiers is not None
        return self.how is not How.NO_PLACE


@dataclass(frozen=True, slots=True)
class Report:
    """What became of each parameter: the tier's in its order, then the person's."""

    settings: tuple[Setting, ...] = ()

    @property
    def values(self) -> dict[str, object]:
        """Return what is put into the workflow, by name."""
        return {one.name: one.value for one in self.settings if one.is_set}

    @property
    def sentences(self) -> tuple[str, ...]:
        """Return all that is to be said."""
        return tuple(one.sentence for one in self.settings if one.sentence)

    def of(self, name: str) -> Setting | None:
        """Return what became of one parameter; None where nobody named it."""
        return next((one for one in self.settings if one.name == name), None)


def merged(tier: Tier, asked: Mapping[str, object], places: Places) -> Report:
    """Put a person's parameters over a tier's, for the places of the tier's workflow or of one in its place.

    None asks for nothing. Raises ParameterValidationError for what cannot be.
    """
    wanted: dict[str, object] = {}
    for name, value in asked.items():
        if value is not None:
            known = _known_as(name, [*tier.parameters, *wanted], places)
            if known in wanted:
                raise ParameterValidationError(
                    f"{quoted(known)} is asked for twice, once as {quoted(name)}.", name=name
                )
            wanted[known] = value
    names = [*tier.parameters, *(name for name in wanted if name not in tier.parameters)]
    return Report(tuple(_setting(tier, name, wanted.get(name), places) for name in names))


def _known_as(name: str, names: list[str], places: Places) -> str:
    """Return which of some names means the same as another one, as “steps” and “Sampler.steps”; that one, for none."""
    if name in names or not places.of(name):
        return name
    return next((other for other in names if set(places.of(other)) == set(places.of(name))), name)


def _for(name: str, known: Mapping[str, V], places: Places) -> V | None:
    """Return the rule or limit of a parameter; where it has none, that of one whose places it is among."""
    if name in known:
        return known[name]
    here = set(places.of(name))
    return next((found for other, found in known.items() if here <= set(places.of(other))), None)


def _setting(tier: Tier, name: str, asked: object, places: Places) -> Setting:
    tiers = tier.parameters.get(name)
    if not places.of(name):
        return Setting(name, How.NO_PLACE, None, asked, tiers, _no_place(name, asked, tiers))
    rule = _for(name, tier.rules, places)
    if asked is None or _same(asked, tiers, rule):
        return Setting(name, How.TIER, tiers, asked, tiers)
    found = checked(name, asked, rule)  # raises for what is no number before any limit is looked at
    why_not = kept_back(asked, _for(name, tier.limits, places))
    if why_not:
        own = tiers is not None
        stays = tiers if own else places.value(name)
        whose = "the tier's" if own else "the workflow's own"
        sentence = f"{quoted(name)} stays {quoted(stays)}, {whose}: {quoted(asked)} is not compatible, {why_not}."
        return Setting(name, How.KEPT_BACK, stays, asked, tiers, sentence)
    how = How.ADDED if tiers is None else How.OVERRIDDEN
    return Setting(name, how, found.value, asked, tiers, found.sentence)


def _same(asked: object, tiers: object, rule: Rule | None) -> bool:
    """Whether it is the tier's value; where a number belongs, also one that is typed."""
    if rule is not None and rule.kind != "text" and tiers is not None:
        return number_of(asked) is not None and number_of(asked) == number_of(tiers)
    return type(asked) is type(tiers) and asked == tiers


def _no_place(name: str, asked: object, tiers: object) -> str:
    whose = f"The tier's {quoted(name)}" if asked is None and tiers is not None else quoted(name)
    return f"{whose} is left out: the workflow has no place for it."
