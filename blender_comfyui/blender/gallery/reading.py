"""The gallery's one shelf and its pictures, and the way of questions and answers between them and the Desk."""

from collections.abc import Iterator

import bpy

from ...generation.history import Changed, Question
from .. import archive, blend_file, delivery, notices
from . import dialogs
from .foreign import foreign
from .shelf import Shelf
from .thumbnails import LARGE, Thumbnails

shelf = Shelf()
thumbnails = Thumbnails()
large = Thumbnails(kept=6, side=LARGE)  # of what is selected: there before it is asked for


class _GalleryReader:
    """An `archive.Reader`."""

    def questions(self) -> Iterator[Question]:
        yield from shelf.questions()
        yield from thumbnails.questions()
        yield from large.questions()

    def take(self, news: object) -> bool:
        if isinstance(news, Changed):
            thumbnails.look_again()
            large.look_again()
        shown = shelf.take(news)
        return thumbnails.take(news) or large.take(news) or shown


_readers = (_GalleryReader(), dialogs.answers, foreign, notices.newest)


def look() -> None:
    """Have what the gallery lacks asked for by the next tick. Callable while drawing."""
    if shelf.look(blend_file.identity(), bpy.data.filepath):
        delivery.wake()


def look_for_pictures() -> None:
    """The same for pictures, after they were drawn."""
    for file in shelf.files_at_hand:
        large.icon_of(shelf.selected, file)
    if thumbnails.is_missing_some or large.is_missing_some:
        delivery.wake()


def register() -> None:
    archive.readers.extend(_readers)


def unregister() -> None:
    for reader in _readers:
        archive.readers.remove(reader)
    dialogs.answers.__init__()
    foreign.__init__()
    notices.newest.__init__()
    shelf.__init__()
    thumbnails.forget()
    large.forget()
