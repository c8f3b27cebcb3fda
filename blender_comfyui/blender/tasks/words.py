"""What the panel calls parameters, and how it says values and times. No bpy here."""

from collections.abc import Collection

from ...generation.tasks.counter import Estimate
from ...generation.tasks.merging import How, Report

_LABELS = {"cfg": "CFG", "fps": "FPS", "sampler_name": "Sampler", "batch_size": "Batch"}
_OF_THE_PERSON = frozenset({"prompt", "negative_prompt", "seed"})
_MINUTE = 60.0


def label(name: str, among: Collection[str] = ()) -> str:
    """Return "Scale by" for "scale_by", and "Enlarge: scale by" for "Enlarge.scale_by" if that says more.

    `among` is all that stands beside it: what only one of them is called needs no node before it.
    """
    if name in _LABELS:
        return _LABELS[name]
    where, dot, rest = name.rpartition(".")
    text = rest.replace("_", " ")
    if dot and among and sum(other.rpartition(".")[2] == rest for other in among) == 1:
        return label(rest)
    return f"{where}: {text}" if dot else text[:1].upper() + text[1:]


def tier_title(name: str) -> str:
    text = name.replace("_", " ")
    return text[:1].upper() + text[1:]


def shown(value: object) -> str:
    """Return a value as a person would write it."""
    if isinstance(value, bool):
        return "On" if value else "Off"
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".")
    if isinstance(value, list | tuple):
        return ", ".join(map(shown, value))
    return "" if value is None else str(value)


def time(estimate: Estimate) -> str:
    """Return how long something takes, and how one knows."""
    if not estimate.jobs:
        return f"About {_seconds(estimate.seconds)}, a first guess"
    return f"About {_seconds(estimate.seconds)}, as {estimate.jobs} jobs on this server took"


def notes(report: Report | None) -> dict[str, str]:
    """Return what a person might not expect, by parameter. Prompts that a workflow has no place for are not shown."""
    settings = report.settings if report else ()
    return {
        setting.name: setting.sentence
        for setting in settings
        if setting.sentence and not (setting.how is How.NO_PLACE and setting.name in _OF_THE_PERSON)
    }


def _seconds(seconds: float) -> str:
    if seconds < 1.5 * _MINUTE:
        return f"{max(1, round(seconds))} s"
    if seconds < 90 * _MINUTE:
        return f"{round(seconds / _MINUTE)} min"
    return f"{seconds / _MINUTE / 60:.1f} h"
