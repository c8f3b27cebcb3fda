"""What a session tells of tasks: which there are, how well and fast this server does them, what becomes of an order.

No network here: what the server has is read by the stock room.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from ...workflow.preflight import runnable_outputs
from ...workflow.problems import Problem
from ...workflow.wording import quoted
from ..history import Durations, History
from ..stock import Stock, StockRoom
from .book import TaskBook
from .errors import ParameterValidationError, QualityExecutionError, QualityTierError
from .merging import Report
from .preparing import LORAS, Order, Prepared, checked, find, prepare
from .records import Configuration, Task, Tier
from .status import JobStatus, status_in

ENOUGH = 3
"""Finished jobs from which on their median counts, and no longer the guess."""

_FRESH = 60.0  # seconds for which what the server said it has is believed without asking it


@dataclass(frozen=True)
class Estimate:
    """How long a tier takes, in seconds: the median of so many `jobs` on this server, a first guess where it is 0."""

    seconds: float
    jobs: int = 0

    def __float__(self) -> float:
        return self.seconds


@dataclass(frozen=True)
class TierOffer:
    """A tier as it can be had here, now.

    `is_available` is None while nobody has read what the server has, and true where it makes at least something.
    `reason` says in a sentence what is in the way, '' for nothing; `problems` are all of it. `report` is what would
    become of the parameters; it is None where that cannot be told.
    """

    tier: Tier
    is_available: bool | None
    reason: str = ""
    problems: tuple[Problem, ...] = ()
    report: Report | None = None
    estimate: Estimate = field(default_factory=lambda: Estimate(0.0))


class Counter:
    """Answers about tasks, and takes orders. For any thread; reads files and the history, so not for Blender's main
    thread but for `prepare` while the book is watched."""

    def __init__(self, book: TaskBook, stock: StockRoom, history: History, server: str) -> None:
        self.book = book
        self._stock = stock
        self._history = history
        self._server = server

    def tasks(self) -> tuple[Task, ...]:
        return tuple(self.book.current().tasks.values())

    def tiers(self, order: Order) -> tuple[TierOffer, ...]:
        """Every tier of the order's task, with its parameters; the order's own tier does not matter.

        Raises InvalidQualityTierError for a task that is none, and HistoryUnavailable.
        """
        return offers(self.book.current(), order, self._stock.want(), self._history.durations(self._server))

    def estimate(self, task: str, tier: str) -> Estimate:
        """Raises InvalidQualityTierError and HistoryUnavailable."""
        found = find(self.book.current(), task, tier).tiers[tier]
        return estimated(task, found, self._history.durations(self._server))

    def prepare(self, order: Order) -> Prepared:
        """Make an order ready to be sent. Raises QualityTierError; QualityExecutionError where the server has just said
        what it has, and cannot run this."""
        stock = self._stock.want()
        is_fresh = stock is not None and stock.age < _FRESH
        try:
            prepared = prepare(self.book.current(), order, stock)
        except ParameterValidationError as error:
            if error.name != LORAS:
                raise
            self._stock.want(anew=True)
            if is_fresh or stock is None:
                raise
            prepared = prepare(self.book.current(), order)  # the LoRA may have come since: the server will say
        if stock is not None:
            prepared, problems = checked(prepared, stock)
            if is_fresh and not _can_run(prepared, stock, problems):
                self._stock.want(anew=True)  # it may be put right before the next try
                raise QualityExecutionError(_reason(problems, _instead(problems[0])), problems=problems)
        return prepared

    def recorded_status(self, job_id: str) -> JobStatus:
        """How a job of an earlier session is. Raises UnknownJob and HistoryUnavailable."""
        return status_in(self._history, job_id)


def offers(
    configuration: Configuration,
    order: Order,
    stock: Stock | None,
    durations: Mapping[tuple[str, str], Durations],
) -> tuple[TierOffer, ...]:
    """Every tier of the order's task, as `Counter.tiers`; for whoever has all of this already, and must not wait.

    Raises InvalidQualityTierError for a task that is none.
    """
    task = find(configuration, order.task)
    return tuple(_offer(configuration, order, tier, stock, durations) for tier in task.tiers.values())


def _offer(
    configuration: Configuration,
    order: Order,
    tier: Tier,
    stock: Stock | None,
    durations: Mapping[tuple[str, str], Durations],
) -> TierOffer:
    estimate = estimated(order.task, tier, durations)
    try:
        prepared = prepare(configuration, dataclasses.replace(order, tier=tier.name), stock, is_trial=True)
    except QualityTierError as error:
        return TierOffer(tier, False, str(error), estimate=estimate)
    if stock is None:
        return TierOffer(tier, None, report=prepared.report, estimate=estimate)
    prepared, problems = checked(prepared, stock)
    can_run = _can_run(prepared, stock, problems)
    return TierOffer(tier, can_run, _reason(problems), problems, prepared.report, estimate)


def estimated(task: str, tier: Tier, durations: Mapping[tuple[str, str], Durations]) -> Estimate:
    """What the history says of a tier, where it knows enough of it; else the tier's own guess."""
    known = durations.get((task, tier.name))
    if known is None or known.count < ENOUGH:
        return Estimate(tier.seconds)
    return Estimate(known.median_seconds, known.count)


def _can_run(prepared: Prepared, stock: Stock, problems: tuple[Problem, ...]) -> bool:
    """Whether anything is made in spite of the problems."""
    return not problems or bool(runnable_outputs(prepared.workflow, stock.node_types, problems))


def _instead(problem: Problem) -> str:
    """Name what is most like it, for whoever has no buttons for that."""
    near = " or ".join(quoted(name) for name in problem.suggestions)
    return f" Did you mean {near}?" if near else ""


def _reason(problems: tuple[Problem, ...], instead: str = "") -> str:
    if not problems:
        return ""
    more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{problems[0].sentence}{instead}{more}"
