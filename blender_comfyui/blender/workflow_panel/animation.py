"""Keyframes and drivers of values that are no more: left alone, they would move another workflow's."""

from collections.abc import Collection
from typing import Any

from bpy.types import Scene

from . import values

_GROUP = "comfyui.values"


def drop(scene: Scene, names: Collection[str]) -> int:
    """Remove what animates these values in this scene, NLA included; return how many were animated."""
    data = scene.animation_data
    if data is None or not names:
        return 0
    beside = (values.mode_name, values.plus_name)
    paths = {_GROUP + values.path(name) for name in names}
    paths |= {_GROUP + values.path(of(name)) for name in names for of in beside}
    found = _removed(data.drivers, paths)
    for holder in (data, *(strip for track in data.nla_tracks for strip in track.strips)):
        found |= _removed_from_action(holder, paths)
    return len(found)


def _removed_from_action(holder: Any, paths: Collection[str]) -> set[str]:
    """`holder` is what has an action: the scene's animation, or a strip."""
    if not any(curve.data_path in paths for curve in _curves(holder)):
        return set()
    action = holder.action
    if action.users - action.use_fake_user > 1 or action.library is not None:  # somebody else goes on using it
        _have_own(holder)
    return _removed(_curves(holder), paths)


def _removed(curves: Any, paths: Collection[str]) -> set[str]:
    found = [curve for curve in curves if curve.data_path in paths]
    names = {curve.data_path for curve in found}
    for curve in found:
        curves.remove(curve)
    return names


def _have_own(holder: Any) -> None:
    """Have a copy of the action; copies have the same slots."""
    slot = getattr(getattr(holder, "action_slot", None), "identifier", None)
    holder.action = holder.action.copy()
    if slot is not None:
        holder.action_slot = holder.action.slots[slot]


def _curves(holder: Any) -> Any:
    """Return the curves: all of an action up to 4.3, since then those of one of its slots."""
    action = holder.action
    if action is None:
        return ()
    if not hasattr(action, "layers"):
        return action.fcurves
    slot = holder.action_slot
    bags = (strip.channelbag(slot) for layer in action.layers for strip in layer.strips) if slot is not None else ()
    return next((bag.fcurves for bag in bags if bag is not None), ())
