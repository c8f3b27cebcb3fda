"""Which of a panel's takes is in the cut: the one on the storyboard's channel; the others are on muted ones."""

from typing import TYPE_CHECKING

from bpy.types import Scene

from .. import compat
from ..sinks.sequencer import MAX_CHANNEL
from ..sinks.storyboard import Mark, mark, strips_of

if TYPE_CHECKING:
    from bpy.types import Strip  # named Sequence before 4.5


def use(scene: Scene, panel_id: str, job_id: str) -> bool:
    """Have the strips of a job and of the take in the cut change places; return whether the job has a strip."""
    ours = [(strip, found) for strip, found in strips_of(scene, scene.comfyui_storyboard.id) if found.panel == panel_id]
    wanted = next(((strip, found) for strip, found in ours if found.job_id == job_id), None)
    present = next(((strip, found) for strip, found in ours if not found.is_take), None)
    if wanted is None:
        return False
    if present is not None and present[1].job_id != job_id:
        _swap(scene, present, wanted)
    return True


def in_cut(scene: Scene, panel_id: str) -> str:
    """Return the job whose strip is in the cut, '' where there is none."""
    found = (found for _, found in strips_of(scene, scene.comfyui_storyboard.id) if found.panel == panel_id)
    return next((one.job_id for one in found if not one.is_take), "")


def _swap(scene: Scene, present: "tuple[Strip, Mark]", wanted: "tuple[Strip, Mark]") -> None:
    one, other = [*_effects(scene, present[0]), present[0]], [*_effects(scene, wanted[0]), wanted[0]]
    places = [[strip.channel for strip in strips] for strips in (one, other)]
    for number, strip in enumerate((*one, *other)):  # out of each other's way
        strip.channel = MAX_CHANNEL - number
    for strips, channels in ((one, places[1]), (other, places[0])):
        for strip, channel in zip(reversed(strips), reversed(channels), strict=False):
            strip.channel = channel
    for strip, found in (present, wanted):
        mark(strip, Mark(found.storyboard, found.panel, found.job_id, not found.is_take))


def _effects(scene: Scene, strip: "Strip") -> "list[Strip]":
    return [
        effect for effect in compat.strips(scene.sequence_editor) if effect.type == "SPEED" and effect.input_1 == strip
    ]
