"""The small dialogs of the gallery: their contents come from the Desk, so they open when its answer is there."""

import bpy
from bpy.types import UILayout

from ...generation.history import Cleaned, CleanUp, CleanUpPlan, Figures, Placement, Record, Statistics, StatisticsFound
from .. import settings
from ..wrapping import draw_sentence
from . import placing, words

_KINDS = 12  # that the statistics list


class _DialogReader:
    """An `archive.Reader` that opens the dialog of an answer."""

    def __init__(self) -> None:
        self.statistics: Statistics | None = None
        self.plan: CleanUpPlan | None = None

    def questions(self) -> tuple[()]:
        return ()

    def take(self, news: object) -> bool:
        match news:
            case StatisticsFound(statistics):
                self.statistics = statistics
                _open("gallery_statistics_dialog")
            case Cleaned(plan, dry_run=True):
                self.plan = plan
                _open("gallery_clean_up_now")
        return False


answers = _DialogReader()


def warnings(record: Record, *, with_files: bool) -> list[str]:
    """Return what a person should know before this result is deleted, as sentences."""
    files = words.shown_files(record)
    found = []
    if any(file.placement is Placement.WAITING for file in files):
        found.append("It was not placed in its .blend yet.")
    if words.waits_for(record):
        found.append("It has not ended: what its server may still make of it will not be fetched.")
    if with_files and any(placing.image_of(record, file) or placing.strip_of(record, file) for file in files):
        found.append("The open .blend uses its files: they would be missing there.")
    return found


def draw_statistics(layout: UILayout, statistics: Statistics, width: int) -> None:
    """Draw the figures of all jobs, and those of each kind."""
    total = statistics.total
    if not total.count:
        draw_sentence(layout, "Nothing yet. What you generate is counted here.", width, icon="INFO")
        return
    said = [f"{count:,} {name}" for count, name in _ends(total) if count]
    draw_sentence(layout, f"{words.counted(total.count, 'job')}: {', '.join(said)}", width)
    column = layout.box().column(align=True)
    _draw_row(column, ("", "Jobs", "Success", "Typical time"))
    for (task, tier), figures in list(statistics.by_kind.items())[:_KINDS]:
        name = " · ".join(part for part in (words.task(task), tier.replace("_", " ").capitalize()) if part)
        _draw_row(column, (name, f"{figures.count:,}", _rate(figures), words.duration(figures.median_seconds or 0)))


def draw_plan(layout: UILayout, plan: CleanUpPlan, policy: CleanUp, width: int) -> None:
    """Draw what a clean-up would delete."""
    draw_sentence(layout, _policy(policy), width)
    box = layout.box()
    if not plan.ids:
        draw_sentence(box, "Nothing is to be deleted.", width, icon="CHECKMARK")
    else:
        draw_sentence(box, plan_sentence(plan), width, icon="TRASH")
        if policy.with_files:
            draw_sentence(box, "Deleted files cannot be brought back.", width, icon="ERROR")
    draw_sentence(layout, "Favourites, open jobs and results that wait to be placed always stay.", width)


def plan_sentence(plan: CleanUpPlan) -> str:
    """Return '12 results and 40 files (1.2 GB)'."""
    results = words.counted(len(plan.ids), "result")
    if not plan.files:
        return results
    return f"{results} and {words.counted(len(plan.files), 'file')} ({words.amount(plan.bytes)})"


def _policy(policy: CleanUp) -> str:
    limits = []
    if policy.older_than_days is not None:
        limits.append(f"older than {words.counted(round(policy.older_than_days), 'day')}")
    if policy.keep_newest is not None:
        limits.append(f"beyond the newest {policy.keep_newest:,}")
    if policy.max_bytes is not None:
        limits.append(f"beyond {words.amount(policy.max_bytes)} of files")
    files = "with their files" if policy.with_files else "and their files are kept"
    return f"The preferences say: results {' or '.join(limits)} go, {files}."


def _ends(figures: Figures) -> tuple[tuple[int, str], ...]:
    return (
        (figures.finished, "finished"),
        (figures.failed, "failed"),
        (figures.cancelled, "cancelled"),
        (figures.lost, "lost"),
    )


def _rate(figures: Figures) -> str:
    return "–" if figures.success_rate is None else f"{figures.success_rate:.0%}"


def _draw_row(column: UILayout, cells: tuple[str, str, str, str]) -> None:
    split = column.split(factor=0.42)
    split.label(text=cells[0])
    for cell in cells[1:]:
        part = split.row()
        part.alignment = "RIGHT"
        part.label(text=cell)


def draw_close(layout: UILayout) -> None:
    """Give a dialog a single button instead of OK and Cancel."""
    # a part of its own: Blender puts the button into whatever part was made last
    layout.column().template_popup_confirm("", text="", cancel_text="Close")


def _open(name: str) -> None:
    """Open a dialog below the mouse. A Blender without a window has none: a script reads `answers`."""
    windows = bpy.context.window_manager.windows
    if bpy.app.background or not windows:
        return
    with bpy.context.temp_override(window=windows[0]):
        getattr(bpy.ops.comfyui, name)("INVOKE_DEFAULT")


def policy() -> CleanUp | None:
    """Return what the preferences say about cleaning up, None where nothing is to go."""
    chosen = settings.preferences()
    found = CleanUp(
        older_than_days=chosen.clean_days or None,
        keep_newest=chosen.clean_keep or None,
        max_bytes=round(chosen.clean_gigabytes * 1e9) or None,
        with_files=chosen.clean_files,
    )
    limits = (found.older_than_days, found.keep_newest, found.max_bytes)
    return found if any(limit is not None for limit in limits) else None
