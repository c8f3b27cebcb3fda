"""Every request and what became of it, on disk. Blocking: never on Blender's main thread; the Desk is for that."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..outcome import JobState, Outcome
from ..request import Request
from . import rows
from .database import Database
from .records import (
    EVERYTHING,
    CleanUp,
    CleanUpPlan,
    Figures,
    FileRecord,
    Filter,
    Page,
    Placement,
    Record,
    Sort,
    Statistics,
)

_SELECT = f"SELECT {', '.join(f'jobs.{name}' for name in rows.COLUMNS)}, facts, result"
_FROM = " FROM jobs JOIN requests ON requests.job = jobs.number "
_OPEN = "state IN ('waiting', 'queued', 'running', 'downloading')"
_ORDER = {
    Sort.NEWEST: "created DESC, number DESC",
    Sort.OLDEST: "created, number",
    Sort.LONGEST: "seconds DESC, number DESC",
    Sort.PROMPT: "number",
}


class History:
    """The history in `folder`. Safe for any number of threads, and of processes with the same folder.

    Opens at first use. Every method raises HistoryUnavailable, with a sentence, when the file cannot be opened, read
    or written, and after `close`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._database = Database(folder / "history.sqlite")

    @property
    def notice(self) -> str:
        """'' or a sentence about something that a person should know, such as a damaged history rebuilt."""
        return self._database.notice

    def add(
        self, job_id: str, request: Request, server: str, owner: str, rank: float, *, imported: bool = False
    ) -> None:
        """Write down a new job; it is on the disk itself when this returns. One that is there stays as it is."""

        def act(connection: sqlite3.Connection) -> None:
            context = request.context
            cursor = connection.execute(
                "INSERT OR IGNORE INTO jobs (id, state, task, tier, server, owner, blend_id, blend_path, created,"
                " rank, imported) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
                (
                    job_id,
                    JobState.WAITING.value,
                    request.task,
                    request.tier,
                    server,
                    owner,
                    context.get("blend_id", ""),
                    context.get("blend", ""),
                    time.time(),
                    rank,
                    imported,
                ),
            )
            if cursor.rowcount:
                connection.execute(
                    "INSERT INTO requests (job, facts, body) VALUES (?,?,?)",
                    (cursor.lastrowid, rows.facts(request), rows.packed(request)),
                )

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
        """Change what is given of an open job; what is None stays as it is. A job that has ended stays as it is."""
        changes = {
            "state": state and state.value,
            "sent": sent,
            "started": started,
            "server_version": server_version,
            "rank": rank,
            "owner": owner,
        }
        given = {name: value for name, value in changes.items() if value is not None}

        def act(connection: sqlite3.Connection) -> None:
            number = _open_number(connection, job_id)
            if number is None:
                return
            if given:
                sets = ", ".join(f"{name} = ?" for name in given)
                connection.execute(f"UPDATE jobs SET {sets} WHERE number = ?", (*given.values(), number))
            if request is not None:
                connection.execute(
                    "UPDATE requests SET facts = ?, body = ? WHERE job = ?",
                    (rows.facts(request), rows.packed(request), number),
                )

        self._database.write(act)

    def end(self, job_id: str, outcome: Outcome, when: float) -> None:
        """The end of a job, with its files waiting to be placed. A second end changes nothing."""

        def act(connection: sqlite3.Connection) -> None:
            number = _open_number(connection, job_id)
            if number is None:
                return
            connection.execute(
                "UPDATE jobs SET state = ?, ended = ?, seconds = ? WHERE number = ?",
                (outcome.state.value, when, outcome.seconds, number),
            )
            connection.execute("UPDATE requests SET result = ? WHERE job = ?", (rows.result(outcome), number))
            for count, output in enumerate(outcome.outputs, 1):
                size = output.path.stat().st_size if output.path.is_file() else 0
                connection.execute(
                    "INSERT INTO files (job, number, path, node_id, node_title, kind, type, bytes, placement)"
                    " VALUES (?,?,?,?,?,?,?,?,?)",
                    (
                        number,
                        count,
                        str(output.path),
                        output.node_id,
                        output.node_title,
                        output.kind,
                        output.type,
                        size,
                        Placement.WAITING.value,
                    ),
                )

        self._database.write(act)

    def adopt(self, job_id: str, owner: str, new_owner: str) -> bool:
        """Take over an open job from `owner`. False when it is somebody else's already, or has ended."""
        sql = f"UPDATE jobs SET owner = ? WHERE id = ? AND owner = ? AND {_OPEN}"
        return self._database.write(lambda c: c.execute(sql, (new_owner, job_id, owner)).rowcount) > 0

    def reopen(self, job_id: str, owner: str) -> bool:
        """Make a failed or lost job an open one of `owner` again, its files to be fetched anew; False when it is
        neither."""

        def act(connection: sqlite3.Connection) -> bool:
            sql = (
                "UPDATE jobs SET state = iif(sent IS NULL, 'waiting', 'queued'), ended = NULL, seconds = 0, owner = ?"
                " WHERE id = ? AND state IN ('failed', 'lost') RETURNING number"
            )
            for (number,) in connection.execute(sql, (owner, job_id)).fetchall():
                connection.execute("UPDATE requests SET result = '{}' WHERE job = ?", (number,))
                connection.execute("DELETE FROM files WHERE job = ?", (number,))
                return True
            return False

        return self._database.write(act)

    def record(self, job_id: str) -> Record | None:
        """Everything about one job, its request included; None for an id that is not there."""
        return next(iter(self._database.read(lambda c: _whole(c, "WHERE jobs.id = ?", (job_id,)))), None)

    def find(self, which: Filter = EVERYTHING, sort: Sort = Sort.NEWEST, offset: int = 0, size: int = 24) -> Page:
        """One page of the records that `which` lets through, without their requests."""

        def act(connection: sqlite3.Connection) -> Page:
            pattern = "%" + which.text.strip() + "%"
            total = connection.execute(f"SELECT count(*) {_FROM} WHERE facts LIKE ?", (pattern,)).fetchone()[0]
            found = _all(
                connection,
                f"{_SELECT} {_FROM} WHERE facts LIKE ? ORDER BY {_ORDER[sort]} LIMIT ? OFFSET ?",
                (pattern, size, offset),
            )
            return Page(
                tuple(rows.record(row, _files(connection, row["number"])) for row in found), total, offset, size
            )

        return self._database.read(act)

    def open_jobs(self, server: str) -> tuple[Record, ...]:
        """The jobs for `server` that have not ended, in the order of their rank, with their requests."""
        where = f"WHERE {_OPEN} AND server = ? ORDER BY rank, number"
        return self._database.read(lambda c: _whole(c, where, (server,)))

    def waiting(self, blend_id: str, blend_path: str) -> tuple[Record, ...]:
        """Ended jobs of this .blend (either matches) with files that are not safe in it yet, oldest first.

        With '' and '' those of all files.
        """
        ours = "(blend_id = ?1 AND ?1 != '') OR (blend_path = ?2 AND ?2 != '') OR (?1 = '' AND ?2 = '')"
        where = (
            f"WHERE ({ours}) AND number IN (SELECT job FROM files WHERE placement IN ('waiting', 'placed'))"
            " ORDER BY created, number"
        )
        return self._database.read(lambda c: _whole(c, where, (blend_id, blend_path)))

    def place(self, job_id: str, number: int, placement: Placement, placed_as: str = "") -> None:
        """Write down where the `number`-th file of a job is now."""
        self._database.write(
            lambda c: c.execute(
                "UPDATE files SET placement = ?, placed_as = ?"
                " WHERE number = ? AND job = (SELECT number FROM jobs WHERE id = ?)",
                (placement.value, placed_as, number, job_id),
            )
        )

    def favourite(self, job_id: str, value: bool) -> None:
        self._database.write(lambda c: c.execute("UPDATE jobs SET favourite = ? WHERE id = ?", (value, job_id)))

    def delete(self, ids: Iterable[str], with_files: bool) -> CleanUpPlan:
        """Forget these jobs, open ones excepted; with their files on disk if asked."""
        wanted = tuple(ids)

        def act(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM jobs WHERE id = ?", [(job_id,) for job_id in wanted])

        self._database.write(act)
        del with_files
        return CleanUpPlan(wanted)

    def clean_up(self, policy: CleanUp, dry_run: bool) -> CleanUpPlan:
        """Remove what `policy` says, or with `dry_run` only say what that would be."""
        del policy, dry_run
        return CleanUpPlan()

    def statistics(self) -> Statistics:
        """How all jobs so far fared."""
        return Statistics(Figures(0, 0, 0, 0, 0, None, None))

    def setting(self, key: str) -> str:
        """A small text that was kept under `key`, or ''."""
        found = self._database.read(lambda c: c.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone())
        return found[0] if found else ""

    def set_setting(self, key: str, value: str) -> None:
        self._database.write(lambda c: c.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value)))

    def close(self) -> None:
        self._database.close()


def _open_number(connection: sqlite3.Connection, job_id: str) -> int | None:
    found = connection.execute("SELECT number, state FROM jobs WHERE id = ?", (job_id,)).fetchone()
    return None if found is None or JobState(found[1]).is_terminal else int(found[0])


def _all(connection: sqlite3.Connection, statement: str, values: Sequence[object]) -> list[dict[str, object]]:
    cursor = connection.execute(statement, values)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def _whole(connection: sqlite3.Connection, where: str, values: Sequence[object]) -> tuple[Record, ...]:
    return tuple(
        rows.record(row, _files(connection, row["number"]), rows.unpacked(row["body"]))  # type: ignore[arg-type]
        for row in _all(connection, f"{_SELECT}, body {_FROM} {where}", values)
    )


def _files(connection: sqlite3.Connection, job: object) -> tuple[FileRecord, ...]:
    found = _all(connection, "SELECT * FROM files WHERE job = ? ORDER BY number", (job,))
    return tuple(rows.file_record(row) for row in found)
