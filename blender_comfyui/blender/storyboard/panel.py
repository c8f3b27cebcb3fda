"""The panel "Storyboard" of our tab, beside the Sequencer and the 3D View, and its menus."""

import bpy
from bpy.types import Context, Menu, Panel

from .. import compat
from ..panels import content_width
from ..regions import CATEGORY
from . import drawing, table


class _StoryboardPanel:
    bl_label = "Storyboard"
    bl_category = CATEGORY
    bl_region_type = "UI"
    bl_options = {"DEFAULT_CLOSED"}
    bl_order = 5  # between the panel that generates and the gallery

    @classmethod
    def poll(cls, context: Context) -> bool:
        return context.scene is not None

    def draw(self, context: Context) -> None:
        layout = self.layout
        layout.use_property_split = False
        layout.use_property_decorate = False
        drawing.draw(layout, compat.sequencer_scene(context), content_width(context))


class COMFYUI_PT_storyboard_sequencer(_StoryboardPanel, Panel):
    bl_space_type = "SEQUENCE_EDITOR"


class COMFYUI_PT_storyboard_view3d(_StoryboardPanel, Panel):
    bl_space_type = "VIEW_3D"


class COMFYUI_MT_storyboard(Menu):
    """Where panels come from, and where they go."""

    bl_label = "Storyboard"

    def draw(self, _context: Context) -> None:
        layout = self.layout
        layout.operator("comfyui.storyboard_from_markers", icon="MARKER_HLT")
        layout.operator("comfyui.storyboard_from_strips", icon="FONT_DATA")
        layout.operator("comfyui.storyboard_load", icon="FILE_FOLDER")
        layout.separator()
        layout.operator("comfyui.storyboard_to_markers", icon="MARKER")
        layout.operator("comfyui.storyboard_to_strips", icon="SMALL_CAPS")
        layout.operator("comfyui.storyboard_save", icon="FILE_TICK")
        layout.operator("comfyui.storyboard_contact_sheet", icon="IMGDISPLAY")
        layout.separator()
        layout.operator("comfyui.storyboard_close_gaps", icon="ALIGN_JUSTIFY")
        layout.operator("comfyui.storyboard_fit_strips", icon="SNAP_ON")
        layout.operator("comfyui.storyboard_clear", icon="TRASH")


class COMFYUI_MT_storyboard_run(Menu):
    """Which panels are made."""

    bl_label = "Run Storyboard"

    def draw(self, _context: Context) -> None:
        layout = self.layout
        for which, text in (
            ("ALL", "Run All"),
            ("MISSING", "Run Missing"),
            ("CHOSEN", "Run Selected"),
            ("FAILED", "Run Failed Again"),
            ("AGAIN", "Another Take of the Selected"),
        ):
            layout.operator("comfyui.storyboard_run", text=text).which = which


_register, _unregister = bpy.utils.register_classes_factory(
    (
        COMFYUI_MT_storyboard,
        COMFYUI_MT_storyboard_run,
        COMFYUI_PT_storyboard_sequencer,
        COMFYUI_PT_storyboard_view3d,
    )
)


def register() -> None:
    table.register()
    _register()


def unregister() -> None:
    _unregister()
    table.unregister()
