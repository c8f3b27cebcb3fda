"""The jobs, as the panel shows them: what runs, what went wrong, what waits to be placed, what came."""

from bpy.types import UILayout

from ..generation.job import Job
from ..generation.outcome import JobState
from . import delivery, runtime, settings
from .job_list import Entry
from .wrapping import draw_sentence

SHOWN_RESULTS = 3
_PREVIEW_SCALE = 9.0  # of an icon's height, about 180 pixels
_BOX = 16  # pixels that a box takes of the width


def draw(layout: UILayout, width: int) -> None:
    """Draw all jobs, running ones first, then the newest of the others."""
    for entry in runtime.jobs.running:
        _draw_running(layout.box(), entry, width - _BOX)
    ended = [entry for entry in runtime.jobs if not entry.is_running][::-1]
    for entry in ended:
        if entry.problem:
            _draw_problem(layout.box(), entry, width - _BOX)
    for entry in [entry for entry in ended if entry.placed][:SHOWN_RESULTS]:
        _draw_result(layout, entry)


def _draw_running(box: UILayout, entry: Entry, width: int) -> None:
    row = box.row()
    row.progress(factor=float(entry.job.progress), text=_headline(entry.job))
    row.operator("comfyui.cancel", text="", icon="X", emboss=False).job_id = entry.id
    draw_sentence(box, f"{_title(entry)} · {_where(entry.job)}" if _where(entry.job) else _title(entry), width)
    if entry.job.waiting_for:
        draw_sentence(box, entry.job.waiting_for, width, icon="SORTTIME")
    icon = delivery.live_preview.icon_of(entry)
    if icon and settings.preferences().show_previews:
        box.template_icon(icon, scale=_PREVIEW_SCALE)


def _draw_problem(box: UILayout, entry: Entry, width: int) -> None:
    row = box.row()
    row.label(text=_title(entry), icon="ERROR")
    row.operator("comfyui.dismiss", text="", icon="X", emboss=False).job_id = entry.id
    draw_sentence(box, entry.problem, width)
    row = box.row(align=True)
    if entry.waiting:
        row.operator("comfyui.place_here", icon="IMPORT").job_id = entry.id
    else:
        row.operator("comfyui.run_again", icon="FILE_REFRESH").job_id = entry.id
    row.operator("comfyui.copy_details", icon="COPYDOWN").job_id = entry.id


def _draw_result(layout: UILayout, entry: Entry) -> None:
    row = layout.row()
    row.label(text=entry.placed[0], icon="IMAGE_DATA" if entry.target.get("sink") != "SEQUENCER" else "SEQ_SEQUENCER")
    row.operator("comfyui.dismiss", text="", icon="X", emboss=False).job_id = entry.id


def _headline(job: Job) -> str:
    match job.state:
        case JobState.QUEUED if job.queue_position:
            return f"Number {job.queue_position} in the queue"
        case JobState.QUEUED:
            return "In the queue"
        case JobState.WAITING:
            return "Waiting for the server"
        case JobState.DOWNLOADING:
            return "Fetching the files"
        case _:
            return f"{float(job.progress):.0%}"


def _where(job: Job) -> str:
    return job.progress.node_title if job.state is JobState.RUNNING else ""


def _title(entry: Entry) -> str:
    return " ".join(entry.job.request.label.split()) or "No prompt"
