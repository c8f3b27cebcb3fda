"""Whether storyboards are as they were when they were last looked at: they are too large to be read again and again."""

from collections.abc import Iterator
from contextlib import contextmanager

import bpy
from bpy.app.handlers import persistent


class _Changes:
    count = 0
    is_quiet = False


def count() -> int:
    """Return a number that grows whenever a storyboard may have changed."""
    return _Changes.count


def edited(_owner: object, _context: object) -> None:
    """A property of a storyboard was set."""
    note()


def note() -> None:
    """Say that one has changed."""
    _Changes.count += 1
    if _Changes.is_quiet:
        return
    from .. import delivery  # it looks at what has changed

    delivery.wake()


def is_quiet() -> bool:
    """Whether a whole storyboard is being written: then nobody corrects what a person might have typed."""
    return _Changes.is_quiet


@contextmanager
def quiet() -> Iterator[None]:
    """Write many values, and tell of all of them once."""
    _Changes.is_quiet = True
    try:
        yield
    finally:
        _Changes.is_quiet = False
        note()


@persistent
def _note(_scene_or_file: object) -> None:
    _Changes.count += 1


_HANDLERS = (bpy.app.handlers.load_post, bpy.app.handlers.undo_post, bpy.app.handlers.redo_post)


def register() -> None:
    for handlers in _HANDLERS:
        handlers.append(_note)


def unregister() -> None:
    for handlers in _HANDLERS:
        handlers.remove(_note)
