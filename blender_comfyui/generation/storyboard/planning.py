"""From a panel to the order that is prepared and sent. No disk, no network, no bpy.

The prompt is put together visibly: `composed` is what is sent, and what the panel in Blender shows.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from ...workflow.graph import Workflow
from ..tasks.places import Places
from ..tasks.preparing import Order, find, readable
from ..tasks.records import Configuration, Tier
from ..tasks.replacing import Replacement
from ..tasks.rules import number_of
from .model import Panel, Storyboard
from .resolution import Resolution, fitted
from .seeds import seed_of

_JOINT = ", "
_ENDS = tuple(".,;:!?…。、，；：！？")  # no comma after these


@dataclass(frozen=True)
class Ground:
    """What all panels of a storyboard stand on: its tier, and the resolution that comes of it; ``notes`` say what is
    not as wanted. ``workflow`` is in the place of the tier's own, if it is there, and called ``workflow_name``."""

    storyboard: Storyboard
    tier: Tier
    resolution: Resolution | None
    notes: tuple[str, ...] = ()
    workflow: Workflow | None = None
    workflow_name: str = ""


def ground_of(storyboard: Storyboard, configuration: Configuration, replacement: Replacement | None = None) -> Ground:
    """Look a storyboard's task and tier up. With a replacement this waits for the disk.

    Raises InvalidQualityTierError for those that there are not, and WorkflowNotFoundError.
    """
    tier = find(configuration, storyboard.task, storyboard.tier).tiers[storyboard.tier]
    workflow, name = replacement.load() if replacement is not None else (None, "")
    resolution, notes = _resolution(storyboard, tier, workflow or tier.workflow)
    return Ground(storyboard, tier, resolution, notes, workflow, name)


def _resolution(storyboard: Storyboard, tier: Tier, workflow: Workflow) -> tuple[Resolution | None, tuple[str, ...]]:
    if not (storyboard.width and storyboard.height):
        return None, ()
    places = Places(workflow)
    if not (places.of("width") and places.of("height")):
        sentence = (
            f"The resolution {storyboard.width} × {storyboard.height} is left out: "
            "this task makes pictures in a size of its own."
        )
        return None, (sentence,)
    resolution = fitted(storyboard.width, storyboard.height, tier, storyboard.parameters)
    return resolution, (resolution.sentence,) if resolution.sentence else ()


def composed(storyboard: Storyboard, panel: Panel) -> str:
    """Return the prompt of a panel as it is sent: the style before, the panel's text, the style after.

    Commas are put between them, but for where a part ends with punctuation.
    """
    text = ""
    for part in (storyboard.before.strip(), panel.prompt.strip(), storyboard.after.strip()):
        if part and text:
            text += " " if text.endswith(_ENDS) else _JOINT
        text += part
    return text


def order_of(ground: Ground, panel: Panel, take: int = 0) -> Order:
    """Return what is asked for with a panel: its own parameters go before the storyboard's, and these before the
    resolution."""
    storyboard = ground.storyboard
    asked: dict[str, object] = {}
    if ground.resolution is not None:
        asked |= {"width": ground.resolution.width, "height": ground.resolution.height}
    asked |= _length(ground.tier, panel.seconds, {**storyboard.parameters, **panel.parameters})
    asked |= storyboard.parameters
    asked |= {"prompt": composed(storyboard, panel), "seed": seed_of(storyboard, panel, take)}
    if panel.negative_prompt.strip():
        asked["negative_prompt"] = panel.negative_prompt.strip()
    parameters = {**asked, **panel.parameters}
    return Order(storyboard.task, storyboard.tier, parameters, ground.workflow, workflow_name=ground.workflow_name)


def mark_of(order: Order) -> str:
    """Return a short text that is another one where something else is asked for."""
    told = [order.task, order.tier, readable(order.parameters)]
    if order.workflow is not None:
        told.append(order.workflow_name)
    text = json.dumps(told, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _length(tier: Tier, seconds: float, own: Mapping[str, object]) -> dict[str, object]:
    """Return how many frames a video needs for so many seconds, where the tier makes one: at least as many."""
    fps = number_of(own.get("fps", tier.parameters.get("fps")))
    if fps is None or "length" not in tier.parameters:
        return {}
    rule = tier.rules.get("length")
    frames = max(1, math.ceil(round(seconds * fps, 6)))
    if rule is not None and rule.multiple > 1:
        frames += (rule.offset - frames) % rule.multiple
    return {"length": frames}
