"""A pytest of its own for a part of the tests, in another environment than this one's.

They are started side by side, the longest first, because they mostly wait: for Blender, for servers.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tools.project import ROOT

AT_ONCE = 3


@dataclass(frozen=True)
class InnerRun:
    """`environment` is added to what is there."""

    python: Path | str
    arguments: Sequence[str]
    environment: Mapping[str, str]

    def __call__(self) -> subprocess.CompletedProcess[str]:
        """Run it from the project's root."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        return subprocess.run(
            [self.python, "-m", "pytest", *self.arguments, "--color=no"],
            cwd=ROOT,
            env=inherited | dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=900,
            check=False,
        )


class InnerRuns:
    """Those that are wanted, by name. They begin when the first result is asked for."""

    def __init__(self) -> None:
        self._wanted: dict[str, InnerRun] = {}
        self._started: dict[str, Future[subprocess.CompletedProcess[str]]] = {}
        self._pool = ThreadPoolExecutor(AT_ONCE)

    def want(self, name: str, run: InnerRun) -> None:
        self._wanted[name] = run

    def result(self, name: str) -> subprocess.CompletedProcess[str]:
        for wanted, run in self._wanted.items():
            if wanted not in self._started:
                self._started[wanted] = self._pool.submit(run)
        return self._started[name].result()

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


def summary(output: str) -> str:
    """Its closing line."""
    lines = [line for line in output.splitlines() if line.startswith("=") and " in " in line]
    return lines[-1].strip("= ") if lines else "no summary"
