"""The tab "ComfyUI" beside the 3D View, the Image Editor and the Sequencer: one drawing for all three.

It is read from top to bottom as a person works: server, what, how, where to, Generate, what is running.
Drawing only reads snapshots; it never talks to the server.
"""

from functools import partial

import bpy
from bpy.types import Context, Panel, UILayout

from . import compat, job_view, runtime, server_view
from .operators.workflow import bundled_title
from .properties import ComfySettings
from .regions import CATEGORY
from .workflow_panel import drawing as workflow_drawing
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
        _draw_workflow(layout, chosen)
        if chosen.imported.used:
            action = partial(_draw_action, layout, chosen, width)
            workflow_drawing.draw(layout, chosen.imported, chosen.values, width, action)
        else:
            _draw_prompts(layout, chosen)
            _draw_picture(layout, chosen)
            _draw_sampling(layout, chosen)
            _draw_action(layout, chosen, width)


class COMFYUI_PT_view3d(_ComfyPanel, Panel):
    bl_space_type = "VIEW_3D"


class COMFYUI_PT_image_editor(_ComfyPanel, Panel):
    bl_space_type = "IMAGE_EDITOR"


class COMFYUI_PT_sequencer(_ComfyPanel, Panel):
    bl_space_type = "SEQUENCE_EDITOR"


def _draw_workflow(layout: UILayout, chosen: ComfySettings) -> None:
    row = layout.row(align=True)
    title = chosen.imported.title if chosen.imported.used else bundled_title(chosen.workflow)
    row.menu("COMFYUI_MT_workflow", text=title, icon="NODETREE")
    row.operator("comfyui.browse_templates", text="", icon="IMGDISPLAY")
    row.operator("comfyui.import_workflow", text="", icon="IMPORT")


def _draw_prompts(layout: UILayout, chosen: ComfySettings) -> None:
    for name, lines, placeholder in (
        ("prompt", 4, "What the picture shows"),
        ("negative_prompt", 2, "What it shall not show"),
    ):
        column = layout.column(align=True)
        row = column.row()
        row.label(text=chosen.bl_rna.properties[name].name)
        row.operator("comfyui.edit_prompt", text="", icon="GREASEPENCIL", emboss=False).field = name
        compat.prompt_field(column, chosen, name, lines=lines, placeholder=placeholder)


def _draw_picture(layout: UILayout, chosen: ComfySettings) -> None:
    _draw_seed(layout, chosen)
    _draw_size(layout, chosen)
    _draw_checkpoint(layout, chosen)


def _draw_checkpoint(layout: UILayout, chosen: ComfySettings) -> None:
    """Over the whole width: these names are long."""
    names = runtime.server_state().checkpoints
    column = layout.column(align=True)
    column.label(text="Checkpoint")
    first = names[0].rpartition(".")[0] if names else ""
    _draw_choice(column, chosen, "checkpoint", names, text="", empty=first or "The server's first")


def _draw_seed(layout: UILayout, chosen: ComfySettings) -> None:
    column = layout.column(align=True)
    _choices(column, chosen, "seed_mode")
    if chosen.seed_mode == "FIXED":
        column.prop(chosen, "seed", text="")
    if chosen.last_seed and (chosen.seed_mode, chosen.seed) != ("FIXED", chosen.last_seed):
        row = column.row()
        row.label(text=f"Last {chosen.last_seed}")
        row.operator("comfyui.use_last_seed", text="", icon="RECOVER_LAST", emboss=False)


def _draw_size(layout: UILayout, chosen: ComfySettings) -> None:
    column = layout.column(align=True)
    _choices(column, chosen, "size_source")
    row = column.row(align=True)
    if chosen.size_source == "OWN":
        row.prop(chosen, "width")
        row.prop(chosen, "height")
    else:
        row.alignment = "RIGHT"
        row.label(text="{} × {} px".format(*chosen.picture_size()))


def _draw_sampling(layout: UILayout, chosen: ComfySettings) -> None:
    header, body = layout.panel("COMFYUI_sampling", default_closed=True)
    header.label(text="Sampling")
    if body is None:
        return
    body.use_property_split = True
    server = runtime.server_state()
    column = body.column()
    column.prop(chosen, "steps")
    column.prop(chosen, "cfg")
    _draw_choice(column, chosen, "sampler", server.samplers, text="Sampler", empty="The workflow's")
    _draw_choice(column, chosen, "scheduler", server.schedulers, text="Scheduler", empty="The workflow's")
    column.prop(chosen, "denoise")
    column.prop(chosen, "batch_size")


def _draw_action(layout: UILayout, chosen: ComfySettings, width: int) -> None:
    """Where to, Generate, and what comes of it."""
    _draw_target(layout, chosen)
    _draw_generate(layout)
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


def _draw_choice(
    column: UILayout, chosen: ComfySettings, name: str, options: tuple[str, ...], *, text: str, empty: str
) -> None:
    """A name out of the server's list, which may be unknown or lack what the .blend says."""
    value = getattr(chosen, name)
    missing = bool(options) and value != "" and value not in options
    row = column.row()
    row.alert = missing
    row.prop(chosen, name, text=text, placeholder=empty)
    if missing:
        column.label(text="Not on this server", icon="ERROR")


register, unregister = bpy.utils.register_classes_factory(
    (COMFYUI_PT_view3d, COMFYUI_PT_image_editor, COMFYUI_PT_sequencer)
)
