"""The history for Blender's main thread: frozen questions go in, a thread of its own answers them in order."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryDirectory
from typing import TypeAlias

from ...comfy.errors import FileBroken
from ..ownership import Ownership
from ..pictures import make_thumbnail, thumbnail_pixels
from .history import History
from .places import Places
from .records import EVERYTHING, CleanUp, CleanUpPlan, Durations, Filter, Page, Placement, Record, Sort, Statistics

log = logging.getLogger(__name__)

SIDE = 256  # pixels of a thumbnail at most


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
    """What waits for a .blend (either matches; '' and '' for all); answered by WaitingFound with the same tag."""

    blend_id: str
    blend_path: str
    tag: int = 0


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
class AskDurations:
    """How long jobs take on one server; answered by DurationsFound."""

    server: str


@dataclass(frozen=True)
class WantThumbnail:
    """Answered by Thumbnail or NoThumbnail of the same `side`, in pixels. Only the usual ones are kept on the disk."""

    job_id: str
    number: int
    path: Path
    side: int = SIDE


Question: TypeAlias = (
    Find | Fetch | Waiting | MarkPlaced | SetFavourite | Delete | Clean | AskStatistics | AskDurations | WantThumbnail
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
    """`living`: those of the records' owners that are alive, in this Blender or another one."""

    records: tuple[Record, ...]
    living: frozenset[str] = frozenset()
    tag: int = 0


@dataclass(frozen=True)
class Cleaned:
    plan: CleanUpPlan
    dry_run: bool


@dataclass(frozen=True)
class StatisticsFound:
    statistics: Statistics


@dataclass(frozen=True)
class DurationsFound:
    """By task and tier."""

    server: str
    durations: Mapping[tuple[str, str], Durations]


@dataclass(frozen=True)
class Thumbnail:
    """`pixels`: float32 RGBA, the bottom row first, as Blender's images take them."""

    job_id: str
    number: int
    width: int
    height: int
    pixels: bytes
    side: int = SIDE


@dataclass(frozen=True)
class NoThumbnail:
    """The file is no picture, or is not there (any more)."""

    job_id: str
    number: int
    side: int = SIDE


@dataclass(frozen=True)
class Changed:
    """The history is not as it was: pages shown should be asked for anew."""


@dataclass(frozen=True)
class Trouble:
    """A question could not be answered; `sentence` says why, for a person."""

    sentence: str


@dataclass(frozen=True)
class Notice:
    """Something that a person should know of the history, unasked: it was damaged and rebuilt."""

    sentence: str


Answer: TypeAlias = (
    Found
    | Fetched
    | WaitingFound
    | Cleaned
    | StatisticsFound
    | DurationsFound
    | Thumbnail
    | NoThumbnail
    | Changed
    | Trouble
    | Notice
)
_CHANGES = (MarkPlaced, SetFavourite, Delete, Clean)
_ID = re.compile(r"[0-9A-Za-z-]{2,64}")


class Desk:
    """`ask`, `drain` and `close` never block, and touch no disk. The thread starts with the first question."""

    def __init__(self, folder: Path) -> None:
        self._history = History(folder)
        self._places = Places(folder)
        self._ownership = Ownership(self._places.owners)  # to ask about others; nothing is ours
        self._questions: SimpleQueue[Question | None] = SimpleQueue()
        self._answers: SimpleQueue[Answer] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._told = ""

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
        """Return at once. The thread still makes the changes that it was asked for, and ends."""
        self._closed = True
        self._questions.put(None)

    def join(self, timeout: float) -> None:
        """Wait for the thread's end. Not for the main thread."""
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        while (question := self._questions.get()) is not None:
            if self._closed and not isinstance(question, _CHANGES):
                continue
            try:
                for answer in self._answered(question):
                    self._answers.put(answer)
            except Exception as error:
                log.warning("%s", type(question).__name__, exc_info=True)
                self._answers.put(Trouble(str(error) or type(error).__name__))
            self._tell_notice()
        self._history.close()

    def _tell_notice(self) -> None:
        if self._history.notice != self._told:
            self._told = self._history.notice
            self._answers.put(Notice(self._told))

    def _answered(self, question: Question) -> tuple[Answer, ...]:
        match question:
            case MarkPlaced() | SetFavourite() | Delete() | Clean():
                return self._changed(question)
            case Find(which, sort, offset, size, tag):
                return (Found(self._history.find(which, sort, offset, size), tag),)
            case Fetch(job_id):
                return (Fetched(job_id, self._history.record(job_id)),)
            case Waiting(blend_id, blend_path, tag):
                records = self._history.waiting(blend_id, blend_path)
                owners = {record.owner for record in records}
                return (WaitingFound(records, frozenset(filter(self._ownership.is_held, owners)), tag),)
            case AskStatistics():
                return (StatisticsFound(self._history.statistics()),)
            case AskDurations(server):
                return (DurationsFound(server, self._history.durations(server)),)
            case WantThumbnail():
                return (self._thumbnail(question),)

    def _changed(self, change: MarkPlaced | SetFavourite | Delete | Clean) -> tuple[Answer, ...]:
        match change:
            case MarkPlaced(job_id, number, placement, placed_as):
                self._history.place(job_id, number, placement, placed_as)
            case SetFavourite(job_id, value):
                self._history.favourite(job_id, value)
            case Delete(ids, with_files):
                self._history.delete(ids, with_files)
            case Clean(policy, dry_run):
                cleaned = Cleaned(self._history.clean_up(policy, dry_run), dry_run)
                return (cleaned,) if dry_run else (Changed(), cleaned)
        return (Changed(),)

    def _thumbnail(self, wanted: WantThumbnail) -> Thumbnail | NoThumbnail:
        try:
            if _ID.fullmatch(wanted.job_id):
                pixels = self._pixels(wanted)
                if pixels is not None:
                    return Thumbnail(wanted.job_id, wanted.number, *pixels, wanted.side)
        except (OSError, FileBroken):
            log.info("no thumbnail of %s", wanted.path, exc_info=True)
        return NoThumbnail(wanted.job_id, wanted.number, wanted.side)

    def _pixels(self, wanted: WantThumbnail) -> tuple[int, int, bytes] | None:
        if wanted.side == SIDE:
            return _kept(wanted.path, self._places.thumbnail(wanted.job_id, wanted.number))
        with TemporaryDirectory() as folder:
            made = Path(folder) / "picture.webp"
            return thumbnail_pixels(made) if make_thumbnail(wanted.path, made, wanted.side) else None


def _kept(source: Path, thumbnail: Path) -> tuple[int, int, bytes] | None:
    """Of the thumbnail that is there, unless its picture is newer; else of one that is made now, if that can be."""
    if thumbnail.is_file() and not (source.is_file() and source.stat().st_mtime > thumbnail.stat().st_mtime):
        try:
            return thumbnail_pixels(thumbnail)
        except (OSError, FileBroken):
            log.info("%s is made anew", thumbnail, exc_info=True)
    thumbnail.parent.mkdir(parents=True, exist_ok=True)
    return thumbnail_pixels(thumbnail) if make_thumbnail(source, thumbnail) else None
