"""What can be wrong with a task, a quality tier, or the files that say what they are.

::

    QualityTierError
    ├── InvalidQualityTierError    no such task or tier, or a file of tiers that does not say what it should
    ├── WorkflowNotFoundError      the workflow of a tier is not there, or is none
    ├── ParameterValidationError   a value that its parameter cannot have (also a ValueError)
    └── QualityExecutionError      this server cannot run the tier

``str(error)`` is for a person: what, where, what to do.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from ...workflow.problems import Problem


class QualityTierError(Exception):
    """The root of the tree."""


class InFile(Exception):
    """Something in a file that a person writes; ``line`` counts from 1, ``key`` is as in ``tasks.inpaint.tiers.low``.

    All three are empty where it is about no file. What such a file may hold at most: bytes, and values, those that an
    alias repeats counted each time.
    """

    noun: ClassVar[str] = "file of quality tiers"
    most_bytes: ClassVar[int] = 1 << 20
    most_values: ClassVar[int] = 20_000

    def __init__(self, sentence: str, *, path: Path | None = None, line: int = 0, key: str = "") -> None:
        super().__init__(sentence)
        self.path = path
        self.line = line
        self.key = key


class InvalidQualityTierError(InFile, QualityTierError):
    """There is no such task or tier, or a file of tiers does not say what it should."""


class WorkflowNotFoundError(InFile, QualityTierError):
    """The workflow of a tier is not there, or cannot be read as one."""


class ParameterValidationError(QualityTierError, ValueError):
    """A value that the parameter ``name`` cannot have."""

    def __init__(self, sentence: str, *, name: str) -> None:
        super().__init__(sentence)
        self.name = name


class QualityExecutionError(QualityTierError):
    """This server cannot run the tier; ``problems`` are all that stand in its way."""

    def __init__(self, sentence: str, *, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(sentence)
        self.problems = problems
