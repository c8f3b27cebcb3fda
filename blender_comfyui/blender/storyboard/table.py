"""The table of panels: picture, id, prompt and state of each. Blender asks for the rows that are seen."""

from typing import cast

import bpy
from bpy.types import Context, Scene, UILayout, UIList

from ...generation.storyboard.states import PanelState
from . import pictures, running, words
from .state import ComfyStoryboard, ComfyStoryPanel

_PICTURE = 1.7  # of a line's height
_ID = 0.2  # of the room beside the picture


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
        picture = pictures.icon_of(progress)
        if picture:
            row.template_icon(picture, scale=_PICTURE)
        else:
            row.label(text="", icon="IMAGE_DATA")
        parts = row.split(factor=_ID, align=True)
        parts.label(text=panel.name)
        parts.label(text=panel.prompt)
        if progress is not None and progress.state is PanelState.RUNNING:
            row.progress(text="", factor=progress.progress, type="RING")
        else:
            row.label(text="", icon=words.icon(progress))
        row.prop(panel, "chosen", text="")


register, unregister = bpy.utils.register_classes_factory((COMFYUI_UL_storyboard,))
