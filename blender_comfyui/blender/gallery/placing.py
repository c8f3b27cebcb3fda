"""A result of the history into the open file, as a click wants it: also when the file holds it already."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import bpy
from bpy.types import Image, Scene

from ...generation.history import FileRecord, Placement, Record
from ...generation.outcome import Output
from .. import compat, placements, runtime, sinks
from ..job_list import Entry, Result
from ..sinks import ledger
from ..sinks.recipe import KEY, names_output

if TYPE_CHECKING:
    from bpy.types import Strip  # named Sequence before 4.5


def place(record: Record, file: FileRecord, target: dict[str, str]) -> str:
    """Put a file where `target` says; return the name of what was made. One undo step. Raises CannotPlace."""
    entry = Entry.of_record(record)
    output = Output(file.path, file.node_id, file.node_title, file.kind, file.type, file.number)
    result = Result(file.number, output)
    entry.target, entry.results = target, [result]
    name = sinks.place(entry, result)
    listed = runtime.jobs.get(record.id)
    waiting = [known for known in listed.waiting if known.number == file.number] if listed else []
    if waiting:  # the panel's list was about to place it too
        placements.note_placed(listed, waiting[0], name)
    elif file.placement is Placement.WAITING:
        placements.note_placed(entry, result, name)
    return name


def is_here(record: Record, file: FileRecord) -> bool:
    """Whether it was placed in the open file. Quick, for drawing."""
    return ledger.holds(record.id, file.number)


def image_of(record: Record, file: FileRecord) -> Image | None:
    """Return the open file's image of a result, whatever its name is now."""
    return next((image for image in bpy.data.images if _is_of(image, record, file)), None)


def strip_of(record: Record, file: FileRecord) -> "tuple[Scene, Strip] | None":
    """Return the open file's strip of a result, and its scene."""
    return next(((scene, strip) for scene, strip in _strips() if _is_of(strip, record, file)), None)


def _strips() -> "Iterator[tuple[Scene, Strip]]":
    for scene in bpy.data.scenes:
        if scene.sequence_editor is not None:  # an empty list of strips is falsy, the editor is not
            yield from ((scene, strip) for strip in compat.strips(scene.sequence_editor))


def _is_of(made: "Image | Strip", record: Record, file: FileRecord) -> bool:
    return names_output(made.get(KEY), record.id, file.number)
