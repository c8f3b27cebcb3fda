"""The history for Blender's main thread: frozen questions go in, a thread of its own answers them in order."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeAlias

from .history import History
from .records import EVERYTHING, CleanUp, CleanUpPlan, Filter, Page, Placement, Record, Sort, Statistics

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Find:
    """A page of records; answered by Found with the same tag."""

    filter: Filter = EVERYTHING
    sort: Sort = Sort.NEWEST
    offset: int = 0
    size: int = 24
    tag: str = ""


@dataclass(frozen=True)
class Fetch:
    """One record with its request; answered by Fetched."""

    job_id: str


@dataclass(frozen=True)
class Waiting:
    """What waits for a .blend (either matches; '' and '' for all); answered by WaitingFound."""

    blend_id: str
    blend_path: str


@dataclass(frozen=True)
class MarkPlaced:
    """Answered by Changed."""

    job_id: str
    number: int
    placement: Placement
    placed_as: str = ""


@dataclass(frozen=True)
class SetFavourite:
    """Answered by Changed."""

    job_id: str
    value: bool


@dataclass(frozen=True)
class Delete:
    """Answered by Changed."""

    ids: tuple[str, ...]
    with_files: bool


@dataclass(frozen=True)
class Clean:
    """Answered by Cleaned, and by Changed before it unless it was a dry run."""

    policy: CleanUp
    dry_run: bool


@dataclass(frozen=True)
class AskStatistics:
    """Answered by StatisticsFound."""


@dataclass(frozen=True)
class WantThumbnail:
    """Answered by Thumbnail or NoThumbnail."""

    job_id: str
    number: int
    path: Path


Question: TypeAlias = (
    Find | Fetch | Waiting | MarkPlaced | SetFavourite | Delete | Clean | AskStatistics | WantThumbnail
)


@dataclass(frozen=True)
class Found:
    page: Page
    tag: str


@dataclass(frozen=True)
class Fetched:
    """`record` is None when the history has no such job (any more)."""

    job_id: str
    record: Record | None


@dataclass(frozen=True)
class WaitingFound:
    records: tuple[Record, ...]


@dataclass(frozen=True)
class Cleaned:
    plan: CleanUpPlan
    dry_run: bool


@dataclass(frozen=True)
class StatisticsFound:
    statistics: Statistics


@dataclass(frozen=True)
class Thumbnail:
    """`pixels`: float32 RGBA, the bottom row first, as Blender's images take them."""

    job_id: str
    number: int
    width: int
    height: int
    pixels: bytes


@dataclass(frozen=True)
class NoThumbnail:
    """The file is no picture, or is not there (any more)."""

    job_id: str
    number: int


@dataclass(frozen=True)
class Changed:
    """The history is not as it was: pages shown should be asked for anew."""


@dataclass(frozen=True)
class Trouble:
    """A question could not be answered; `sentence` says why, for a person."""

    sentence: str


Answer: TypeAlias = (
    Found | Fetched | WaitingFound | Cleaned | StatisticsFound | Thumbnail | NoThumbnail | Changed | Trouble
)


class Desk:
    """`ask`, `drain` and `close` never block, and touch no disk. The thread starts with the first question."""

    def __init__(self, folder: Path) -> None:
        self._history = History(folder)
        self._questions: SimpleQueue[Question | None] = SimpleQueue()
        self._answers: SimpleQueue[Answer] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False

    def ask(self, question: Question) -> None:
        """Put a question; after `close` it goes unanswered. For one thread only, as `close` is."""
        if self._closed:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="comfyui-desk", daemon=True)
            self._thread.start()
        self._questions.put(question)

    def drain(self, limit: int = 100) -> list[Answer]:
        """The next answers, at most `limit`; [] when there are none."""
        answers: list[Answer] = []
        try:
            while len(answers) < limit:
                answers.append(self._answers.get_nowait())
        except Empty:
            pass
        return answers

    def close(self) -> None:
        """Return at once; the thread ends after the questions that were put before."""
        self._closed = True
        self._questions.put(None)

    def join(self, timeout: float) -> None:
        """Wait for the thread's end. Not for the main thread."""
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        while (question := self._questions.get()) is not None:
            try:
                for answer in self._answered(question):
                    self._answers.put(answer)
            except Exception as error:
                log.exception("%s", type(question).__name__)
                self._answers.put(Trouble(str(error)))
        self._history.close()

    def _answered(self, question: Question) -> Iterator[Answer]:  # noqa: C901 - one case a question
        history = self._history
        match question:
            case Find(which, sort, offset, size, tag):
                yield Found(history.find(which, sort, offset, size), tag)
            case Fetch(job_id):
                yield Fetched(job_id, history.record(job_id))
            case Waiting(blend_id, blend_path):
                yield WaitingFound(history.waiting(blend_id, blend_path))
            case MarkPlaced(job_id, number, placement, placed_as):
                history.place(job_id, number, placement, placed_as)
                yield Changed()
            case SetFavourite(job_id, value):
                history.favourite(job_id, value)
                yield Changed()
            case Delete(ids, with_files):
                history.delete(ids, with_files)
                yield Changed()
            case Clean(policy, dry_run):
                plan = history.clean_up(policy, dry_run)
                if not dry_run:
                    yield Changed()
                yield Cleaned(plan, dry_run)
            case AskStatistics():
                yield StatisticsFound(history.statistics())
            case WantThumbnail(job_id, number, _):
                yield NoThumbnail(job_id, number)
