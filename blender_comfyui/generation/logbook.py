"""The log in the user folder: what the package says of itself, without secrets, in files of bounded size. No bpy here.

Who logs only puts a record into a queue. One thread takes the secrets out, writes, and keeps the last lines for a
report. It listens to one logger, never to the root logger: other extensions' lines are no business of ours.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from logging.handlers import QueueHandler, RotatingFileHandler
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from ..comfy.redaction import Redactor

LINE = 8000  # characters of one record that are kept
_CROWDED = 5000  # records that may wait for a slow disk; more are left out
_PLACES = 30  # innermost frames of a traceback
_CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"


class Logbook:
    """Writes what the logger `name` and those below it say to `path`, `files` files of `max_bytes` in all.

    `start`, `stop` and `protect` belong to one thread, and none of them waits or touches the disk.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        redactor: Redactor | None = None,
        *,
        max_bytes: int = 1_000_000,
        files: int = 3,
        kept: int = 200,
    ) -> None:
        self.path = path
        self.opening = ""  # what the first line says, once that is known
        self.problem = ""  # why the file cannot be written, a sentence
        self.redactor = redactor or Redactor()
        self._logger = logging.getLogger(name)
        self._limits = (max_bytes, files - 1)
        self._lines: deque[str] = deque(maxlen=kept)
        self._troubles: deque[str] = deque(maxlen=10)
        self._handler: _Entrance | None = None
        self._before = (logging.NOTSET, True)

    @property
    def lines(self) -> tuple[str, ...]:
        """The last records, oldest first."""
        return tuple(self._lines)

    @property
    def troubles(self) -> tuple[str, ...]:
        """The last warnings and errors, oldest first, however much was said since."""
        return tuple(self._troubles)

    def protect(self, secrets: Iterable[str]) -> None:
        """From now on these are in no line."""
        unknown = frozenset(secrets) - self.redactor.secrets
        if unknown:
            self.redactor = self.redactor.with_secrets(unknown)

    def start(self, opening: Callable[[], str] = lambda: "The log begins.") -> None:
        """Begin to listen. The first line is what `opening` gives, which is asked on the log's own thread."""
        if self._handler is not None:
            return
        self._handler = _Entrance()
        self._before = (self._logger.level, self._logger.propagate)
        self._logger.addHandler(self._handler)
        self._logger.setLevel(logging.INFO)
        self._logger.propagate = False  # what others write down is not free of secrets
        arguments = (self._handler.entries, opening)
        threading.Thread(target=self._write, args=arguments, name="comfyui-log", daemon=True).start()

    def stop(self) -> None:
        """Leave the logger as it was. The thread writes what was said until now, and ends by itself."""
        if self._handler is None:
            return
        self._logger.removeHandler(self._handler)
        self._logger.setLevel(self._before[0])
        self._logger.propagate = self._before[1]
        self._handler.entries.put(None)
        self._handler = None

    def _write(self, entries: SimpleQueue[_Entry | None], opening: Callable[[], str]) -> None:
        file = _File(self.path, *self._limits, self._note)
        with contextlib.suppress(OSError):  # the first line will say why
            self.path.parent.mkdir(parents=True, exist_ok=True)
        self.opening = _said(opening)
        self._take(_Entry(time.time(), logging.INFO, self._logger.name, self.opening), file)
        while (entry := entries.get()) is not None:
            self._take(entry, file)
        file.close()

    def _take(self, entry: _Entry, file: _File) -> None:
        line = self._line(entry)
        self._lines.append(line)
        if entry.level >= logging.WARNING:
            self._troubles.append(line)
        record = logging.makeLogRecord({"msg": line, "levelno": entry.level})
        file.handle(record)
        if entry.level >= logging.ERROR and logging.lastResort is not None:
            logging.lastResort.handle(record)  # Blender's console, as without us

    def _line(self, entry: _Entry) -> str:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.created))
        where = entry.name.removeprefix(self._logger.name).lstrip(".") or "log"
        text = entry.message if entry.raised is None else f"{entry.message}\n{entry.raised}"
        text = self.redactor(text[: 2 * LINE])  # cut first, half a secret would not be known
        text = (text if len(text) <= LINE else f"{text[:LINE]} …").rstrip()
        text = text.replace("\n", "\n    ")  # what begins at the margin is a record
        return f"{when}.{entry.created % 1 * 1000:03.0f} {logging.getLevelName(entry.level)} {where}: {text}"

    def _note(self, problem: str) -> None:
        self.problem = problem


@dataclass(frozen=True)
class _Raised:
    """An exception as texts and places, outermost first. Its frames would keep Blender's data alive in our thread,
    and the lines of code are on disk, so they are read there too."""

    said: str
    places: tuple[tuple[str, int, str], ...]
    before: _Raised | None = None
    joint: str = ""

    @classmethod
    def of(cls, error: BaseException, depth: int = 5) -> _Raised:
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        frames = [(frame.f_code, line) for frame, line in traceback.walk_tb(error.__traceback__)]
        return cls(
            "".join(traceback.format_exception_only(error)),
            tuple((code.co_filename, line, code.co_name) for code, line in frames[-_PLACES:]),
            cls.of(cause, depth - 1) if cause is not None and depth else None,
            _CAUSE if error.__cause__ else _CONTEXT,
        )

    def __str__(self) -> str:
        before = f"{self.before}{self.joint}" if self.before else ""
        frames = [traceback.FrameSummary(*place, lookup_line=False) for place in self.places]
        code = "".join(traceback.StackSummary.from_list(frames).format())
        return f"{before}Traceback (most recent call last):\n{code}{self.said}"


@dataclass(frozen=True)
class _Entry:
    """What crosses from who logs to the log's thread: texts and numbers only. `created` in seconds since 1970."""

    created: float
    level: int
    name: str
    message: str
    raised: _Raised | None = None


class _Entrance(QueueHandler):
    """Takes a record on the thread of whoever logs, as cheaply as can be."""

    def __init__(self) -> None:
        self.entries: SimpleQueue[_Entry | None] = SimpleQueue()
        super().__init__(self.entries)

    def prepare(self, record: logging.LogRecord) -> Any:
        error = record.exc_info[1] if record.exc_info else None
        raised = _Raised.of(error) if error is not None else None
        return _Entry(record.created, record.levelno, record.name, record.getMessage(), raised)

    def enqueue(self, record: Any) -> None:
        if self.entries.qsize() < _CROWDED:
            self.entries.put(record)


class _File(RotatingFileHandler):
    """The files. What they do not take is noted, once, and never stops anybody."""

    def __init__(self, path: Path, max_bytes: int, older: int, note: Callable[[str], None]) -> None:
        super().__init__(
            path, maxBytes=max_bytes, backupCount=older, encoding="utf-8", errors="backslashreplace", delay=True
        )
        self._note = note

    def doRollover(self) -> None:  # noqa: N802
        with contextlib.suppress(OSError):  # on Windows, while a second Blender has it open: go on in the same file
            super().doRollover()

    def handleError(self, _record: logging.LogRecord) -> None:  # noqa: N802
        self._note(f"The log cannot be written: {sys.exception()}.")


def _said(opening: Callable[[], str]) -> str:
    try:
        return opening()
    except Exception as error:
        return f"The log begins. ({type(error).__name__}: {error})"
