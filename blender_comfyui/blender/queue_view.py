"""Our own queue, as the panel shows it: what is not sent yet, in order, to be moved, hurried, paused or cancelled."""

from typing import TYPE_CHECKING

from bpy.types import UILayout

from . import runtime
from .job_list import Entry
from .wrapping import ICON, draw_sentence, scale, shortened, text_size

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import IconItems

SHOWN = 6  # jobs; a long queue is a number
_BUTTON = 20  # pixels of a button with an icon alone, at scale 1


def draw(layout: UILayout, width: int) -> None:
    """Draw nothing as long as there is nothing to arrange."""
    held, paused = runtime.held_jobs(), runtime.is_paused()
    if not held and not paused:
        return
    header, body = layout.panel("COMFYUI_queue", default_closed=False)
    _draw_header(header, len(held), paused)
    if body is None:
        return
    column = body.column(align=True)
    for place, entry in enumerate(held[:SHOWN]):
        _draw_job(column.row(align=True), entry, place, len(held), width)
    if len(held) > SHOWN:
        column.label(text=f"and {len(held) - SHOWN} more")
    if paused:
        draw_sentence(body, "Paused: nothing more is sent. What is on the server goes on.", width)


def _draw_header(row: UILayout, count: int, paused: bool) -> None:
    row.label(text=f"Queue: {count} waiting")
    row.operator("comfyui.pause_queue", text="", icon="PLAY" if paused else "PAUSE", depress=paused).pause = not paused
    row.operator("comfyui.cancel_all", text="", icon="TRASH")


def _draw_job(row: UILayout, entry: Entry, place: int, count: int, width: int) -> None:
    text = f"{place + 1}. {entry.making.label or 'No prompt'}"
    row.label(text=shortened(text, width - round((4 * _BUTTON + ICON / 2) * scale()), text_size()))
    _move_button(row, entry, "TRIA_UP", -1, enabled=place > 0)
    _move_button(row, entry, "TRIA_DOWN", 1, enabled=place < count - 1)
    first = row.row(align=True)
    first.enabled = place > 0
    first.operator("comfyui.run_next", text="", icon="TRIA_UP_BAR").job_id = entry.id
    row.operator("comfyui.cancel", text="", icon="X").job_id = entry.id


def _move_button(row: UILayout, entry: Entry, icon: "IconItems", by: int, *, enabled: bool) -> None:
    part = row.row(align=True)
    part.enabled = enabled
    button = part.operator("comfyui.move_job", text="", icon=icon)
    button.job_id, button.by = entry.id, by
