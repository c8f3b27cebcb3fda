"""Several files of quality tiers, one over the other, become all tasks. No disk, no bpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from ...workflow.graph import Workflow
from ...workflow.wording import quoted
from .errors import ParameterValidationError
from .places import Places
from .records import Configuration, Limit, Rule, Task, Tier, Value
from .rules import checked
from .schema import Layer, TaskPart, TierPart
from .yaml_file import Item

V = TypeVar("V")


def combined(layers: Sequence[Layer]) -> Configuration:
    """Put layers over each other, the last one on top.

    Raises InvalidQualityTierError for a task or tier of which something is missing in all of them, and for a parameter
    that breaks a rule, or that the tier's workflow has no place for.
    """
    rules = _over({}, *(layer.rules for layer in layers))
    limits = _over({}, *(layer.limits for layer in layers))
    parts: dict[str, TaskPart] = {}
    for layer in layers:
        for name, part in layer.tasks.items():
            parts[name] = _task_over(parts[name], part) if name in parts else part
    return Configuration({name: _task(name, part, rules, limits) for name, part in parts.items()})


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
        above.workflow_name or below.workflow_name,
        above.workflow or below.workflow,
        below.seconds if above.seconds is None else above.seconds,
        _over(below.parameters, above.parameters),
        _over(below.rules, above.rules),
        _over(below.limits, above.limits),
    )


def _task(name: str, part: TaskPart, rules: Mapping[str, Rule], limits: Mapping[str, Limit]) -> Task:
    if not part.tiers:
        raise part.item.error("the task has no tiers.")
    task = Task(
        name,
        part.title or name.replace("_", " ").capitalize(),
        part.description or "",
        {},
        part.needs or (),
        part.series or {},
    )
    rules, limits = _over(rules, part.rules), _over(limits, part.limits)
    return replace(task, tiers={name: _tier(name, tier, task, rules, limits) for name, tier in part.tiers.items()})


def _tier(name: str, part: TierPart, task: Task, rules: Mapping[str, Rule], limits: Mapping[str, Limit]) -> Tier:
    missing = [
        key
        for key, value in (
            ("description", part.description),
            ("workflow", part.workflow),
            ("seconds", part.seconds),
        )
        if value is None
    ]
    if missing or part.workflow is None or part.seconds is None or part.description is None:
        raise part.item.error(f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing.")
    rules = _over(rules, part.rules)
    given = {key: (item, value) for key, (item, value) in part.parameters.items() if value is not None}
    parameters = {key: _parameter(key, item, value, rules) for key, (item, value) in given.items()}
    _check_places(part, part.workflow, task, {key: item for key, (item, _) in given.items()}, parameters)
    return Tier(
        name,
        part.description,
        part.workflow_name,
        part.workflow,
        parameters,
        part.seconds,
        rules,
        _over(limits, part.limits),
    )


def _parameter(name: str, item: Item, value: Value, rules: Mapping[str, Rule]) -> Value:
    try:
        found = checked(name, value, rules.get(name))
    except ParameterValidationError as error:
        raise item.error(str(error)) from None
    if found.sentence:
        raise item.error(f"{quoted(value)} breaks a rule. {found.sentence}")
    return value


def _check_places(
    part: TierPart, workflow: Workflow, task: Task, items: Mapping[str, Item], parameters: Mapping[str, Value]
) -> None:
    """Raise for what the workflow has no place for, and for values that do not fit theirs."""
    places = Places(workflow)
    has_none = f"the workflow {quoted(part.workflow_name)} has no place for"
    for need in task.needs:
        if not places.of(need):
            raise part.item.error(f"{has_none} {quoted(need)}.")
    for name, item in items.items():
        if not places.of(name):
            raise item.error(f"{has_none} this.")
    try:
        places.arranged(parameters, task.series)
    except ParameterValidationError as error:
        # steps and size may be named by their places
        raise items.get(error.name, part.item).error(str(error)) from None
