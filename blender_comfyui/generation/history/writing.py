"""Rows going in, inside a transaction of the caller's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..outcome import JobState, Outcome, Output, numbered
from ..request import Request
from . import rows, search
from .records import Placement


def insert_job(
    connection: sqlite3.Connection,
    job_id: str,
    request: Request,
    given: Mapping[str, object],
) -> int | None:
    """A new job, with what is `given` of its columns; its number, or None when there is one with this id."""
    facts = rows.facts(request)
    text = search.folded(rows.searched(facts))
    values = {
        "id": job_id,
        "task": request.task,
        "tier": request.tier,
        "blend_id": request.context.get("blend_id", ""),
        "blend_path": request.context.get("blend", ""),
        "project": request.context.get("storyboard", "") or request.context.get("grid", ""),
        "alphabet": rows.alphabet(text),
        **given,
    }
    statement = f"INSERT OR IGNORE INTO jobs ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})"
    cursor = connection.execute(statement, rows.stored(values.values()))
    number = cursor.lastrowid
    if not cursor.rowcount or number is None:
        return None
    body = rows.packed(request)
    connection.execute("INSERT INTO requests (job, facts, body) VALUES (?, ?, ?)", (number, facts, body))
    search.put(connection, number, text)
    return number


def change_job(connection: sqlite3.Connection, number: int, given: Mapping[str, object]) -> None:
    """New values for columns of a job."""
    if given:
        sets = ", ".join(f"{name} = ?" for name in given)
        connection.execute(f"UPDATE jobs SET {sets} WHERE number = ?", rows.stored([*given.values(), number]))


def replace_request(connection: sqlite3.Connection, number: int, request: Request) -> None:
    """The request of a job as it is now."""
    facts = rows.facts(request)
    values = (facts, rows.packed(request), number)
    connection.execute("UPDATE requests SET facts = ?, body = ? WHERE job = ?", values)
    text = search.folded(rows.searched(facts))
    if search.text_of(connection, number) != text:
        search.remove(connection, number)
        search.put(connection, number, text)
        connection.execute("UPDATE jobs SET alphabet = ? WHERE number = ?", (rows.alphabet(text), number))


def end_job(connection: sqlite3.Connection, number: int, outcome: Outcome, when: float) -> None:
    """What is known of it beside its state stays known, unless the outcome tells it anew."""
    if outcome.stays_open:
        # nobody's: whoever sees its server again first takes it, and until then the lists show it
        connection.execute("UPDATE jobs SET owner = '', left_alone = 1 WHERE number = ?", (number,))
    else:
        values = (outcome.state.value, when, outcome.seconds, number)
        connection.execute("UPDATE jobs SET state = ?, ended = ?, seconds = ? WHERE number = ?", values)
    for (before,) in connection.execute("SELECT result FROM requests WHERE job = ?", (number,)).fetchall():
        result = rows.result(outcome, before)
        connection.execute("UPDATE requests SET result = ? WHERE job = ?", (result, number))
    add_files(connection, number, outcome.outputs, Placement.WAITING)


def reopen_job(connection: sqlite3.Connection, job_id: str, owner: str) -> bool:
    """Whether there was one that looking for it again can help."""
    found = connection.execute(
        "SELECT number, state, result FROM jobs JOIN requests ON job = number"
        " WHERE id = ? AND sent IS NOT NULL AND state IN (?, ?)",
        rows.stored([job_id, JobState.LOST.value, JobState.FAILED.value]),
    ).fetchone()
    if not found or (found[1] == JobState.FAILED and not rows.may_come(found[2])):
        return False
    statement = "UPDATE jobs SET state = ?, ended = NULL, seconds = 0, owner = ?, left_alone = 1 WHERE number = ?"
    connection.execute(statement, rows.stored([JobState.QUEUED.value, owner, found[0]]))
    return True


def add_files(connection: sqlite3.Connection, job: int, outputs: Iterable[Output], placement: Placement) -> None:
    """Those of a job's files that are not listed yet. A listed one keeps its number and its placement; one that is
    gone from the disk makes room for the file that has come in its place."""
    listed = connection.execute("SELECT number, path FROM files WHERE job = ?", (job,)).fetchall()
    known = {number: Path(rows.restored(path)) for number, path in listed}
    for number, output in numbered(outputs).items():
        if output.path in known.values():
            continue
        if number in known and _is_there(known[number]):
            number = max(known) + 1
        known[number] = output.path
        connection.execute(
            "INSERT INTO files (job, number, path, node_id, node_title, kind, type, bytes, placement)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET path = excluded.path, bytes = excluded.bytes",
            rows.file_values(job, number, output, placement),
        )


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def delete_jobs(connection: sqlite3.Connection, numbers: Iterable[int]) -> None:
    for number in numbers:
        search.remove(connection, number)
        connection.execute("DELETE FROM jobs WHERE number = ?", (number,))  # and all that refers to it


def add_missing_texts(connection: sqlite3.Connection) -> None:
    """What is derived of requests, for those that have been copied from elsewhere."""
    missing = "SELECT job, facts FROM requests WHERE job NOT IN (SELECT job FROM texts)"
    for number, facts in connection.execute(missing).fetchall():
        text = search.folded(rows.searched(facts))
        search.put(connection, number, text)
        connection.execute("UPDATE jobs SET alphabet = ? WHERE number = ?", (rows.alphabet(text), number))
