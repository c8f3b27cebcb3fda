"""One click on Generate with an imported workflow: its values are read, it is looked at, and only then sent."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import bpy
from bpy.types import Context, Scene

from ...comfy.errors import ComfyError
from ...generation.request import Request
from ...generation.workshop import Answer, Definitions, NodeTypesRead, ReadNodeTypes
from ...workflow.errors import NotAWorkflow, WorkflowError
from ...workflow.graph import Workflow
from .. import delivery, regions, runtime
from ..job_list import Entry
from ..order import imported_request
from . import adopting, building, checking, media, reception, values

_FRESH = 60.0  # seconds for which what the server can is taken for true
_JUST_NOW = 3.0  # … before a problem is shown: somebody may just have put the model there

Follow = Callable[..., Entry]


@dataclass
class Run:
    """A click that is being decided on: in the end there is an entry, or a problem."""

    scene: str
    stamp: str
    workflow: Workflow
    request: Request
    follow: Follow
    is_checked: bool
    entry: Entry | None = None
    problem: str = ""

    @property
    def is_decided(self) -> bool:
        return self.entry is not None or bool(self.problem)

    def begin(self) -> None:
        """Look at the workflow, with what the server can now."""
        known = reception.definitions()
        if not self.is_checked:
            self.send(self.request)
        elif known is None or time.monotonic() - known.read > _FRESH:
            self._learn()
        else:
            self._look(known)

    def hear(self, answer: Answer) -> None:
        """Go on with what the server can. Where it does not say, the job waits for it."""
        scene = bpy.data.scenes.get(self.scene)
        if scene is None or scene.comfyui.imported.stamp != self.stamp:
            self.problem = "Another workflow was chosen before this one was sent. Click Generate again."
            return
        try:
            if isinstance(answer, NodeTypesRead):
                self._look(answer.definitions)
            else:
                self.send(self.request)
        except (ComfyError, WorkflowError, runtime.NoOnlineAccess) as error:
            self.problem = str(error)

    def send(self, request: Request) -> None:
        self.entry = self.follow(runtime.session().run(request))
        scene = bpy.data.scenes.get(self.scene)
        built = building.built(scene.comfyui.imported) if scene is not None else None
        if built is not None:
            values.advance(scene.comfyui.values, built)

    def give_up_late(self) -> None:
        """For whoever waits: an answer that did not come so far will not come."""
        if not self.is_decided and not reception.expects_answers():
            self.problem = "The server did not say in time what it can. Click Generate again."

    def _learn(self) -> None:
        reception.ask(ReadNodeTypes(anew=True), self.hear)
        delivery.wake()

    def _look(self, known: Definitions) -> None:
        scene = bpy.data.scenes[self.scene]
        adopting.refresh(scene, known)
        self.stamp = scene.comfyui.imported.stamp
        workflow = checking.look(scene, known, self.workflow) or self.workflow
        problems = checking.findings(scene.comfyui.imported).problems
        if not problems:
            self.send(_with(self.request, workflow))
        elif time.monotonic() - known.read > _JUST_NOW:
            self._learn()
        else:
            self.problem = _summary(len(problems), problems[0].sentence)
            regions.redraw()


def start(context: Context, follow: Follow, *, is_checked: bool = True) -> Run:
    """Read the panel and look at the workflow; what is well is sent. Returns at once.

    Raises InvalidAddress, InvalidCredentials, NoOnlineAccess or WorkflowError.
    """
    runtime.session()
    context.view_layer.update()  # a script may have set the frame, or a driver, a moment ago
    workflow = read(context.scene)
    imported = context.scene.comfyui.imported
    built = building.built(imported)
    assert built is not None
    request = replace(imported_request(context, workflow), uploads=media.uploads(context.scene, built))
    run = Run(context.scene.name, imported.stamp, workflow, request, follow, is_checked)
    run.begin()
    return run


def read(scene: Scene) -> Workflow:
    """Return the scene's workflow with the panel's values at the current frame. Raises WorkflowError."""
    built = building.built(scene.comfyui.imported)
    if built is None:
        raise NotAWorkflow("The imported workflow cannot run yet. The panel says why.")
    return checking.graph(scene.comfyui.values, built)


def _with(request: Request, workflow: Workflow) -> Request:
    return replace(request, prompt=workflow.api())


def _summary(count: int, first: str) -> str:
    return first if count == 1 else f"{count} problems keep the workflow from running. The panel lists them."
