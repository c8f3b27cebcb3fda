"""A damaged history: set aside as it is, and a new one made of what can still be read and of the files' own prompts.

One that is gone is made anew of these alone.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import sqlite3
import time
from pathlib import Path

from . import connecting, rebuild, salvage, writing
from .places import Places

log = logging.getLogger(__name__)


def preserve(places: Places) -> None:
    """Copy the damaged file and its log. To be done before its connection is closed, which writes the log into the
    file, whatever state that is in. Raises OSError."""
    connecting.remove(places.evidence)
    shutil.copyfile(places.file, places.evidence)
    with contextlib.suppress(FileNotFoundError):
        shutil.copyfile(places.log, f"{places.evidence}-wal")


def set_aside(places: Places, reason: str) -> str:
    """Put a rebuilt history in the place of the damaged one, and return a notice. For a caller who is alone with it,
    and has preserved it.

    Raises OSError or sqlite3.Error; until the last moment the damaged file stays where it is.
    """
    connection, read = salvage.new_history(places)
    with contextlib.closing(connection), connecting.transaction(connection):
        writing.add_missing_texts(connection)
        made = rebuild.add_from_files(connection, places.folders(rebuild.named_folders(connection)))
    places.new.replace(places.rebuilt)
    aside = _free_name(places)
    _move(places, aside)
    places.rebuilt.replace(places.file)
    notice = (
        f"The history was damaged ({reason}), and is set aside as {aside.name}. "
        f"Of its entries {read} could be read, and {made} were made anew from their files."
    )
    log.warning(notice)
    return notice


def copy_out(places: Places, connection: sqlite3.Connection) -> None:
    """Write what a connection sees to where it is put in its place from. Raises sqlite3.Error and OSError."""
    connecting.remove(places.new)
    with contextlib.closing(connecting.connect(places.new)) as copy:
        connection.backup(copy)
    places.new.replace(places.rebuilt)


def make_anew(places: Places) -> str:
    """Make a history of the results that there are, to be put in its place. A notice where there was one, or ''."""
    with contextlib.closing(connecting.create(places.new)) as connection, connecting.transaction(connection):
        made = rebuild.add_from_files(connection, places.folders())
    places.new.replace(places.rebuilt)
    if not (made or places.has_traces()):
        return ""
    notice = f"The history in {places.folder} was gone. {made} of its entries were made anew from their files."
    log.warning(notice)
    return notice


def _free_name(places: Places) -> Path:
    day = time.strftime("%Y-%m-%d")
    names = (f"history.damaged-{day}{count}.sqlite" for count in ["", *(f"-{number}" for number in range(2, 10_000))])
    return next(path for name in names if not (path := places.folder / name).exists())


def _move(places: Places, aside: Path) -> None:
    for suffix in ("-wal", ""):
        with contextlib.suppress(FileNotFoundError):
            Path(f"{places.evidence}{suffix}").replace(f"{aside}{suffix}")
    connecting.remove(places.file)
