"""How jobs fared, by task and tier."""

from __future__ import annotations

import sqlite3
import statistics
from collections.abc import Iterable

from ..outcome import JobState
from . import rows
from .records import Durations, Figures, Statistics

# from the start of the run on where that was heard; nothing of jobs that nobody watched for a while
_TIMES = """SELECT task, tier, coalesce(ended - started, seconds) AS took FROM jobs
    WHERE NOT imported AND state = 'finished' AND NOT left_alone AND took > 0"""


def figures(connection: sqlite3.Connection) -> Statistics:
    """Of all jobs that we asked for ourselves."""
    counts: dict[tuple[str, str], dict[str, int]] = {}
    grouped = "SELECT task, tier, state, count(*) FROM jobs WHERE NOT imported GROUP BY task, tier, state"
    for task, tier, state, count in connection.execute(grouped):
        of_kind = counts.setdefault((rows.restored(task), rows.restored(tier)), {})
        of_kind[state] = of_kind.get(state, 0) + count
    times: dict[tuple[str, str], list[float]] = {}
    for task, tier, seconds in connection.execute(_TIMES):
        times.setdefault((rows.restored(task), rows.restored(tier)), []).append(seconds)
    by_kind = {kind: _of([states], times.get(kind, [])) for kind, states in sorted(counts.items())}
    return Statistics(_of(counts.values(), [time for some in times.values() for time in some]), by_kind)


def durations(connection: sqlite3.Connection, server: str) -> dict[tuple[str, str], Durations]:
    """Of the jobs that we asked one server for, by task and tier."""
    times: dict[tuple[str, str], list[float]] = {}
    for task, tier, seconds in connection.execute(f"{_TIMES} AND server = ?", rows.stored([server])):
        times.setdefault((rows.restored(task), rows.restored(tier)), []).append(seconds)
    return {kind: Durations(len(some), statistics.median(some)) for kind, some in sorted(times.items())}


def _of(counts: Iterable[dict[str, int]], times: list[float]) -> Figures:
    total = dict.fromkeys(JobState, 0)
    for states in counts:
        for state, count in states.items():
            if state in total:
                total[JobState(state)] += count
    tried = total[JobState.FINISHED] + total[JobState.FAILED] + total[JobState.LOST]
    return Figures(
        count=sum(total.values()),
        finished=total[JobState.FINISHED],
        failed=total[JobState.FAILED],
        cancelled=total[JobState.CANCELLED],
        lost=total[JobState.LOST],
        success_rate=total[JobState.FINISHED] / tried if tried else None,
        median_seconds=statistics.median(times) if times else None,
    )
