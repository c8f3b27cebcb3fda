"""A result with its recipe, for a wide dialog: the picture at the left, all that is known of it at the right."""

from bpy.types import UILayout

from ...generation.history import FileRecord, Record
from ..wrapping import ICON, draw_sentence, lines_of, scale, shortened, text_size
from . import details, words
from .grid import draw_picture

WIDTH = 860  # pixels at scale 1
_PICTURE = 440
_MARGIN = 36  # that the dialog and its columns take
_NAMES = 72  # the column of names
_PROMPT_LINES = 12
_FILES = 6  # that are listed
_FILE = "File"


def draw(layout: UILayout, record: Record, file: FileRecord | None) -> None:
    """Draw the whole dialog."""
    split = layout.split(factor=_PICTURE / WIDTH)
    left, right = split.column(), split.column()
    draw_picture(left, record, file, round(_PICTURE * scale()))
    details.draw_files(left, record)
    width = round((WIDTH - _PICTURE - _MARGIN) * scale())
    details.draw_head(right, record, words.state(record))
    details.draw_text(right.box(), words.title(record), width - round(details.BOX * scale()), _PROMPT_LINES)
    details.draw_trouble(right, record, file, width)
    _draw_pairs(right, words.recipe(record), width)
    _draw_files(right, record, width)
    for text in (record.note, *record.texts):
        if text:
            draw_sentence(right.box(), text, width - round(details.BOX * scale()))
    grid = right.grid_flow(row_major=True, columns=3, even_columns=True, align=True)
    details.draw_uses(grid, record, file)


def _draw_pairs(layout: UILayout, pairs: tuple[tuple[str, str], ...], width: int) -> None:
    """Names at the left, values wrapped at the right."""
    column = layout.column(align=True)
    column.scale_y = 0.85
    names = round(_NAMES * scale())
    for name, value in pairs:
        lines = lines_of(value, width - names, text_size())
        for number, line in enumerate(lines):
            split = column.split(factor=names / width)
            label = split.row()
            label.active = False
            label.label(text=name if number == 0 else "")
            split.label(text=line)


def _draw_files(layout: UILayout, record: Record, width: int) -> None:
    """The names of the files, the one that is shown among them, and the way to their folder."""
    files = words.shown_files(record)
    if not files:
        return
    row = layout.row()
    column = row.column()
    room = width - round(ICON * scale())
    lines = [_file(file, room) for file in files[:_FILES]]
    if len(files) > _FILES:
        lines.append(f"and {len(files) - _FILES} more")
    _draw_pairs(column, tuple((_FILE if number == 0 else "", line) for number, line in enumerate(lines)), room)
    row.operator("comfyui.gallery_open_folder", text="", icon="FILE_FOLDER", emboss=False)


def _file(file: FileRecord, width: int) -> str:
    size = f" ({words.amount(file.bytes)})"
    room = width - round((_NAMES + ICON) * scale())
    return shortened(file.path.name + size, room, text_size(), len(size) + 12)
