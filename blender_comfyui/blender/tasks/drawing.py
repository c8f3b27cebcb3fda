"""The panel of a task: what and how well, what is made of it, and below Generate all that is set less often."""

from collections.abc import Callable

from bpy.types import PropertyGroup, Scene, UILayout

from ...generation.tasks.desk import Board, TierView
from ...generation.tasks.records import Task
from .. import compat
from ..wrapping import ICON, draw_sentence, scale, text_width
from . import asking, in_place, lora_rows, model_rows, rows, wishes, words

_IN_A_ROW = 4  # tiers
_PADDING = 8  # pixels of a button beside its text at least
_ICON = 18  # … with an icon


def draw(layout: UILayout, scene: Scene, width: int, draw_action: Callable[[], None]) -> None:
    """Draw it in at most `width` pixels; `draw_action` draws what starts it."""
    chosen, board = scene.comfyui, asking.want(scene)
    view, task = wishes.shown(chosen, board), board.tasks.get(chosen.task)
    for problem in board.problems:
        draw_sentence(layout, problem, width, icon="ERROR")
    if task is None:
        _draw_no_task(layout, chosen, board, width)
    else:
        _draw_tiers(layout, chosen, board, task, width)
    _draw_given(layout, chosen, view, task)
    draw_action()
    if task is None or view is None:
        return
    rows.draw(layout, chosen, view, width)
    model_rows.draw(layout, chosen, view, width)
    if "prompt" in view.own or chosen.loras:
        lora_rows.draw(layout, chosen, width)


def _draw_no_task(layout: UILayout, chosen: PropertyGroup, board: Board, width: int) -> None:
    if board.tasks:
        draw_sentence(layout, f"There is no task “{chosen.task}” here. Choose another one.", width, icon="ERROR")
    else:
        layout.label(text="Reading the tasks …", icon="SORTTIME")


def _draw_tiers(layout: UILayout, chosen: PropertyGroup, board: Board, task: Task, width: int) -> None:
    column = layout.column(align=True)
    off = {view.offer.tier.name for view in board.tiers if view.offer.is_available is False}
    off = off if wishes.is_of(chosen, board) else set()
    columns = _columns(task, off, width)
    grid = column.grid_flow(row_major=True, columns=columns, even_columns=True, align=True)
    for name in task.tiers:
        is_off = name in off
        part = grid.row(align=True)
        part.active = not is_off
        button = part.operator(
            "comfyui.set_tier",
            text=words.tier_title(name),
            icon="ERROR" if is_off else "NONE",
            depress=name == chosen.tier,
        )
        button.tier = name
    tier = task.tiers.get(chosen.tier)
    if tier is None:
        draw_sentence(layout, f"“{task.title}” has no tier “{chosen.tier}”. Choose one.", width, icon="ERROR")
        return
    shown = wishes.shown(chosen, board)
    estimate = words.time(shown.offer.estimate) if shown else f"About {round(tier.seconds)} s"
    draw_sentence(column, f"{tier.description} {estimate}.", width)
    if in_place.is_chosen(chosen):
        _draw_in_place(layout, chosen, width)
    _draw_reasons(layout, chosen, board, width)


def _columns(task: Task, off: set[str], width: int) -> int:
    """As many tiers side by side as have room for their names."""
    widest = max(text_width(words.tier_title(name)) + (_ICON if name in off else _PADDING) for name in task.tiers)
    return max(1, min(_IN_A_ROW, len(task.tiers), width // max(1, widest)))


def _draw_in_place(layout: UILayout, chosen: PropertyGroup, width: int) -> None:
    """The description is of the tier's own workflow."""
    row = layout.row()
    sentence = f"“{chosen.imported.title}” makes it: all that is not set here is as its own panel has it."
    draw_sentence(row.column(), sentence, width - round(ICON * scale()), icon="NODETREE")
    row.operator("comfyui.use_workflow", text="", icon="GREASEPENCIL", emboss=False).name = ""


def _draw_reasons(layout: UILayout, chosen: PropertyGroup, board: Board, width: int) -> None:
    """Say why tiers cannot run; once where all of them have the same reason."""
    if not wishes.is_of(chosen, board):
        return
    if board.error:
        draw_sentence(layout, board.error, width, icon="ERROR")
        return
    reasons: dict[str, list[str]] = {}
    for view in board.tiers:
        if view.offer.reason:
            reasons.setdefault(view.offer.reason, []).append(view.offer.tier.name)
    for reason, tiers in reasons.items():
        if len(tiers) == len(board.tiers):
            draw_sentence(layout, reason, width, icon="ERROR")
        else:
            named = ", ".join(map(words.tier_title, tiers))
            draw_sentence(layout, f"{named}: {reason}", width, icon="ERROR" if chosen.tier in tiers else "INFO")
    view = wishes.shown(chosen, board)
    if view is not None:
        model_rows.draw_suggestions(layout, view, width)


def _draw_given(layout: UILayout, chosen: PropertyGroup, view: TierView | None, task: Task | None) -> None:
    """What a person gives: prompts, pictures, a seed."""
    has = None if view is None else view.own
    series = task is not None and bool(task.series)
    for name, lines, placeholder in (
        ("prompt", 4, "What the picture shows; several: one | two" if series else "What the picture shows"),
        ("negative_prompt", 2, "What it shall not show"),
    ):
        if has is not None and name not in has:
            continue
        column = layout.column(align=True)
        row = column.row()
        row.label(text=chosen.bl_rna.properties[name].name)
        row.operator("comfyui.edit_prompt", text="", icon="GREASEPENCIL", emboss=False).field = name
        compat.prompt_field(column, chosen, name, lines=lines, placeholder=placeholder)
    for name in wishes.PICTURES:
        if task is not None and name in task.needs:
            column = layout.column(align=True)
            column.label(text=chosen.bl_rna.properties[f"input_{name}"].name)
            column.template_ID(chosen, f"input_{name}", new="image.new", open="image.open")
    if has is None or "seed" in has:
        _draw_seed(layout, chosen)


def _draw_seed(layout: UILayout, chosen: PropertyGroup) -> None:
    column = layout.column(align=True)
    row = column.row()
    row.use_property_split = True
    row.prop(chosen, "seed_mode", expand=True)
    if chosen.seed_mode == "FIXED":
        column.prop(chosen, "seed", text="")
    if chosen.last_seed and (chosen.seed_mode, chosen.seed) != ("FIXED", chosen.last_seed):
        row = column.row()
        row.label(text=f"Last {chosen.last_seed}")
        row.operator("comfyui.use_last_seed", text="", icon="RECOVER_LAST", emboss=False)
