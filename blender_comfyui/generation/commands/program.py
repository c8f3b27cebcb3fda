"""From the words of a command line to an exit code. This is what Blender and `python -m blender_comfyui` call."""

from __future__ import annotations

import itertools
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from . import graphs, lookups, running, storyboards
from .command import Command
from .console import Console, Result
from .exit_codes import CommandError, ExitCode, code_of
from .interrupts import Interrupts, Stopped
from .parsing import VERBS, HelpWanted, parse
from .surroundings import Surroundings, default_environment, known_secrets, without_blender

_ACTS: Mapping[str, Callable[[Command], Result]] = {
    "run": running.run,
    "storyboard": storyboards.storyboard,
    "queue": lookups.queue,
    "cancel": lookups.cancel,
    "history": lookups.history,
    "models": lookups.models,
    "convert": graphs.convert,
    "check": graphs.check,
    "server": lookups.server,
}


def main(
    words: Sequence[str],
    surroundings: Surroundings | None = None,
    *,
    out: TextIO | None = None,
    err: TextIO | None = None,
    environment: Mapping[str, str] | None = None,
) -> int:
    """Do what the words say, and return the exit code. Raises nothing."""
    environment = default_environment() if environment is None else environment
    surroundings = surroundings or without_blender(environment)
    console = _console(words, out or sys.stdout, err or sys.stderr)
    console.protect(known_secrets(surroundings, environment))
    verb = next((word for word in words if word in VERBS), "")
    try:
        with Interrupts() as interrupts:
            options = parse(words, surroundings.program)
            verb = options.verb
            with (
                console.logging(options.verbose),
                Command(options, surroundings, console, interrupts, environment) as command,
            ):
                result = _ACTS[verb](command)
    except HelpWanted as wanted:
        console.show(str(wanted))
        return ExitCode.DONE
    except Stopped as stopped:
        result = Result(code=stopped.code, error=CommandError("Interrupted.", stopped.code))
    except Exception as error:
        result = Result(code=code_of(error), error=error)
        if result.code is ExitCode.UNFORESEEN:
            for line in traceback.format_exc().splitlines():
                console.note(line)
    return int(console.finish(verb, result))


def wants_json(words: Sequence[str]) -> bool:
    """Tell whether stdout belongs to a machine, also where the words are no command."""
    return "--json" in words


def _console(words: Sequence[str], out: TextIO, err: TextIO) -> Console:
    """Return a console for these words, before anything could be wrong with them."""
    path = next((after for word, after in itertools.pairwise(words) if word == "--json-file"), None)
    path = next((word.partition("=")[2] for word in words if word.startswith("--json-file=")), path)
    is_quiet = any(word in ("--quiet", "-q") for word in words)
    return Console(
        out, err, as_json=wants_json(words), is_quiet=is_quiet, json_file=Path(path) if path is not None else None
    )
