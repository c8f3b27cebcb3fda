"""The thumbnails: pictures with a button below each, which selects it. Blender's own pictures take no clicks."""

from typing import TYPE_CHECKING

from bpy.types import UILayout

from ...generation.history import FileRecord, Record
from ..picture_icons import icon_number
from ..wrapping import scale, shortened, text_size
from . import details, words
from .reading import large, shelf, thumbnails
from .thumbnails import SIDE

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import IconItems

CELL = 100  # pixels that a picture takes at least, at scale 1
_UNIT = 20  # pixels of an icon at scale 1
_GAP = 4  # pixels around a picture
_BUTTON = 16  # pixels that a button's text leaves free at its ends
_ICON = 20  # pixels that a button's icon takes


def draw(layout: UILayout, records: tuple[Record, ...], width: int) -> None:
    """Draw the results in `width` pixels, and the actions of the selected one below its row."""
    columns = max(2, width // round(CELL * scale()))
    for start in range(0, len(records), columns):
        row = layout.row(align=True)
        shown = records[start : start + columns]
        for record in shown:
            _draw_cell(row.column(align=True), record, width // columns)
        for _ in range(columns - len(shown)):
            row.column().label(text="")
        if shelf.selected in [record.id for record in shown]:
            details.draw(layout.box(), width)


def draw_picture(layout: UILayout, record: Record, file: FileRecord | None, side: int) -> None:
    """Draw a result's picture in a square of `side` pixels, or an icon that says what there is instead."""
    small = thumbnails.icon_of(record.id, file) if file else 0
    icon = (large.icon_of(record.id, file) if file and side > SIDE * scale() else 0) or small
    layout.template_icon(icon or _stand_in(record, file), scale=(side / scale() - _GAP) / _UNIT)


def _draw_cell(cell: UILayout, record: Record, width: int) -> None:
    files = words.shown_files(record)
    chosen = record.id == shelf.selected
    draw_picture(cell, record, shelf.file if chosen else files[0] if files else None, width)
    mark: IconItems = "SOLO_ON" if record.favourite else words.state_icon(record)
    room = width - round((_BUTTON + (_ICON if mark != "NONE" else 0)) * scale())
    cell.operator(
        "comfyui.gallery_select", text=_caption(record, len(files), room), icon=mark, depress=chosen
    ).job_id = record.id


def _caption(record: Record, files: int, width: int) -> str:
    if files < 2:
        return shortened(words.title(record), width, text_size())
    count = f" ×{files}"
    return shortened(words.title(record) + count, width, text_size(), len(count))


def _stand_in(record: Record, file: FileRecord | None) -> int:
    if file is None:
        name = words.state_icon(record)
        return icon_number(name if name != "NONE" else "FILE_HIDDEN")
    return icon_number(words.file_icon(file, gone=thumbnails.has_none(record.id, file.number)))
