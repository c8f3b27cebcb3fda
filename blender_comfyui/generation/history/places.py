"""Where a history is, and being alone with it."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import filelock

from .trouble import HistoryUnavailable

_WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)  # what a disk says that has none
_LONG_WORK = 300.0  # seconds that another process may be at work on it: migrating, rebuilding


class Places:
    """The files of a history."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "history.sqlite"
        self.log = folder / "history.sqlite-wal"  # SQLite's own: changes that are not in the file yet
        self.index_of_log = folder / "history.sqlite-shm"
        self.new = folder / "history.new.sqlite"  # in the making
        self.rebuilt = folder / "history.rebuilt.sqlite"  # whole, on its way to its place
        self.evidence = folder / "history.evidence.sqlite"  # a damaged one as it was found
        self.in_use = folder / "history.open"  # is there while a log belongs to the file
        self.thumbnails = folder / "thumbnails"
        self.outputs = folder / "outputs"
        self.owners = folder / "owners"  # locks of those who look after open jobs: see ownership.py
        self._guard = folder / "history.lock"
        self._folders = folder / "folders.txt"
        self._remembered: set[Path] = set()

    def identity(self) -> tuple[int, int] | None:
        """Tells the file from another in its place; None while there is none."""
        try:
            found = self.file.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def has_traces(self) -> bool:
        """Whether a history has been here, be there one now or not."""
        return any(path.exists() for path in (self.in_use, self._folders, self.thumbnails))

    @contextlib.contextmanager
    def guarded(self, patience: float = _LONG_WORK) -> Iterator[None]:
        """Alone among all threads and processes. Raises HistoryUnavailable when another one does not come to an
        end in `patience` seconds, OSError where the folder cannot be written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(self._guard, timeout=patience)
        try:
            lock.acquire()
        except filelock.Timeout as error:
            sentence = f"Another Blender is at work on the history in {self.folder}. Wait for it, or close it."
            raise HistoryUnavailable(sentence) from error
        except (NotImplementedError, OSError) as error:
            if isinstance(error, OSError) and error.errno not in _WITHOUT_LOCKS:
                raise
        try:
            yield
        finally:
            lock.release(force=True)

    def remember(self, results: Path | None) -> None:
        """Note a folder with results in a file of its own: it must be known also when the history is damaged."""
        if results is None or results in self._remembered or "\n" in str(results):
            return
        if results != self.outputs and results not in self._noted():
            with self._folders.open("ab") as file:
                file.write(os.fsencode(results) + b"\n")
        self._remembered.add(results)

    def folders(self, more: Iterable[Path] = ()) -> tuple[Path, ...]:
        """All folders that are known to have results."""
        return tuple(dict.fromkeys([self.outputs, *self._noted(), *more]))

    def _noted(self) -> list[Path]:
        try:
            lines = self._folders.read_bytes().splitlines()
        except OSError:
            return []
        return [Path(os.fsdecode(line)) for line in lines if line and b"\0" not in line]

    def thumbnail(self, job_id: str, number: int) -> Path:
        return self.thumbnails / job_id[:2] / f"{job_id}_{number}.webp"
