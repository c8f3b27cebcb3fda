"""tests/blender with the built zip, inside every Blender version: each runs its own pytest on that Blender.

The oldest and the newest run all of it. Those between share it: each module runs in one of them, and in both where the
Blender version matters most; all run all where BLENDER_COMFYUI_VERSIONS is set.
"""

import os
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.matrix.inner import InnerRun, InnerRuns
from tools import extension
from tools.project import ROOT
from tools.venvs import BLENDERS, Blender

IN_ALL = frozenset(
    "placed_once placing registration restart scenes sequencer storyboard storyboard_seeds trouble wheels".split()
)
LONGEST_FIRST = (BLENDERS[0], BLENDERS[-1], *BLENDERS[1:-1])


def _parts(blender: Blender) -> list[str]:
    usable = [one for one in BLENDERS if one.venv.is_ready]
    if "BLENDER_COMFYUI_VERSIONS" in os.environ or blender in (usable[0], usable[-1]):
        return ["tests/blender"]
    modules = sorted((ROOT / "tests" / "blender").glob("test_*.py"))
    mine = modules[usable.index(blender) % 2 :: 2]
    return [str(path) for path in modules if path in mine or path.stem.removeprefix("test_") in IN_ALL]


def _run(blender: Blender, folder: Path) -> InnerRun:
    resources = folder / "blender"
    resources.mkdir()
    cache = f"cache_dir=.build/pytest-{blender.version}"  # the outer run is writing its own
    environment = {
        "BLENDER_USER_RESOURCES": str(resources),
        "BLENDER_COMFYUI_ZIP": str(extension.zip_for_this_machine()),
        "BLENDER_COMFYUI_PYTHON": sys.executable,
    }
    hangs = "faulthandler_timeout=400"  # seconds of one test; then it says where, before the whole run is given up
    options = ["-o", cache, "-o", hangs, f"--basetemp={folder / 'tests'}"]
    return InnerRun(blender.venv.python, [*_parts(blender), *options], environment)


def _case(blender: Blender) -> object:
    name = f"bpy-{blender.version}"
    if not blender.venv.is_ready:
        reason = f"bpy {blender.version} is not installed: it needs Python {blender.python}"
        return pytest.param(blender, id=name, marks=pytest.mark.skip(reason=reason))
    return pytest.param(blender, id=name, marks=pytest.mark.inner_run(blender.version, partial(_run, blender)))


@pytest.mark.parametrize("blender", [_case(blender) for blender in LONGEST_FIRST])
def test_integration_tests_pass_in(blender: Blender, inner_runs: InnerRuns, capsys: pytest.CaptureFixture[str]) -> None:
    done = inner_runs.result(blender.version)
    with capsys.disabled():
        print(f"\nbpy {blender.version}: {done.summary}")
    # 5 means that nothing was collected, which is a failure here too
    assert done.exit_code == 0, f"exit code {done.exit_code}\n{done.output}"
