"""The YAML files of tasks and tiers: the user's own, and a studio's that the preferences name. Touches no disk."""

from pathlib import Path

import bpy

from ...generation.tasks.book import FILE, LISTS, TaskBook
from .. import settings


class _Shelf:
    book: TaskBook | None = None
    studio: Path | None = None  # the studio's file that it was told of


def user_file() -> Path:
    """Return where a person's own file is looked for."""
    return settings.user_path("tasks") / FILE


def lists_folder() -> Path:
    """Return where the lists are that prompts choose from."""
    return settings.user_path(LISTS)


def studio_file() -> Path | None:
    """Return the file that the preferences name."""
    name = settings.preferences().studio_tiers.strip()
    return Path(bpy.path.abspath(name)) if name else None


def book() -> TaskBook:
    """Return the one that all Sessions share, with the files that the preferences name now."""
    studio = studio_file()
    if _Shelf.book is None:
        _Shelf.book = TaskBook(user_file(), studio, lists_folder())
    elif studio != _Shelf.studio:
        _Shelf.book.use(user_file(), studio)
    _Shelf.studio = studio
    return _Shelf.book


def close() -> None:
    """Forget it; its thread ends by itself."""
    if _Shelf.book is not None:
        _Shelf.book.close()
    _Shelf.book = None
