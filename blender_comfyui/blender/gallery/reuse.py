"""A result's settings back into the panel. A record may come from a damaged history or another client: values are
taken over where they fit, and what does not is named."""

from collections.abc import Callable, Mapping
from typing import Any

from ...generation.history import Record
from ...generation.tasks.choosing import ASKED
from ...generation.tasks.preparing import LORAS
from ...generation.tasks.records import Tier
from ...workflow import bundled
from ...workflow.errors import InvalidValue
from ...workflow.lora_names import taken_out
from ..properties import ComfySettings
from ..tasks import asking, choices

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
    tier = _tier(record)
    if tier is not None:
        settings.task, settings.tier = record.task, tier.name
    settings.loras.clear()
    refused = [
        role
        for role, value in values.items()
        if role not in ("seed", ASKED) and not _taken_over(settings, role, value, tier)
    ]
    if {"width", "height"} & set(values):
        settings.size_source = "OWN"
    for role in _LEFT_TO_THE_WORKFLOW if record.parameters else ():
        if role not in values:
            setattr(settings, _PLACES[role][0], "")
    reuse_seed(settings, record)
    settings.property_unset("workflow")
    if tier is not None and record.workflow == tier.workflow_name:
        return refused
    if record.workflow and record.workflow in bundled.names():
        settings.workflow = record.workflow
    elif record.workflow:
        refused.append(f"workflow {record.workflow}")
    return refused


def _tier(record: Record) -> Tier | None:
    """Return the tier that made it, where there is one of this name now."""
    task = asking.board().tasks.get(record.task)
    return task.tiers.get(record.tier) if task is not None else None


def _taken_over(settings: ComfySettings, role: str, value: object, tier: Tier | None) -> bool:
    """What the tier sets in the same way is left to it."""
    if role == LORAS:
        return _set_loras(settings, value)
    if tier is not None and role in tier.parameters:
        if tier.parameters[role] == value:
            choices.reset(settings, role)
            return True
        if role not in _PLACES and isinstance(value, str | int | float):
            choices.set_value(settings, role, value)
            return True
    return _set(settings, role, value)


def _set_loras(settings: ComfySettings, value: object) -> bool:
    tags = value if isinstance(value, list | tuple) else []
    try:
        found = [lora for tag in tags for lora in taken_out(str(tag)).loras]
    except InvalidValue:
        return False
    for lora in found:
        added = settings.loras.add()
        added.lora = lora.name
        added.strength_model, added.strength_clip = lora.strengths
    return len(found) == len(tags)


def _set(settings: ComfySettings, role: str, value: object) -> bool:
    if role not in _PLACES or value is None or isinstance(value, list | dict):
        return False
    name, kind = _PLACES[role]
    try:
        setattr(settings, name, kind(value))
    except (TypeError, ValueError, OverflowError):
        return False
    return True
