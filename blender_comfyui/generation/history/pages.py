"""Lists: which records a filter lets through, in an order, a page at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from . import rows, search
from .records import FileRecord, Filter, Page, Record, Sort

OPEN = "state IN ('waiting', 'queued', 'running', 'downloading')"
_COLUMNS = ", ".join(f"jobs.{name}" for name in rows.COLUMNS)
_FROM = "FROM jobs JOIN requests ON requests.job = jobs.number"
_AT_ONCE = 500
_ORDER = {  # the number counts up as jobs are added, whatever the clock does
    Sort.NEWEST: "number DESC",
    Sort.OLDEST: "number",
    Sort.LONGEST: "seconds DESC, number DESC",
    Sort.PROMPT: "alphabet, number",
}


def page(
    connection: sqlite3.Connection,
    which: Filter,
    sort: Sort,
    offset: int,
    size: int,
    is_held: Callable[[str], bool],
) -> Page:
    """`is_held` says whether an owner of open jobs still lives."""
    conditions = dict(_conditions(which))
    match = search.match(connection, which.text)
    followed = ", ".join(_followed(connection, is_held) if which.unfollowed else ())
    if match and not conditions and sort in (Sort.NEWEST, Sort.OLDEST):
        if followed:
            match = replace(match, source=f"{match.source} AND {match.number} NOT IN ({followed})")
        found = _straight(connection, match, sort, offset, size)
    else:
        if followed:
            conditions[f"number NOT IN ({followed})"] = ()
        found = _general(connection, match, conditions, sort, offset, size)
    numbers, total = found
    return Page(_listed(connection, numbers), total, offset, size)


def _followed(connection: sqlite3.Connection, is_held: Callable[[str], bool]) -> list[str]:
    """The numbers of open jobs whose owners live."""
    found = connection.execute(f"SELECT number, owner FROM jobs WHERE {OPEN}").fetchall()
    held = {owner for owner in {owner for _, owner in found} if is_held(rows.restored(owner))}
    return [str(number) for number, owner in found if owner in held]


def _straight(
    connection: sqlite3.Connection, match: search.Match, sort: Sort, offset: int, size: int
) -> tuple[list[int], int]:
    """By the text alone: the index itself is in the order of the numbers."""
    total = connection.execute(f"SELECT count(*) {match.source}", match.values).fetchone()[0]
    direction = "DESC" if sort is Sort.NEWEST else "ASC"
    statement = f"SELECT {match.number} {match.source} ORDER BY {match.number} {direction} LIMIT ? OFFSET ?"
    return [number for (number,) in connection.execute(statement, (*match.values, size, offset))], total


def _general(
    connection: sqlite3.Connection,
    match: search.Match | None,
    conditions: dict[str, tuple[object, ...]],
    sort: Sort,
    offset: int,
    size: int,
) -> tuple[list[int], int]:
    if match:
        conditions = {**conditions, f"number IN (SELECT {match.number} {match.source})": match.values}
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    values = rows.stored(value for given in conditions.values() for value in given)
    total = connection.execute(f"SELECT count(*) FROM jobs {where}", values).fetchone()[0]
    statement = f"SELECT number FROM jobs {where} ORDER BY {_ORDER[sort]} LIMIT ? OFFSET ?"
    return [number for (number,) in connection.execute(statement, (*values, size, offset))], total


def _conditions(which: Filter) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Conditions on `jobs`, each with its values."""
    for name in ("task", "tier", "server", "blend_id", "blend_path"):
        if value := getattr(which, name):
            yield f"{name} = ?", (value,)
    for name in ("favourite", "imported"):
        if (wanted := getattr(which, name)) is not None:
            yield name if wanted else f"NOT {name}", ()
    if which.project:
        yield "project = ? AND project <> ''", (which.project,)  # the second is what the index is of
    if which.states:
        yield f"state IN ({', '.join('?' * len(which.states))})", tuple(sorted(which.states))
    if which.since is not None:
        yield "created >= ?", (which.since,)
    if which.until is not None:
        yield "created < ?", (which.until,)
    if which.unplaced:
        yield "number IN (SELECT job FROM files WHERE placement = 'waiting')", ()


def _listed(connection: sqlite3.Connection, numbers: Sequence[int]) -> tuple[Record, ...]:
    """The records with these numbers, in this order, without their requests."""
    listed: list[Record] = []
    for first in range(0, len(numbers), _AT_ONCE):
        part = numbers[first : first + _AT_ONCE]
        marks = ", ".join("?" * len(part))
        found = select(connection, f"SELECT {_COLUMNS}, facts, result {_FROM} WHERE number IN ({marks})", part)
        files = _files(connection, part)
        by_number = {row["number"]: rows.record(row, files.get(row["number"], ())) for row in found}
        listed += [by_number[number] for number in part if number in by_number]
    return tuple(listed)


def whole(connection: sqlite3.Connection, where: str, values: Sequence[object]) -> tuple[Record, ...]:
    """Records with their requests; `where` may also order them."""
    found = select(connection, f"SELECT {_COLUMNS}, facts, result, body {_FROM} {where}", values)
    return tuple(
        rows.record(row, _files(connection, [row["number"]]).get(row["number"], ()), rows.unpacked(row["body"]))
        for row in found
    )


def _files(connection: sqlite3.Connection, numbers: Sequence[int]) -> dict[int, tuple[FileRecord, ...]]:
    marks = ", ".join("?" * len(numbers))
    found: dict[int, tuple[FileRecord, ...]] = {}
    for row in select(connection, f"SELECT * FROM files WHERE job IN ({marks}) ORDER BY job, number", numbers):
        record = rows.file_record(row)
        if record is not None:
            found[row["job"]] = (*found.get(row["job"], ()), record)
    return found


def select(connection: sqlite3.Connection, statement: str, values: Sequence[object]) -> list[dict[str, Any]]:
    """Rows by the names of their columns."""
    cursor = connection.execute(statement, rows.stored(values))
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]
