"""The open database file: transactions, one at a time in this process, beside those of other processes."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from . import schema

T = TypeVar("T")
_BUSY = 15.0  # seconds that another process may keep us waiting


class HistoryUnavailable(Exception):
    """The history cannot be opened, read or written; the text is a sentence for a person."""


class Database:
    """Opens at first use. `read` and `write` may be called from any thread; they raise HistoryUnavailable."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notice = ""
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._closed = False

    def read(self, act: Callable[[sqlite3.Connection], T]) -> T:
        """What `act` gives, seeing one state of the database throughout."""
        with self._lock, self._translated():
            connection = self._open()
            with _transaction(connection, "BEGIN"):
                return act(connection)

    def write(self, act: Callable[[sqlite3.Connection], T], durable: bool = False) -> T:
        """The same with changes: all of them are kept, or none. `durable`: on the disk itself when this returns."""
        with self._lock, self._translated():
            connection = self._open()
            if not durable:
                with _transaction(connection, "BEGIN IMMEDIATE"):
                    return act(connection)
            connection.execute("PRAGMA synchronous = FULL")
            try:
                with _transaction(connection, "BEGIN IMMEDIATE"):
                    return act(connection)
            finally:
                connection.execute("PRAGMA synchronous = NORMAL")

    def close(self) -> None:
        with self._lock:
            self._closed = True
            connection, self._connection = self._connection, None
            if connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    connection.close()

    def _open(self) -> sqlite3.Connection:
        if self._closed:
            raise HistoryUnavailable("The history is closed.")
        if self._connection is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self.path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            with _transaction(connection, "BEGIN IMMEDIATE"):
                schema.migrate(connection)
            self._connection = connection
        return self._connection

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise HistoryUnavailable(f"The history in {self.path.parent} cannot be used: {error}.") from error


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
