"""Opening the file: made when it is not there, brought up to date, rebuilt where it is damaged."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from pathlib import Path

from . import connecting, rebuild, rescue, schema, search
from .places import Places
from .trouble import Damaged, HistoryUnavailable, is_damage

log = logging.getLogger(__name__)

_CHECKED = "checked"  # the key in `meta` that says when, in unix seconds
_CHECK_EVERY = 24 * 3600.0  # seconds
_CLOSING = 10.0  # seconds for which a Blender that closes waits for another that is at work
_TABLES = frozenset({"jobs", "requests", "files", "meta"})


def open_database(places: Places) -> tuple[sqlite3.Connection, str]:
    """A connection to a history of our version, and a notice or ''.

    Raises HistoryUnavailable for one of a newer version, sqlite3.Error and OSError.
    """
    with places.guarded():
        gone = _put_in_place(places)
        try:
            connection, notice = _open(places)
        except sqlite3.Error as error:
            if not is_damage(error):
                raise
            log.warning("the history is damaged", exc_info=True)
            notice = rescue.set_aside(places, str(error))
            connection, _ = _open(places)
        places.in_use.touch()
        return connection, gone or notice


def put_back(places: Places, connection: sqlite3.Connection) -> str:
    """Write a history that has vanished while it was open once more, as it was: we still have it. A notice; '' where
    another one has been put in its place, or this one cannot be read. Raises HistoryUnavailable and OSError."""
    with places.guarded():
        if places.file.exists():
            return ""
        try:
            rescue.copy_out(places, connection)
        except sqlite3.Error:
            log.warning("the history has vanished, and cannot be read any more", exc_info=True)
            return ""
        _put_in_place(places)
    notice = f"The history in {places.folder} was gone while it was in use. It is written there again, as it was."
    log.warning(notice)
    return notice


def close_database(places: Places, connection: sqlite3.Connection) -> None:
    """Close it; the last one to do so leaves no log behind. Whoever opens it meanwhile must not take that for a loss,
    and waits."""
    with contextlib.ExitStack() as guard:
        if places.folder.is_dir():
            with contextlib.suppress(OSError, HistoryUnavailable):
                guard.enter_context(places.guarded(_CLOSING))
        close_alone(places, connection)


def close_alone(places: Places, connection: sqlite3.Connection) -> None:
    """The same for a caller who is alone with it."""
    with contextlib.suppress(sqlite3.Error):
        connection.close()
    with contextlib.suppress(OSError):
        if not places.log.exists():
            places.in_use.unlink(missing_ok=True)


def _put_in_place(places: Places) -> str:
    """The file is made elsewhere first: where there is one, it is a whole one, or damaged. A notice, where it should
    have been there, or ''."""
    if places.file.exists():
        return ""
    notice = "" if places.rebuilt.exists() else rescue.make_anew(places)
    for orphan in (places.log, places.index_of_log, places.in_use):
        orphan.unlink(missing_ok=True)
    places.rebuilt.replace(places.file)
    _settle(places.folder)
    return notice


def _settle(folder: Path) -> None:
    """Have the folder itself on the disk, with the file's name in it."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _open(places: Places) -> tuple[sqlite3.Connection, str]:
    log_is_gone = places.in_use.exists() and not places.log.exists()
    connection = connecting.connect(places.file)
    try:
        _check_version(connection, places.folder)
        is_due = log_is_gone or _is_check_due(connection)
        if is_due:
            look_through(connection)
        _set_up(connection)
        if is_due:
            connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_CHECKED, str(time.time())))
        return connection, _make_up_for_log(places, connection) if log_is_gone else ""
    except BaseException as error:
        try:
            if isinstance(error, sqlite3.Error) and is_damage(error):
                rescue.preserve(places)
        finally:
            connection.close()
        raise


def _check_version(connection: sqlite3.Connection, folder: Path) -> None:
    """Raises HistoryUnavailable for a newer history than we know, Damaged for one that lacks a part."""
    version = schema.version(connection)
    if version > schema.SCHEMA_VERSION:
        raise HistoryUnavailable(
            f"The history in {folder} was written by a newer version of this extension (its version is {version}, "
            f"known are those up to {schema.SCHEMA_VERSION}). Update the extension, or move history.sqlite away."
        )
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if version < 1 or not tables >= _TABLES:
        raise Damaged("it is empty or lacks a part")


def _is_check_due(connection: sqlite3.Connection) -> bool:
    """Now and then: it takes about 0.2 s for 100,000 entries, more from a slow disk."""
    found = connection.execute("SELECT value FROM meta WHERE key = ?", (_CHECKED,)).fetchone()
    try:
        return not found or abs(time.time() - float(found[0])) > _CHECK_EVERY
    except ValueError:
        return True


def look_through(connection: sqlite3.Connection) -> None:
    """Raises Damaged when SQLite finds anything wrong in the whole file."""
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise Damaged(str(found).splitlines()[-1])


def _set_up(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_size_limit = 16777216")
    if schema.version(connection) < schema.SCHEMA_VERSION or not search.is_ready(connection):
        connecting.bring_up_to_date(connection)


def _make_up_for_log(places: Places, connection: sqlite3.Connection) -> str:
    with connecting.transaction(connection):
        count = rebuild.add_from_files(connection, places.folders(rebuild.named_folders(connection)))
    if not count:
        return ""
    return f"The newest part of the history was lost. {count} of its entries were made anew from their files."
