"""A workflow comes into the scene, or another form of it: the properties follow."""

from typing import Any

from bpy.types import Scene

from ...generation.workshop import Definitions, Imported
from ...workflow.graph import Workflow
from . import animation, building, forms, lines, reception, shown, state, values
from .building import Built
from .contents import Contents


def take(scene: Scene, contents: Contents) -> int:
    """Put a new workflow into the scene and use it; return how many animated values of the old one were dropped.

    What the new one has as well (the same input of the same node) keeps its keyframes.
    """
    chosen = scene.comfyui
    old = building.built(chosen.imported)
    for name in ("layout", "preset", "preset_name", "arranging"):
        chosen.imported.property_unset(name)
    for name in list(chosen.values.keys()):
        del chosen.values[name]
    chosen.media.clear()
    _keep(scene, contents)
    chosen.imported.used = True
    chosen.imported_task = ""  # that was the former one's
    return animation.drop(scene, _gone(old, building.built(chosen.imported)))


def contents_of(imported: Imported) -> Contents:
    """Return what the .blend keeps of an imported workflow."""
    workflow, known = imported.workflow, imported.definitions
    described = {}
    if known is not None and imported.graph is not None:
        described = known.node_types.described(str(node["class_type"]) for node in imported.graph.values())
    return Contents(workflow.name, workflow.ui, imported.graph, described, imported.notes)


def change(scene: Scene, contents: Contents) -> None:
    """Put another form of the same workflow into the scene; values and keyframes stay where they can."""
    chosen = scene.comfyui
    old = building.built(chosen.imported)
    chosen_values = _chosen_values(scene, old)
    new = _keep(scene, contents)
    gone = _gone(old, new)
    for name in gone:
        values.remove(chosen.values, name)
    dropped = animation.drop(scene, gone)
    if dropped:
        reception.say(f"The animation of {dropped} values was removed: they are no more what they were.", "INFO")
    if new is not None:
        write_shown(scene, new)
        for name in chosen_values.keys() & set(gone) & new.parameters.keys():  # a list has become too long for a menu
            values.write(chosen.values, name, new.parameters[name])
            values.set_value(chosen.values, name, new.parameters[name], chosen_values[name])


def refresh(scene: Scene, known: Definitions) -> None:
    """Bring limits and menus up to date with what the server has now."""
    contents = state.contents(scene.comfyui.imported)
    if contents is None or contents.api is None:
        return
    classes = {node.class_type for node in Workflow.load(contents.api).nodes.values()}
    definitions = {**contents.definitions, **known.node_types.described(classes)}
    if definitions != contents.definitions:
        change(scene, Contents(contents.name, contents.ui, contents.api, definitions, contents.notes))


def write_shown(scene: Scene, built: Built) -> None:
    """Make the properties that the panel shows, and keep those up to date that there are."""
    chosen = scene.comfyui
    names = dict.fromkeys(line.name for line in shown.layout(chosen.imported, built))
    names |= dict.fromkeys(name for name in chosen.values.keys() if name in built.parameters)  # noqa: SIM118 no dict
    values.write_all(chosen.values, built, names)
    lines.forget()


def _keep(scene: Scene, contents: Contents) -> Built | None:
    chosen = scene.comfyui
    state.keep(chosen.imported, contents)
    built = building.built(chosen.imported)
    if built is not None:
        write_shown(scene, built)
    return built


def _chosen_values(scene: Scene, built: Built | None) -> dict[str, Any]:
    """Return what somebody chose that differs from the workflow."""
    kept, parameters = scene.comfyui.values, built.parameters if built is not None else {}
    there = {name: values.read(kept, name, one) for name, one in parameters.items() if values.fits(kept, name, one)}
    return {name: value for name, value in there.items() if value != parameters[name].value}


def _gone(old: Built | None, new: Built | None) -> list[str]:
    """Return the properties that are no more, or mean something else now."""
    if old is None:
        return []
    there = new.parameters if new else {}
    return [name for name in old.parameters if name not in there or _meaning(old, name) != _meaning(new, name)]


def _meaning(built: Built, name: str) -> object:
    parameter = built.parameters[name]
    return parameter.class_type, parameter.input_name, forms.form_of(parameter)
