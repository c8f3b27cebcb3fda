"""Results of earlier runs: what waits for the open .blend is placed, what is still open on the server is followed.

Both are asked of the history when Blender starts and when a file is opened, without any click.
"""

import contextlib
from collections.abc import Iterable

import bpy
from bpy.app.handlers import persistent

from ..generation.events import Returned
from ..generation.history import Filter, Find, Found, Placement, Question, Record, Waiting, WaitingFound
from ..generation.outcome import JobState
from . import archive, blend_file, placements, runtime, settings
from .job_list import Entry, unplaceable
from .sinks import ledger

_OPEN = frozenset(state for state in JobState if not state.is_terminal)
_TAG = "open jobs"
_MANY = 500  # of them at a time: to know that there are any is enough


class _Recovery:
    """Asks, and turns the answers into entries of the job list."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Know nothing yet."""
        self.wants_results = True
        self.wants_jobs = True
        self.awaited: set[str] = set()  # open jobs of earlier runs that have not returned

    def questions(self) -> Iterable[Question]:
        if self.wants_results:
            self.wants_results = False
            yield Waiting("", "")
        if self.wants_jobs:
            self.wants_jobs = False
            with contextlib.suppress(ValueError):  # an address that is none: the panel says so
                server = str(settings.server_settings().address)
                yield Find(Filter(states=_OPEN, server=server), size=_MANY, tag=_TAG)

    def take(self, news: object) -> bool:
        match news:
            case WaitingFound(records=records):
                for record in records:
                    _take_up(record)
                return bool(records)
            case Found(tag=tag, page=page) if tag == _TAG:
                self.awaited = {record.id for record in page.records if runtime.jobs.get(record.id) is None}
                if not self.awaited:
                    return False
                with contextlib.suppress(ValueError, runtime.NoOnlineAccess):
                    runtime.session().start()
                return True
            case Returned(job_id=job_id):
                self.awaited.discard(job_id)
        return False


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
    reader.wants_results = True


def register() -> None:
    reader.begin()  # a module can outlive its being disabled
    archive.readers.append(reader)
    bpy.app.handlers.load_post.append(_on_load)


def unregister() -> None:
    archive.readers.remove(reader)
    bpy.app.handlers.load_post.remove(_on_load)
