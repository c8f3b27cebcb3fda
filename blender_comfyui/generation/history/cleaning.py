"""What may be forgotten, and the deletion of it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import rows, writing
from .database import Database
from .pages import OPEN
from .places import Places
from .records import CleanUp, CleanUpPlan

_DAY = 24 * 3600.0
_MEMORY_ONLY = 30 * _DAY  # seconds that a result counts as unplaced while it is only in Blender's memory
_AT_ONCE = 500  # entries deleted in one go: others can write in between
_PROTECTED = f"""favourite OR {OPEN}
    OR number IN (SELECT job FROM files WHERE placement = 'waiting')
    OR (coalesce(ended, created) > ? AND number IN (SELECT job FROM files WHERE placement = 'placed'))"""


@dataclass(frozen=True)
class _File:
    """A file as the history knows it."""

    job: int
    number: int
    path: Path
    bytes: int

    def is_as_recorded(self) -> bool:
        """Whether it is there, and still what we put there: what somebody has changed since is theirs."""
        try:
            return self.path.is_file() and self.path.stat().st_size == self.bytes
        except (OSError, ValueError):
            return False


def plan(connection: sqlite3.Connection, policy: CleanUp, now: float) -> tuple[str, ...]:
    """The ids of the jobs that a policy lets go, oldest first."""
    protected = {n for (n,) in connection.execute(f"SELECT number FROM jobs WHERE {_PROTECTED}", (now - _MEMORY_ONLY,))}
    jobs = connection.execute("SELECT number, id, created FROM jobs ORDER BY number").fetchall()
    going: dict[int, str] = {}
    for place, (number, job_id, created) in enumerate(jobs):
        is_old = policy.older_than_days is not None and created < now - policy.older_than_days * _DAY
        is_beyond = policy.keep_newest is not None and len(jobs) - place > policy.keep_newest
        if (is_old or is_beyond) and number not in protected:
            going[number] = rows.restored(job_id)
    if policy.max_bytes is not None:
        sizes = dict(connection.execute("SELECT job, sum(bytes) FROM files GROUP BY job").fetchall())
        excess = sum(sizes.values()) - sum(sizes.get(number, 0) for number in going) - policy.max_bytes
        for number, job_id, _ in jobs:
            if excess > 0 and number not in protected and number not in going and sizes.get(number):
                going[number] = rows.restored(job_id)
                excess -= sizes[number]
    return tuple(going[number] for number in sorted(going))


def delete(
    database: Database,
    ids: Iterable[str],
    with_files: bool,
    is_held: Callable[[str], bool],
    dry_run: bool = False,
    spare: float | None = None,
) -> CleanUpPlan:
    """Forget the jobs among `ids`, or with `dry_run` only say what that would be. Not open ones whose owner lives, as
    `is_held` says.

    With the time `spare` not those that a clean-up must not touch, whatever happened to them since it was planned.
    """
    gone = CleanUpPlan()
    wanted = tuple(dict.fromkeys(ids))
    for first in range(0, len(wanted), _AT_ONCE):
        part = wanted[first : first + _AT_ONCE]
        act = _Deletion(part, with_files, is_held, dry_run, spare)
        run: Callable[[Callable[[sqlite3.Connection], None]], None] = database.read if dry_run else database.write
        run(act)
        if not dry_run:
            act.remove_files(database.places)
        files = tuple(file.path for file in act.files)
        gone = CleanUpPlan(gone.ids + act.ids, gone.files + files, gone.bytes + sum(file.bytes for file in act.files))
    return gone


class _Deletion:
    """Some jobs, in one transaction. Their files go after it: at worst one stays, but none is missed."""

    def __init__(
        self,
        wanted: Sequence[str],
        with_files: bool,
        is_held: Callable[[str], bool],
        dry_run: bool,
        spare: float | None,
    ) -> None:
        self._wanted = wanted
        self._is_held = is_held
        self._spare = spare
        self._with_files = with_files
        self._dry_run = dry_run

    def __call__(self, connection: sqlite3.Connection) -> None:
        found = self._found(connection)
        numbers = list(found)
        self.ids = tuple(found.values())
        self._all = _files(connection, numbers)
        kept = _named_elsewhere(connection, self._all, numbers) if self._with_files else set()
        self.files = [f for f in self._all if self._with_files and f.path not in kept and f.is_as_recorded()]
        self._names = found
        if not self._dry_run:
            writing.delete_jobs(connection, numbers)

    def _found(self, connection: sqlite3.Connection) -> dict[int, str]:
        """Numbers and ids of those that may go."""
        marks = ", ".join("?" * len(self._wanted))
        statement = f"SELECT number, id, owner, {OPEN} FROM jobs WHERE id IN ({marks})"
        values = list(rows.stored(self._wanted))
        if self._spare is not None:
            statement += f" AND NOT ({_PROTECTED})"
            values.append(self._spare - _MEMORY_ONLY)
        return {
            number: rows.restored(job_id)
            for number, job_id, owner, is_open in connection.execute(f"{statement} ORDER BY number", values)
            if not (is_open and self._is_held(rows.restored(owner)))
        }

    def remove_files(self, places: Places) -> None:
        thumbnails = [places.thumbnail(self._names[file.job], file.number) for file in self._all]
        for path in [*thumbnails, *(file.path for file in self.files)]:
            with contextlib.suppress(OSError):
                path.unlink()


def _files(connection: sqlite3.Connection, numbers: Sequence[int]) -> list[_File]:
    marks = ", ".join("?" * len(numbers))
    found = connection.execute(f"SELECT job, number, path, bytes FROM files WHERE job IN ({marks})", numbers)
    return [_File(job, number, Path(rows.restored(path)), size) for job, number, path, size in found]


def _named_elsewhere(connection: sqlite3.Connection, files: Sequence[_File], numbers: Sequence[int]) -> set[Path]:
    """Those of the files that belong to other jobs, too."""
    going = frozenset(numbers)
    return {
        file.path
        for file in files
        for (job,) in connection.execute("SELECT job FROM files WHERE path = ?", rows.stored([os.fspath(file.path)]))
        if job not in going
    }
