"""tests/blender with the built zip, inside every Blender version: each runs its own pytest on that Blender."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools import extension
from tools.project import ROOT
from tools.venvs import BLENDERS, Blender


@pytest.mark.parametrize("blender", BLENDERS, ids=lambda blender: f"bpy-{blender.version}")
def test_integration_tests_pass_in(blender: Blender, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not blender.venv.is_ready:
        pytest.skip(f"bpy {blender.version} is not installed: it needs Python {blender.python}")
    cache = f"cache_dir=.build/pytest-{blender.version}"  # the outer run is writing its own
    done = subprocess.run(
        [blender.venv.python, "-m", "pytest", "tests/blender", "--color=no", "-o", cache],
        cwd=ROOT,
        env=_environment(tmp_path),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=900,
        check=False,
    )
    with capsys.disabled():
        print(f"\nbpy {blender.version}: {_summary(done.stdout)}")
    # 5 means that nothing was collected, which is a failure here too
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}"


def _environment(folder: Path) -> dict[str, str]:
    resources = folder / "blender"
    resources.mkdir()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return {
        **inherited,
        "BLENDER_USER_RESOURCES": str(resources),
        "BLENDER_COMFYUI_ZIP": str(extension.zip_for_this_machine()),
        "BLENDER_COMFYUI_PYTHON": sys.executable,
    }


def _summary(output: str) -> str:
    lines = [line for line in output.splitlines() if line.startswith("=") and " in " in line]
    return lines[-1].strip("= ") if lines else "no summary"
