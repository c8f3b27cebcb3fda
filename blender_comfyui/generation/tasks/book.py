"""The files of quality tiers as they are now: the bundled one, the user's over it, and a studio's over both.

What changes on the disk is picked up without a restart. A file that cannot be used is said, and what it last said that
could be used stays in force.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from ...workflow import bundled
from ...workflow.wildcards import Lists, read_lists
from .errors import InFile, InvalidQualityTierError
from .layers import combined
from .records import Configuration
from .schema import Layer, read_layer

log = logging.getLogger(__name__)

FILE = "quality_mappings.yaml"
LISTS = "wildcards"
"""The folder of the lists that prompts choose from."""
_LOOK = 1.0  # seconds between two looks at the files

_Stamp: TypeAlias = tuple[tuple[str, int, int], ...]


@dataclass
class _Source:
    """One file. ``must_exist`` is for one that somebody named."""

    path: Path
    must_exist: bool
    stamp: _Stamp | None = None
    files: dict[Path, None] = field(default_factory=dict)
    good: Layer = field(default_factory=Layer)
    problem: InFile | None = None

    def stamp_now(self) -> _Stamp:
        return tuple(_stamp(path) for path in (self.path, *self.files))


class _ListFolder:
    """A folder of lists; read anew where one of them has changed."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._stamp: _Stamp = ()
        self._lists: Lists = {}

    def read(self) -> Lists:
        """Return all lists: the same object as long as none has changed."""
        stamp = tuple(_stamp(path) for path in sorted(self._folder.rglob("*.txt"))) if self._folder else ()
        if self._folder and stamp != self._stamp:
            self._stamp, self._lists = stamp, read_lists(self._folder)
        return self._lists


class TaskBook:
    """All tasks and tiers. Safe for any number of threads.

    Reading waits for the disk. While `watch` runs, a thread of its own does that, and `current` never waits.
    """

    def __init__(self, user: Path | None = None, studio: Path | None = None, lists: Path | None = None) -> None:
        """`user` is a file that need not be there, `studio` one that somebody named; `lists` the folder of the lists
        that prompts choose from."""
        self._lists = _ListFolder(lists)
        self._reading = threading.Lock()  # held while the disk is waited for
        self._last: Configuration | None = None
        self._problems: tuple[InFile, ...] = ()
        self._wake = threading.Event()
        self._watching = False
        self._sources = _sources(user, studio)

    def use(self, user: Path | None, studio: Path | None) -> None:
        """Read these files from now on; returns at once."""
        self._sources = _sources(user, studio)
        self._wake.set()

    def current(self) -> Configuration:
        """Return all tasks; where nothing watches the files, they are looked at now."""
        last = self._last
        if last is not None and self._watching:
            return last
        return self.refresh()

    @property
    def last(self) -> Configuration | None:
        """All tasks as they were when the files were last read, without waiting; None before that."""
        return self._last

    @property
    def problems(self) -> tuple[InFile, ...]:
        """What is wrong with files as they were when they were last read, each with file and line."""
        return self._problems

    def refresh(self) -> Configuration:
        """Read what has changed on the disk, and return all tasks."""
        with self._reading:
            sources = self._sources
            changed = [source for source in sources if source.stamp != source.stamp_now()]
            last = self._last
            lists = self._lists.read()
            if changed or last is None:
                for source in changed:
                    _read(source, sources)
                for source in sources:
                    if source.problem and changed != [source]:  # it may go with what the others say now
                        _read(source, sources)
                last = combined([source.good for source in sources])
                self._tell(tuple(source.problem for source in sources if source.problem))
            if last.lists is not lists:
                last = replace(last, lists=lists)
            self._last = last
            return last

    def watch(self) -> None:
        """Look at the files once a second from now on, in a thread of its own, until `close`. Call it once."""
        self._watching = True
        threading.Thread(target=self._run, name="comfyui-tiers", daemon=True).start()

    def close(self) -> None:
        """End the thread; returns at once."""
        self._watching = False
        self._wake.set()

    def _tell(self, problems: tuple[InFile, ...]) -> None:
        told = {str(problem) for problem in self._problems}
        for problem in problems:
            if str(problem) not in told:
                log.warning("quality tiers: %s", problem)
        self._problems = problems

    def _run(self) -> None:
        while self._watching:
            self._wake.clear()
            try:
                self.refresh()
            except Exception:  # the thread looks again
                log.exception("quality tiers")
            self._wake.wait(_LOOK)


def _sources(user: Path | None, studio: Path | None) -> list[_Source]:
    named = [(user, False), (studio, True)]
    return [
        _Source(bundled.folder() / FILE, True),
        *(_Source(path, must_exist) for path, must_exist in named if path is not None),
    ]


def _read(source: _Source, sources: list[_Source]) -> None:
    """Take over what a file says, if all of it together can be used."""
    files: dict[Path, None] = {}
    before, source.problem, source.files = source.good, None, files
    source.stamp = source.stamp_now()  # before reading: what changes meanwhile is read again
    try:
        source.good = read_layer(source.path, files) if _is_there(source) else Layer()
        combined([other.good for other in sources if other.stamp is not None], source.path)
    except (InFile, OSError, ValueError) as error:  # the last one is a path that is none
        source.good = before
        source.problem = error if isinstance(error, InFile) else _unreadable(source.path, error)
    source.stamp = source.stamp[:1] + tuple(_stamp(path) for path in files)


def _is_there(source: _Source) -> bool:
    return source.must_exist or source.path.is_file()


def _stamp(path: Path) -> tuple[str, int, int]:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return str(path), 0, -1
    return str(path), found.st_mtime_ns, found.st_size


def _unreadable(path: Path, error: OSError | ValueError) -> InvalidQualityTierError:
    reason = (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__
    return InvalidQualityTierError(f"{path.name} in {path.parent} cannot be read: {reason}.", path=path)
