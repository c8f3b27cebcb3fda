"""Rows going in, inside a transaction of the caller's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from ..outcome import JobState, Outcome, Output
from ..request import Request
from . import rows, search
from .records import Placement


def insert_job(
    connection: sqlite3.Connection,
    job_id: str,
    request: Request,
    *,
    server: str,
    owner: str,
    created: float,
    rank: float,
    imported: bool,
    sent: float | None = None,
    state: JobState = JobState.WAITING,
) -> int | None:
    """A new job; its number, or None when there is one with this id."""
    facts = rows.facts(request)
    text = search.folded(rows.searched(facts))
    values = {
        "id": job_id,
        "state": state.value,
        "task": request.task,
        "tier": request.tier,
        "server": server,
        "owner": owner,
        "blend_id": request.context.get("blend_id", ""),
        "blend_path": request.context.get("blend", ""),
        "created": created,
        "sent": sent,
        "rank": rank,
        "imported": imported,
        "alphabet": rows.alphabet(text),
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
    values = (outcome.state.value, when, outcome.seconds, number)
    connection.execute("UPDATE jobs SET state = ?, ended = ?, seconds = ? WHERE number = ?", values)
    connection.execute("UPDATE requests SET result = ? WHERE job = ?", (rows.result(outcome), number))
    insert_files(connection, number, outcome.outputs, Placement.WAITING)


def insert_files(connection: sqlite3.Connection, number: int, outputs: Iterable[Output], placement: Placement) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO files (job, number, path, node_id, node_title, kind, type, bytes, placement)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [rows.file_values(number, count, output, placement) for count, output in enumerate(outputs, 1)],
    )


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
