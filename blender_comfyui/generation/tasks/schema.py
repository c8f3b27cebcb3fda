"""What may stand in a file of quality tiers, checked: one file becomes a layer, several layers become all tasks.

::

    rules:                      how values are checked: clamped, rounded, cut
      steps: {type: integer, min: 1, max: 100}
      length: {type: integer, min: 9, max: 257, multiple: 8, offset: 1}
      prompt: {type: text, max_length: 2000}
    limits:                     what a person's own value must keep; else the tier's stays
      steps: {min: 10}
    tasks:
      inpaint:
        title: Inpaint
        description: …
        needs: [image, mask]    what a person must give
        series: {seed: 1}       what grows from one picture of the workflow to the next
        rules, limits           as above, for this task alone
        tiers:
          low:
            description: …
            workflow: inpaint   a bundled one, or a file beside this one
            seconds: 6          a first guess
            parameters: {steps: 15, cfg: 7.0}
            rules, limits       as above, for this tier alone

A file may leave out what one below it says. There, ``null`` takes a parameter away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeAlias, TypeVar

from ...workflow import bundled
from ...workflow.errors import WorkflowError
from ...workflow.graph import Workflow
from ...workflow.wording import nearest, quoted
from .errors import InvalidQualityTierError, WorkflowNotFoundError
from .records import Kind, Limit, Rule, Scalar, Value
from .yaml_file import Item as AnyItem
from .yaml_file import read

T = TypeVar("T")

_TOP = ("rules", "limits", "tasks")
_TASK = ("title", "description", "needs", "series", "rules", "limits", "tiers")
_TIER = ("description", "workflow", "seconds", "parameters", "rules", "limits")
_RULE = ("type", "min", "max", "multiple", "offset", "max_length")
_NUMERIC = (Kind.INTEGER, Kind.NUMBER)
_KINDS = {
    "min": _NUMERIC,
    "max": _NUMERIC,
    "multiple": (Kind.INTEGER,),
    "offset": (Kind.INTEGER,),
    "max_length": (Kind.TEXT,),
}
_LONGEST_NAME = 60
_LONGEST_TEXT = 1000
_MOST_SECONDS = 1_000_000


Item: TypeAlias = AnyItem[InvalidQualityTierError]
ItemRules: TypeAlias = Mapping[str, tuple[Item, Rule]]


class NamedWorkflow(NamedTuple):
    """A workflow, and where it is named."""

    item: Item
    name: str
    workflow: Workflow


@dataclass(frozen=True)
class TierPart:
    """What a file says of a tier. None is what it does not say; a parameter that is None is taken away."""

    item: Item
    description: str | None = None
    workflow: NamedWorkflow | None = None
    seconds: float | None = None
    parameters: Mapping[str, tuple[Item, Value | None]] = field(default_factory=dict)
    rules: ItemRules = field(default_factory=dict)
    limits: Mapping[str, Limit] = field(default_factory=dict)


@dataclass(frozen=True)
class TaskPart:
    """What a file says of a task. None is what it does not say."""

    item: Item
    title: str | None = None
    description: str | None = None
    needs: tuple[tuple[Item, str], ...] | None = None
    series: Mapping[str, int] | None = None
    rules: ItemRules = field(default_factory=dict)
    limits: Mapping[str, Limit] = field(default_factory=dict)
    tiers: Mapping[str, TierPart] = field(default_factory=dict)


@dataclass(frozen=True)
class Layer:
    """What one file says."""

    rules: ItemRules = field(default_factory=dict)
    limits: Mapping[str, Limit] = field(default_factory=dict)
    tasks: Mapping[str, TaskPart] = field(default_factory=dict)


def read_layer(path: Path, files: dict[Path, None]) -> Layer:
    """Read a file of quality tiers; one that holds nothing is a layer that changes nothing.

    The workflows that it names beside it are put into ``files``, also when it cannot be used.
    Raises InvalidQualityTierError or WorkflowNotFoundError, with file, line and key, and OSError.
    """
    item = read(path)
    return Layer() if item is None else _Reading(path.parent, files).layer(item)


class _Reading:
    """Reads one file."""

    def __init__(self, folder: Path, files: dict[Path, None]) -> None:
        self.folder = folder
        self.files = files

    def layer(self, item: Item) -> Layer:
        known = _known(item, _TOP)
        return Layer(_rules(known), _limits(known), _named(known.get("tasks"), self.task))

    def task(self, item: Item) -> TaskPart:
        known = _known(item, _TASK)
        return TaskPart(
            item,
            _optional(known.get("title"), _text),
            _optional(known.get("description"), _text),
            _optional(known.get("needs"), _names),
            _optional(known.get("series"), lambda series: _named(series, _whole)),
            _rules(known),
            _limits(known),
            _named(known.get("tiers"), self.tier),
        )

    def tier(self, item: Item) -> TierPart:
        known = _known(item, _TIER)
        return TierPart(
            item,
            _optional(known.get("description"), _text),
            _optional(known.get("workflow"), self.workflow),
            _optional(known.get("seconds"), _seconds),
            _named(known.get("parameters"), lambda parameter: (parameter, _value(parameter))),
            _rules(known),
            _limits(known),
        )

    def workflow(self, item: Item) -> NamedWorkflow:
        name = _text(item)
        try:
            return NamedWorkflow(item, name, Workflow.load(name if name in bundled.names() else self.file(item, name)))
        except WorkflowError as error:
            raise _not_found(item, f"the workflow {quoted(name)} cannot be used. {error}") from error

    def file(self, item: Item, name: str) -> Path:
        path = self.folder / (name if name.lower().endswith(".json") else f"{name}.json")
        self.files[path] = None
        if not path.is_file():
            there = f"Bundled are {', '.join(bundled.names())}; others are files beside this one."
            raise _not_found(item, f"there is no workflow {quoted(name)}.{nearest(name, bundled.names())} {there}")
        return path


def _not_found(item: Item, sentence: str) -> WorkflowNotFoundError:
    error = item.error(sentence)
    return WorkflowNotFoundError(str(error), path=error.path, line=error.line, key=error.key)


def _known(item: Item, names: tuple[str, ...]) -> dict[str, Item]:
    found = {}
    for name, value in item.pairs():
        if name not in names:
            raise value.error(f"{quoted(name)} is not known here. Known are {', '.join(names)}.{nearest(name, names)}")
        found[name] = value
    return found


def _named(item: Item | None, read_one: Callable[[Item], T]) -> dict[str, T]:
    """Read a mapping of names that anyone may choose."""
    found = {}
    for name, value in item.pairs() if item else ():
        if len(name) > _LONGEST_NAME or not name.isprintable() or name != name.strip():
            raise value.error(f"a name has at most {_LONGEST_NAME} characters, and no spaces around them.")
        found[name] = read_one(value)
    return found


def _optional(item: Item | None, read_one: Callable[[Item], T]) -> T | None:
    return None if item is None else read_one(item)


def _rules(known: Mapping[str, Item]) -> dict[str, tuple[Item, Rule]]:
    return _named(known.get("rules"), lambda rule: (rule, _rule(rule)))


def _limits(known: Mapping[str, Item]) -> dict[str, Limit]:
    return _named(known.get("limits"), _limit)


def _rule(item: Item) -> Rule:
    known = _known(item, _RULE)
    if "type" not in known:
        raise item.error(f"the type is missing: {', '.join(Kind)}.")
    kind = _kind(known["type"])
    for name, value in known.items():
        kinds = _KINDS.get(name, tuple(Kind))
        if kind not in kinds:
            raise value.error(f"this is for {' and '.join(kinds)} only, and the type is {kind}.")
    low, high = _optional(known.get("min"), _number), _optional(known.get("max"), _number)
    _ordered(item, low, high)
    multiple, offset = _optional(known.get("multiple"), _positive) or 1, _optional(known.get("offset"), _whole) or 0
    if low is not None and high is not None and high - (high - offset) % multiple < low:
        raise item.error(f"there is no multiple of {multiple} from {low} to {high}.")
    return Rule(kind, low, high, multiple, offset, _optional(known.get("max_length"), _positive))


def _limit(item: Item) -> Limit:
    known = _known(item, ("min", "max"))
    if not known:
        raise item.error("min or max is missing.")
    low, high = _optional(known.get("min"), _number), _optional(known.get("max"), _number)
    _ordered(item, low, high)
    return Limit(low, high)


def _ordered(item: Item, low: float | None, high: float | None) -> None:
    if low is not None and high is not None and low > high:
        raise item.error(f"min is {low}, and max is less: {high}.")


def _kind(item: Item) -> Kind:
    name = _text(item)
    if name not in tuple(Kind):
        raise item.error(f"{quoted(name)} is no type. It is one of {', '.join(Kind)}.")
    return Kind(name)


def _text(item: Item) -> str:
    value = item.plain()
    if not isinstance(value, str) or not value.strip():
        raise item.error(f"a text belongs here, not {quoted(_shown(value))}.")
    if len(value) > _LONGEST_TEXT:
        raise item.error(f"this text is longer than {_LONGEST_TEXT} characters.")
    return value.strip()


def _number(item: Item) -> int | float:
    value = item.plain()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise item.error(f"a number belongs here, not {quoted(_shown(value))}.")
    return value


def _seconds(item: Item) -> float:
    number = _number(item)
    if not 0 < number <= _MOST_SECONDS:
        raise item.error(f"a number of seconds above 0 belongs here, not {number}.")
    return float(number)


def _whole(item: Item) -> int:
    number = _number(item)
    if not isinstance(number, int):
        raise item.error(f"a whole number belongs here, not {number}.")
    return number


def _positive(item: Item) -> int:
    number = _whole(item)
    if number < 1:
        raise item.error(f"a whole number above 0 belongs here, not {number}.")
    return number


def _names(item: Item) -> tuple[tuple[Item, str], ...]:
    items = item.items()
    if items is None:
        raise item.error("a list of names belongs here, such as [image, mask].")
    return tuple((one, _text(one)) for one in items)


def _value(item: Item) -> Value | None:
    items = item.items()
    if items is not None:
        if not items:
            raise item.error("this list is empty.")
        return tuple(_scalar(one) for one in items)
    value = item.plain()
    return value if value is None else _scalar(item)


def _scalar(item: Item) -> Scalar:
    value = item.plain()
    if value is None:
        raise item.error("a value belongs here.")
    return value


def _shown(value: object) -> str:
    return "nothing" if value is None else str(value)
