"""What the history is told of where results are: placed in Blender's memory, kept in the saved .blend, or not wanted.

Whatever is lost on the way to the history, the .blend's ledger knows better: it decides whether a result is placed.
"""

from collections.abc import Container, Iterable
from dataclasses import dataclass, field

import bpy
from bpy.app.handlers import persistent

from ..generation.history import MarkPlaced, Placement, Question, WaitingFound
from . import archive, blend_file, runtime
from .job_list import Entry, Result
from .sinks import ledger


@dataclass
class _Placed:
    """What was made of a result in the open file."""

    name: str
    is_guest: bool  # it was asked for in another file
    is_kept: bool = False  # it is on the disk with the file


@dataclass
class _Memory:
    """What was placed since the file was opened, by job and number."""

    placed: dict[tuple[str, int], _Placed] = field(default_factory=dict)
    closes_unnamed: bool = False  # the file that is being closed was never saved


class _Owners:
    """A reader of the history's answers: which Sessions live. One that does has its results in its own memory."""

    living: frozenset[str] = frozenset()

    def questions(self) -> Iterable[Question]:
        """Nothing: others ask."""
        return ()

    def take(self, news: object) -> bool:
        if isinstance(news, WaitingFound) and news.living != self.living:
            self.living = news.living
            runtime.jobs.touch()
        return False


_memory = _Memory()
_owners = _Owners()


def known_as(entry: Entry, result: Result) -> str | None:
    """Return what the open file's data-block of it is called, '' where that is gone, None where it was never placed."""
    if result.may_be_here:
        searched = [other for other in entry.waiting if other.may_be_here]
        ledger.enter_found([(entry.id, other.number) for other in searched])
        for other in searched:
            other.may_be_here = False
    name = ledger.placed_as(entry.id, result.number)
    result.may_be_here = name is None  # a sink is tried now, and if it fails it may leave something behind
    return name


def note_placed(entry: Entry, result: Result, name: str) -> None:
    """A sink has placed it, or the open file turned out to hold it since."""
    _remember(entry, result, name)
    _mark(entry, result, Placement.PLACED, name)


def note_found(entry: Entry, result: Result, name: str) -> None:
    """The open file holds it already: placed by an earlier run, or a moment ago."""
    if blend_file.is_as_saved() and (entry.id, result.number) not in _memory.placed:
        _remember(entry, result, name).is_kept = True
        _mark(entry, result, Placement.KEPT, name)
    else:
        note_placed(entry, result, name)


def note_unplaceable(job_id: str, numbers: list[int]) -> None:
    """No sink takes these files: they wait for nothing."""
    for number in numbers:
        archive.ask(MarkPlaced(job_id, number, Placement.DISMISSED))


def dismiss(entry: Entry, results: list[Result]) -> None:
    """The person does not want these."""
    for result in results:
        _memory.placed.pop((entry.id, result.number), None)
        _mark(entry, result, Placement.DISMISSED, result.name)


def missing(entry: Entry, held: Container[str] | None = None) -> list[Result]:
    """Results that wait, were taken back by undo, or went with a file that was closed before it was saved.

    `held` are the ledger's lines, for who asks about many entries.
    """
    held = ledger.lines() if held is None else held
    wanted = (result for result in entry.results if result.placement is not Placement.DISMISSED)
    return [result for result in wanted if ledger.key(entry.id, result.number) not in held]


def is_lost(entry: Entry, result: Result) -> bool:
    """Whether it was placed in a file that was never saved and is nowhere any more.

    One that is closed lets go of its results; so what is written down as placed there went with a crash, or is alive
    in another Blender.
    """
    if result.placement is not Placement.PLACED or entry.target.get("blend"):
        return False
    return entry.owner not in _owners.living and not ledger.holds(entry.id, result.number)


def _remember(entry: Entry, result: Result, name: str) -> _Placed:
    placed = _Placed(name, is_guest=not blend_file.is_open(entry.own_target))
    _memory.placed[entry.id, result.number] = placed
    return placed


def _mark(entry: Entry, result: Result, placement: Placement, name: str) -> None:
    result.placement, result.name = placement, name
    runtime.jobs.touch()
    archive.ask(MarkPlaced(entry.id, result.number, placement, name))


@persistent
def _on_saving(file: str) -> None:
    """The scene that held a result may have been deleted, but not what was made of it."""
    if file:  # not the startup file
        ledger.enter_found(tuple(_memory.placed))


@persistent
def _on_saved(file: str) -> None:
    """What the file holds is safe. What was taken back by undo is offered until the person dismisses it."""
    if not file or file != bpy.data.filepath:  # the startup file, or a copy
        return
    held = ledger.lines()
    for output, placed in _memory.placed.items():
        is_kept = ledger.key(*output) in held
        if is_kept != placed.is_kept:
            placed.is_kept = is_kept
            _tell(output, Placement.KEPT if is_kept else Placement.PLACED)


@persistent
def _before_load(_file: str) -> None:
    _memory.closes_unnamed = not bpy.data.filepath


@persistent
def _on_load(_file: str) -> None:
    _part(_memory.closes_unnamed)


def _part(was_unnamed: bool) -> None:
    """The file is closed. What was asked for in another one and is not kept here waits for that one again.

    Whoever closes a file that was never saved has seen its own results, and lets them go; the gallery has them.
    """
    for output, placed in _memory.placed.items():
        if placed.is_guest and not placed.is_kept:
            _tell(output, Placement.WAITING)
        elif was_unnamed:
            _tell(output, Placement.DISMISSED)
    for job_id in {job_id for job_id, _ in _memory.placed}:
        if entry := runtime.jobs.get(job_id):
            entry.take_back()
    _memory.placed.clear()


def _tell(output: tuple[str, int], placement: Placement) -> None:
    job_id, number = output
    entry = runtime.jobs.get(job_id)
    for result in entry.results if entry else ():
        if result.number == number:
            result.placement = placement
    runtime.jobs.touch()
    archive.ask(MarkPlaced(job_id, number, placement, _memory.placed[output].name))


def register() -> None:
    archive.readers.append(_owners)
    bpy.app.handlers.save_pre.append(_on_saving)
    bpy.app.handlers.save_post.append(_on_saved)
    bpy.app.handlers.load_pre.append(_before_load)
    bpy.app.handlers.load_post.append(_on_load)


def unregister() -> None:
    archive.readers.remove(_owners)
    bpy.app.handlers.save_pre.remove(_on_saving)
    bpy.app.handlers.save_post.remove(_on_saved)
    bpy.app.handlers.load_pre.remove(_before_load)
    bpy.app.handlers.load_post.remove(_on_load)
    _part(not bpy.data.filepath)  # Blender quits, most likely
