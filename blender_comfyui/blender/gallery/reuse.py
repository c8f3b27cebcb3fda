"""A result's settings back into the panel. A record may come from a damaged history or another client: values are
taken over where they fit, and what does not is named."""

from collections.abc import Callable, Mapping
from typing import Any

from ...generation.history import Record
from ...workflow import bundled
from ..properties import ComfySettings

# role of a parameter -> the panel's property, and what it is made of
_PLACES: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "prompt": ("prompt", str),
    "negative_prompt": ("negative_prompt", str),
    "width": ("width", int),
    "height": ("height", int),
    "steps": ("steps", int),
    "cfg": ("cfg", float),
    "denoise": ("denoise", float),
    "batch_size": ("batch_size", int),
    "sampler_name": ("sampler", str),
    "scheduler": ("scheduler", str),
    "checkpoint": ("checkpoint", str),
}
_LEFT_TO_THE_WORKFLOW = ("sampler_name", "scheduler")  # where the panel's field is empty


def reuse_seed(settings: ComfySettings, record: Record) -> bool:
    """Fix the result's seed in the panel; return whether it has one."""
    if record.seed is None:
        return False
    settings.seed, settings.seed_mode = str(record.seed), "FIXED"
    return True


def reuse_all(settings: ComfySettings, record: Record) -> list[str]:
    """Take over all settings of a result; return the names of those that the panel does not take."""
    values = {**record.parameters, "prompt": record.parameters.get("prompt", record.label)}
    refused = [role for role, value in values.items() if role != "seed" and not _set(settings, role, value)]
    if {"width", "height"} & set(values):
        settings.size_source = "OWN"
    for role in _LEFT_TO_THE_WORKFLOW if record.parameters else ():
        if role not in values:
            setattr(settings, _PLACES[role][0], "")
    reuse_seed(settings, record)
    if record.workflow and record.workflow in bundled.names():
        settings.workflow = record.workflow
    elif record.workflow:
        refused.append(f"workflow {record.workflow}")
    return refused


def _set(settings: ComfySettings, role: str, value: object) -> bool:
    if role not in _PLACES or value is None or isinstance(value, list | dict):
        return False
    name, kind = _PLACES[role]
    try:
        setattr(settings, name, kind(value))
    except (TypeError, ValueError, OverflowError):
        return False
    return True
