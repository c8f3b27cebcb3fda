"""Our own queue, as the panel shows it: what is not sent yet, in order, to be moved, hurried, paused or cancelled."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bpy.types import UILayout

from . import runtime
from .job_list import Entry
from .wrapping import ICON, draw_sentence, scale, shortened, text_size

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import IconItems

SHOWN = 6  # jobs at a time: drawing a long queue takes no longer
_BUTTON = 20  # pixels of a button with an icon alone, at scale 1


@dataclass
class _View:
    """Which jobs are shown: from this one on, counted from 0."""

    first: int = 0

    def page(self, count: int) -> int:
        """The page's first job; of a queue that became shorter the last page's."""
        last = max(0, (count - 1) // SHOWN * SHOWN)
        return min(max(0, self.first // SHOWN * SHOWN), last)


view = _View()


@dataclass(frozen=True)
class _Moves:
    """Where a job can go: there is a queue for each server, and they stand one below the other."""

    earlier: bool
    later: bool


def draw(layout: UILayout, width: int) -> None:
    """Draw nothing as long as there is nothing to arrange."""
    held, paused = runtime.held_jobs(), runtime.is_paused()
    if not held:
        view.first = 0  # the next long queue is seen from its beginning
        if not paused:
            return
    header, body = layout.panel("COMFYUI_queue", default_closed=False)
    _draw_header(header, len(held), paused)
    if body is None:
        return
    column, first = body.column(align=True), view.page(len(held))
    for place in range(first, min(first + SHOWN, len(held))):
        _draw_job(column.row(align=True), held[place], place, _moves(held, place), width)
    if len(held) > SHOWN:
        _draw_turning(body.row(align=True), first, len(held))
    if paused:
        draw_sentence(body, "Paused: nothing more is sent. What is on the server goes on.", width)


def _draw_header(row: UILayout, count: int, paused: bool) -> None:
    row.label(text=f"Queue: {count} waiting")
    row.operator("comfyui.pause_queue", text="", icon="PLAY" if paused else "PAUSE", depress=paused).pause = not paused
    row.operator("comfyui.cancel_waiting", text="", icon="TRASH")


def _moves(held: list[Entry], place: int) -> _Moves:
    around = (held[other].id if 0 <= other < len(held) else "" for other in (place - 1, place, place + 1))
    before, own, after = (runtime.session_of(job_id) if job_id else None for job_id in around)
    return _Moves(earlier=own is not None and before is own, later=own is not None and after is own)


def _draw_job(row: UILayout, entry: Entry, place: int, moves: _Moves, width: int) -> None:
    text = f"{place + 1}. {entry.making.label or 'No prompt'}"
    row.label(text=shortened(text, width - round((4 * _BUTTON + ICON / 2) * scale()), text_size()))
    _move_button(row, entry, "TRIA_UP", -1, enabled=moves.earlier)
    _move_button(row, entry, "TRIA_DOWN", 1, enabled=moves.later)
    first = row.row(align=True)
    first.enabled = moves.earlier
    first.operator("comfyui.run_next", text="", icon="TRIA_UP_BAR").job_id = entry.id
    row.operator("comfyui.cancel", text="", icon="X").job_id = entry.id


def _move_button(row: UILayout, entry: Entry, icon: "IconItems", by: int, *, enabled: bool) -> None:
    part = row.row(align=True)
    part.enabled = enabled
    button = part.operator("comfyui.move_job", text="", icon=icon)
    button.job_id, button.by = entry.id, by


def _draw_turning(row: UILayout, first: int, count: int) -> None:
    _turn_button(row, "TRIA_LEFT", first - SHOWN, enabled=first > 0)
    middle = row.row(align=True)
    middle.alignment = "CENTER"
    middle.label(text=f"{first + 1:,}–{min(first + SHOWN, count):,} of {count:,}")
    _turn_button(row, "TRIA_RIGHT", first + SHOWN, enabled=first + SHOWN < count)


def _turn_button(row: UILayout, icon: "IconItems", first: int, *, enabled: bool) -> None:
    part = row.row(align=True)
    part.enabled = enabled
    part.operator("comfyui.turn_queue", text="", icon=icon).first = first
