"""The template browser, drawn: search, pages, and pictures with a button below each, which opens the template.

It keeps its height, so that nothing jumps while somebody types. Drawing only reads snapshots.
"""

from typing import TYPE_CHECKING

from bpy.types import Context, UILayout

from ...comfy.offers import Template
from ..picture_icons import icon_number
from ..wrapping import draw_sentence, scale, shortened, text_size
from . import reading, words
from .reading import pictures, shelf
from .shelf import PAGE

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import IconItems

WIDTH = 660  # pixels at scale 1
_COLUMNS = 4
_MARGIN = 24  # pixels that the popup takes
_BUTTON = 16  # pixels that a button's text leaves free at its ends
_PICTURE = 6.5  # a picture's side in icons at scale 1: three rows of them fit on a small screen


def draw(layout: UILayout, context: Context) -> None:
    """Draw the whole popup."""
    width = round((WIDTH - _MARGIN) * scale())
    if not shelf.templates:
        draw_sentence(layout, words.NONE_OFFERED, width, icon="INFO")
        return
    _draw_filters(layout, context)
    _draw_pages(layout)
    if not shelf.found:
        draw_sentence(layout, words.NONE_FOUND, width, icon="INFO")
    cells = [*shelf.page, *[None] * (PAGE - len(shelf.page))]
    for start in range(0, PAGE, _COLUMNS):
        row = layout.row(align=True)
        for template in cells[start : start + _COLUMNS]:
            _draw_cell(row.column(align=True), template, width // _COLUMNS)
    reading.look()


def _draw_filters(layout: UILayout, context: Context) -> None:
    chosen = context.window_manager.comfyui_templates
    split = layout.split(factor=0.66)
    split.prop(chosen, "text", text="", icon="VIEWZOOM", placeholder="Search titles, descriptions, tags and models")
    split.prop(chosen, "category", text="")


def _draw_pages(layout: UILayout) -> None:
    row = layout.row(align=True)
    last, now = shelf.pages - 1, min(shelf.view.page, shelf.pages - 1)
    _draw_turn(row, "TRIA_LEFT_BAR", -now, enabled=now > 0)
    _draw_turn(row, "TRIA_LEFT", -1, enabled=now > 0)
    middle = row.row(align=True)
    middle.alignment = "CENTER"
    middle.label(text=words.counted(now * PAGE, len(shelf.page), len(shelf.found)))
    _draw_turn(row, "TRIA_RIGHT", 1, enabled=now < last)
    _draw_turn(row, "TRIA_RIGHT_BAR", last - now, enabled=now < last)


def _draw_turn(row: UILayout, icon: "IconItems", by: int, *, enabled: bool) -> None:
    part = row.row(align=True)
    part.enabled = enabled
    part.operator("comfyui.turn_templates", text="", icon=icon).by = by


def _draw_cell(cell: UILayout, template: Template | None, width: int) -> None:
    cell.template_icon(_icon(template), scale=_PICTURE)
    if template is None:
        cell.label(text="")
        cell.label(text="")
        return
    cell.operator_context = "INVOKE_DEFAULT"
    room = width - round(_BUTTON * scale())
    button = cell.operator("comfyui.open_workflow", text=shortened(template.title or template.name, room, text_size()))
    button.source, button.name, button.module = "TEMPLATE", template.name, template.module
    row = cell.row()
    row.alignment = "CENTER"
    row.label(text=words.note(template))


def _icon(template: Template | None) -> int:
    if template is None:
        return icon_number("BLANK1")
    icon = pictures.icon_of(template) if template.thumbnail_route else 0
    return icon or icon_number("SOUND" if "audio" in template.category.casefold() else "NODETREE")
