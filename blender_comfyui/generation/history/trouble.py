"""What can be wrong with a history, in words for a person."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_DAMAGE_IN_FULL = frozenset({sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS})


class HistoryUnavailable(Exception):
    """The history cannot be opened, read or written; the text is a sentence for a person."""


class Damaged(sqlite3.DatabaseError):
    """The file is no history, or lacks a part of one, though SQLite itself does not object."""


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is broken, so that waiting or making room would not help."""
    code = getattr(error, "sqlite_errorcode", 0) or 0
    return isinstance(error, Damaged) or code & 0xFF in _DAMAGE or code in _DAMAGE_IN_FULL


def sentence(error: sqlite3.Error | OSError, folder: Path) -> str:
    """What is wrong, and what to do about it."""
    if is_full(error):
        return f"The disk with {folder} is full: the history cannot be written. Make room there, and try again."
    if _is_refused(error):
        return f"The history in {folder} cannot be written: {error}. Allow writing there, and try again."
    if _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return f"Another Blender keeps the history in {folder} busy. Try again in a moment."
    if isinstance(error, sqlite3.Error) and is_damage(error):
        return f"The history in {folder} is damaged and could not be rebuilt: {error}. Move history.sqlite away."
    return f"The history in {folder} cannot be used: {error}. Look whether the disk is there and sound."


def is_full(error: Exception) -> bool:
    return _code(error) == sqlite3.SQLITE_FULL or (
        isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    )


def _is_refused(error: Exception) -> bool:
    refused = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH)
    denied = (errno.EACCES, errno.EPERM, errno.EROFS)
    return _code(error) in refused or (isinstance(error, OSError) and error.errno in denied)


def _code(error: Exception) -> int:
    return (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF
