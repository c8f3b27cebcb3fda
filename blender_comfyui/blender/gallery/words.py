"""What the gallery says of a result, in few words. No bpy here."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...generation.history import FileRecord, Record
from ...generation.outcome import JobState
from ...generation.tasks.choosing import ASKED

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import IconItems

SHOWN_IN_BLENDER = ("image", "video")
_READABLE = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")
_STATE_ICONS: "Mapping[JobState, IconItems]" = {
    JobState.FAILED: "ERROR",
    JobState.CANCELLED: "CANCEL",
    JobState.LOST: "QUESTION",
}
_KIND_ICONS: "Mapping[str, IconItems]" = {
    "image": "IMAGE_DATA",
    "video": "FILE_MOVIE",
    "audio": "FILE_SOUND",
    "model": "MESH_DATA",
    "text": "FILE_TEXT",
    "other": "FILE",
}
_STATES = {
    JobState.FINISHED: "Finished",
    JobState.FAILED: "Failed",
    JobState.CANCELLED: "Cancelled",
    JobState.LOST: "Lost by the server",
}
_KINDS = {"image": "Picture", "video": "Video", "audio": "Sound", "model": "Model", "text": "Text"}
_TASKS = {
    "image_generation": "Image",
    "character_portrait": "Portrait",
    "scene_generation": "Scene",
    "video_generation": "Video",
    "controlnet_pose": "ControlNet, pose",
    "controlnet_depth": "ControlNet, depth",
    "grid": "Contact sheet",
}
_GONE_ICON: "IconItems" = "LIBRARY_DATA_BROKEN"
_UNITS = ("bytes", "KB", "MB", "GB", "TB")


def shown_files(record: Record) -> tuple[FileRecord, ...]:
    """Return a result's files; what was only previewed on the server ('temp') counts where nothing was saved."""
    return tuple(file for file in record.files if file.type == "output") or record.files


def title(record: Record) -> str:
    return " ".join(record.label.split()) or "No prompt"


def state_icon(record: Record) -> "IconItems":
    """Return the icon of a result that is not just there, 'NONE' for one that is."""
    return _STATE_ICONS.get(record.state, "NONE") if record.state.is_terminal else "SORTTIME"


def file_icon(file: FileRecord, *, gone: bool) -> "IconItems":
    """Return the icon of a file without a picture; `gone`: it was looked at, and no picture was found."""
    missing = gone and file.kind == "image" and file.path.suffix.lower() in _READABLE
    return _GONE_ICON if missing else _KIND_ICONS.get(file.kind, "FILE")


def state(record: Record) -> str:
    return _STATES.get(record.state, "Waits for its server")


def waits_for(record: Record) -> str:
    """Return what a job that has not ended waits for, as a sentence, '' for any other."""
    if record.state.is_terminal:
        return ""
    return f"Waits for {record.server}: it goes on once that server is in use and answers. Delete it to give it up."


def kind(file: FileRecord | None) -> str:
    return _KINDS.get(file.kind if file else "", "File")


def task(name: str) -> str:
    return _TASKS.get(name) or name.replace("_", " ").capitalize() or "Unknown"


def size(parameters: Mapping[str, object]) -> str:
    """Return '512 × 768', or '' where no size was asked for."""
    width, height = parameters.get("width"), parameters.get("height")
    return f"{width} × {height}" if width and height else ""


def duration(seconds: float) -> str:
    """Return '3.2 s', '2 min 5 s' or '1 h 10 min'; '' for none."""
    if seconds < 0.05:
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def moment(when: float, now: float) -> str:
    """Return 'Today 12:03', 'Yesterday 18:20', '12 Mar 09:15' or '12 Mar 2024' for unix seconds, in local time."""
    then, today = time.localtime(when), time.localtime(now)
    clock = time.strftime("%H:%M", then)
    if then[:3] == today[:3]:
        return f"Today {clock}"
    if then[:3] == time.localtime(now - 86400)[:3]:
        return f"Yesterday {clock}"
    day = f"{then.tm_mday} {_MONTHS[then.tm_mon - 1]}"
    return f"{day} {clock}" if then.tm_year == today.tm_year else f"{day} {then.tm_year}"


_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def amount(count: int) -> str:
    """Return bytes as '1.3 GB'."""
    value, unit = float(count), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit < 2 else f"{value:.1f} {_UNITS[unit]}"


def counted(count: int, noun: str) -> str:
    """Return '1 file', '1,234 files'."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def facts(record: Record) -> tuple[str, ...]:
    """Return what tells a result from its sisters: seed, size, how long it took."""
    seed = f"Seed {record.seed}" if record.seed is not None else ""
    found = (seed, size(record.parameters), duration(record.seconds))
    return tuple(fact for fact in found if fact)


def recipe(record: Record) -> tuple[tuple[str, str], ...]:
    """Return all that is known of how a result was made, but for its prompt, as pairs of name and value."""
    pairs = (*_settings(record), *_origin(record))
    return tuple(pair for pair in pairs if pair[1])


def _settings(record: Record) -> tuple[tuple[str, str], ...]:
    values = record.parameters
    sampling = " · ".join(str(values[name]) for name in ("sampler_name", "scheduler") if values.get(name))
    return (
        ("Asked", _asked(values.get(ASKED))),
        ("Negative", str(values.get("negative_prompt") or "")),
        ("Seed", "" if record.seed is None else str(record.seed)),
        ("Size", size(values)),
        ("Steps", _number(values.get("steps"))),
        ("CFG", _number(values.get("cfg"))),
        ("Denoise", _number(values.get("denoise")) if values.get("denoise") not in (None, 1, 1.0) else ""),
        ("Batch", _number(values.get("batch_size")) if values.get("batch_size") not in (None, 1) else ""),
        ("Sampler", sampling),
        ("Model", str(values.get("checkpoint") or "")),
    )


def _asked(prompts: object) -> str:
    """Return the prompt as it was asked, where the seed has chosen something in it."""
    return str(prompts.get("prompt") or "") if isinstance(prompts, Mapping) else ""


def _origin(record: Record) -> tuple[tuple[str, str], ...]:
    return (
        ("Workflow", record.workflow),
        ("Task", task(record.task) if record.task else ""),
        ("Tier", record.tier.replace("_", " ").capitalize()),
        ("Server", f"{record.server} (ComfyUI {record.server_version})" if record.server_version else record.server),
        ("Made", made(record)),
    )


def made(record: Record, now: float | None = None) -> str:
    """Return when it was asked for and how long it took."""
    when = moment(record.created, time.time() if now is None else now) if record.created else ""
    took = duration(record.seconds)
    return f"{when}, in {took}" if when and took else when or took


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else "" if value is None else str(value)
