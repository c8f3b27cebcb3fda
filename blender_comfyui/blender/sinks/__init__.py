"""Results → Blender. A sink finds its target by name when a result arrives, and makes one undo step of it."""

from ..job_list import Entry, Result
from . import image_editor, sequencer


def place(entry: Entry, result: Result) -> str:
    """Put one output where its request wants it; return the name of what was made. Raises CannotPlace."""
    sink = sequencer if entry.target.get("sink") == "SEQUENCER" else image_editor
    return sink.place(entry, result)
