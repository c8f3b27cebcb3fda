"""The open database: transactions, one at a time in this process, beside those of other processes.

Damage is noticed when the file is opened or whenever SQLite stumbles over it; then the history is rebuilt, and what
was asked is done on the new one.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from . import opening, rescue
from .connecting import transaction
from .places import Places
from .trouble import HistoryUnavailable, is_damage, sentence

T = TypeVar("T")
log = logging.getLogger(__name__)


class Database:
    """Opens at first use. `read` and `write` may be called from any thread; they raise HistoryUnavailable.

    `notice` is '' or says that the history was damaged, and what became of it.
    """

    def __init__(self, folder: Path) -> None:
        self.places = Places(folder)
        self.notice = ""
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._closed = False

    def read(self, act: Callable[[sqlite3.Connection], T]) -> T:
        """What `act` gives, seeing one state of the database throughout. It may be called twice."""
        return self._run(act, "BEGIN")

    def write(self, act: Callable[[sqlite3.Connection], T], durable: bool = False) -> T:
        """The same with changes: all of them are kept, or none. `durable`: on the disk itself when this returns."""
        return self._run(act, "BEGIN IMMEDIATE", durable)

    def close(self) -> None:
        """End the use of the file. Everything after it raises HistoryUnavailable."""
        with self._lock:
            self._closed = True
            self._drop()

    def _run(self, act: Callable[[sqlite3.Connection], T], begin: str, durable: bool = False) -> T:
        with self._lock:
            try:
                try:
                    return self._once(act, begin, durable)
                except sqlite3.Error as error:
                    if not is_damage(error) or self._connection is None:
                        raise
                    self._rescue(str(error))
                    return self._once(act, begin, durable)
            except (sqlite3.Error, OSError) as error:
                raise HistoryUnavailable(sentence(error, self.places.folder)) from error

    def _once(self, act: Callable[[sqlite3.Connection], T], begin: str, durable: bool) -> T:
        connection = self._opened()
        if not durable:
            with transaction(connection, begin):
                return act(connection)
        connection.execute("PRAGMA synchronous = FULL")
        try:
            with transaction(connection, begin):
                return act(connection)
        finally:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("PRAGMA synchronous = NORMAL")

    def _opened(self) -> sqlite3.Connection:
        """The connection; a new one where another process has put another file in the place of ours, or it is gone."""
        if self._closed:
            raise HistoryUnavailable("The history is closed.")
        if self._connection is not None and (found := self.places.identity()) != self._identity:
            if found is None:
                self.notice = opening.put_back(self.places, self._connection) or self.notice
            self._drop()
        if self._connection is None:
            self._connection, notice = opening.open_database(self.places)
            self._identity = self.places.identity()
            self.notice = notice or self.notice
        return self._connection

    def _rescue(self, reason: str) -> None:
        """Set the damaged file aside and put a new one in its place, unless another process has just done so."""
        log.warning("the history is damaged", exc_info=True)
        with self.places.guarded():
            is_the_same = self._identity == self.places.identity()
            if is_the_same:
                rescue.preserve(self.places)
            self._drop(opening.close_alone)
            if is_the_same:
                self.notice = rescue.set_aside(self.places, reason)

    def _drop(self, close: Callable[[Places, sqlite3.Connection], None] = opening.close_database) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            close(self.places, connection)
