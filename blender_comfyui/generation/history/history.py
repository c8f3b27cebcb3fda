"""Every request and what became of it, on disk. Blocking: never on Blender's main thread; the Desk is for that."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from ..outcome import JobState, Outcome
from ..ownership import Ownership
from ..request import Request
from . import cleaning, figures, pages, rows, writing
from .database import Database
from .records import EVERYTHING, CleanUp, CleanUpPlan, Durations, Filter, Page, Placement, Record, Sort, Statistics


class History:
    """The history in `folder`. Safe for any number of threads, and of processes with the same folder.

    Opens at first use. Every method raises HistoryUnavailable, with a sentence, when the file cannot be opened, read
    or written, and after `close`.
    """

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self._clock = clock
        self._database = Database(folder)
        self._ownership = Ownership(self._database.places.owners)  # to ask about others; nothing is ours

    @property
    def notice(self) -> str:
        """'' or a sentence about something that a person should know, such as a damaged history rebuilt."""
        return self._database.notice

    def add(
        self,
        job_id: str,
        request: Request,
        server: str,
        owner: str,
        rank: float,
        *,
        imported: bool = False,
        sent: float | None = None,
        state: JobState = JobState.WAITING,
        outcome: Outcome | None = None,
    ) -> None:
        """Write down a new job; it is on the disk itself when this returns. One that is there stays as it is.

        `sent` and an open `state` are for what is on the server already, `outcome` for what has ended before it began:
        nobody sees it open.
        """
        given = {"server": server, "owner": owner, "rank": rank, "imported": imported, "sent": sent, "state": state}

        def act(connection: sqlite3.Connection) -> None:
            now = self._clock()
            number = writing.insert_job(connection, job_id, request, {**given, "created": now})
            if number is not None and outcome is not None:
                writing.end_job(connection, number, outcome, now)
            self._database.places.remember(request.folder)

        self._database.write(act, durable=True)

    def update(
        self,
        job_id: str,
        *,
        state: JobState | None = None,
        sent: float | None = None,
        started: float | None = None,
        server_version: str | None = None,
        request: Request | None = None,
        rank: float | None = None,
        owner: str | None = None,
    ) -> None:
        """Change what is given of an open job; what is None stays as it is. A job that has ended stays as it is.

        With `sent` it is on the disk itself when this returns: what was never sent is sent again after a crash.
        """
        changes = {
            "state": state,
            "sent": sent,
            "started": started,
            "server_version": server_version,
            "rank": rank,
            "owner": owner,
        }
        given = {name: value for name, value in changes.items() if value is not None}

        def act(connection: sqlite3.Connection) -> None:
            number = _open_number(connection, job_id)
            if number is not None:
                writing.change_job(connection, number, given)
            if number is not None and request is not None:
                writing.replace_request(connection, number, request)

        self._database.write(act, durable=sent is not None)

    def end(self, job_id: str, outcome: Outcome, when: float) -> None:
        """The end of a job, with its files waiting to be placed. A second end changes nothing.

        Files that are listed already stay as they are, whatever the end of a job that was opened again: what is on
        the disk is not forgotten. One whose outcome `stays_open` does so here, too: what came of it is noted, and that
        nobody follows it.
        """

        def act(connection: sqlite3.Connection) -> None:
            number = _open_number(connection, job_id)
            if number is not None:
                writing.end_job(connection, number, outcome, when)

        self._database.write(act)

    def adopt(self, job_id: str, owner: str, new_owner: str) -> bool:
        """Take over an open job from `owner`. False when it is somebody else's already, or has ended."""
        statement = f"UPDATE jobs SET owner = ?, left_alone = 1 WHERE id = ? AND owner = ? AND {pages.OPEN}"
        return self._change(statement, new_owner, job_id, owner)

    def reopen(self, job_id: str, owner: str) -> bool:
        """Make an ended job an open one of `owner` again, to look once more for what the server may have of it.

        True when that was done: for jobs that were sent, and are lost, or failed so that looking again can help
        (`Record.recoverable`). Anything else stays as it is. Files, texts and error stay until a new end.
        """
        return self._database.write(lambda c: writing.reopen_job(c, job_id, owner))

    def record(self, job_id: str) -> Record | None:
        """Everything about one job, its request included; None for an id that is not there."""
        found = self._database.read(lambda c: pages.whole(c, "WHERE jobs.id = ?", (job_id,)))
        return found[0] if found else None

    def find(self, which: Filter = EVERYTHING, sort: Sort = Sort.NEWEST, offset: int = 0, size: int = 24) -> Page:
        """One page of the records that `which` lets through, without their requests."""
        return self._database.read(lambda c: pages.page(c, which, sort, offset, size, self._ownership.is_held))

    def open_jobs(self, server: str) -> tuple[Record, ...]:
        """The jobs for `server` that have not ended, in the order of their rank, with their requests."""
        where = f"WHERE {pages.OPEN} AND server = ? ORDER BY rank, number"
        return self._database.read(lambda c: pages.whole(c, where, (server,)))

    def last_rank(self, server: str) -> float:
        """The greatest rank of the open jobs for `server`; 0.0 where there are none."""
        statement = f"SELECT rank FROM jobs WHERE {pages.OPEN} AND server = ? ORDER BY rank DESC LIMIT 1"
        found = self._database.read(lambda c: c.execute(statement, rows.stored([server])).fetchone())
        return float(found[0]) if found else 0.0

    def waiting(self, blend_id: str, blend_path: str) -> tuple[Record, ...]:
        """Ended jobs of this .blend (either matches) with files that are not safe in it yet, oldest first.

        With '' and '' those of all files.
        """
        ours = {name: value for name, value in (("blend_id", blend_id), ("blend_path", blend_path)) if value}
        of_this = " OR ".join(f"{name} = ?" for name in ours) or "1"
        where = (
            f"WHERE ({of_this}) AND NOT {pages.OPEN} AND number IN"
            " (SELECT job FROM files WHERE placement IN ('waiting', 'placed')) ORDER BY number"
        )
        return self._database.read(lambda c: pages.whole(c, where, tuple(ours.values())))

    def place(self, job_id: str, number: int, placement: Placement, placed_as: str = "") -> None:
        """Write down where the `number`-th file of a job is now."""
        self._change(
            "UPDATE files SET placement = ?, placed_as = ?"
            " WHERE number = ? AND job = (SELECT number FROM jobs WHERE id = ?)",
            placement.value,
            placed_as,
            number,
            job_id,
        )

    def favourite(self, job_id: str, value: bool) -> None:
        self._change("UPDATE jobs SET favourite = ? WHERE id = ?", value, job_id)

    def delete(self, ids: Iterable[str], with_files: bool) -> CleanUpPlan:
        """Forget these jobs; `with_files` also the files that were recorded as theirs, except those changed since.
        An open one counts as given up, unless a running Blender looks after it: that stays. Says what is gone."""
        return cleaning.delete(self._database, ids, with_files, self._ownership.is_held)

    def clean_up(self, policy: CleanUp, dry_run: bool) -> CleanUpPlan:
        """Remove what `policy` lets go, or with `dry_run` only say what that would be."""
        now = self._clock()
        ids = self._database.read(lambda c: cleaning.plan(c, policy, now))
        is_held = self._ownership.is_held
        return cleaning.delete(self._database, ids, policy.with_files, is_held, dry_run, spare=now)

    def statistics(self) -> Statistics:
        """How all jobs so far fared."""
        return self._database.read(figures.figures)

    def durations(self, server: str) -> Mapping[tuple[str, str], Durations]:
        """How long the finished jobs of each task and tier took on one server."""
        return self._database.read(lambda c: figures.durations(c, server))

    def close(self) -> None:
        self._database.close()

    def _change(self, statement: str, *values: object) -> bool:
        """Whether anything was changed."""
        return self._database.write(lambda c: c.execute(statement, rows.stored(values)).rowcount) > 0


def _open_number(connection: sqlite3.Connection, job_id: str) -> int | None:
    statement = f"SELECT number FROM jobs WHERE id = ? AND {pages.OPEN}"
    found = connection.execute(statement, rows.stored([job_id])).fetchone()
    return None if found is None else int(found[0])
