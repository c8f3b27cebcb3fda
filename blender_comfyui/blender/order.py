"""The scene's settings → what a Session is asked for. Everything is read here, on the click."""

from dataclasses import dataclass
from pathlib import Path

from bpy.types import Context

from ..generation.request import Request
from ..generation.tasks.desk import Board, TaskQuestion
from ..generation.tasks.errors import WorkflowNotFoundError
from ..generation.tasks.preparing import InPlace
from ..workflow.errors import InvalidValue
from ..workflow.graph import Workflow
from ..workflow.lora_names import taken_out
from ..workflow.loras import Lora
from ..workflow.parameters import read_parameters
from . import blend_file, compat, settings
from .sinks.names import file_stem
from .tasks import wishes

STAMP = "workflow_stamp"  # in what a job is marked with: of which imported workflow it is


class NotReadYet(Exception):
    """What is asked for is known, but not yet read from the disk: the next click finds it."""


@dataclass(frozen=True)
class Order:
    """The arguments of `Session.run_task`."""

    task: str
    tier: str
    parameters: dict[str, object]
    workflow: InPlace
    workflow_name: str
    loras: tuple[Lora, ...]
    folder: Path
    stem: str
    context: dict[str, str]


def order(context: Context, board: Board) -> Order:
    """Read the scene's settings; `board` is that of what they ask for. A random seed is drawn here, and shown as the
    last one. Raises QualityTierError or NotReadYet."""
    scene = context.scene
    chosen = scene.comfyui
    question = wishes.question(scene, board)
    workflow = _workflow(question, board)
    pictures = wishes.files(scene, board.tasks.get(chosen.task))
    seed = chosen.next_seed()
    chosen.last_seed = str(seed)
    return Order(
        task=chosen.task,
        tier=chosen.tier,
        parameters={**question.order.parameters, **pictures, "seed": seed},
        workflow=workflow,
        workflow_name=wishes.replacement(chosen),
        loras=question.order.loras,
        folder=settings.output_folder(),
        stem=file_stem(_without_loras(chosen.prompt), seed),
        context=target(context),
    )


def imported_request(context: Context, workflow: Workflow) -> Request:
    """Return what to run of an imported workflow, whose values were read already."""
    chosen = context.scene.comfyui
    roles = read_parameters(workflow)
    seed, prompt, title = roles.get("seed"), str(roles.get("prompt", "")), chosen.imported.title
    if isinstance(seed, int):
        chosen.last_seed = str(seed)
    return Request(
        prompt=workflow.api(),
        parameters=roles,
        workflow_name=title,
        task=chosen.task,
        label=prompt or title,
        folder=settings.output_folder(),
        stem=file_stem(prompt or title, seed if isinstance(seed, int) else 0),
        context={**target(context), STAMP: chosen.imported.stamp},
    )


def target(context: Context) -> dict[str, str]:
    """Return where results go, in words: they are looked up when the results arrive."""
    scene = context.scene
    sink = scene.comfyui.sink
    if sink == "SEQUENCER":
        scene = compat.sequencer_scene(context)
    found = {"scene": scene.name, "scene_uid": str(scene.session_uid)}  # the number lives as long as the file is open
    return {**blend_file.mark(), **found, "sink": sink, "frame": str(scene.frame_current)}


def _workflow(question: TaskQuestion, board: Board) -> InPlace:
    if not question.entry:
        return question.order.workflow
    is_read = board.question is not None and board.question.entry == question.entry
    if is_read and board.workflow is not None:
        return board.workflow
    if is_read and board.error:
        raise WorkflowNotFoundError(board.error)
    raise NotReadYet("The workflow of this task is still being read. Click Generate again.")


def _without_loras(prompt: str) -> str:
    try:
        return taken_out(prompt).text
    except InvalidValue:  # whoever makes the order ready says so
        return prompt
