"""The workflow that was imported into a scene, where it makes a task: with the values and files of its own panel.

What the task itself sets goes before them.
"""

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from bpy.types import PropertyGroup, Scene

from ...generation.drawings import Drawing
from ...generation.tasks.places import Places
from ...generation.tasks.records import Task
from ...workflow.errors import InvalidValue
from ...workflow.panel_values import with_panel_values
from ..workflow_panel import building, media, values
from ..workflow_panel.building import Built
from ..workflow_panel.state import ComfyValues

_REMEMBERED = 8
_known: OrderedDict[tuple[object, ...], Mapping[str, Any]] = OrderedDict()  # panels are drawn again and again


def is_chosen(chosen: PropertyGroup) -> bool:
    """Whether the workflow that was imported into this scene makes the present task."""
    return makes(chosen, chosen.task)


def makes(chosen: PropertyGroup, task: str) -> bool:
    """Whether it makes this task."""
    return bool(chosen.imported_task) and chosen.imported_task == task and bool(chosen.imported.stamp)


def graph(chosen: PropertyGroup) -> Mapping[str, Any]:
    """Return its graph with what its panel says; {} where it cannot run."""
    built = building.built(chosen.imported)
    if built is None:
        return {}
    now = ((name, value.to_tuple() if hasattr(value, "to_tuple") else value) for name, value in _kept(chosen).items())
    key = (chosen.imported.stamp, *now)
    if key not in _known:
        _known[key] = _with_values(chosen, built)
        while len(_known) > _REMEMBERED:
            _known.popitem(last=False)
    return _known[key]


def file_names(chosen: PropertyGroup, task: Task | None) -> dict[str, Path]:
    """Return under which names files are about to be sent, by “node.input”; without those that the task asks for."""
    built = building.built(chosen.imported)
    if built is None or not any(map(media.is_chosen, chosen.media)):  # most have none, and this is drawn
        return {}
    found, given = media.names(_kept(chosen), built), _given(built, task)
    return {key: Path(name) for key, name in found.items() if key not in given}


def files(scene: Scene, task: Task | None) -> dict[str, Path | Drawing]:
    """Return what is sent before it, by the same names. Raises InvalidValue, also for a value that is damaged."""
    chosen = scene.comfyui
    built = building.built(chosen.imported)
    if built is None:
        return {}
    values.read_all(_kept(chosen), built)
    keys, given = media.names(_kept(chosen), built), _given(built, task)
    found = zip(keys, media.uploads(scene, built), strict=True)
    return {key: upload.drawing or upload.path for key, upload in found if key not in given}


def _kept(chosen: PropertyGroup) -> ComfyValues:
    return cast(ComfyValues, chosen.values)


def _with_values(chosen: PropertyGroup, built: Built) -> Mapping[str, Any]:
    try:
        found = values.by_key(values.read_all(_kept(chosen), built))
        return with_panel_values(built.workflow, built.parameters.values(), found).api()
    except InvalidValue:  # whoever starts it says so
        return built.workflow.api()


def _given(built: Built, task: Task | None) -> frozenset[str]:
    """The inputs that the task's own pictures go to."""
    places = Places(built.workflow)
    return frozenset(
        f"{place.node_id}.{place.input_name}" for need in (task.needs if task else ()) for place in places.of(need)
    )
