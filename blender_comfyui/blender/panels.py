"""The tab "ComfyUI" beside the 3D View, the Image Editor and the Sequencer: one drawing for all three.

It is read from top to bottom as a person works: server, what, how, where to, Generate, what is running.
Drawing only reads snapshots; it never talks to the server.
"""

from functools import partial

import bpy
from bpy.types import Context, Panel, UILayout

from . import delivery, job_view, server_view, task_workflows
from .grids import drawing as grids
from .properties import ComfySettings
from .regions import CATEGORY
from .tasks import asking, lora_rows, wishes
from .tasks import drawing as task_drawing
from .workflow_panel import drawing as workflow_drawing
from .workflow_panel import reception
from .wrapping import scale

_MARGIN = 56  # pixels at scale 1 that the tabs, the scroll bar and the panel's border take


def content_width(context: Context) -> int:
    """Return how many pixels a line of the panel has."""
    return context.region.width - round(_MARGIN * scale())


class _ComfyPanel:
    bl_label = "ComfyUI"
    bl_category = CATEGORY
    bl_region_type = "UI"

    @classmethod
    def poll(cls, context: Context) -> bool:
        return context.scene is not None

    def draw_header_preset(self, _context: Context) -> None:
        self.layout.operator("comfyui.open_preferences", text="", icon="PREFERENCES", emboss=False)

    def draw(self, context: Context) -> None:
        layout = self.layout
        layout.use_property_decorate = False
        chosen, width = context.scene.comfyui, content_width(context)
        server_view.draw(layout, width)
        _draw_what(layout, chosen)
        if chosen.imported.used:
            action = partial(_draw_action, layout, chosen, width)
            workflow_drawing.draw(layout, chosen.imported, chosen.values, width, action)
            lora_rows.draw(layout, chosen, width)
        else:
            task_drawing.draw(layout, context.scene, width, partial(_draw_action, layout, chosen, width))


class COMFYUI_PT_view3d(_ComfyPanel, Panel):
    bl_space_type = "VIEW_3D"


class COMFYUI_PT_image_editor(_ComfyPanel, Panel):
    bl_space_type = "IMAGE_EDITOR"


class COMFYUI_PT_sequencer(_ComfyPanel, Panel):
    bl_space_type = "SEQUENCE_EDITOR"


def _draw_what(layout: UILayout, chosen: ComfySettings) -> None:
    row = layout.row(align=True)
    title = chosen.imported.title if chosen.imported.used else _task_title(chosen)
    row.menu("COMFYUI_MT_workflow", text=title, icon="NODETREE")
    row.operator("comfyui.browse_templates", text="", icon="IMGDISPLAY")
    row.operator("comfyui.import_workflow", text="", icon="IMPORT")


def _task_title(chosen: ComfySettings) -> str:
    title = asking.titles().get(chosen.task, chosen.task)
    if task_workflows.chosen(chosen.task):
        reception.want_library()
        delivery.wake()
    replaced = wishes.replacement(chosen)
    return f"{title}: {replaced}" if replaced else title


def _draw_action(layout: UILayout, chosen: ComfySettings, width: int) -> None:
    """Where to, Generate, and what comes of it."""
    _draw_target(layout, chosen)
    _draw_generate(layout)
    grids.draw_progress(layout)
    job_view.draw(layout, width)


def _draw_target(layout: UILayout, chosen: ComfySettings) -> None:
    _choices(layout, chosen, "sink")


def _draw_generate(layout: UILayout) -> None:
    row = layout.row()
    row.scale_y = 1.6
    row.operator("comfyui.generate", icon="RENDER_STILL")


def _choices(layout: UILayout, chosen: ComfySettings, name: str) -> None:
    """A choice between two, side by side."""
    row = layout.row()
    row.use_property_split = True
    row.prop(chosen, name, expand=True)


register, unregister = bpy.utils.register_classes_factory(
    (COMFYUI_PT_view3d, COMFYUI_PT_image_editor, COMFYUI_PT_sequencer)
)
