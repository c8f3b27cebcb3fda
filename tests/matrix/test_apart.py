"""The tests that mostly wait for a Blender of their own, each part in a pytest of its own beside the whole run."""

import sys
from functools import partial
from pathlib import Path

import pytest

from tests.matrix.inner import InnerRun, InnerRuns
from tools.suite import APART


def _run(part: str, folder: Path) -> InnerRun:
    """The window tests take longest: nothing comes before them."""
    cache = f"cache_dir=.build/pytest-{Path(part).name}"  # the outer run is writing its own
    arguments = [part, "-rs", "--durations=5", "-o", cache, f"--basetemp={folder / 'tests'}"]
    return InnerRun(sys.executable, arguments, {}, waits=part != "tests/gui")


def _case(part: str) -> object:
    return pytest.param(
        part, id=part, marks=[pytest.mark.apart(part), pytest.mark.inner_run(part, partial(_run, part))]
    )


@pytest.mark.parametrize("part", [_case(part) for part in APART])
def test_passes_beside_the_others(part: str, inner_runs: InnerRuns, capsys: pytest.CaptureFixture[str]) -> None:
    done = inner_runs.result(part)
    with capsys.disabled():
        print(f"\n{part}: {done.summary}", *done.skipped, sep="\n")
    assert done.exit_code == 0, f"exit code {done.exit_code}\n{done.output}"
    if "passed" not in done.summary:
        pytest.skip(f"{part}: {done.skipped[0] if done.skipped else done.summary}")
