"""A pytest of its own for a part of the tests, in another environment than this one's."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.project import ROOT


def run_pytest(
    python: Path | str, arguments: Sequence[str], environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run it from the project's root; `environment` is added to what is there."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        [python, "-m", "pytest", *arguments, "--color=no"],
        cwd=ROOT,
        env=inherited | dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=900,
        check=False,
    )


def summary(output: str) -> str:
    """Its closing line."""
    lines = [line for line in output.splitlines() if line.startswith("=") and " in " in line]
    return lines[-1].strip("= ") if lines else "no summary"
