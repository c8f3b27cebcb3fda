"""tests/blender with the built zip, inside every Blender version: each runs its own pytest on that Blender."""

import sys
from pathlib import Path

import pytest

from tests.matrix.inner import run_pytest, summary
from tools import extension
from tools.venvs import BLENDERS, Blender


@pytest.mark.parametrize("blender", BLENDERS, ids=lambda blender: f"bpy-{blender.version}")
def test_integration_tests_pass_in(blender: Blender, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not blender.venv.is_ready:
        pytest.skip(f"bpy {blender.version} is not installed: it needs Python {blender.python}")
    cache = f"cache_dir=.build/pytest-{blender.version}"  # the outer run is writing its own
    done = run_pytest(blender.venv.python, ["tests/blender", "-o", cache], _environment(tmp_path))
    with capsys.disabled():
        print(f"\nbpy {blender.version}: {summary(done.stdout)}")
    # 5 means that nothing was collected, which is a failure here too
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}"


def _environment(folder: Path) -> dict[str, str]:
    resources = folder / "blender"
    resources.mkdir()
    return {
        "BLENDER_USER_RESOURCES": str(resources),
        "BLENDER_COMFYUI_ZIP": str(extension.zip_for_this_machine()),
        "BLENDER_COMFYUI_PYTHON": sys.executable,
    }
