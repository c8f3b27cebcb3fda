"""One click on Generate with an imported workflow: its values are read, it is looked at, and only then sent."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from bpy.types import Context, Scene

from ...comfy.errors import ComfyError
from ...generation.request import Request
from ...generation.tasks.choosing import ASKED
from ...generation.tasks.preparing import LORAS, output_types
from ...generation.workshop import Answer, Definitions, NodeTypesRead, ReadNodeTypes
from ...workflow.chosen_prompts import with_choices
from ...workflow.errors import InvalidValue, NotAWorkflow, WorkflowError
from ...workflow.graph import Workflow
from ...workflow.lora_names import tag
from ...workflow.lora_prompts import with_stack
from ...workflow.loras import Lora
from ...workflow.parameters import read_parameters
from .. import blend_file, delivery, regions, runtime
from ..job_list import Entry
from ..order import STAMP, imported_request
from ..tasks import asking, files, models, wishes
from . import adopting, building, checking, media, reception, state, values
from .building import Built

_FRESH = 60.0  # seconds for which what the server can is taken for true
_JUST_NOW = 3.0  # … before a problem is shown: somebody may just have put the model there

Follow = Callable[..., Entry]


@dataclass
class Run:
    """A click that is being decided on: in the end there is an entry, or a problem. `scene` is its `session_uid`."""

    scene: int
    built: Built
    workflow: Workflow
    request: Request
    follow: Follow
    is_checked: bool
    loras: tuple[Lora, ...] = ()
    entry: Entry | None = None
    problem: str = ""
    has_advanced: bool = False

    @property
    def is_decided(self) -> bool:
        return self.entry is not None or bool(self.problem)

    def begin(self) -> None:
        """Look at the workflow, with what the server can now."""
        known = reception.definitions()
        if not self.is_checked:
            self.send(self._with(self.workflow, known))
        elif known is None or time.monotonic() - known.read > _FRESH:
            self._learn()
        else:
            self._look(known)
        if not self.is_decided:  # the next click, which may come before the answer, has the next seed
            self._advance()

    def hear(self, answer: Answer) -> None:
        """Go on with what the server can. Where it does not say, the job waits for it."""
        if self._its_scene() is None:
            self._fail("Another workflow was chosen before this one was sent. Click Generate again.")
            return
        try:
            if isinstance(answer, NodeTypesRead):
                self._look(answer.definitions)
            else:
                self.send(self._with(self.workflow, None))
        except (ComfyError, WorkflowError, runtime.NoOnlineAccess) as error:
            self._fail(str(error))

    def send(self, request: Request) -> None:
        self.entry = self.follow(runtime.session().run(request))
        self._advance()

    def give_up_late(self) -> None:
        """For whoever waits: an answer that did not come so far will not come."""
        if not self.is_decided and not reception.expects_answers():
            self.problem = "The server did not say in time what it can. Click Generate again."

    def _advance(self) -> None:
        scene = self._its_scene()
        if scene is not None and not self.has_advanced:
            values.advance(scene.comfyui.values, self.built)
        self.has_advanced = True

    def _its_scene(self) -> Scene | None:
        """Return the scene as long as it holds this workflow, whatever the server says of its nodes by now."""
        scene = blend_file.scene_by_number(self.scene)
        now = state.contents(scene.comfyui.imported) if scene is not None else None
        return scene if now is not None and now.api == self.built.contents.api else None

    def _fail(self, sentence: str) -> None:
        self.problem = sentence
        reception.say(sentence, "ERROR")

    def _with(self, workflow: Workflow, known: Definitions | None) -> Request:
        """Return the request with the workflow, and with the LoRAs in it that are wanted. Raises InvalidValue."""
        names = models.of_menus(known.node_types) if known is not None else ()
        types = output_types(workflow, known.node_types) if known is not None else None
        changed, loras = with_stack(workflow, self.loras, names, types)
        parameters = dict(self.request.parameters)
        if loras:
            parameters |= {LORAS: [tag(lora) for lora in loras], **_prompt_of(changed)}
        return replace(self.request, prompt=changed.api(), parameters=parameters)

    def _learn(self) -> None:
        reception.ask(ReadNodeTypes(anew=True), self.hear)
        delivery.wake()

    def _look(self, known: Definitions) -> None:
        scene = self._its_scene()
        assert scene is not None
        adopting.refresh(scene, known)
        stamp = scene.comfyui.imported.stamp  # by which the panel knows what the server may refuse later
        self.request = replace(self.request, context={**self.request.context, STAMP: stamp})
        workflow = checking.look(scene, known, self.workflow) or self.workflow
        problems = checking.findings(scene.comfyui.imported).problems
        if not problems:
            self.send(self._with(workflow, known))
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
    workflow, asked = _chosen(context.scene)
    imported = context.scene.comfyui.imported
    built = building.built(imported)
    assert built is not None
    request = imported_request(context, workflow)
    if asked:
        request = replace(request, parameters={**request.parameters, ASKED: asked})
    request = replace(request, uploads=media.uploads(context.scene, built), pays=built.pays)
    run = Run(
        context.scene.session_uid, built, workflow, request, follow, is_checked, wishes.loras(context.scene.comfyui)
    )
    run.begin()
    return run


def lists_are_read(scene: Scene) -> bool:
    """Whether it is known what prompts may choose from. Has it read."""
    asking.want(scene)
    return files.book().last is not None


def _chosen(scene: Scene) -> tuple[Workflow, dict[str, object]]:
    """Return the workflow with all that its seed chooses in prompts, and those as they were written."""
    are_read, known = lists_are_read(scene), files.book().last
    try:
        return with_choices(read(scene), known.lists if known is not None else {})
    except InvalidValue as error:
        if are_read:
            raise
        raise InvalidValue(
            "The lists that the prompt chooses from are still being read. Click Generate again.", name=error.name
        ) from error


def read(scene: Scene) -> Workflow:
    """Return the scene's workflow with the panel's values at the current frame. Raises WorkflowError."""
    built = building.built(scene.comfyui.imported)
    if built is None:
        raise NotAWorkflow("The imported workflow cannot run yet. The panel says why.")
    return checking.graph(scene.comfyui.values, built)


def _prompt_of(workflow: Workflow) -> dict[str, object]:
    prompt = read_parameters(workflow).get("prompt")
    return {} if prompt is None else {"prompt": prompt}


def _summary(count: int, first: str) -> str:
    return first if count == 1 else f"{count} problems keep the workflow from running. The panel lists them."
