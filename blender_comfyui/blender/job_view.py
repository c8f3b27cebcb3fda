"""The jobs, as the panel shows them: what runs, what went wrong, what waits to be placed, what came."""

from bpy.types import UILayout

from ..generation.job import Job
from ..generation.outcome import JobState
from . import delivery, runtime, settings
from .job_list import Entry
from .wrapping import ICON, draw_sentence, scale, shortened, text_size

SHOWN_RESULTS = 3
_PREVIEW_SCALE = 9.0  # of an icon's height, about 180 pixels
_SEED_END = 6  # characters at the end of a result's name: its seed tells it from its sisters
_BOX = 12  # pixels that a box takes of the width, at scale 1


def draw(layout: UILayout, width: int) -> None:
    """Draw all jobs, running ones first, then the newest of the others."""
    inside = width - round(_BOX * scale())
    for entry in runtime.jobs.running:
        _draw_running(layout.box(), entry, inside)
    ended = [entry for entry in runtime.jobs if not entry.is_running][::-1]
    for entry in ended:
        if entry.problem:
            _draw_problem(layout.box(), entry, inside)
    for entry in [entry for entry in ended if entry.placed][:SHOWN_RESULTS]:
        _draw_result(layout, entry, width)


def _draw_running(box: UILayout, entry: Entry, width: int) -> None:
    row = box.row()
    row.progress(factor=float(entry.job.progress), text=_headline(entry.job))
    row.operator("comfyui.cancel", text="", icon="X", emboss=False).job_id = entry.id
    box.label(text=_title(entry, width))
    if entry.job.waiting_for:
        draw_sentence(box, _reason(entry.job), width)
    icon = delivery.live_preview.icon_of(entry)
    if icon and settings.preferences().show_previews:
        box.template_icon(icon, scale=_PREVIEW_SCALE)


def _draw_problem(box: UILayout, entry: Entry, width: int) -> None:
    row = box.row()
    row.label(text=_title(entry, width - round(2 * ICON * scale())), icon="ERROR")
    row.operator("comfyui.dismiss", text="", icon="X", emboss=False).job_id = entry.id
    draw_sentence(box, entry.problem, width)
    row = box.row(align=True)
    if entry.waiting:
        row.operator("comfyui.place_here", icon="IMPORT").job_id = entry.id
    else:
        row.operator("comfyui.run_again", icon="FILE_REFRESH").job_id = entry.id
    row.operator("comfyui.copy_details", icon="COPYDOWN").job_id = entry.id


def _draw_result(layout: UILayout, entry: Entry, width: int) -> None:
    row = layout.row()
    name = shortened(entry.placed[0], width - round(2 * ICON * scale()), text_size(), _SEED_END)
    row.label(text=name, icon="SEQ_SEQUENCER" if entry.target.get("sink") == "SEQUENCER" else "IMAGE_DATA")
    row.operator("comfyui.dismiss", text="", icon="X", emboss=False).job_id = entry.id


def _reason(job: Job) -> str:
    """Why it waits; what the panel's first lines say already is not said twice."""
    said_above = job.waiting_for == str(runtime.server_state().error)
    return "It goes on when the server is back." if said_above else job.waiting_for


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
            return f"{job.progress.node_title} {float(job.progress):.0%}".lstrip()


def _title(entry: Entry, width: int) -> str:
    return shortened(entry.job.request.label or "No prompt", width, text_size())
