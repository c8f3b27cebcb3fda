"""What can still be read of a damaged history. All is tried on a copy; only rows that make sense are taken."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from . import connecting, rows, schema, search
from .places import Places

log = logging.getLogger(__name__)

Row: TypeAlias = dict[str, Any]
_HEADER = 100  # bytes
_ENTRY = 200  # bytes that one takes at least


def new_history(places: Places) -> tuple[sqlite3.Connection, int]:
    """A new history at `places.new`, up to date, with all that the damaged one still tells, and how many entries.

    Raises OSError or sqlite3.Error.
    """
    copy = places.folder / "history.salvage.sqlite"
    try:
        for mend in (_leave, _mend_header, _mend_first_page):
            _copy(places, copy)
            count = _transfer(copy, mend, places.new)
            if count:
                break
        connection = connecting.connect(places.new)
        connecting.bring_up_to_date(connection)
        return connection, count
    finally:
        connecting.remove(copy)


def _copy(places: Places, copy: Path) -> None:
    connecting.remove(copy)
    shutil.copyfile(places.evidence, copy)
    with contextlib.suppress(FileNotFoundError):
        shutil.copyfile(f"{places.evidence}-wal", f"{copy}-wal")


def _transfer(copy: Path, mend: Callable[[Path], None], target: Path) -> int:
    """Make a new history of the damaged one's version with its rows."""
    mend(copy)
    with contextlib.closing(connecting.connect(copy)) as old:
        with contextlib.suppress(sqlite3.Error):
            old.execute("PRAGMA cell_size_check = ON")
        with contextlib.closing(connecting.create(target, _version(old))) as new, connecting.transaction(new):
            return _Transfer(old, new, copy.stat().st_size // _ENTRY).run()


def _version(old: sqlite3.Connection) -> int:
    with contextlib.suppress(sqlite3.Error):
        found = schema.version(old)
        if 1 <= found <= schema.SCHEMA_VERSION:
            return found
    return schema.SCHEMA_VERSION


def _leave(_copy: Path) -> None:
    """Perhaps it is not so bad."""


def _mend_header(copy: Path) -> None:
    """Write the first hundred bytes as SQLite would, for a file of the length that it has now."""
    with copy.open("r+b") as file:
        version = int.from_bytes(file.read(_HEADER)[60:64], "big")
        file.seek(0)
        file.write(_header(copy.stat().st_size, version if version <= schema.SCHEMA_VERSION else 0))


def _header(size: int, version: int) -> bytes:
    def four(number: int) -> bytes:
        return number.to_bytes(4, "big")

    start = b"SQLite format 3\0" + connecting.PAGE.to_bytes(2, "big") + bytes([2, 2, 0, 64, 32, 32])
    pages, free, cookie_and_format = four(1) + four(size // connecting.PAGE), bytes(8), four(1) + four(4)
    rest = bytes(8) + four(1) + four(version) + bytes(28) + four(1) + four(3_040_000)
    return start + pages + free + cookie_and_format + rest


def _mend_first_page(copy: Path) -> None:
    """Write the first page as it is in a new history, where the tables begin on the same pages."""
    size = copy.stat().st_size
    blank = copy.with_name("history.blank.sqlite")
    try:
        connecting.create(blank).close()
        page = blank.read_bytes()[: connecting.PAGE]
    finally:
        connecting.remove(blank)
    with copy.open("r+b") as file:
        file.write(_header(size, schema.SCHEMA_VERSION) + page[_HEADER:])


class _Transfer:
    """Moves rows from a damaged database into a new one of the same version; `most` bounds the numbers of jobs."""

    def __init__(self, old: sqlite3.Connection, new: sqlite3.Connection, most: int) -> None:
        self._old = old
        self._new = new
        self._most = most
        self._jobs: set[int] = set()

    def run(self) -> int:
        """The number of jobs."""
        self._most = self._highest()
        for row in self._rows("jobs", "number"):
            if 0 < row["number"] <= self._most and rows.is_sound(row) and self._insert("jobs", row):
                self._jobs.add(row["number"])
        self._most = max(self._jobs, default=0)
        with_request = {row["job"] for row in self._of_jobs("requests") if self._insert("requests", _mended(row))}
        for number in self._jobs - with_request:
            self._insert("requests", {"job": number, "facts": rows.NO_FACTS, "result": "{}", "body": b""})
        for row in self._of_jobs("files"):
            if rows.file_record(row) is not None:
                self._insert("files", row)
        for row in self._rows("meta"):
            if row["key"] != search.MARK:
                self._insert("meta", row)
        return len(self._jobs)

    def _highest(self) -> int:
        with contextlib.suppress(sqlite3.Error, TypeError, ValueError):
            found = self._old.execute("SELECT seq FROM sqlite_sequence WHERE name = 'jobs'").fetchone()
            return min(self._most, int(found[0]))
        return self._most

    def _of_jobs(self, table: str) -> Iterator[Row]:
        return (row for row in self._rows(table, "job") if row["job"] in self._jobs)

    def _rows(self, table: str, key: str = "") -> Iterator[Row]:
        """All rows that can be read: in order until something is broken, then those of each number by itself."""
        names = [name for _, name, *_ in self._new.execute(f"PRAGMA table_info({table})")]
        select = f"SELECT {', '.join(names)} FROM {table}"
        done = 0
        try:
            for row in self._old.execute(f"{select} ORDER BY {key}" if key else select):
                found = dict(zip(names, row, strict=True))
                yield found
                done = found.get(key, done)
        except sqlite3.Error as error:
            log.info("%s from %s on: %s", table, done, error)
            for number in range(done, self._most + 1) if key and isinstance(done, int) else ():
                for row in self._probed(f"{select} WHERE {key} = ?", number):
                    yield dict(zip(names, row, strict=True))

    def _probed(self, select: str, number: int) -> list[tuple[Any, ...]]:
        try:
            return self._old.execute(select, (number,)).fetchall()
        except sqlite3.Error:
            return []

    def _insert(self, table: str, row: Row) -> bool:
        statement = f"INSERT OR IGNORE INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"
        try:
            return self._new.execute(statement, tuple(row.values())).rowcount > 0
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.IntegrityError | sqlite3.InterfaceError):
                return False
            raise


def _mended(row: Row) -> Row:
    """A row of `requests`, without what cannot be read."""
    facts = row["facts"] if rows.are_facts(row["facts"]) else rows.NO_FACTS
    result = row["result"] if _is_json(row["result"]) else "{}"
    return row | {"facts": facts, "result": result, "body": row["body"] if rows.unpacked(row["body"]) else b""}


def _is_json(text: object) -> bool:
    try:
        return isinstance(json.loads(text), dict)  # type: ignore[arg-type]
    except (ValueError, TypeError, RecursionError):
        return False
