"""What is wrong with the workflow as the panel sets it, found before anything is sent; and what one click does."""

import json
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from bpy.types import Scene

from ...generation.workshop import Definitions
from ...workflow import problems as actions
from ...workflow.graph import Workflow
from ...workflow.model_sources import with_sources
from ...workflow.panel_values import with_panel_values
from ...workflow.preflight import preflight
from ...workflow.problems import Action, Problem, SetValue
from . import adopting, building, media, values
from .building import Built
from .contents import Contents
from .state import ComfyImported, ComfyValues

_REMEMBERED = 4
_MOST_SURE_FIXES = 1000


@dataclass(frozen=True)
class Findings:
    """`marked` are the properties that a problem is about."""

    problems: tuple[Problem, ...]
    marked: frozenset[str]


_NOTHING = Findings((), frozenset())
_known: OrderedDict[tuple[int, str], Findings] = OrderedDict()  # by scene and the workflow's stamp


def findings(imported: ComfyImported) -> Findings:
    """Return what the last look found."""
    return _known.get(_key(imported), _NOTHING)


def marked(imported: ComfyImported) -> frozenset[str]:
    return findings(imported).marked


def graph(kept: ComfyValues, built: Built) -> Workflow:
    """Return the workflow with the panel's values at the current frame. Raises InvalidValue."""
    found = values.by_key(values.read_all(kept, built)) | media.names(kept, built)
    return with_panel_values(built.workflow, built.parameters.values(), found)


def look(scene: Scene, known: Definitions, workflow: Workflow | None = None) -> Workflow | None:
    """Note what is wrong with the scene's workflow; return it, with all put right that needs no decision.

    `workflow` is the one to look at, where it was read before.
    """
    chosen = scene.comfyui
    built = building.built(chosen.imported)
    if built is None:
        return None
    workflow = workflow or graph(chosen.values, built)
    files = media.names(chosen.values, built).values()
    found = _problems(workflow, known, built.packs, files)
    for _ in range(_MOST_SURE_FIXES):
        sure = next((problem for problem in found if problem.is_sure and problem.action), None)
        if sure is None:
            break
        workflow = Workflow.load(actions.apply(workflow.api(), sure))
        found = _problems(workflow, known, built.packs, files)
    note(chosen.imported, built, tuple(with_sources(found, workflow, built.sources)))
    return workflow


def note(imported: ComfyImported, built: Built, found: Collection[Problem]) -> None:
    """Show these problems of a workflow."""
    keys = {f"{problem.node_id}.{problem.parameter}" for problem in found}
    names = frozenset(name for key in keys for name in built.names.get(key, ()))
    _known[_key(imported)] = Findings(tuple(found), names)
    while len(_known) > _REMEMBERED:
        _known.popitem(last=False)


def fix(scene: Scene, problem: Problem, action: Action, known: Definitions | None) -> None:
    """Do what one click does about a problem: to the value in the panel, else to the workflow itself.

    Raises WorkflowError.
    """
    chosen = scene.comfyui
    built = building.built(chosen.imported)
    if built is None or _fix_value(chosen.values, built, problem, action):
        return
    if isinstance(action, SetValue):  # the property is made anew, with what the workflow says then
        for name in built.names.get(f"{problem.node_id}.{problem.parameter}", ()):
            values.remove(chosen.values, name)
    contents = built.contents
    api = actions.apply(contents.api, problem, action)
    definitions = dict(contents.definitions)
    if known is not None:
        definitions |= known.node_types.described(node["class_type"] for node in api.values())
    adopting.change(scene, Contents(contents.name, contents.ui, api, definitions, contents.notes))


def forget() -> None:
    _known.clear()


def _key(imported: ComfyImported) -> tuple[int, str]:
    """A copy of a scene holds the same workflow, but other values."""
    return imported.id_data.session_uid, imported.stamp


def preset_is_modified(imported: ComfyImported) -> bool:
    """Whether values were changed since a preset was chosen."""
    kept = dict(imported.id_data.comfyui.values.items())
    return any(_differs(kept.get(name), value) for name, value in _preset(imported.preset).items())


def plain(kept: Any) -> Any:
    """Return what a property holds as JSON can hold it."""
    return list(kept) if hasattr(kept, "to_list") else kept


def _preset(text: str, known: dict[str, Mapping[str, Any]] = {}) -> Mapping[str, Any]:  # noqa: B006 remembers one
    if text not in known:
        known.clear()
        try:
            found = json.loads(text) if text else {}
        except (ValueError, RecursionError):
            found = {}
        known[text] = found if isinstance(found, dict) else {}
    return known[text]


def _differs(kept: Any, value: Any) -> bool:
    if isinstance(kept, float) and isinstance(value, float):
        return abs(kept - value) > 1e-6 * max(1.0, abs(value))
    return plain(kept) != value


def _problems(
    workflow: Workflow, known: Definitions, packs: Mapping[str, str], files: Collection[str]
) -> tuple[Problem, ...]:
    return preflight(workflow, known.node_types, files=files, packs=packs, replacements=known.replacements)


def _fix_value(kept: ComfyValues, built: Built, problem: Problem, action: Action) -> bool:
    if not isinstance(action, SetValue):
        return False
    wanted = f"{problem.node_id}.{problem.parameter}"
    for name, parameter in values.visible(kept, built):
        if parameter.key == wanted and values.has(kept, name):
            return values.set_value(kept, name, parameter, action.value)
    return False
