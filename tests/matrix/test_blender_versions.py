"""tests/blender with the built zip, inside every Blender version: each runs its own pytest on that Blender."""

import sys
from functools import partial
from pathlib import Path

import pytest

from tests.matrix.inner import InnerRun, InnerRuns
from tools import extension
from tools.venvs import BLENDERS, Blender


def _run(blender: Blender, folder: Path) -> InnerRun:
    resources = folder / "blender"
    resources.mkdir()
    cache = f"cache_dir=.build/pytest-{blender.version}"  # the outer run is writing its own
    environment = {
        "BLENDER_USER_RESOURCES": str(resources),
        "BLENDER_COMFYUI_ZIP": str(extension.zip_for_this_machine()),
        "BLENDER_COMFYUI_PYTHON": sys.executable,
    }
    return InnerRun(blender.venv.python, ["tests/blender", "-o", cache, f"--basetemp={folder / 'tests'}"], environment)


def _case(blender: Blender) -> object:
    name = f"bpy-{blender.version}"
    if not blender.venv.is_ready:
        reason = f"bpy {blender.version} is not installed: it needs Python {blender.python}"
        return pytest.param(blender, id=name, marks=pytest.mark.skip(reason=reason))
    return pytest.param(blender, id=name, marks=pytest.mark.inner_run(blender.version, partial(_run, blender)))


@pytest.mark.parametrize("blender", [_case(blender) for blender in BLENDERS])
def test_integration_tests_pass_in(blender: Blender, inner_runs: InnerRuns, capsys: pytest.CaptureFixture[str]) -> None:
    done = inner_runs.result(blender.version)
    with capsys.disabled():
        print(f"\nbpy {blender.version}: {done.summary}")
    # 5 means that nothing was collected, which is a failure here too
    assert done.exit_code == 0, f"exit code {done.exit_code}\n{done.output}"
