"""What the panel "Storyboard" shows, from top to bottom: the table, what runs and what failed, the chosen panel."""

from bpy.types import Scene, UILayout

from ...generation.storyboard.planning import composed
from ...generation.storyboard.seeds import seed_of
from ...generation.storyboard.states import PanelProgress, Progress
from .. import compat, runtime
from ..sinks.sequencer import frames_per_second
from ..wrapping import ICON, draw_sentence, scale
from . import contents, errands, lost, pictures, replacing, running, table, words
from .state import ComfySetting, ComfyStoryboard, ComfyStoryPanel

ROWS = 7  # of the table
SHOWN_FAILURES = 4
SHOWN_TAKES = 8
_BOX = 12  # pixels that a box takes of the width, at scale 1
_IN_A_ROW = 3  # takes
_LARGEST_TAKE = 6.0  # of a line's height
_UNIT = 20  # pixels of a line at scale 1
_GAP = 6  # pixels between takes


def draw(layout: UILayout, scene: Scene, width: int) -> None:
    """Draw a scene's storyboard in `width` pixels. Reads snapshots only."""
    board = scene.comfyui_storyboard
    progress = running.look(scene)
    row = layout.row(align=True)
    row.prop(board, "title", text="", placeholder="Title")
    row.menu("COMFYUI_MT_storyboard", text="", icon="DOWNARROW_HLT")
    _draw_said(layout, width)
    if not board.panels:
        _draw_empty(layout, width)
    else:
        _draw_table(layout, board)
        _draw_run(layout, board, progress, width)
        _draw_lost(layout, scene, width)
        if progress is not None:
            _draw_troubles(layout, progress, width)
        _draw_panel(layout, scene, width)
    _draw_settings(layout, scene, board, width)


def _draw_empty(layout: UILayout, width: int) -> None:
    draw_sentence(layout, "No panels yet. Take them from the timeline, or from a file.", width, icon="INFO")
    column = layout.column(align=True)
    column.operator("comfyui.storyboard_from_markers", icon="MARKER_HLT")
    column.operator("comfyui.storyboard_from_strips", icon="FONT_DATA")
    column.operator("comfyui.storyboard_load", icon="FILE_FOLDER")
    column.operator("comfyui.storyboard_add", icon="ADD")


def _draw_said(layout: UILayout, width: int) -> None:
    """Say what came of the last file that was read or written."""
    done = errands.last()
    if done is None:
        return
    row = layout.row()
    draw_sentence(row, done.sentence, width - round(ICON * scale()), icon="ERROR" if done.failed else "INFO")
    row.operator("comfyui.storyboard_dismiss", text="", icon="X", emboss=False)


def _draw_table(layout: UILayout, board: ComfyStoryboard) -> None:
    table.measure(board)
    column = layout.column(align=True)
    column.template_list("COMFYUI_UL_storyboard", "", board, "panels", board, "active", rows=ROWS, maxrows=ROWS)
    row = column.row(align=True)  # below it: at its side they would take the room of the prompts
    row.operator("comfyui.storyboard_add", text="", icon="ADD")
    row.operator("comfyui.storyboard_remove", text="", icon="REMOVE")
    row.operator("comfyui.storyboard_move", text="", icon="TRIA_UP").by = -1
    row.operator("comfyui.storyboard_move", text="", icon="TRIA_DOWN").by = 1
    row.operator("comfyui.storyboard_show", text="Go to", icon="TIME")


def _draw_run(layout: UILayout, board: ComfyStoryboard, progress: Progress | None, width: int) -> None:
    refusal = runtime.refusal()
    if refusal is not None:
        draw_sentence(layout, str(refusal), width, icon="ERROR")
    if progress is not None:
        row = layout.row(align=True)
        row.progress(factor=min(1.0, max(0.0, progress.fraction)), text=words.headline(progress))
        if progress.is_running:
            paused = runtime.is_paused()
            button = row.operator("comfyui.pause_queue", text="", icon="PLAY" if paused else "PAUSE", depress=paused)
            button.pause = not paused
            row.operator("comfyui.storyboard_cancel", text="", icon="X")
    row = layout.row(align=True)
    row.scale_y = 1.4
    missing = len(progress.missing) if progress is not None else len(board.panels)
    part = row.row(align=True)
    part.enabled = missing > 0
    part.operator("comfyui.storyboard_run", text=f"Run Missing ({missing})", icon="RENDER_ANIMATION").which = "MISSING"
    row.menu("COMFYUI_MT_storyboard_run", text="", icon="DOWNARROW_HLT")


def _draw_lost(layout: UILayout, scene: Scene, width: int) -> None:
    found = lost.entries(scene)
    if found:
        said = "1 result has no strip" if len(found) == 1 else f"{len(found)} results have no strips"
        draw_sentence(layout, f"{said}: the file was closed before it was saved.", width, icon="INFO")
        layout.operator("comfyui.storyboard_place", icon="IMPORT")


def _draw_troubles(layout: UILayout, progress: Progress, width: int) -> None:
    """Say what keeps panels from being made, and how they are made after all."""
    for sentence in (progress.problem, *progress.notes):
        if sentence:
            draw_sentence(layout, sentence, width, icon="ERROR" if sentence == progress.problem else "INFO")
    _draw_findings(layout, progress, width)
    failures = progress.failures
    if not failures:
        return
    box, inside = layout.box(), width - round(_BOX * scale())
    row = box.row()
    row.label(text=f"{words.counted(len(failures))} failed", icon="ERROR")
    row.operator("comfyui.storyboard_run", text="Run Again", icon="FILE_REFRESH").which = "FAILED"
    reasons = words.by_reason(failures)
    for reason, panels in reasons[:SHOWN_FAILURES]:
        draw_sentence(box, f"{panels}: {reason}", inside)
    if len(reasons) > SHOWN_FAILURES:
        draw_sentence(box, "and others, in the table", inside)


def _draw_findings(layout: UILayout, progress: Progress, width: int) -> None:
    """Say what became of the check of all files at the end."""
    if progress.is_whole:
        said = f"All {words.counted(progress.total)} have a whole file of the right kind and size."
        draw_sentence(layout, said, width, icon="CHECKMARK")
    findings = [*(progress.findings or {}).items()]
    for panel, sentence in findings[:SHOWN_FAILURES]:
        draw_sentence(layout, f"{panel}: {sentence}", width, icon="ERROR")
    if len(findings) > SHOWN_FAILURES:
        draw_sentence(layout, f"and {len(findings) - SHOWN_FAILURES} more files are not as they should be", width)


def _draw_panel(layout: UILayout, scene: Scene, width: int) -> None:
    board = scene.comfyui_storyboard
    panel = board.active_panel
    if panel is None:
        return
    header, body = layout.panel("COMFYUI_storyboard_panel", default_closed=False)
    header.label(text=f"Panel {panel.name}")
    if body is None:
        return
    progress = running.panel(scene, panel.name)
    body.prop(panel, "name", text="Id")
    compat.prompt_field(body, panel, "prompt", lines=4, placeholder="What this panel shows")
    compat.prompt_field(body, panel, "negative_prompt", lines=2, placeholder="What it shall not show")
    row = body.row(align=True)
    row.prop(panel, "start")
    row.prop(panel, "length")
    _draw_seed(body, scene, panel)
    _draw_overrides(body, panel, "PANEL")
    if progress is not None:
        _draw_progress(body, panel, progress, width)
    _draw_sent(body, scene, panel, width)


def _draw_seed(layout: UILayout, scene: Scene, panel: ComfyStoryPanel) -> None:
    told = contents.style_of(scene)
    follows = seed_of(told, contents.panel_of(panel, frames_per_second(scene)))
    layout.prop(panel, "seed", placeholder=str(follows))


def _draw_overrides(layout: UILayout, owner: "ComfyStoryPanel | ComfyStoryboard", of: str) -> None:
    column = layout.column(align=True)
    for place, setting in enumerate(owner.settings):
        _draw_override(column.row(align=True), setting, place, of)
    column.operator("comfyui.storyboard_add_setting", text="Set Instead of the Tier", icon="ADD").of = of


def _draw_override(row: UILayout, setting: ComfySetting, place: int, of: str) -> None:
    row.prop(setting, "name", text="")
    row.prop(setting, "text", text="")
    button = row.operator("comfyui.storyboard_remove_setting", text="", icon="X")
    button.of, button.place = of, place


def _draw_progress(layout: UILayout, panel: ComfyStoryPanel, progress: PanelProgress, width: int) -> None:
    row = layout.row(align=True)
    row.label(text=words.state(progress), icon=words.icon(progress))
    if not progress.state.is_open:
        _draw_run_this(row, panel, progress)
    for sentence in (progress.reason, *progress.notes):
        if sentence:
            draw_sentence(layout, sentence, width, icon="ERROR" if sentence == progress.reason else "INFO")
    takes = [take for take in progress.takes if take.files][-SHOWN_TAKES:]
    if not takes:
        return
    columns = min(_IN_A_ROW, len(takes))
    side = min(_LARGEST_TAKE, (width / scale() / columns - _GAP) / _UNIT)
    grid = layout.grid_flow(row_major=True, columns=columns, even_columns=True, align=True)
    for take in takes:
        cell = grid.column(align=True)
        icon = pictures.of_take(take)
        if icon:
            cell.template_icon(icon, scale=side)
        button = cell.operator("comfyui.storyboard_use_take", text=f"Take {take.number + 1}")
        button.panel, button.job_id = panel.name, take.job_id


def _draw_run_this(row: UILayout, panel: ComfyStoryPanel, progress: PanelProgress) -> None:
    which = "AGAIN" if progress.best is not None and not progress.is_outdated else "CHOSEN"
    button = row.operator("comfyui.storyboard_run", text="Another Take" if which == "AGAIN" else "Run", icon="FILE_NEW")
    button.which, button.panel = which, panel.name


def _draw_sent(layout: UILayout, scene: Scene, panel: ComfyStoryPanel, width: int) -> None:
    header, body = layout.panel("COMFYUI_storyboard_sent", default_closed=True)
    header.label(text="The Prompt as It Is Sent")
    if body is not None:
        told = contents.panel_of(panel, frames_per_second(scene))
        draw_sentence(body, composed(contents.style_of(scene), told) or "Nothing", width)


def _draw_settings(layout: UILayout, scene: Scene, board: ComfyStoryboard, width: int) -> None:
    header, body = layout.panel("COMFYUI_storyboard_settings", default_closed=True)
    header.label(text="Style and Settings")
    if body is None:
        return
    for name in ("before", "after"):
        column = body.column(align=True)
        column.label(text=board.bl_rna.properties[name].name)
        compat.prompt_field(column, board, name, lines=2, placeholder="For every panel")
    body.prop(board, "task")
    body.prop(board, "tier")
    if replaced := replacing.title(scene):
        draw_sentence(body, f"Made by “{replaced}”, in the place of the tier's own workflow.", width, icon="PINNED")
    row = body.row(align=True)
    row.prop(board, "width")
    row.prop(board, "height")
    body.prop(board, "seed")
    _draw_overrides(body, board, "BOARD")
