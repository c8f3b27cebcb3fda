"""The shape of the database, version by version. A migration, once published, is never changed: a new one follows."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeAlias

from . import rows, search

Migration: TypeAlias = Callable[[sqlite3.Connection], None]

_OPEN = "state IN ('waiting', 'queued', 'running', 'downloading')"


def _jobs_requests_files(connection: sqlite3.Connection) -> None:
    """`jobs` is kept narrow for quick lists; what only one record at a time needs is in `requests`."""
    for statement in (
        """CREATE TABLE jobs (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            state TEXT NOT NULL,
            task TEXT NOT NULL,
            tier TEXT NOT NULL,
            server TEXT NOT NULL,
            server_version TEXT NOT NULL DEFAULT '',
            owner TEXT NOT NULL,
            blend_id TEXT NOT NULL,
            blend_path TEXT NOT NULL,
            created REAL NOT NULL,
            sent REAL,
            started REAL,
            ended REAL,
            seconds REAL NOT NULL DEFAULT 0,
            rank REAL NOT NULL,
            favourite INTEGER NOT NULL DEFAULT 0,
            imported INTEGER NOT NULL DEFAULT 0
        )""",
        # facts: JSON for lists (label, parameters, context, …); body: the whole request, compressed JSON
        """CREATE TABLE requests (
            job INTEGER PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,
            facts TEXT NOT NULL,
            result TEXT NOT NULL DEFAULT '{}',
            body BLOB NOT NULL
        )""",
        """CREATE TABLE files (
            job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
            number INTEGER NOT NULL,
            path NOT NULL,
            node_id TEXT NOT NULL,
            node_title TEXT NOT NULL,
            kind TEXT NOT NULL,
            type TEXT NOT NULL,
            bytes INTEGER NOT NULL,
            placement TEXT NOT NULL,
            placed_as TEXT NOT NULL DEFAULT '',
            PRIMARY KEY (job, number)
        ) WITHOUT ROWID""",
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        "CREATE INDEX jobs_by_time ON jobs (created)",
        f"CREATE INDEX jobs_open ON jobs (rank) WHERE {_OPEN}",
    ):
        connection.execute(statement)


def _texts_and_orders(connection: sqlite3.Connection) -> None:
    """Prompts to search in, an order by the alphabet, and indexes for lists of many entries."""
    for statement in (
        "CREATE TABLE texts (job INTEGER PRIMARY KEY REFERENCES jobs ON DELETE CASCADE, folded TEXT NOT NULL)",
        "ALTER TABLE jobs ADD COLUMN alphabet TEXT NOT NULL DEFAULT ''",
        "CREATE INDEX jobs_by_alphabet ON jobs (alphabet)",
        "CREATE INDEX jobs_by_seconds ON jobs (seconds)",
        "CREATE INDEX jobs_by_blend_id ON jobs (blend_id)",
        "CREATE INDEX jobs_by_blend_path ON jobs (blend_path)",
        "CREATE INDEX jobs_favourite ON jobs (number) WHERE favourite",
        "CREATE INDEX files_not_safe ON files (job, placement) WHERE placement IN ('waiting', 'placed')",
        "CREATE INDEX files_by_path ON files (path)",
    ):
        connection.execute(statement)
    for number, facts in connection.execute("SELECT job, facts FROM requests").fetchall():
        text = search.folded(rows.searched(facts))
        connection.execute("INSERT INTO texts (job, folded) VALUES (?, ?)", (number, text))
        connection.execute("UPDATE jobs SET alphabet = ? WHERE number = ?", (rows.alphabet(text), number))


def _left_alone(connection: sqlite3.Connection) -> None:
    """Whether nobody followed a job for a while, so that how long it took is not known."""
    connection.execute("ALTER TABLE jobs ADD COLUMN left_alone INTEGER NOT NULL DEFAULT 0")


def _projects(connection: sqlite3.Connection) -> None:
    """Which storyboard or grid a job belongs to, so that all of its jobs are found at once."""
    connection.execute("ALTER TABLE jobs ADD COLUMN project TEXT NOT NULL DEFAULT ''")
    connection.execute("CREATE INDEX jobs_by_project ON jobs (project) WHERE project <> ''")


MIGRATIONS: tuple[Migration, ...] = (_jobs_requests_files, _texts_and_orders, _left_alone, _projects)
"""The n-th leads from version n to n + 1; an empty database has version 0."""

SCHEMA_VERSION = len(MIGRATIONS)


def version(connection: sqlite3.Connection) -> int:
    """The version of an open database; 0 when it is empty."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, to: int = SCHEMA_VERSION) -> None:
    """Bring a database up to version `to`, inside the caller's transaction."""
    for number in range(version(connection), to):
        MIGRATIONS[number](connection)
        connection.execute(f"PRAGMA user_version = {number + 1}")
