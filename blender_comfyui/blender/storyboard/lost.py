"""Results of a storyboard that were placed, and are not in the file now: Blender crashed, or it was not saved.

They are placed again with a click, not by themselves: whoever closes a file without saving it may have meant that.
"""

from bpy.types import Scene

from .. import elsewhere, runtime
from ..job_list import Entry


def entries(scene: Scene) -> list[Entry]:
    """Return the jobs of the scene's storyboard whose results wait for nothing, and are not there. For drawing."""
    board = scene.comfyui_storyboard
    missing = (runtime.jobs.get(job_id) for job_id in elsewhere.overview().missing)
    return [entry for entry in missing if entry is not None and _is_lost(entry, board.id)]


def _is_lost(entry: Entry, storyboard: str) -> bool:
    return entry.target.get("storyboard") == storyboard and not entry.is_running and not entry.can_be_placed
