"""Tasks and quality tiers as frozen values, which may cross threads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias

from ...workflow.graph import Workflow
from ...workflow.wildcards import Lists

Scalar: TypeAlias = str | int | float | bool
Value: TypeAlias = Scalar | tuple[Scalar, ...]
"""A value of a parameter; several, in order, for its places in a workflow that makes several pictures."""


class Kind(StrEnum):
    """What a value must be."""

    INTEGER = "integer"
    NUMBER = "number"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a parameter's value is held to: numbers are clamped, and rounded to a ``multiple`` plus ``offset``; texts
    are cut to the ``longest``, in characters.
    """

    kind: Kind
    minimum: float | None = None
    maximum: float | None = None
    multiple: int = 1
    offset: int = 0
    longest: int | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """What a value of a person's own must keep; else the tier's own stays."""

    minimum: float | None = None
    maximum: float | None = None


Rules: TypeAlias = Mapping[str, Rule]
Limits: TypeAlias = Mapping[str, Limit]
NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True)
class Tier:
    """How well a task is done. ``seconds`` is a first guess of how long it takes; ``rules`` and ``limits`` are all that
    hold for it, also those of the task and of all tasks. ``workflow_name`` is as the file has it."""

    name: str
    description: str
    workflow_name: str
    workflow: Workflow = field(repr=False)
    parameters: Mapping[str, Value]
    seconds: float
    rules: Rules = field(repr=False)
    limits: Limits = field(repr=False)


@dataclass(frozen=True)
class Task:
    """What somebody wants made. ``needs`` are parameters that a person must give, such as a picture; ``series`` by how
    much a value grows from one of its places in the workflow to the next."""

    name: str
    title: str
    description: str
    tiers: Mapping[str, Tier]
    needs: tuple[str, ...] = ()
    series: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Configuration:
    """All tasks by name, in the order of the files; ``lists`` are what prompts choose from (``workflow.wildcards``)."""

    tasks: Mapping[str, Task]
    lists: Lists = field(default_factory=dict)
