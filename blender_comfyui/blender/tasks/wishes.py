"""The scene's settings → what is asked for. Everything is read here, while the panel is drawn and on the click."""

import re
from pathlib import Path

from bpy.types import Image, PropertyGroup, Scene

from ...generation.drawings import Drawing
from ...generation.tasks.desk import Board, TaskQuestion, TierView
from ...generation.tasks.errors import ParameterValidationError
from ...generation.tasks.preparing import InPlace, Order
from ...generation.tasks.records import Task
from ...workflow.errors import InvalidValue
from ...workflow.loras import Lora
from .. import input_pictures, task_workflows
from . import choices, in_place

PICTURES = ("image", "mask")
_BETWEEN_PROMPTS = re.compile(r"\s+\|\s+")


def question(scene: Scene, board: Board) -> TaskQuestion:
    """Return what the panel shows. `board` tells which of the preferred models the workflow has a place for."""
    chosen = scene.comfyui
    workflow = _workflow(chosen)
    entry = "" if workflow is not None else task_workflows.chosen(chosen.task)
    task = board.tasks.get(chosen.task)
    has = _places(chosen, board)
    takes_size = has is None or choices.SIZES[0] in has
    parameters = _prompts(chosen, task) | _preferred(chosen, board) | choices.values(chosen, takes_size=takes_size)
    if in_place.is_chosen(chosen):
        parameters = in_place.file_names(chosen, task) | parameters
    return TaskQuestion(Order(chosen.task, chosen.tier, parameters, workflow, loras(chosen)), entry)


def shown(chosen: PropertyGroup, board: Board) -> TierView | None:
    """Return what is known of the tier that the panel shows."""
    return board.tier(chosen.tier) if is_of(chosen, board) else None


def is_of(chosen: PropertyGroup, board: Board) -> bool:
    """Tell whether a board tells of the present task."""
    return board.question is not None and board.question.order.task == chosen.task


def loras(chosen: PropertyGroup) -> tuple[Lora, ...]:
    """Return the stack; without those that are off or not chosen yet."""
    return tuple(
        Lora(found.lora, round(found.strength_model, 4), round(found.strength_clip, 4))
        for found in chosen.loras
        if found.on and found.lora
    )


def files(scene: Scene, task: Task | None) -> dict[str, Path | Drawing]:
    """Return the pictures that a task needs, and what an imported workflow in its place loads.

    What is in no file is read now, which takes about 20 ms a megapixel. Raises ParameterValidationError for an image
    that shows nothing, and for a damaged value.
    """
    found: dict[str, Path | Drawing] = {}
    if in_place.is_chosen(scene.comfyui):
        try:
            found |= in_place.files(scene, task)
        except InvalidValue as error:
            raise ParameterValidationError(str(error), name=error.name) from error
    for name in PICTURES if task is not None else ():
        image = getattr(scene.comfyui, f"input_{name}")
        if image is not None and name in task.needs:
            found[name] = _picture(scene, name, image)
    return found


def replacement(chosen: PropertyGroup) -> str:
    """Return the name of the workflow that takes the place of the tiers' own, '' where none does."""
    if in_place.is_chosen(chosen):
        return chosen.imported.title
    if chosen.workflow:
        return chosen.workflow
    entry = task_workflows.entry_of(chosen.task)
    return entry.name if entry else "another workflow" if task_workflows.chosen(chosen.task) else ""


def _picture(scene: Scene, name: str, image: Image) -> Path | Drawing:
    try:
        return input_pictures.file_of(image) or input_pictures.drawing_of(image, None, scene)
    except InvalidValue as error:
        raise ParameterValidationError(str(error), name=name) from error


def _workflow(chosen: PropertyGroup) -> InPlace:
    if in_place.is_chosen(chosen):
        return in_place.graph(chosen)
    return chosen.workflow or None


def _prompts(chosen: PropertyGroup, task: Task | None) -> dict[str, object]:
    """Where several pictures are made, several prompts go to them one by one."""
    prompt: object = chosen.prompt
    if task is not None and task.series and len(parts := _BETWEEN_PROMPTS.split(chosen.prompt.strip())) > 1:
        prompt = tuple(parts)
    return {"prompt": prompt, "negative_prompt": chosen.negative_prompt}


def _preferred(chosen: PropertyGroup, board: Board) -> dict[str, object]:
    """A model that the tier names is the tier's; one that is preferred goes before the workflow's own."""
    view = shown(chosen, board)
    has = (_places(chosen, board) or set()) - set(view.offer.tier.parameters if view else ())
    return {name: model for name, model in choices.preferred(chosen).items() if name in has}


def _places(chosen: PropertyGroup, board: Board) -> set[str] | None:
    """Return the parameters that the workflow has a place for; None where that is not known yet."""
    view = shown(chosen, board)
    return None if view is None else {*view.own, *(place.name for place in view.models)}
