"""Who follows a job: of two Blenders that share one history, only the one that started it, or after its end another.

Each Session holds the lock of a small file for as long as it lives. The operating system lets go of the lock when
the process ends, however it ends: so an owner whose lock can be taken is gone.
"""

from __future__ import annotations

import contextlib
import logging
import uuid
from pathlib import Path

import filelock

log = logging.getLogger(__name__)


class Ownership:
    """One Session's claim on its jobs. `take`, `release` and `is_held` touch the disk: never on the main thread."""

    def __init__(self, folder: Path) -> None:
        self.id = uuid.uuid4().hex
        self._folder = folder
        self._lock: filelock.BaseFileLock | None = None

    def take(self) -> None:
        """Hold the lock from now on. On a disk without locks, nobody will know that we live."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock = filelock.FileLock(self._path(self.id), timeout=0)
            self._lock.acquire()
        except (OSError, NotImplementedError, filelock.Timeout):
            log.warning("no lock in %s", self._folder, exc_info=True)
            self._lock = None

    def release(self) -> None:
        if self._lock is not None:
            self._lock.release(force=True)
            self._lock = None
            self._remove(self.id)

    def is_held(self, owner: str) -> bool:
        """Whether the Session with this id still lives, here or in another process."""
        if owner == self.id:
            return True
        path = self._path(owner)
        if not owner.isalnum() or not path.is_file():
            return False
        try:
            with filelock.FileLock(path, timeout=0):
                pass
        except filelock.Timeout:
            return True
        except (OSError, NotImplementedError):
            return False
        self._remove(owner)
        return False

    def _path(self, owner: str) -> Path:
        return self._folder / f"{owner}.lock"

    def _remove(self, owner: str) -> None:
        with contextlib.suppress(OSError):
            self._path(owner).unlink(missing_ok=True)
