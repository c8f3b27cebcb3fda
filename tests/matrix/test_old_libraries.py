"""What speaks with the server, on the requests and urllib3 of older official Blenders, which go before our wheels."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.matrix.inner import InnerRun, InnerRuns
from tools.venvs import old_libraries

VERSIONS = "import requests, urllib3; print(requests.__version__, urllib3.__version__)"
PARTS = ["tests/comfy", "tests/hardening", *(f"tests/generation/test_{part}.py" for part in ("session", "faults"))]


def _path() -> dict[str, str]:
    return {"PYTHONPATH": str(old_libraries())}


def _run(folder: Path) -> InnerRun:
    options = ["-o", "cache_dir=.build/pytest-old", f"--basetemp={folder / 'tests'}"]
    return InnerRun(sys.executable, [*PARTS, *options], _path())


@pytest.mark.skipif(not old_libraries().is_dir(), reason="the old libraries are installed by `build_addon.py test`")
@pytest.mark.inner_run("old libraries", _run)
def test_the_client_passes_on_old_libraries(inner_runs: InnerRuns, capsys: pytest.CaptureFixture[str]) -> None:
    used = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", VERSIONS],
        env=os.environ | _path(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert used.stdout.split() == ["2.27.1", "1.26.8"]
    done = inner_runs.result("old libraries")
    with capsys.disabled():
        print(f"\nold libraries: {done.summary}")
    assert done.exit_code == 0, f"exit code {done.exit_code}\n{done.output}"
