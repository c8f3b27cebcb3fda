"""The panel "Gallery" of our tab: search, pages, pictures, and what can be done with the selected one.

Drawing only reads snapshots: one page, whatever the history holds.
"""

from typing import TYPE_CHECKING

import bpy
from bpy.types import Context, Menu, Panel, UILayout

from .. import notices
from ..panels import content_width
from ..regions import CATEGORY
from ..wrapping import draw_sentence
from . import foreign, grid, reading, words
from .reading import shelf
from .shelf import PAGE

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import IconItems


class _GalleryPanel:
    bl_label = "Gallery"
    bl_category = CATEGORY
    bl_region_type = "UI"
    bl_options = {"DEFAULT_CLOSED"}
    bl_order = 10  # below the panel that generates

    @classmethod
    def poll(cls, context: Context) -> bool:
        return context.scene is not None

    def draw(self, context: Context) -> None:
        layout, width = self.layout, content_width(context)
        reading.look()
        notices.draw(layout, width)
        _draw_filters(layout, context)
        if shelf.trouble:
            draw_sentence(layout, shelf.trouble, width, icon="ERROR")
            layout.operator("comfyui.gallery_refresh", text="Try Again", icon="FILE_REFRESH")
        elif shelf.page is None:
            layout.label(text="Opening the history …", icon="SORTTIME")
        elif shelf.page.total == 0:
            _draw_empty(layout, width)
        else:
            _draw_pages(layout)
            grid.draw(layout, shelf.page.records, width)
        foreign.draw(layout, width)
        reading.look_for_pictures()


class COMFYUI_PT_gallery_view3d(_GalleryPanel, Panel):
    bl_space_type = "VIEW_3D"


class COMFYUI_PT_gallery_image_editor(_GalleryPanel, Panel):
    bl_space_type = "IMAGE_EDITOR"


class COMFYUI_PT_gallery_sequencer(_GalleryPanel, Panel):
    bl_space_type = "SEQUENCE_EDITOR"


class COMFYUI_MT_gallery(Menu):
    """What concerns the whole history."""

    bl_label = "ComfyUI Gallery"

    def draw(self, _context: Context) -> None:
        layout = self.layout
        layout.operator("comfyui.gallery_refresh", icon="FILE_REFRESH")
        layout.operator("comfyui.gallery_list_foreign", icon="WORLD")
        layout.separator()
        layout.operator("comfyui.gallery_statistics", icon="SORTSIZE")
        layout.operator("comfyui.gallery_clean_up", icon="BRUSH_DATA")


def _draw_filters(layout: UILayout, context: Context) -> None:
    chosen = context.window_manager.comfyui_gallery
    row = layout.row(align=True)
    row.prop(chosen, "text", text="", icon="VIEWZOOM", placeholder="Search prompts")
    row.prop(chosen, "favourites", text="", icon="SOLO_ON" if chosen.favourites else "SOLO_OFF")
    row.prop(chosen, "this_file", text="", icon="FILE_BLEND")
    row.menu("COMFYUI_MT_gallery", text="", icon="DOWNARROW_HLT")
    row = layout.row(align=True)
    row.prop(chosen, "kind", text="")
    row.prop(chosen, "sort", text="")


def _draw_pages(layout: UILayout) -> None:
    page = shelf.page
    row = layout.row(align=True)
    if page.total <= PAGE:
        row.alignment = "CENTER"
        row.label(text=words.counted(page.total, "result"))
        return
    _draw_turn(row, "TRIA_LEFT_BAR", 0, enabled=page.offset > 0)
    _draw_turn(row, "TRIA_LEFT", page.offset - PAGE, enabled=page.offset > 0)
    middle = row.row(align=True)
    middle.alignment = "CENTER"
    middle.label(text=f"{page.offset + 1:,}–{page.offset + len(page.records):,} of {page.total:,}")
    more = page.offset + PAGE < page.total
    _draw_turn(row, "TRIA_RIGHT", page.offset + PAGE, enabled=more)
    _draw_turn(row, "TRIA_RIGHT_BAR", page.total - 1, enabled=more)


def _draw_turn(row: UILayout, icon: "IconItems", offset: int, *, enabled: bool) -> None:
    part = row.row(align=True)
    part.enabled = enabled
    part.operator("comfyui.gallery_turn", text="", icon=icon).offset = offset


def _draw_empty(layout: UILayout, width: int) -> None:
    if shelf.view.is_narrow:
        draw_sentence(layout, "Nothing in the history is like that.", width, icon="INFO")
        layout.operator("comfyui.gallery_show_all", icon="LOOP_BACK")
    else:
        draw_sentence(layout, "Nothing yet. What you generate is kept here.", width, icon="INFO")


register, unregister = bpy.utils.register_classes_factory(
    (
        COMFYUI_MT_gallery,
        COMFYUI_PT_gallery_view3d,
        COMFYUI_PT_gallery_image_editor,
        COMFYUI_PT_gallery_sequencer,
    )
)
