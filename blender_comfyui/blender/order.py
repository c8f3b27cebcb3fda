"""The scene's settings → what a Session is asked for. Everything is read here, on the click."""

from dataclasses import dataclass
from pathlib import Path

from bpy.types import Context

from ..generation.choices import SERVERS_FIRST
from ..generation.request import Request
from ..generation.server_state import ServerState
from ..workflow.graph import Workflow
from ..workflow.parameters import read_parameters
from . import blend_file, compat, settings
from .sinks.names import file_stem

STAMP = "workflow_stamp"  # in what a job is marked with: of which imported workflow it is


@dataclass(frozen=True)
class Order:
    """The arguments of `Session.submit`."""

    workflow: str
    parameters: dict[str, object]
    folder: Path
    stem: str
    label: str
    task: str
    context: dict[str, str]


def order(context: Context, server: ServerState) -> Order:
    """Read the scene's settings. A random seed is drawn here, and shown as the last one."""
    chosen = context.scene.comfyui
    seed = chosen.next_seed()
    chosen.last_seed = str(seed)
    return Order(
        workflow=chosen.workflow,
        parameters=_parameters(context, seed, server),
        folder=settings.output_folder(),
        stem=file_stem(chosen.prompt, seed),
        label=chosen.prompt,
        task=chosen.task,
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


def _parameters(context: Context, seed: int, server: ServerState) -> dict[str, object]:
    chosen = context.scene.comfyui
    width, height = chosen.picture_size()
    parameters: dict[str, object] = {
        "prompt": chosen.prompt,
        "negative_prompt": chosen.negative_prompt,
        "seed": seed,
        "width": width,
        "height": height,
        "steps": chosen.steps,
        "cfg": round(chosen.cfg, 3),  # Blender keeps 32 bits: 7.1 would be 7.099999904632568
        "denoise": round(chosen.denoise, 4),
        "batch_size": chosen.batch_size,
    }
    names = {
        "sampler_name": chosen.sampler,
        "scheduler": chosen.scheduler,
        "checkpoint": chosen.checkpoint or next(iter(server.checkpoints), SERVERS_FIRST),
    }
    return parameters | {role: name for role, name in names.items() if name}
