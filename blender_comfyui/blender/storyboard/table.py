"""The table of panels: picture, id, prompt and state of each. Blender asks for the rows that are seen."""

from typing import cast

import bpy
from bpy.types import Context, Scene, UILayout, UIList

from ...generation.storyboard.states import PanelState
from . import changes, pictures, running, words
from .state import ComfyStoryboard, ComfyStoryPanel

HEIGHT = 1.4  # of a row, in heights of a line
_LETTER = 0.42  # of a line's height: how wide a letter of an id is
_ID = (1.4, 4.0)  # the width of the ids, in heights of a line


class _Ids:
    """How wide the ids are: looked at again where panels have changed."""

    count = -1
    width = _ID[0]


def measure(board: ComfyStoryboard) -> None:
    """Have the rows leave as much room for ids as the longest needs, before they are drawn."""
    if _Ids.count != changes.count():
        longest = max((len(panel.name) for panel in board.panels), default=0)
        _Ids.count, _Ids.width = changes.count(), min(max(_ID[0], _LETTER * (longest + 1)), _ID[1])


class COMFYUI_UL_storyboard(UIList):
    """The panels of a storyboard."""

    def draw_item(
        self,
        _context: Context,
        layout: UILayout,
        _board: ComfyStoryboard,
        panel: ComfyStoryPanel,
        _icon: int,
        _active_board: ComfyStoryboard,
        _active_property: str,
        _index: int = 0,
        _flag: int = 0,
    ) -> None:
        """Draw a row."""
        progress = running.panel(cast("Scene", panel.id_data), panel.name)
        row = layout.row(align=True)
        row.scale_y = HEIGHT
        _draw_picture(row.row(align=True), pictures.icon_of(progress))
        name = row.row(align=True)
        name.ui_units_x = _Ids.width
        name.label(text=panel.name)
        row.label(text=panel.prompt)
        if progress is not None and progress.state is PanelState.RUNNING:
            ring = row.row(align=True)
            ring.scale_y = 1 / HEIGHT
            ring.progress(text="", factor=progress.progress, type="RING")
        else:
            row.label(text="", icon=words.icon(progress))
        row.prop(panel, "chosen", text="", icon="CHECKBOX_HLT" if panel.chosen else "CHECKBOX_DEHLT", emboss=False)


def _draw_picture(frame: UILayout, picture: int) -> None:
    frame.ui_units_x = HEIGHT
    if picture:
        frame.scale_y = 1 / HEIGHT  # it says its own height
        frame.template_icon(picture, scale=HEIGHT)
    else:
        frame.label(text="", icon="IMAGE_DATA")


register, unregister = bpy.utils.register_classes_factory((COMFYUI_UL_storyboard,))
