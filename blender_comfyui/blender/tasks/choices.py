"""What a person set in place of a tier's values. Those that have a property of their own lie there, if they are set."""

from bpy.types import PropertyGroup

from . import models
from .state import ComfyOverride

PROPERTIES = {
    "steps": "steps",
    "cfg": "cfg",
    "sampler_name": "sampler",
    "scheduler": "scheduler",
    "denoise": "denoise",
    "width": "width",
    "height": "height",
    "batch_size": "batch_size",
    "checkpoint": "checkpoint",
}
SIZES = ("width", "height")


def is_set(chosen: PropertyGroup, name: str) -> bool:
    """Tell whether a person set this for the present task."""
    if name in PROPERTIES:
        # an empty name leaves it to the tier
        return chosen.is_property_set(PROPERTIES[name]) and getattr(chosen, PROPERTIES[name]) != ""
    return item(chosen, name) is not None


def item(chosen: PropertyGroup, name: str) -> ComfyOverride | None:
    """Return what holds the value of a parameter that has no property."""
    return next((found for found in chosen.overrides if found.name == name and found.task == chosen.task), None)


def set_value(chosen: PropertyGroup, name: str, value: object) -> None:
    """Set a parameter for the present task; raise TypeError or ValueError for what its property cannot take."""
    if name in PROPERTIES:
        setattr(chosen, PROPERTIES[name], value)
        return
    found = item(chosen, name)
    if found is None:
        found = chosen.overrides.add()
        found.name, found.task = name, chosen.task
    found.set(value)


def reset(chosen: PropertyGroup, name: str) -> None:
    """Leave a parameter to the tier again."""
    if name in PROPERTIES:
        chosen.property_unset(PROPERTIES[name])
    for at in reversed(range(len(chosen.overrides))):
        found = chosen.overrides[at]
        if found.name == name and found.task == chosen.task:
            chosen.overrides.remove(at)


def names_set(chosen: PropertyGroup) -> tuple[str, ...]:
    """Return all that is set for the present task."""
    others = (found.name for found in chosen.overrides if found.task == chosen.task)
    return (*(name for name in PROPERTIES if is_set(chosen, name)), *dict.fromkeys(others))


def values(chosen: PropertyGroup, *, takes_size: bool = True) -> dict[str, object]:
    """Return what is set, by parameter; with `takes_size`, the render's size among it."""
    found = {name: _value(chosen, name) for name in names_set(chosen)}
    if takes_size and chosen.size_source == "RENDER":
        found |= zip(SIZES, chosen.picture_size(), strict=True)
    return found


def preferred(chosen: PropertyGroup) -> dict[str, object]:
    """Return the models that the preferences name for the present task."""
    return dict(models.preferred(chosen.task))


def _value(chosen: PropertyGroup, name: str) -> object:
    if name not in PROPERTIES:
        found = item(chosen, name)
        return found.value if found is not None else None
    value = getattr(chosen, PROPERTIES[name])
    return round(value, 4) if isinstance(value, float) else value  # Blender keeps 32 bits: 7.1 would be 7.09999990
