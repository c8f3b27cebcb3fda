"""Timeline markers ↔ panels. A marker is called “id: prompt”, and stands where its panel begins.

A marker's name holds 63 bytes in every Blender, and from 5.0 on no custom properties. So a longer prompt stays with the
scene's panel: the marker shows its beginning and an ellipsis, and a marker that ends so never shortens its panel.
"""

from dataclasses import replace

from bpy.types import Scene

from ...generation.storyboard.cues import Cue, from_cues, marker_cues, marker_name, marker_parts
from ..sinks.sequencer import frames_per_second
from . import contents
from .contents import Shot
from .state import ComfyStoryPanel

MOST_BYTES = 63
CUT = "…"


def read(scene: Scene, *, selected: bool = False) -> list[Shot]:
    """Return the panels that the scene's markers are: each lasts until the next one, the last until the scene's end.

    What a marker does not say is kept from the panel of the same id. Raises InvalidCues.
    """
    ours = {_name(panel): f"{panel.name}: {panel.prompt}" for panel in scene.comfyui_storyboard.panels}
    wanted = (marker for marker in scene.timeline_markers if marker.select or not selected)
    names = [(ours.get(marker.name, marker.name), marker.frame) for marker in wanted]
    known = contents.known_panels(scene)
    cues = [_whole(cue, known) for cue in marker_cues(names, scene.frame_end + 1)]
    panels = from_cues(cues, frames_per_second(scene), known.values())
    return [Shot(panel, cue.start, cue.end) for panel, cue in zip(panels, cues, strict=True)]


def write(scene: Scene) -> int:
    """Have a marker stand where each panel begins; return how many. Markers of no panel stay as they are."""
    panels = scene.comfyui_storyboard.panels
    ours = {_name(panel): panel.name for panel in panels}
    there = {ours.get(marker.name) or marker_parts(marker.name)[0]: marker for marker in scene.timeline_markers}
    for panel in panels:
        marker = there.get(panel.name) or scene.timeline_markers.new("", frame=panel.start)
        marker.name, marker.frame = _name(panel), panel.start
    return len(panels)


def _name(panel: ComfyStoryPanel) -> str:
    """Return what the panel's marker is called: with a long id even that may be cut."""
    return marker_name(Cue(panel.name, panel.prompt, panel.start, panel.end), MOST_BYTES)


def _whole(cue: Cue, known: "dict[str, contents.Panel]") -> Cue:
    """What is cut cannot be all that its panel says, also where that was reworded since."""
    panel = known.get(cue.id)
    return replace(cue, text=panel.prompt) if panel is not None and cue.text.endswith(CUT) else cue
