"""What the history is told of where results are: placed in Blender's memory, kept in the saved .blend, or not wanted.

Whatever is lost on the way to the history, the .blend's ledger knows better: it decides whether a result is placed.
"""

from dataclasses import dataclass, field

import bpy
from bpy.app.handlers import persistent

from ..generation.history import MarkPlaced, Placement
from . import archive, blend_file, runtime
from .job_list import Entry, Result
from .sinks import ledger


@dataclass
class _Memory:
    """What was placed since the file was opened and is not on the disk with it: (job id, number) → name."""

    unsaved: dict[tuple[str, int], str] = field(default_factory=dict)
    closes_unnamed: bool = False  # the file that is being closed was never saved


_memory = _Memory()


def note_placed(entry: Entry, result: Result, name: str) -> None:
    """A sink has placed it, or the open file turned out to hold it since."""
    _memory.unsaved[entry.id, result.number] = name
    _mark(entry, result, Placement.PLACED, name)


def note_found(entry: Entry, result: Result, name: str) -> None:
    """The open file holds it already: placed by an earlier run, or a moment ago."""
    if blend_file.is_as_saved() and (entry.id, result.number) not in _memory.unsaved:
        _mark(entry, result, Placement.KEPT, name)
    else:
        note_placed(entry, result, name)


def note_unplaceable(job_id: str, numbers: list[int]) -> None:
    """No sink takes these files: they wait for nothing."""
    for number in numbers:
        archive.ask(MarkPlaced(job_id, number, Placement.DISMISSED))


def dismiss(entry: Entry) -> None:
    """The person does not want what is not in the open file."""
    for result in missing(entry):
        _mark(entry, result, Placement.DISMISSED, result.name)


def missing(entry: Entry) -> list[Result]:
    """Results that wait, were taken back by undo, or went with a file that was closed before it was saved."""
    wanted = (result for result in entry.results if result.placement is not Placement.DISMISSED)
    return [result for result in wanted if not ledger.holds(entry.id, result.number)]


def _mark(entry: Entry, result: Result, placement: Placement, name: str) -> None:
    result.placement, result.name = placement, name
    archive.ask(MarkPlaced(entry.id, result.number, placement, name))


@persistent
def _on_saved(file: str) -> None:
    """What the file holds is safe. What was taken back by undo is not wanted, unless it comes back before the next."""
    if not file or file != bpy.data.filepath:  # the startup file, or a copy
        return
    for job_id, number in tuple(_memory.unsaved):
        kept = ledger.holds(job_id, number)
        _tell_end(job_id, number, Placement.KEPT if kept else Placement.DISMISSED)
        if kept:
            del _memory.unsaved[job_id, number]


@persistent
def _before_load(_file: str) -> None:
    _memory.closes_unnamed = not bpy.data.filepath


@persistent
def _on_load(_file: str) -> None:
    """Whoever closes a file that was never saved has seen its results, and lets them go; the gallery has them."""
    if _memory.closes_unnamed:
        _let_go()
    _memory.unsaved.clear()


def _let_go() -> None:
    for job_id, number in _memory.unsaved:
        _tell_end(job_id, number, Placement.DISMISSED)


def _tell_end(job_id: str, number: int, placement: Placement) -> None:
    name = _memory.unsaved[job_id, number]
    entry = runtime.jobs.get(job_id)
    for result in entry.results if entry else ():
        if result.number == number:
            result.placement = placement
    archive.ask(MarkPlaced(job_id, number, placement, name))


def register() -> None:
    bpy.app.handlers.save_post.append(_on_saved)
    bpy.app.handlers.load_pre.append(_before_load)
    bpy.app.handlers.load_post.append(_on_load)


def unregister() -> None:
    bpy.app.handlers.save_post.remove(_on_saved)
    bpy.app.handlers.load_pre.remove(_before_load)
    bpy.app.handlers.load_post.remove(_on_load)
    if not bpy.data.filepath:  # Blender quits, most likely
        _let_go()
