"""The jobs, as the panel shows them: what runs, what waits, what went wrong, what came, what is for other files."""

from bpy.types import UILayout

from ..generation.job import Job
from ..generation.outcome import JobState
from . import delivery, elsewhere, notices, queue_view, runtime, settings
from .elsewhere import Overview
from .job_list import Entry
from .sinks import ledger
from .sinks.target import CannotPlace, scene_of
from .wrapping import ICON, draw_sentence, scale, shortened, text_size

SHOWN_RESULTS = 3
SHOWN_PROBLEMS = 10
_PREVIEW_SCALE = 9.0  # of an icon's height, about 180 pixels
_SEED_END = 6  # characters at the end of a result's name: its seed tells it from its sisters
_BOX = 12  # pixels that a box takes of the width, at scale 1
_KEPT_SAFE = "The job is kept, and its result comes by itself when the server is back."
_NOT_HERE = "It was placed, but is not in the file now: that was undone, or the file was closed before it was saved."
_SCENE_GONE = "It was placed in the scene “{}”, which is not in the file now."


def draw(layout: UILayout, width: int) -> None:
    """Draw the jobs of all files while they run; then those of the open one, the newest first."""
    inside = width - round(_BOX * scale())
    for entry in runtime.jobs.running:
        if not _job(entry).is_held:
            _draw_running(layout.box(), entry, inside)
    notices.draw(layout, width)
    queue_view.draw(layout, width)
    known = elsewhere.overview()
    _draw_troubled(layout, known, inside)
    _draw_results(layout, known, width)
    for group in known.groups.values():
        _draw_elsewhere(layout.box(), group, inside)


def _draw_running(box: UILayout, entry: Entry, width: int) -> None:
    job = _job(entry)
    row = box.row()
    row.progress(factor=float(job.progress), text=_headline(job))
    row.operator("comfyui.cancel", text="", icon="X", emboss=False).job_id = entry.id
    box.label(text=_title(entry, width))
    if job.state is JobState.QUEUED and job.foreign_before:
        draw_sentence(box, f"{job.foreign_before} by others before it", width)
    for sentence in (job.note, _reason(job)):
        if sentence:
            draw_sentence(box, sentence, width)
    icon = delivery.live_preview.icon_of(entry)
    if icon and settings.preferences().show_previews:
        box.template_icon(icon, scale=_PREVIEW_SCALE)


def _draw_troubled(layout: UILayout, known: Overview, width: int) -> None:
    troubled = [entry for entry in known.here if entry.problem or entry.id in known.lost]
    for entry in troubled[:SHOWN_PROBLEMS]:
        _draw_problem(layout.box(), entry, known, width)
    if len(troubled) > SHOWN_PROBLEMS:
        draw_sentence(layout, f"and {len(troubled) - SHOWN_PROBLEMS} more, in the gallery", width)


def _draw_problem(box: UILayout, entry: Entry, known: Overview, width: int) -> None:
    row = box.row()
    row.label(text=_title(entry, width - round(2 * ICON * scale())), icon="ERROR" if entry.problem else "INFO")
    row.operator("comfyui.dismiss", text="", icon="X", emboss=False).job_id = entry.id
    draw_sentence(box, entry.problem or _why_missing(entry), width)
    if entry.returns:
        draw_sentence(box, _KEPT_SAFE, width)
    _draw_ways_out(box.row(align=True), entry, known)


def _why_missing(entry: Entry) -> str:
    try:
        scene_of(entry.target)
    except CannotPlace:
        return _SCENE_GONE.format(entry.target.get("scene", ""))
    return _NOT_HERE


def _draw_ways_out(row: UILayout, entry: Entry, known: Overview) -> None:
    if entry.waiting:
        row.operator("comfyui.place_here", icon="IMPORT").job_id = entry.id
    elif entry.id in known.missing:
        row.operator("comfyui.place_again", icon="IMPORT").job_id = entry.id
    elif entry.outcome is not None and entry.outcome.recoverable:
        row.operator("comfyui.look_again", icon="VIEWZOOM").job_id = entry.id
    elif entry.job is not None:
        row.operator("comfyui.run_again", icon="FILE_REFRESH").job_id = entry.id
    if entry.returns:
        row.operator("comfyui.give_up", icon="CANCEL").job_id = entry.id
    if entry.problem:
        row.operator("comfyui.copy_details", icon="COPYDOWN").job_id = entry.id
        row.operator("comfyui.copy_diagnostics", text="", icon="TEXT")


def _draw_results(layout: UILayout, known: Overview, width: int) -> None:
    present, shown = ledger.Present(), 0
    for entry in known.here:
        if entry.id in known.nameless:
            continue
        name = present.first_name(entry.id, ((result.number, result.name) for result in entry.results if result.name))
        if not name:  # nothing of it comes back before the ledger or its placement changes
            known.nameless.add(entry.id)
            continue
        _draw_result(layout, entry, name, width)
        shown += 1
        if shown == SHOWN_RESULTS:
            break


def _draw_result(layout: UILayout, entry: Entry, name: str, width: int) -> None:
    row = layout.row()
    text = shortened(name, width - round(2 * ICON * scale()), text_size(), _SEED_END)
    row.label(text=text, icon="SEQ_SEQUENCER" if entry.target.get("sink") == "SEQUENCER" else "IMAGE_DATA")
    row.operator("comfyui.dismiss", text="", icon="X", emboss=False).job_id = entry.id
    if entry.note:
        draw_sentence(layout, entry.note, width)


def _draw_elsewhere(box: UILayout, group: elsewhere.Group, width: int) -> None:
    draw_sentence(box, group.sentence, width, icon="INFO")
    row = box.row(align=True)
    if group.results:
        row.operator("comfyui.place_here", icon="IMPORT").blend = group.key
    row.operator("comfyui.dismiss", icon="X").blend = group.key


def _job(entry: Entry) -> Job:
    assert entry.job is not None  # what runs is followed
    return entry.job


def _reason(job: Job) -> str:
    """Why it waits, or ''; what the panel's first lines say already is not said twice."""
    said_above = job.waiting_for and job.waiting_for == str(runtime.server_state().error)
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
    return shortened(entry.making.label or "No prompt", width, text_size())
