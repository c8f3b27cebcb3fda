"""The table of faults is told at the end of the run: in short on the terminal, row by row in out/fault_table.txt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
_TABLE = pytest.StashKey[list[Any]]()


@pytest.fixture(scope="session")
def fault_table(request) -> list[Any]:
    """Takes (group, row, outcome, seconds) of every row."""
    return request.config.stash.setdefault(_TABLE, [])


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    table = config.stash.get(_TABLE, [])
    if not table:
        return
    lines = [f"{_end_of(outcome):<28} {seconds:6.2f} s  {row}" for _, row, outcome, seconds in table]
    (ROOT / "out").mkdir(exist_ok=True)
    (ROOT / "out" / "fault_table.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    terminalreporter.section("faults (out/fault_table.txt)")
    terminalreporter.write_line(
        f"{'befallen':<28} {'rows':>5} {'delivered':>10} {'said':>5} {'cancelled':>10} {'longest':>9}"
    )
    for group in dict.fromkeys(group for group, *_ in table):
        rows = [(outcome, seconds) for found, _, outcome, seconds in table if found == group]
        count = {state: sum(outcome.state == state for outcome, _ in rows) for state in ("finished", "cancelled")}
        said = len(rows) - sum(count.values())
        longest = max(seconds for _, seconds in rows)
        terminalreporter.write_line(
            f"{group:<28} {len(rows):>5} {count['finished']:>10} {said:>5} {count['cancelled']:>10} {longest:>7.2f} s"
        )


def _end_of(outcome: Any) -> str:
    return f"{outcome.state} ({type(outcome.error).__name__})" if outcome.error else str(outcome.state)
