"""``blender [FILE.blend] --command comfyui VERB …``: the verbs with this Blender's preferences and this file's scene.

Blender prints on stdout, too: warnings, a line about its version when it ends, whatever other extensions say. Where
stdout belongs to a machine, all of that goes to stderr from the moment this is registered, for good: Blender's own
buffer is written last of all. What was printed before that cannot be taken back, so the JSON is always the last line.
"""

import io
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import bpy
from bpy.types import Scene

from ..comfy.credentials import Credentials
from ..comfy.errors import ComfyError
from ..generation.commands import program
from ..generation.commands.surroundings import Surroundings
from ..generation.request import Request
from ..generation.storyboard.model import Storyboard, unnamed_id
from ..generation.tasks.errors import QualityTierError
from ..generation.tasks.preparing import LORAS, Order
from ..generation.tasks.replacing import Replacement
from ..workflow.lora_names import tag
from ..workflow.lora_prompts import with_stack
from . import order as orders
from . import settings
from .storyboard import running as storyboards
from .storyboard.replacing import replacement
from .tasks import asking, files, wishes
from .workflow_panel import building, media, running

NAME = "comfyui"
_STDOUT, _STDERR = 1, 2
_LOOK = 0.02  # seconds between two looks at whether the tasks are read
_PATIENCE = 30.0  # seconds for reading them


class _Registered:
    """What Blender was given, and the stdout that is a machine's alone, where it is."""

    handle: object = None
    machine: TextIO | None = None


class OpenScene:
    """The settings of the open file's scene."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    @property
    def name(self) -> str:
        return bpy.path.basename(bpy.data.filepath)

    def order(self) -> Order | None:
        """Return the panel's task. Raises QualityTierError."""
        if self._scene.comfyui.imported.used:
            return None
        _read_tasks(self._scene)
        made = orders.order(bpy.context, asking.board(self._scene))
        return Order(made.task, made.tier, made.parameters, made.workflow, made.loras, made.workflow_name)

    def request(self) -> Request | None:
        """Return the imported workflow with the panel's values at the present frame. Raises WorkflowError."""
        chosen = self._scene.comfyui
        if not chosen.imported.used:
            return None
        bpy.context.view_layer.update()
        workflow = running.read(self._scene)
        request = orders.imported_request(bpy.context, workflow)
        built = building.built(chosen.imported)
        changed, loras = with_stack(workflow, wishes.loras(chosen), (), None)
        parameters = {**request.parameters, **({LORAS: [tag(lora) for lora in loras]} if loras else {})}
        uploads = media.uploads(self._scene, built) if built is not None else ()
        pays = built is not None and built.pays
        return replace(request, prompt=changed.api(), parameters=parameters, uploads=uploads, pays=pays)

    def storyboard(self) -> Storyboard | None:
        """Return the scene's storyboard; None where it has no panels."""
        board = self._scene.comfyui_storyboard
        if not len(board.panels):
            return None
        if not board.id:  # the file is not saved, and the next command has to find what this one makes
            board.id = unnamed_id(f"{bpy.data.filepath}:{self._scene.name}")
        _read_tasks(self._scene)
        return storyboards.asked(self._scene)

    def replacement(self) -> Replacement | None:
        """Return what makes the storyboard's task, None for the tiers' own. Raises QualityTierError."""
        return replacement(self._scene, with_files=True)

    def contexts(self) -> Mapping[str, Mapping[str, str]]:
        """Return where the panels are: their results are placed when the file is opened again."""
        return storyboards.contexts(self._scene)


def execute(words: Sequence[str]) -> int:
    """Do what stands behind ``--command comfyui``; return the exit code."""
    out = _for_a_machine() if program.wants_json(words) else None
    return program.main(list(words), surroundings(), out=out)


def surroundings() -> Surroundings:
    """Return what a command finds in this Blender."""
    refusal: Exception | None = None
    server, credentials = None, Credentials.none()
    try:
        known = settings.server_settings()
        server, credentials = known.address, known.credentials
    except ComfyError as error:
        refusal = error
    return Surroundings(
        program=f"blender --command {NAME}",
        data=settings.user_folder("session"),
        output=settings.output_folder(),
        server=server,
        credentials=credentials,
        refusal=refusal,
        may_go_online=bpy.app.online_access,
        library=settings.user_path("workflows"),
        task_book=files.book(),
        scene=OpenScene(bpy.context.scene) if bpy.data.filepath and bpy.context.scene else None,
        secrets=settings.secrets(),
        fonts=(Path(bpy.utils.system_resource("DATAFILES", path="fonts")),),
    )


def _read_tasks(scene: Scene) -> None:
    """Wait until the scene's board is there: nobody has drawn the panel."""
    deadline = time.monotonic() + _PATIENCE
    asking.want(scene)
    while asking.expects_answers() and time.monotonic() < deadline:
        time.sleep(_LOOK)
        asking.tick()
        asking.want(scene)  # what is known now may be asked for anew
    if not asking.board(scene).tasks:
        raise QualityTierError("The tasks could not be read in time. Try again.")


def _for_a_machine() -> TextIO | None:
    """Return a stdout that nobody else writes to; from now on what others print there goes to stderr.

    None where the process has no such streams.
    """
    if _Registered.machine is None:
        try:
            sys.stdout.flush()
            own = os.dup(_STDOUT)
            os.dup2(_STDERR, _STDOUT)
        except (OSError, ValueError):
            return None
        _Registered.machine = io.TextIOWrapper(os.fdopen(own, "wb"), encoding="utf-8", write_through=True)
    return _Registered.machine


def _is_ours(words: Sequence[str]) -> bool:
    """Tell whether this Blender was started for a command of ours that a machine reads."""
    for number, word in enumerate(words[:-1]):
        if word in ("-c", "--command"):  # it takes all that comes after it
            return words[number + 1] == NAME and program.wants_json(words[number + 2 :])
    return False


def register() -> None:
    """Say what ``--command comfyui`` does; take stdout before others print there."""
    _Registered.handle = bpy.utils.register_cli_command(NAME, execute)
    if bpy.app.background and _is_ours(sys.argv):
        _for_a_machine()


def unregister() -> None:
    """Take it back; stdout stays a machine's alone."""
    if _Registered.handle is not None:
        bpy.utils.unregister_cli_command(_Registered.handle)
    _Registered.handle = None
