"""A grid as text, which its jobs carry: so that it can go on where nobody remembers it."""

from __future__ import annotations

import json

from ...workflow.loras import Lora
from ..tasks.preparing import Order
from .model import Axis, Grid, InvalidGrid

_PLAIN = (str, int, float, bool, type(None))
SPEC = "grid_spec"
"""What a job's context calls the text."""


def to_text(grid: Grid) -> str:
    """Return a grid as JSON; '' for one with files, pictures or a workflow of its own, which no text can hold."""
    order = grid.order
    values = [*order.parameters.values(), *grid.across.values, *(grid.down.values if grid.down else ())]
    if not all(isinstance(value, _PLAIN) for value in values) or not isinstance(order.workflow, str | None):
        return ""
    loras = [[lora.name, lora.strength_model, lora.strength_clip] for lora in order.loras if lora.on]
    axes = [[axis.parameter, list(axis.values)] for axis in (grid.across, grid.down) if axis is not None]
    told = {
        "task": order.task,
        "tier": order.tier,
        "parameters": dict(order.parameters),
        "workflow": order.workflow,
        "workflow_name": order.workflow_name,
        "loras": loras,
        "axes": axes,
        "title": grid.title,
    }
    return json.dumps(told)


def from_text(text: str) -> Grid:
    """Return the grid that `to_text` wrote. Raises InvalidGrid for anything else."""
    try:
        told = json.loads(text)
        order = Order(
            told["task"],
            told["tier"],
            told["parameters"],
            told["workflow"],
            tuple(Lora(*lora) for lora in told["loras"]),
            told["workflow_name"],
        )
        axes = [Axis(parameter, tuple(values)) for parameter, values in told["axes"]]
        return Grid(order, axes[0], axes[1] if len(axes) > 1 else None, told["title"])
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        if isinstance(error, InvalidGrid):
            raise
        raise InvalidGrid("What a job says of its grid cannot be read. Run the grid once more.") from error
