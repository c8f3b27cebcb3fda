"""The client and the sessions on the requests and urllib3 of older official Blenders, which go before our wheels."""

import os
import subprocess
import sys

import pytest

from tests.matrix.inner import run_pytest, summary
from tools.venvs import old_libraries

VERSIONS = "import requests, urllib3; print(requests.__version__, urllib3.__version__)"


def test_the_lower_floors_pass_on_old_libraries(capsys: pytest.CaptureFixture[str]) -> None:
    if not old_libraries().is_dir():
        pytest.skip("the old libraries are installed by `build_addon.py test`")
    path = {"PYTHONPATH": str(old_libraries())}
    used = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", VERSIONS],
        env=os.environ | path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert used.stdout.split() == ["2.27.1", "1.26.8"]
    done = run_pytest(sys.executable, ["tests/comfy", "tests/generation", "-o", "cache_dir=.build/pytest-old"], path)
    with capsys.disabled():
        print(f"\nold libraries: {summary(done.stdout)}")
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}"
