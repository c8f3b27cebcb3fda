"""Results of earlier runs: what waits for the open .blend is placed, what is still open on the server is followed.

Both are asked of the history when Blender starts and when a file is opened, without any click.
"""

import contextlib
import math
import time
from collections.abc import Iterable

import bpy
from bpy.app.handlers import persistent

from ..generation.events import Returned
from ..generation.history import Filter, Find, Found, Placement, Question, Record, Trouble, Waiting, WaitingFound
from ..generation.outcome import JobState
from . import archive, blend_file, placements, runtime, settings
from .job_list import Entry, unplaceable
from .sinks import ledger

_OPEN = frozenset(state for state in JobState if not state.is_terminal)
_TAG = "open jobs"
_MANY = 500  # of them at a time: to know that there are any is enough
_AT_ONCE = 20  # records that one tick takes up
_AFTER_TROUBLE = 5.0  # seconds after which the history is asked again
_ASK_AGAIN = 60.0  # seconds after which open jobs are looked for again that have not returned


class _Wish:
    """Something to be known of the history: asked for until it was answered, again after trouble."""

    def __init__(self, again_after: float = math.inf) -> None:
        self._again_after = again_after  # seconds after an answer
        self.due = 0.0  # monotonic

    @property
    def is_due(self) -> bool:
        return time.monotonic() >= self.due

    def asked(self) -> None:
        self.due = math.inf

    def answered(self) -> None:
        self.due = time.monotonic() + self._again_after

    def failed(self) -> None:
        self.due = min(self.due, time.monotonic() + _AFTER_TROUBLE)


class _Recovery:
    """Asks, and turns the answers into entries of the job list."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Know nothing yet."""
        self.results, self.open_jobs = _Wish(), _Wish(_ASK_AGAIN)
        self.awaited: set[str] = set()  # open jobs of earlier runs that have not returned
        self._found: list[Record] = []

    @property
    def is_waiting(self) -> bool:
        """Whether there is something to come for, now and then."""
        return bool(self.awaited or self._found) or not math.isinf(self.results.due)

    def questions(self) -> Iterable[Question]:
        self._take_up_some()
        if self.results.is_due:
            self.results.asked()
            yield Waiting("", "")
        if self.open_jobs.is_due:
            self.open_jobs.asked()
            with contextlib.suppress(ValueError):  # an address that is none: the panel says so
                server = str(settings.server_settings().address)
                yield Find(Filter(states=_OPEN, server=server), size=_MANY, tag=_TAG)

    def take(self, news: object) -> bool:
        match news:
            case WaitingFound(records=records):
                self.results.answered()
                self._found = list(records)
                self._take_up_some()
                return bool(records)
            case Found(tag=tag, page=page) if tag == _TAG:
                return self._await(page.records)
            case Returned(job_id=job_id):
                self.awaited.discard(job_id)
            case Trouble():
                self.results.failed()
                self.open_jobs.failed()
        return False

    def _take_up_some(self) -> None:
        """A few a tick: there may be many."""
        now, self._found = self._found[:_AT_ONCE], self._found[_AT_ONCE:]
        for record in now:
            _take_up(record)

    def _await(self, records: Iterable[Record]) -> bool:
        self.awaited = {record.id for record in records if runtime.jobs.get(record.id) is None}
        if not self.awaited:
            return False
        self.open_jobs.answered()  # another Blender may follow them, and end them
        with contextlib.suppress(ValueError, runtime.NoOnlineAccess):
            runtime.session().start()
        return True


reader = _Recovery()


def _take_up(record: Record) -> None:
    """What the list has already it knows better."""
    if runtime.jobs.get(record.id) is not None:
        return
    entry = Entry.of_record(record)
    waiting = [file.number for file in record.files if file.placement is Placement.WAITING]
    placements.note_unplaceable(record.id, unplaceable(waiting, entry))
    if not entry.results:
        return
    runtime.jobs.add(entry)
    if not blend_file.is_open(entry.target):
        return
    for result in entry.results:
        if result.placement is Placement.PLACED and ledger.holds(entry.id, result.number):
            placements.note_found(entry, result, result.name)


@persistent
def _on_load(_file: str) -> None:
    """Other results may be wanted now, and the history knows best which."""
    for entry in runtime.jobs:
        entry.obstacle, entry.is_elsewhere = "", False
        if entry.job is None:
            runtime.jobs.remove(entry.id)
    reader.results = _Wish()


def register() -> None:
    reader.begin()  # a module can outlive its being disabled
    archive.readers.append(reader)
    bpy.app.handlers.load_post.append(_on_load)


def unregister() -> None:
    archive.readers.remove(reader)
    bpy.app.handlers.load_post.remove(_on_load)
