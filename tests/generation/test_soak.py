"""Many jobs in one session leave nothing behind. The whole 10,000 are run by `build_addon.py bench`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from blender_comfyui.generation.outcome import JobState

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

WARM_UP, JOBS = 200, 400


def test_jobs_that_ended_are_not_kept(tmp_path: Path) -> None:
    from benchmarks.soak import Soak, stand_in

    with stand_in() as url:
        soak = Soak(url, tmp_path)
        before = soak.run(WARM_UP)
        after = soak.run(JOBS)
        soak.close()
    assert soak.ended[JobState.FINISHED] > 0.9 * (WARM_UP + JOBS)
    assert soak.ended[JobState.FAILED] == (WARM_UP + JOBS) // 50
    assert soak.ended[JobState.CANCELLED] > 0
    assert (after.threads, after.files) == (before.threads, before.files)
    assert after.blocks - before.blocks < JOBS, "less than one piece of memory for each job"
