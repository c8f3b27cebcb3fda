"""Where things stand in the repository, and how the tools run programs and speak about it."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"  # everything the tools install or make for themselves
DIST = ROOT / "dist"  # the zips
OUT = ROOT / "out"  # pictures, reports

_began = time.monotonic()


class ToolError(Exception):
    """A step cannot be done; the text says why and what to do next."""


def say(text: str) -> None:
    """Print one progress line, led by the seconds since the command began."""
    print(f"[{time.monotonic() - _began:6.1f} s] {text}", flush=True)


@contextmanager
def step(what: str) -> Iterator[None]:
    """Print when `what` begins and, with its seconds, when it is done."""
    say(f"{what} ...")
    began = time.monotonic()
    yield
    say(f"{what}: done in {time.monotonic() - began:.1f} s")


def run(command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, timeout: float = 1800) -> str:
    """Run a program from the repository's root and return its output.

    Raises `ToolError` with the end of the output if it fails, cannot start or takes over `timeout` seconds.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            cwd=ROOT,
            env=None if env is None else dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"{' '.join(words[:4])} ...: {error}") from error
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-25:])
        raise ToolError(f"{' '.join(words)} failed with exit code {done.returncode}:\n{tail}")
    return done.stdout


def run_shown(command: Sequence[str | Path], *, env: Mapping[str, str] | None = None) -> int:
    """Run a program whose output goes straight to the terminal; return its exit code."""
    sys.stdout.flush()
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=ROOT, env=None if env is None else dict(env), check=False).returncode
