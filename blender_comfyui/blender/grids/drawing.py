"""How a grid looks: what is gone through, the button, how far it is, and how it ended."""

from typing import TYPE_CHECKING

from bpy.types import UILayout

from ..wrapping import draw_sentence
from . import running, state

if TYPE_CHECKING:
    from ...generation.grids.states import GridProgress
    from .state import ComfyGrid


def draw(layout: UILayout, chosen: "ComfyGrid", width: int) -> None:
    """Draw the sub-panel."""
    column = layout.column()
    _draw_axis(column, chosen, "across")
    column.separator(factor=0.5)
    _draw_axis(column, chosen, "down")
    now = running.last()
    row = layout.row()
    row.enabled = now is None or now.is_over
    row.operator("comfyui.run_grid", text=_button(state.counted(chosen)), icon="MESH_GRID")
    if now is not None and now.is_over:
        _draw_end(layout, now, width)


def draw_progress(layout: UILayout) -> None:
    """Draw how far a grid is while it is being made: above the jobs that are its pictures."""
    now = running.last()
    if now is None or now.is_over:
        return
    row = layout.row(align=True)
    ended = now.done + now.failed
    text = f"Grid: {ended} of {now.total}" if ended < now.total else "Grid: putting it together …"
    row.progress(factor=now.fraction, text=text)
    row.operator("comfyui.cancel_grid", text="", icon="X")


def _button(count: int) -> str:
    return f"Run Grid ({count} {'Picture' if count == 1 else 'Pictures'})" if count else "Run Grid"


def _draw_axis(layout: UILayout, chosen: "ComfyGrid", which: str) -> None:
    layout.prop(chosen, which)
    kind = getattr(chosen, which)
    if kind == state.NONE:
        return
    if kind == state.OTHER:
        layout.prop(chosen, f"{which}_name")
    if kind == state.SEED:
        layout.prop(chosen, f"{which}_count")
    else:
        layout.prop(chosen, f"{which}_values", placeholder=state.EXAMPLES[kind])


def _draw_end(layout: UILayout, now: "GridProgress", width: int) -> None:
    if now.problem:
        draw_sentence(layout, now.problem, width, icon="ERROR")
    elif now.failed:
        reason = next(cell.reason for cell in now.cells.values() if cell.reason)
        draw_sentence(layout, f"{now.failed} of {now.total} pictures failed: {reason}", width, icon="ERROR")
