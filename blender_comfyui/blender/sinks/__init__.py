"""Results → Blender. A sink finds its target by name when a result arrives, and makes one undo step of it."""

from ..job_list import Entry, Result
from . import image_editor, sequencer, storyboard

_SINKS = {"SEQUENCER": sequencer.place, "STORYBOARD": storyboard.place}


def place(entry: Entry, result: Result) -> str:
    """Put one output where its request wants it; return the name of what was made. Raises CannotPlace."""
    return _SINKS.get(entry.target.get("sink", ""), image_editor.place)(entry, result)
