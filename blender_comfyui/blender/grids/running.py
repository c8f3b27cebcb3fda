"""The grids that are being made. Drawing reads frozen snapshots; the pictures are jobs like any other."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import bpy
from bpy.types import Context

from ...generation.grids.model import Grid, InvalidGrid
from ...generation.grids.run import GridRun
from ...generation.grids.saving import SPEC, from_text, to_text
from ...generation.grids.states import CELL, GRID, GridProgress
from ...generation.tasks.preparing import Order
from .. import delivery, runtime, settings
from ..job_list import PART_OF_GRID
from ..order import order
from ..tasks import asking
from . import state

_SINK = "grid_sink"  # in the context of its parts: where the whole goes


@dataclass
class _Running:
    run: GridRun
    seen: GridProgress | None = None


_running: dict[str, _Running] = {}  # by the grid's id; the newest last
_looked_at: list[int] = [-1]  # the job list's version in which grids of earlier runs were looked for


def last() -> GridProgress | None:
    """Return how the newest grid is; None where none was asked for."""
    return next((known.run.snapshot for known in reversed(_running.values())), None)


def run_of(grid_id: str) -> GridRun | None:
    """Return what makes a grid."""
    known = _running.get(grid_id)
    return known.run if known is not None else None


def start(context: Context) -> GridRun:
    """Have the scene's grid made, and return at once.

    Raises InvalidGrid, QualityTierError, InvalidAddress, InvalidCredentials or NoOnlineAccess.
    """
    session = runtime.session()
    wanted = order(context, asking.want(context.scene))
    parameters, seed = wanted.parameters, int(str(wanted.parameters["seed"]))
    across, down = state.axes_of(context.scene.comfyui_grid, seed)
    asked = Order(wanted.task, wanted.tier, parameters, wanted.workflow, wanted.loras, wanted.workflow_name)
    grid = Grid(asked, across, down)
    own = wanted.context
    parts = {**own, "sink": PART_OF_GRID, _SINK: own["sink"]}
    if text := to_text(grid):
        parts[SPEC] = text
    run = session.grid(grid, context=own, cell_context=parts, folder=wanted.folder, fonts=fonts())
    return _keep(run, grid.id)


def cancel() -> None:
    """Stop all grids that are being made, and nothing else."""
    for known in _running.values():
        known.run.cancel()


def is_running() -> bool:
    """Whether more comes of some grid."""
    return any(not known.run.snapshot.is_over for known in _running.values())


def fonts() -> tuple[Path, ...]:
    """Return the folder of Blender's own fonts."""
    folder = bpy.utils.system_resource("DATAFILES", path="fonts")
    return (Path(folder),) if folder else ()


def tick() -> bool:
    """Go on with grids of earlier runs; return whether something shown has changed."""
    if _looked_at[0] != runtime.jobs.version:
        _looked_at[0] = runtime.jobs.version
        for entry in runtime.jobs.running:
            if entry.target.get("sink") == PART_OF_GRID and entry.target.get(GRID) not in _running:
                _go_on(entry.target)
    changed = False
    for known in _running.values():
        now = known.run.snapshot
        changed |= now is not known.seen
        known.seen = now
    return changed


def expects_answers() -> bool:
    """Whether the tick has something to come for soon."""
    return any(known.seen is None or not known.seen.is_over for known in _running.values())


def close() -> None:
    """Part from all; their threads end by themselves, and jobs go on."""
    for known in _running.values():
        known.run.close()
    _running.clear()
    _looked_at[0] = -1


def _keep(run: GridRun, grid_id: str) -> GridRun:
    _running.pop(grid_id, None)
    for old in [old for old, known in _running.items() if known.run.snapshot.is_over]:
        del _running[old]
    _running[grid_id] = _Running(run)
    delivery.wake()
    return run


def _go_on(target: Mapping[str, str]) -> None:
    """A picture of an earlier run came back: its grid is made whole when the last one has."""
    with contextlib.suppress(InvalidGrid, ValueError, runtime.NoOnlineAccess):
        grid = from_text(target.get(SPEC, ""))
        if grid.id != target.get(GRID):
            return
        parts = {name: value for name, value in target.items() if name not in (GRID, CELL)}
        own = {name: value for name, value in parts.items() if name not in (SPEC, _SINK)}
        own["sink"] = target.get(_SINK, "")
        folder = settings.output_folder()
        run = runtime.session().grid(grid, context=own, cell_context=parts, folder=folder, fonts=fonts(), only_new=True)
        _keep(run, grid.id)


class _Part:
    """A `delivery.Part`."""

    tick = staticmethod(tick)
    expects_answers = staticmethod(expects_answers)


_part = _Part()


def register() -> None:
    delivery.parts.append(_part)


def unregister() -> None:
    delivery.parts.remove(_part)
    close()
