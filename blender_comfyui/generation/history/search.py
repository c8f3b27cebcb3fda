"""Finding a text anywhere in a prompt, quickly: what is indexed, and how a question to the index is put.

Texts are folded first, so that case, width and composition of letters do not matter. The index (SQLite's FTS5) then
holds the rest of every word from each of its letters on: "fox", "ox" and "x". So whatever begins like one of these is
somewhere in the text, and one look-up finds it, be it one letter or a word. A trigram index needs twice the room,
several times as long for frequent words, and cannot find one or two letters, which are a whole word in Chinese.
Where FTS5 is missing, every text is looked through.
"""

from __future__ import annotations

import contextlib
import functools
import re
import sqlite3
import unicodedata
from dataclasses import dataclass

MARK = "search"  # the setting that says of which make the index is
_MAKE = "1"  # another one is made anew
_CUT = 24  # bytes of a word's rest that are indexed
_SHORT = 2  # letters at the beginning of a rest that have an index of their own
_FEW = 4  # rests that are looked up one by one
_LAST = "\U0010ffff"  # no letter; comes after all of them
_PARTS = 12  # words of a question that are looked up; the text itself is compared anyway
_RUN = re.compile("[0-9a-z\x80-\U0010ffff]+")  # what FTS5's tokenizer "ascii" leaves together


def folded(text: str) -> str:
    """Equal for texts that differ only in case, composition, width or spaces.

    Folding goes letter by letter, so that what is part of a text is part of it folded, too.
    """
    whole = text.encode("utf-8", "replace").decode().replace("\0", " ").replace(_LAST, " ")
    letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", whole).casefold())
    return " ".join(letters.split())


@functools.cache
def is_available() -> bool:
    """Whether this Python's SQLite has FTS5."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        return ("ENABLE_FTS5",) in connection.execute("PRAGMA compile_options").fetchall()


def is_ready(connection: sqlite3.Connection) -> bool:
    """Whether the index holds every text."""
    return _make(connection) == _MAKE and is_available()


def ensure(connection: sqlite3.Connection) -> None:
    """Make the index from all texts, unless it is there. For a transaction of the caller's."""
    if _make(connection) == _MAKE or not is_available():
        return
    connection.execute("DROP TABLE IF EXISTS search")
    connection.execute(  # its prefixes are those of _SHORT
        "CREATE VIRTUAL TABLE search USING fts5"
        " (rests, content='', detail=none, columnsize=0, prefix='1 2', tokenize='ascii')"
    )
    texts = connection.execute("SELECT job, folded FROM texts")
    rows = ((number, _rests(text)) for number, text in texts)
    connection.executemany("INSERT INTO search (rowid, rests) VALUES (?, ?)", rows)
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (MARK, _MAKE))


def put(connection: sqlite3.Connection, number: int, text: str) -> None:
    """Remember the folded text of a job."""
    connection.execute("INSERT INTO texts (job, folded) VALUES (?, ?)", (number, text))
    if is_ready(connection):
        connection.execute("INSERT INTO search (rowid, rests) VALUES (?, ?)", (number, _rests(text)))
    else:
        _outdate(connection)


def remove(connection: sqlite3.Connection, number: int) -> None:
    """Forget the text of a job."""
    for (text,) in connection.execute("DELETE FROM texts WHERE job = ? RETURNING folded", (number,)).fetchall():
        if is_ready(connection):
            values = (number, _rests(text))
            connection.execute("INSERT INTO search (search, rowid, rests) VALUES ('delete', ?, ?)", values)
        else:
            _outdate(connection)


def _make(connection: sqlite3.Connection) -> str:
    found = connection.execute("SELECT value FROM meta WHERE key = ?", (MARK,)).fetchone()
    return str(found[0]) if found else ""


def _outdate(connection: sqlite3.Connection) -> None:
    """Without FTS5 here, an index that another Blender made falls behind: it is made anew where there is FTS5."""
    connection.execute("DELETE FROM meta WHERE key = ?", (MARK,))


def _rests(text: str) -> str:
    return " ".join({_cut(run[start:]) for run in set(_RUN.findall(text)) for start in range(len(run))})


def _cut(run: str) -> str:
    if len(run) * 4 <= _CUT or (len(run) <= _CUT and run.isascii()):
        return run
    return run[:_CUT].encode()[:_CUT].decode("utf-8", "ignore")


@dataclass(frozen=True)
class Match:
    """Which jobs have a text, as SQL: a FROM and WHERE with the values for it, and the column with their numbers."""

    number: str
    source: str
    values: tuple[str, ...]


def match(connection: sqlite3.Connection, text: str) -> Match | None:
    """How to find a text; None when every job has it."""
    wanted = folded(text)
    if not wanted:
        return None
    runs = list(_RUN.finditer(wanted))
    if not (runs and is_ready(connection)):
        return Match("job", "FROM texts WHERE instr(folded, ?)", (wanted,))
    terms = [f'"{_cut(run.group())}"' for run in runs[:_PARTS]]
    if runs[-1].end() == len(wanted) and len(runs) <= _PARTS:  # the last word of a question may go on in the text
        terms[-1] = _open_term(connection, _cut(runs[-1].group()))
    looked_up = " AND ".join(terms)
    if runs[0].group() == wanted == _cut(wanted):
        return Match("rowid", "FROM search WHERE search MATCH ?", (looked_up,))
    source = "FROM search JOIN texts ON texts.job = search.rowid WHERE search MATCH ? AND instr(folded, ?)"
    return Match("search.rowid", source, (looked_up, wanted))


def _open_term(connection: sqlite3.Connection, beginning: str) -> str:
    """What begins like this. Where that is not much, it is named: several times as fast as a look-up of beginnings."""
    if len(beginning) > _SHORT:
        connection.execute("CREATE VIRTUAL TABLE IF NOT EXISTS temp.rests USING fts5vocab(main, search, row)")
        found = connection.execute(
            "SELECT term FROM temp.rests WHERE term >= ? AND term < ? LIMIT ?",
            (beginning, beginning + _LAST, _FEW + 1),
        ).fetchall()
        if 1 <= len(found) <= _FEW:
            return "(" + " OR ".join(f'"{rest}"' for (rest,) in found) + ")"
    return f'"{beginning}"*'


def text_of(connection: sqlite3.Connection, number: int) -> str | None:
    found = connection.execute("SELECT folded FROM texts WHERE job = ?", (number,)).fetchone()
    return str(found[0]) if found else None
