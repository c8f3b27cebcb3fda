"""The tests that mostly wait, for a Blender of their own or on a bad line: each part in a pytest of its own."""

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.matrix.inner import InnerRun, InnerRuns
from tools.project import ROOT
from tools.suite import APART

WINDOWS = "tests/gui"


def _run(part: str, files: Sequence[str], folder: Path) -> InnerRun:
    """The window tests take longest: nothing comes before them."""
    cache = f"cache_dir=.build/pytest-{folder.name}"  # the outer run is writing its own
    arguments = [*files, "-rs", "--durations=5", "-o", cache, f"--basetemp={folder / 'tests'}"]
    return InnerRun(sys.executable, arguments, {}, waits=part != WINDOWS)


def _case(part: str, name: str, files: Sequence[str]) -> object:
    marks = [pytest.mark.apart(part), pytest.mark.inner_run(name, partial(_run, part, files))]
    return pytest.param(name, id=name, marks=marks)


def _cases() -> Iterator[object]:
    """The window tests in two halves, side by side."""
    modules = [f"{WINDOWS}/{file.name}" for file in sorted((ROOT / WINDOWS).glob("test_*.py"))]
    for half in (0, 1):
        yield _case(WINDOWS, f"{WINDOWS} {half + 1} of 2", modules[half::2])
    for part in APART:
        if part != WINDOWS:
            yield _case(part, part, [part])


@pytest.mark.parametrize("part", [*_cases()])
def test_passes_beside_the_others(part: str, inner_runs: InnerRuns, capsys: pytest.CaptureFixture[str]) -> None:
    done = inner_runs.result(part)
    with capsys.disabled():
        print(f"\n{part}: {done.summary}", *done.table, *done.skipped, sep="\n")
    assert done.exit_code == 0, f"exit code {done.exit_code}\n{done.output}"
    if "passed" not in done.summary:
        pytest.skip(f"{part}: {done.skipped[0] if done.skipped else done.summary}")
