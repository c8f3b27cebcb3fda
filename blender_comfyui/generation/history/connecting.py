"""Connections, and histories that are new."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from . import schema, search

PAGE = 4096  # bytes
_BUSY = 15.0  # seconds that another process may keep us waiting in the middle of its work


def connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
    connection.text_factory = _readable
    return connection


def _readable(text: bytes) -> str:
    """Damage may have left what is no text."""
    return text.decode("utf-8", "replace")


def create(path: Path, version: int = schema.SCHEMA_VERSION) -> sqlite3.Connection:
    """A new, empty history without a log: what there is of it is in the one file."""
    remove(path)
    connection = connect(path)
    connection.execute(f"PRAGMA page_size = {PAGE}")
    with transaction(connection):
        schema.migrate(connection, version)
    return connection


def remove(path: Path) -> None:
    """A database and what SQLite has put beside it."""
    for suffix in ("-journal", "-wal", "-shm", ""):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Migrate, and make the index of the prompts, all or nothing."""
    with transaction(connection):
        schema.migrate(connection)
        search.ensure(connection)


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection, begin: str = "BEGIN IMMEDIATE") -> Iterator[None]:
    """Committed at the end, rolled back by any exception."""
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise
