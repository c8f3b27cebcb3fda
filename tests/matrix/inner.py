"""A pytest of its own for a part of the tests, in another environment than this one's.

Three at a time run beside everything else, because they mostly wait: for Blender, for servers.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from tools.project import ROOT

AT_ONCE = 3
LIMIT = 1000.0  # seconds
_GIVING_WAY = ("nice", "-n", "5") if shutil.which("nice") else ()


@dataclass(frozen=True)
class InnerRun:
    """`environment` is added to what is there. One that `waits` gives way to the others, as far as the system can."""

    python: Path | str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    waits: bool = True

    def begin(self) -> subprocess.Popen[str]:
        """Start it from the project's root."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        return subprocess.Popen(
            [*(_GIVING_WAY if self.waits else ()), self.python, "-m", "pytest", *self.arguments, "--color=no"],
            cwd=ROOT,
            env=inherited | dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )


@dataclass(frozen=True)
class Done:
    exit_code: int
    output: str

    @property
    def summary(self) -> str:
        """Its closing line."""
        lines = [line for line in self.output.splitlines() if line.startswith("=") and " in " in line]
        return lines[-1].strip("= ") if lines else "no summary"

    @property
    def table(self) -> list[str]:
        """What it told at its end beside that: the section whose heading names a file in out/."""
        _, heading, rest = self.output.partition(" (out/")
        return [*takewhile(lambda line: not line.startswith("="), rest.splitlines()[1:])] if heading else []

    @property
    def skipped(self) -> list[str]:
        """What it skipped, with the reasons."""
        return [line for line in self.output.splitlines() if line.startswith("SKIPPED")]


class InnerRuns:
    """Those that were started, by name."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._folder = tempfile.TemporaryDirectory(prefix="inner-", ignore_cleanup_errors=True)
        self._futures: dict[str, Future[Done]] = {}
        self._under_way: set[subprocess.Popen[str]] = set()

    def start(self, name: str, make: Callable[[Path], InnerRun]) -> None:
        """`make` gets a folder of its own."""
        folder = Path(self._folder.name) / re.sub(r"\W+", "-", name)
        folder.mkdir()
        self._futures[name] = self._pool.submit(self._run, make(folder))

    def result(self, name: str) -> Done:
        return self._futures[name].result()

    def close(self) -> None:
        """Whoever stops in the middle does not want the rest."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in tuple(self._under_way):
            process.kill()
        self._pool.shutdown()
        self._folder.cleanup()

    def _run(self, run: InnerRun) -> Done:
        with run.begin() as process:
            self._under_way.add(process)
            try:
                output, _ = process.communicate(timeout=LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()
                output = f"{process.communicate()[0]}\nnot at its end after {LIMIT:.0f} s"
            finally:
                self._under_way.discard(process)
            return Done(process.returncode, output)
