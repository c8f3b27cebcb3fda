"""A pytest plugin: the whole run fails when too few branches of the bpy-free floors were taken.

pytest-cov's own threshold mixes lines and branches. Loaded by `build_addon.py test` in a whole run only, so
that running one test is never a failure of coverage.
"""

import json
from collections.abc import Generator
from pathlib import Path

import pytest

LEAST = 90.0  # per cent


class BranchCoverage:
    """Reads the JSON report that pytest-cov writes at the end of the test loop."""

    def __init__(self, report: Path) -> None:
        self.report = report
        self.verdict = ""
        self.enough = True

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        result = yield
        self._judge()
        if not self.enough:
            session.testsfailed += 1
        return result

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.write_line(self.verdict, red=not self.enough, green=self.enough)

    def _judge(self) -> None:
        if not self.report.is_file():
            self.enough, self.verdict = False, f"FAILED branch coverage: no report at {self.report}"
            return
        totals = json.loads(self.report.read_text(encoding="utf-8"))["totals"]
        taken, there = totals["covered_branches"], totals["num_branches"]
        percent = 100.0 * taken / there if there else 0.0
        self.enough = percent >= LEAST
        word = "branch coverage" if self.enough else "FAILED branch coverage"
        self.verdict = f"{word}: {percent:.1f} % ({taken} of {there} branches), at least {LEAST:.0f} % wanted"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--branch-coverage-of", type=Path, help="JSON report of pytest-cov to judge")


def pytest_configure(config: pytest.Config) -> None:
    report = config.getoption("--branch-coverage-of")
    if report:
        report.unlink(missing_ok=True)
        config.pluginmanager.register(BranchCoverage(report), "branch-coverage")
