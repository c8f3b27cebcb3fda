"""A damaged history: set aside as it is, and a new one made of what can still be read and of the files' own prompts."""

from __future__ import annotations

import contextlib
import logging
import shutil
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


def _free_name(places: Places) -> Path:
    day = time.strftime("%Y-%m-%d")
    names = (f"history.damaged-{day}{count}.sqlite" for count in ["", *(f"-{number}" for number in range(2, 10_000))])
    return next(path for name in names if not (path := places.folder / name).exists())


def _move(places: Places, aside: Path) -> None:
    for suffix in ("-wal", ""):
        with contextlib.suppress(FileNotFoundError):
            Path(f"{places.evidence}{suffix}").replace(f"{aside}{suffix}")
    connecting.remove(places.file)
