"""The whole test suite: what it needs, and one pytest over it."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from . import extension, venvs, window_tree
from .project import BUILD, OUT, run_shown, say

FLOORS = ("comfy", "workflow", "generation")
APART = ("tests/gui", "tests/recovery", "tests/faults")  # tests/matrix runs them beside the others


def run_tests(arguments: Sequence[str]) -> int:
    """Prepare everything and run pytest: with `arguments`, or else whole, with coverage judged."""
    BUILD.mkdir(exist_ok=True)
    with ThreadPoolExecutor(1) as beside:
        window = beside.submit(window_tree.ensure)
        python = venvs.ensure_development().python
        venvs.ensure_old_libraries()
        blenders = venvs.ensure_blenders(venvs.BLENDERS)
        extension.build(blenders[-1] if blenders else venvs.preferred_blender())
        window.result()
    OUT.mkdir(exist_ok=True)
    command = [str(python), "-m", "pytest", *(arguments or _whole_run())]
    say("pytest")
    return run_shown(command, env={**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(BUILD / "hypothesis")})


def _whole_run() -> list[str]:
    report = OUT / "coverage.json"
    return [
        "tests",
        *(f"--ignore={part}" for part in APART),
        "--durations=10",
        *(f"--cov=blender_comfyui/{floor}" for floor in FLOORS),
        f"--cov-report=json:{report}",
        "--cov-report=term",
        "-p",
        "tools.branch_coverage",
        f"--branch-coverage-of={report}",
    ]
