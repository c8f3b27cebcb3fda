"""Keyframes and drivers of values that are no more: left alone, they would move another workflow's."""

from collections.abc import Collection, Iterator
from typing import Any

from bpy.types import Scene

from . import values

_GROUP = "comfyui.values"


def drop(scene: Scene, names: Collection[str]) -> int:
    """Remove what animates these values; return how many were animated."""
    data = scene.animation_data
    if data is None or not names:
        return 0
    paths = {_GROUP + values.path(name) for name in names}
    paths |= {_GROUP + values.path(values.mode_name(name)) for name in names}
    found = set()
    for curves in (data.drivers, *_curves(data.action)):
        for curve in [curve for curve in curves if curve.data_path in paths]:
            found.add(curve.data_path)
            curves.remove(curve)
    return len(found)


def _curves(action: Any) -> Iterator[Any]:
    """Return the lists of an action's curves: one up to 4.3, since then one for each slot in each strip."""
    if action is None:
        return
    if not hasattr(action, "layers"):
        yield action.fcurves
        return
    for layer in action.layers:
        for strip in layer.strips:
            for bag in strip.channelbags:
                yield bag.fcurves
