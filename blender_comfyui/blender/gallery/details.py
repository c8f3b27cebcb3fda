"""The selected result: what it is, and what can be done with it."""

import time
from typing import TYPE_CHECKING

import bpy
from bpy.types import UILayout

from ...generation.history import FileRecord, Placement, Record
from ..wrapping import ICON, draw_sentence, lines_of, scale, text_size
from . import words
from .placing import is_here
from .reading import shelf

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import IconItems

BOX = 12  # pixels that a box takes of the width, at scale 1
_PROMPT_LINES = 4


def draw(box: UILayout, width: int) -> None:
    """Draw the selected result in `width` pixels."""
    record, file = shelf.record, shelf.file
    if record is None:
        return
    inside = width - round(BOX * scale())
    head = draw_head(box, record, words.moment(record.created, time.time()))
    # only here: Blender opens no dialog out of a dialog
    head.operator("comfyui.gallery_delete", text="", icon="TRASH", emboss=False)
    draw_text(box, words.title(record), inside, _PROMPT_LINES)
    draw_sentence(box, " · ".join(_unbroken(fact) for fact in words.facts(record)), inside)
    draw_trouble(box, record, file, inside)
    draw_files(box, record)
    draw_actions(box, record, file)


def draw_text(layout: UILayout, text: str, width: int, most: int) -> None:
    """Draw a text in at most that many lines of `width` pixels; an ellipsis says that there is more."""
    lines = lines_of(text, width, text_size())
    if len(lines) > most:
        kept = lines_of(" ".join(lines[:most]), width - ICON, text_size())[:most]
        lines = (*kept[:-1], kept[-1] + " …")
    column = layout.column(align=True)
    column.scale_y = 0.8
    for line in lines:
        column.label(text=line)


def draw_actions(layout: UILayout, record: Record, file: FileRecord | None) -> None:
    """Draw the buttons that fit this result, two a row."""
    grid = layout.grid_flow(row_major=True, columns=2, even_columns=True, align=True)
    grid.operator("comfyui.gallery_view", text="Enlarge", icon="FULLSCREEN_ENTER")
    draw_uses(grid, record, file)
    if file is not None:
        grid.operator("comfyui.gallery_open_folder", text="Open Folder", icon="FILE_FOLDER")


def draw_uses(grid: UILayout, record: Record, file: FileRecord | None) -> None:
    """Draw the buttons of all views of a result."""
    if file is not None:
        grid.operator("comfyui.gallery_show", text="Show", icon="HIDE_OFF")
        grid.operator("comfyui.gallery_place", text="Place Again" if is_here(record, file) else "Place", icon="IMPORT")
    grid.operator("comfyui.gallery_run_again", text="Run Again", icon="FILE_REFRESH")
    grid.operator("comfyui.gallery_reuse", text="Reuse All", icon="RECOVER_LAST").only_seed = False
    grid.operator("comfyui.gallery_reuse", text="Reuse Seed", icon="RECOVER_LAST").only_seed = True
    grid.operator("comfyui.gallery_copy_prompt", text="Copy Prompt", icon="COPYDOWN")
    if record.error:
        grid.operator("comfyui.gallery_copy_details", text="Copy Error", icon="COPYDOWN")


def draw_head(layout: UILayout, record: Record, text: str) -> UILayout:
    """Draw a line of text with the star beside it; return the line, for more buttons."""
    row = layout.row()
    row.label(text=text, icon=words.state_icon(record))
    star: IconItems = "SOLO_ON" if record.favourite else "SOLO_OFF"
    row.operator("comfyui.gallery_favourite", text="", icon=star, emboss=False)
    return row


def draw_trouble(layout: UILayout, record: Record, file: FileRecord | None, width: int) -> None:
    """Draw what went wrong, and what the result waits for."""
    if waits_for := words.waits_for(record):
        draw_sentence(layout, waits_for, width, icon="SORTTIME")
    for sentence in (record.error, *record.problems):
        if sentence:
            draw_sentence(layout, sentence, width, icon="ERROR")
    if file is not None and file.placement is Placement.WAITING and record.blend_path:
        draw_sentence(layout, f"Waits for “{bpy.path.basename(record.blend_path)}”", width, icon="SORTTIME")


def draw_files(layout: UILayout, record: Record) -> None:
    """Draw the way from one file of the result to the next, where it has several."""
    count = len(words.shown_files(record))
    if count < 2:
        return
    row = layout.row(align=True)
    row.operator("comfyui.gallery_step", text="", icon="TRIA_LEFT").by = -1
    middle = row.row(align=True)
    middle.alignment = "CENTER"
    middle.label(text=f"{words.kind(shelf.file)} {shelf.number + 1} of {count}")
    row.operator("comfyui.gallery_step", text="", icon="TRIA_RIGHT").by = 1


def _unbroken(text: str) -> str:
    return text.replace(" ", "\N{NO-BREAK SPACE}")
