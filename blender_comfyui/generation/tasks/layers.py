"""Several files of quality tiers, one over the other, become all tasks. No disk, no bpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from ...workflow.wording import quoted
from .errors import InvalidQualityTierError, ParameterValidationError
from .places import Places
from .records import Configuration, Limit, Rule, Task, Tier, Value
from .rules import checked
from .schema import Item, ItemRules, Layer, NamedWorkflow, TaskPart, TierPart

V = TypeVar("V")


def combined(layers: Sequence[Layer], newest: Path | None = None) -> Configuration:
    """Put layers over each other, the last one on top.

    Raises InvalidQualityTierError for a task or tier of which something is missing in all of them, and for a parameter
    that breaks a rule, or that the tier's workflow has no place for. Where two files do not go together, it names the
    line in the ``newest`` of them.
    """
    return _Combining(layers, newest).made()


class _Combining:
    def __init__(self, layers: Sequence[Layer], newest: Path | None) -> None:
        self.layers = layers
        self.newest = newest

    def made(self) -> Configuration:
        rules = _over({}, *(layer.rules for layer in self.layers))
        limits = _over({}, *(layer.limits for layer in self.layers))
        parts: dict[str, TaskPart] = {}
        for layer in self.layers:
            for name, part in layer.tasks.items():
                parts[name] = _task_over(parts[name], part) if name in parts else part
        return Configuration({name: self.task(name, part, rules, limits) for name, part in parts.items()})

    def task(self, name: str, part: TaskPart, rules: ItemRules, limits: Mapping[str, Limit]) -> Task:
        if not part.tiers:
            raise part.item.error("the task has no tiers.")
        needs = part.needs or ()
        title = part.title or name.replace("_", " ").capitalize()
        task = Task(name, title, part.description or "", {}, tuple(need for _, need in needs), part.series or {})
        rules, limits = _over(rules, part.rules), _over(limits, part.limits)
        tiers = {}
        for tier_name, tier_part in part.tiers.items():
            tiers[tier_name] = tier = self.tier(tier_name, tier_part, task, rules, limits)
            for item, need in needs:
                if not Places(tier.workflow).of(need):
                    named = tier_part.workflow.item if tier_part.workflow else tier_part.item
                    sentence = f"the workflow {quoted(tier.workflow_name)} has no place for {quoted(need)}."
                    raise self.blame(sentence, item, named)
        return replace(task, tiers=tiers)

    def tier(self, name: str, part: TierPart, task: Task, rules: ItemRules, limits: Mapping[str, Limit]) -> Tier:
        given = {"description": part.description, "workflow": part.workflow, "seconds": part.seconds}
        missing = [key for key, value in given.items() if value is None]
        if part.description is None or part.workflow is None or part.seconds is None:
            raise part.item.error(f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing.")
        rules = _over(rules, part.rules)
        set_ = {key: (item, value) for key, (item, value) in part.parameters.items() if value is not None}
        for key, (item, value) in set_.items():
            self.check(key, item, value, rules.get(key))
        parameters = {key: value for key, (_, value) in set_.items()}
        self.check_places(part.workflow, task, {key: item for key, (item, _) in set_.items()}, parameters)
        return Tier(
            name,
            part.description,
            part.workflow.name,
            part.workflow.workflow,
            parameters,
            part.seconds,
            {key: rule for key, (_, rule) in rules.items()},
            _over(limits, part.limits),
        )

    def check(self, name: str, item: Item, value: Value, ruled: tuple[Item, Rule] | None) -> None:
        if ruled is None:
            return
        try:
            found = checked(name, value, ruled[1])
        except ParameterValidationError as error:
            raise self.blame(str(error), item, ruled[0]) from None
        if found.sentence:
            raise self.blame(f"{quoted(value)} breaks a rule. {found.sentence}", item, ruled[0])

    def check_places(
        self, named: NamedWorkflow, task: Task, items: Mapping[str, Item], parameters: Mapping[str, Value]
    ) -> None:
        places = Places(named.workflow)
        try:
            for name, item in items.items():
                if not places.of(name):
                    sentence = f"the workflow {quoted(named.name)} has no place for {quoted(name)}."
                    raise self.blame(sentence, item, named.item)
            places.arranged(parameters, task.series)
        except ParameterValidationError as error:
            raise self.blame(str(error), items.get(error.name, named.item), named.item) from None

    def blame(self, sentence: str, item: Item, other: Item) -> InvalidQualityTierError:
        """Name the line in the newest file; where that is only the other of the two, say where the first is."""
        if other.path == self.newest != item.path:
            return other.error(f"{item.path.name}, line {item.line}, {item.key}, does not go with this: {sentence}")
        return item.error(sentence)


def _over(below: Mapping[str, V], *above: Mapping[str, V]) -> dict[str, V]:
    result = dict(below)
    for layer in above:
        result |= layer
    return result


def _task_over(below: TaskPart, above: TaskPart) -> TaskPart:
    tiers = dict(below.tiers)
    for name, part in above.tiers.items():
        tiers[name] = _tier_over(tiers[name], part) if name in tiers else part
    return TaskPart(
        above.item,
        below.title if above.title is None else above.title,
        below.description if above.description is None else above.description,
        below.needs if above.needs is None else above.needs,
        below.series if above.series is None else above.series,
        _over(below.rules, above.rules),
        _over(below.limits, above.limits),
        tiers,
    )


def _tier_over(below: TierPart, above: TierPart) -> TierPart:
    return TierPart(
        above.item,
        below.description if above.description is None else above.description,
        above.workflow or below.workflow,
        below.seconds if above.seconds is None else above.seconds,
        _over(below.parameters, above.parameters),
        _over(below.rules, above.rules),
        _over(below.limits, above.limits),
    )
