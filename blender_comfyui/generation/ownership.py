"""Who follows a job: of two Blenders that share one history, only the one that started it, or after its end another.

Each Session holds the lock of a small file for as long as it lives. The operating system lets go of the lock when
the process ends, however it ends: so an owner whose lock can be taken is gone. On a disk without locks the file says
which process lives; its owner's id tells that there is no lock to ask for.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import uuid
from pathlib import Path

import filelock

log = logging.getLogger(__name__)

_PATIENCE = 5.0  # seconds: somebody may just be looking whether we are gone
_UNLOCKED = "u"  # at the end of an id, behind its hexadecimal digits


class Ownership:
    """One Session's claim on its jobs. `take`, `release` and `is_held` touch the disk: never on the main thread.

    `id` is known when `take` has returned.
    """

    def __init__(self, folder: Path) -> None:
        self.id = uuid.uuid4().hex
        self._folder = folder
        self._lock: filelock.BaseFileLock | None = None

    def take(self) -> None:
        """Hold the lock from now on, and remove those of owners that are gone."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock = filelock.FileLock(self._path(self.id), timeout=_PATIENCE)
            self._lock.acquire()
        except (OSError, NotImplementedError, filelock.Timeout):
            log.warning("no lock in %s", self._folder, exc_info=True)
            self._live_without_lock()
        with contextlib.suppress(OSError):
            for path in list(self._folder.glob("*.lock")):
                self.is_held(path.stem)

    def release(self) -> None:
        if self._lock is not None:
            self._lock.release(force=True)
            self._lock = None
            self._remove(self.id)
        elif self.id.endswith(_UNLOCKED):
            self._remove(self.id)

    def is_held(self, owner: str) -> bool:
        """Whether the Session with this id still lives, here or in another process; also where that cannot be told.

        The file of one that is gone is removed.
        """
        if owner == self.id:
            return True
        path = self._path(owner)
        if not owner.isalnum() or not path.is_file():
            return False
        if owner.endswith(_UNLOCKED):
            return self._may_live(owner)
        try:
            with filelock.FileLock(path, timeout=0):
                # While it is locked, else somebody may come to hold the lock of a file that nobody finds any more.
                # Windows does not let us; there the lock does it when it is released.
                self._remove(owner)
        except (OSError, NotImplementedError, filelock.Timeout):
            return True
        return False

    def _live_without_lock(self) -> None:
        self._lock = None
        self._remove(self.id)
        self.id += _UNLOCKED
        with contextlib.suppress(OSError):
            self._path(self.id).write_text(f"{socket.gethostname()} {os.getpid()}", encoding="utf-8")

    def _may_live(self, owner: str) -> bool:
        try:
            host, _, process = self._path(owner).read_text(encoding="utf-8").rpartition(" ")
        except (OSError, ValueError):
            return True
        if host != socket.gethostname() or not _is_gone(process):
            return True
        self._remove(owner)
        return False

    def _path(self, owner: str) -> Path:
        return self._folder / f"{owner}.lock"

    def _remove(self, owner: str) -> None:
        with contextlib.suppress(OSError):
            self._path(owner).unlink(missing_ok=True)


def _is_gone(process: str) -> bool:
    """Whether no process of this machine has this number. Elsewhere than on POSIX, asking would end it."""
    if os.name != "posix" or not (process.isascii() and process.isdecimal() and 0 < int(process) < 1 << 31):
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return False
