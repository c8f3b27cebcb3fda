"""Small pictures of the panels' results, as icons."""

from collections.abc import Iterator

from ...generation.history import Changed, FileRecord, Question
from ...generation.storyboard.states import PanelProgress, Take
from .. import archive, delivery
from ..gallery.thumbnails import Thumbnails

SIDE = 128  # pixels at most
KEPT = 96  # pictures: more than a tall table shows; each takes 64 KB

thumbnails = Thumbnails(kept=KEPT, side=SIDE)


class _Reader:
    """An `archive.Reader`."""

    def questions(self) -> Iterator[Question]:
        yield from thumbnails.questions()

    def take(self, news: object) -> bool:
        if isinstance(news, Changed) and not thumbnails.is_missing_some:
            return False
        return thumbnails.take(news)


def icon_of(progress: PanelProgress | None) -> int:
    """Return the icon of a panel's newest result, 0 where there is none (yet). Callable while drawing."""
    return of_take(progress.best) if progress is not None and progress.best is not None else 0


def of_take(take: Take) -> int:
    """Return the icon of a take's first file."""
    if take.file is None:
        return 0
    file = FileRecord(1, take.file, "", "", "image", "output", 0)
    icon = thumbnails.icon_of(take.job_id, file)
    if thumbnails.is_missing_some:
        delivery.wake()
    return icon


_reader = _Reader()


def register() -> None:
    archive.readers.append(_reader)


def unregister() -> None:
    archive.readers.remove(_reader)
    thumbnails.forget()
