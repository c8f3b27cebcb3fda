"""The strips of results follow their panels: after panels were moved, or markers and text strips were read anew."""

from typing import TYPE_CHECKING

from bpy.types import Scene

from .. import compat
from ..sinks.storyboard import strips_of

if TYPE_CHECKING:
    from bpy.types import Strip  # named Sequence before 4.5

_ASIDE = 200_000  # frames: where no film is


def fit(scene: Scene) -> int:
    """Give each strip its panel's place and length; return how many were elsewhere."""
    board = scene.comfyui_storyboard
    panels = {panel.name: (panel.start, panel.end) for panel in board.panels}
    wrong = [
        (strip, panels[found.panel])
        for strip, found in strips_of(scene, board.id)
        if found.panel in panels and compat.strip_range(strip) != panels[found.panel]
    ]
    # all aside first: none of them may push another one away
    for strip, _ in sorted(wrong, key=lambda one: -compat.strip_range(one[0])[0]):
        compat.move_strip(strip, compat.strip_range(strip)[0] + _ASIDE)
    for strip, (start, end) in sorted(wrong, key=lambda one: one[1]):
        _put(strip, start, end)
    return len(wrong)


def _put(strip: "Strip", start: int, end: int) -> None:
    compat.move_strip(strip, start)
    compat.set_strip_length(strip, end - start)
