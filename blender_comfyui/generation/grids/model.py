"""A grid: an order, and one or two parameters that are gone through. No bpy, no disk, no network."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from ...workflow.errors import InvalidValue
from ...workflow.graph import Workflow
from ...workflow.lora_names import on_server, tag
from ...workflow.loras import Lora
from ...workflow.parameters import LARGEST_SEED
from ...workflow.wording import quoted
from ..tasks.preparing import Order, readable

TIER = "tier"
"""The name of the axis that goes through tiers."""
LORA = "lora:"
"""How the name of an axis begins that goes through the strengths of a LoRA, as in ``lora:ink``."""
MOST_CELLS = 400
_MOST_VALUES = 100
_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)"
_RANGE = re.compile(rf"({_NUMBER})\s*(?:\.\.|-)\s*({_NUMBER})\s*(?:\(\s*({_NUMBER})\s*\)|\[\s*(\d+)\s*\])?", re.ASCII)
_NAMES = {
    "cfg": "CFG",
    "sampler_name": "Sampler",
    "negative_prompt": "Negative prompt",
    "batch_size": "Batch",
}


class InvalidGrid(ValueError):
    """A grid that cannot be; ``str(error)`` says why and what to do."""


@dataclass(frozen=True)
class Axis:
    """A parameter and its values, in order. The parameter is named as in ``Session.run_task``, or is ``tier``."""

    parameter: str
    values: tuple[object, ...]

    @property
    def title(self) -> str:
        """Return how a person calls the parameter."""
        if self.parameter.startswith(LORA):
            return f"LoRA {self.parameter.removeprefix(LORA).strip()}"
        known = _NAMES.get(self.parameter)
        return known or self.parameter.replace("_", " ").strip().capitalize()

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the values as they are written beside their pictures."""
        return tuple(_label(value) for value in self.values)


@dataclass(frozen=True)
class Cell:
    """A place in a grid, counted from 0."""

    column: int
    row: int

    def __str__(self) -> str:
        return f"{self.column},{self.row}"


@dataclass(frozen=True)
class Grid:
    """What is made for every value of ``across``, and of ``down`` where it is there. Raises InvalidGrid.

    ``id`` follows from all the rest: the same grid is the same one after a restart, and goes on where it was. In
    ``order`` a seed should be set, else every picture has the workflow's own.
    """

    order: Order
    across: Axis
    down: Axis | None = None
    title: str = ""
    id: str = field(init=False, default="")

    def __post_init__(self) -> None:
        _check(self)
        object.__setattr__(self, "id", str(uuid5(NAMESPACE_URL, f"comfyui-studio:grid:{_identity(self)}")))

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Return all places, row by row."""
        rows = len(self.down.values) if self.down else 1
        return tuple(Cell(column, row) for row in range(rows) for column in range(len(self.across.values)))

    @property
    def name(self) -> str:
        """Return the title; where there is none, what the grid goes through."""
        by = f"{self.down.title} × {self.across.title}" if self.down else self.across.title
        return self.title or by

    def order_of(self, cell: Cell) -> Order:
        """Return what is asked for in a place."""
        order = _with(self.order, self.across.parameter, self.across.values[cell.column])
        return _with(order, self.down.parameter, self.down.values[cell.row]) if self.down else order

    def words_of(self, cell: Cell) -> str:
        """Return the values of a place, for lists and file names."""
        parts = [f"{self.across.title} {self.across.labels[cell.column]}"]
        if self.down:
            parts.append(f"{self.down.title} {self.down.labels[cell.row]}")
        return ", ".join(parts)


def seeds(first: int, count: int) -> Axis:
    """Return an axis of so many seeds that follow on each other. Raises InvalidGrid."""
    if not 1 <= count <= _MOST_VALUES:
        raise InvalidGrid(f"A grid can have from 1 to {_MOST_VALUES} seeds; {count} are asked for.")
    return Axis("seed", tuple((first + number) % (LARGEST_SEED + 1) for number in range(count)))


def axis(parameter: str, text: str) -> Axis:
    """Read the values of a parameter as a person writes them. Raises InvalidGrid.

    Commas part them; a value with a comma stands in double quotes. ``8..32 (8)`` goes from 8 to 32 in steps of 8,
    ``1-10 [4]`` gives 4 numbers from 1 to 10; without either the step is 1.
    """
    try:
        parts = [part.strip() for part in next(csv.reader([" ".join(text.split())], skipinitialspace=True), [])]
        values = [value for part in parts if part for value in _values(parameter, part)]
    except InvalidGrid:
        raise
    except (csv.Error, ValueError, OverflowError) as error:  # a number with thousands of digits
        raise InvalidGrid(f"The values {quoted(text)} of {quoted(parameter)} cannot be read. Write 1, 2, 3.") from error
    return Axis(parameter, tuple(dict.fromkeys(values)))


def _values(parameter: str, part: str) -> Iterator[object]:
    found = _RANGE.fullmatch(part)
    if found is None or parameter in (TIER, "prompt", "negative_prompt"):
        yield _value(parameter, part)
        return
    first, last = _number(found[1]), _number(found[2])
    yield from _counted(first, last, int(found[4])) if found[4] else _stepped(parameter, part, first, last, found[3])


def _stepped(parameter: str, part: str, first: float, last: float, written: str | None) -> Iterator[float]:
    step = abs(_number(written)) if written else 1
    if not step or abs(last - first) / step >= _MOST_VALUES:
        raise InvalidGrid(
            f"{quoted(part)} for {quoted(parameter)} has more than {_MOST_VALUES} values. Take larger steps."
        )
    direction = 1 if last >= first else -1
    for number in range(int(abs(last - first) / step + 1e-9) + 1):
        yield _tidy(first + direction * step * number)


def _counted(first: float, last: float, count: int) -> Iterator[float]:
    if not 2 <= count <= _MOST_VALUES:
        raise InvalidGrid(f"Between the brackets stands from 2 to {_MOST_VALUES} how many values there are.")
    whole = isinstance(first, int) and isinstance(last, int)
    for number in range(count):
        value = first + (last - first) * number / (count - 1)
        yield round(value) if whole else _tidy(value)


def _number(text: str) -> int | float:
    return float(text) if "." in text else int(text)


def _tidy(value: float) -> float:
    return value if isinstance(value, int) else round(value, 6)


def _value(parameter: str, text: str) -> object:
    if parameter in (TIER, "prompt", "negative_prompt"):
        return text
    try:
        return _number(text)
    except ValueError:
        return text


def _label(value: object) -> str:
    if isinstance(value, Path):
        return value.name
    return f"{value:g}" if isinstance(value, float) else str(value)


def _with(order: Order, parameter: str, value: object) -> Order:
    if parameter == TIER:
        return replace(order, tier=str(value))
    if parameter.startswith(LORA) and isinstance(value, int | float):
        return replace(order, loras=_with_strength(order.loras, parameter.removeprefix(LORA).strip(), float(value)))
    return replace(order, parameters={**order.parameters, parameter: value})


def _with_strength(loras: tuple[Lora, ...], name: str, strength: float) -> tuple[Lora, ...]:
    """Return a stack in which this LoRA has this strength; at the end of it where it was not there."""
    names = [lora.name for lora in loras]
    try:
        found = on_server(name, names)
    except InvalidValue:
        return (*loras, Lora(name, strength))
    return tuple(Lora(found, strength) if lora.name == found else lora for lora in loras)


def _check(grid: Grid) -> None:
    axes = [grid.across, *([grid.down] if grid.down else [])]
    for one in axes:
        if not one.parameter.strip():
            raise InvalidGrid("An axis of the grid names no parameter. Choose one.")
        if not one.values:
            raise InvalidGrid(f"There is no value for {quoted(one.title)}. Write some, with commas between them.")
        wrong = next((value for value in one.values if not isinstance(value, int | float)), None)
        if one.parameter.startswith(LORA) and wrong is not None:
            raise InvalidGrid(f"{quoted(str(wrong))} is no strength of a LoRA. Write numbers, such as 0.5, 1.")
    if len(axes) == 2 and axes[0].parameter == axes[1].parameter:
        raise InvalidGrid(f"Both axes of the grid are {quoted(axes[0].title)}. Choose another one for one of them.")
    count = len(axes[0].values) * (len(axes[1].values) if len(axes) == 2 else 1)
    if count > MOST_CELLS:
        raise InvalidGrid(f"The grid has {count} pictures; {MOST_CELLS} are the most. Leave some values out.")


def _identity(grid: Grid) -> str:
    """Everything that makes it this grid, as text."""
    order = grid.order
    workflow = order.workflow
    told = [
        order.task,
        order.tier,
        _plain(order.parameters),
        workflow.api() if isinstance(workflow, Workflow) else workflow,
        [tag(lora) for lora in order.loras if lora.on],
        [[axis.parameter, [_label(value) for value in axis.values]] for axis in (grid.across, grid.down) if axis],
        grid.title,
    ]
    return json.dumps(told, sort_keys=True, default=str)


def _plain(parameters: Mapping[str, object]) -> dict[str, object]:
    return readable({name: value for name, value in parameters.items() if value is not None})
