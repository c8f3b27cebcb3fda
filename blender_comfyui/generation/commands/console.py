"""What a command says, and where: results on stdout, all else on stderr, secrets nowhere."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TextIO

from ...comfy.redaction import Redactor
from ...workflow.library_files import written
from ..tasks.errors import InFile
from .exit_codes import CommandError, ExitCode
from .progress_bar import ProgressBar, printable

VERSION = 1
"""Of what --json prints. It grows when something is taken away or changes its meaning, not when something is added."""

_PACKAGE = __package__.rpartition(".generation")[0]


@dataclass(frozen=True)
class Result:
    """The end of a command: `facts` for machines, `lines` for people."""

    facts: Mapping[str, object] = field(default_factory=dict)
    lines: Sequence[str] = ()
    code: ExitCode = ExitCode.DONE
    error: Exception | None = None
    is_text: bool = False  # the lines are a file's text, as it is


class Console:
    """Two streams. With `as_json`, `out` gets one line and nothing else."""

    def __init__(
        self, out: TextIO, err: TextIO, *, as_json: bool = False, is_quiet: bool = False, json_file: Path | None = None
    ) -> None:
        self._out = out
        self._err = err
        self._as_json = as_json
        self._is_quiet = is_quiet
        self._json_file = json_file
        self._redactor = Redactor()

    def protect(self, secrets: frozenset[str]) -> None:
        """Say none of these from now on."""
        self._redactor = self._redactor.with_secrets(secrets)

    def bar(self, label: str) -> ProgressBar:
        """Return a bar for something called so."""
        return ProgressBar(self._err, self._redactor.hide_secrets(label), is_quiet=self._is_quiet)

    def note(self, sentence: str) -> None:
        """Tell a person something that is no result."""
        self._print(self._err, printable(self._redactor.hide_secrets(sentence)))

    def show(self, text: str) -> None:
        """Print what is no result of any verb."""
        self._print(self._out, text.rstrip())

    def finish(self, verb: str, result: Result) -> ExitCode:
        """Say how it ended; return the code, which is another one where not even that could be written."""
        if self._json_file is not None:
            try:
                save(self._json_file, self._object(verb, result))
            except OSError as error:
                sentence = f"{self._json_file} cannot be written: {error.strerror}."
                code = result.code or ExitCode.DISK
                result = replace(result, code=code, error=result.error or CommandError(sentence, ExitCode.DISK))
        if result.error is not None:
            self.note(str(result.error))
        if self._as_json:
            self._print(self._out, self._object(verb, result))
        else:
            self._say(result)
        return result.code

    def _object(self, verb: str, result: Result) -> str:
        facts = {
            "version": VERSION,
            "command": verb,
            "ok": result.code is ExitCode.DONE,
            "exit_code": int(result.code),
            "error": _told(result.error),
            **result.facts,
        }
        return json.dumps(self._hidden(facts))

    @contextlib.contextmanager
    def logging(self, is_verbose: bool) -> Iterator[None]:
        """Have the package's log on stderr, or not at all where nobody else takes it."""
        logger = logging.getLogger(_PACKAGE)
        handler: logging.Handler = _Log(self._err, self._redactor.__call__) if is_verbose else logging.NullHandler()
        level = logger.level
        logger.addHandler(handler)
        if is_verbose:
            logger.setLevel(logging.INFO)
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)

    def _say(self, result: Result) -> None:
        for line in result.lines:
            said = self._redactor.hide_secrets(line)
            self._print(self._out, said if result.is_text else printable_line(said))

    def _print(self, stream: TextIO, text: str) -> None:
        encoding = getattr(stream, "encoding", None) or "utf-8"
        try:
            stream.write(text.encode(encoding, "replace").decode(encoding) + "\n")
            stream.flush()
        except BrokenPipeError:  # whoever read it has had enough
            _forget(stream)

    def _hidden(self, value: object) -> object:
        if isinstance(value, str):
            return self._redactor.hide_secrets(value)
        if isinstance(value, Mapping):
            return {str(key): self._hidden(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._hidden(inner) for inner in value]
        return value


def save(path: Path, text: str) -> None:
    """Have a file with this text, whole or not at all. What is no plain file, such as /dev/null, is written to.

    Raises OSError.
    """
    data = text.encode() + b"\n"
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    with written(path.absolute()) as file:
        file.write(data)


class _Log(logging.Handler):
    def __init__(self, stream: TextIO, redact: Callable[[str], str]) -> None:
        super().__init__()
        self._stream = stream
        self._redact = redact
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(self._redact(self.format(record)) + "\n")
            self._stream.flush()


def printable_line(text: str) -> str:
    """Return a line that leaves a terminal as it is; its spaces stay."""
    return "".join(character if character.isprintable() else " " for character in text)


def _told(error: Exception | None) -> dict[str, object] | None:
    if error is None:
        return None
    kind = error.kind if isinstance(error, CommandError) else type(error).__name__
    told: dict[str, object] = {"kind": kind, "sentence": printable(str(error)) or kind}
    if isinstance(error, InFile) and error.path is not None:
        told |= {"file": str(error.path), "line": error.line, "key": error.key}
    return told


def _forget(stream: TextIO) -> None:
    """Python writes what is left when it ends, and would complain once more."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
