"""The workflow that makes a storyboard's task in the place of the tiers' own: the scene's, or the library's."""

from bpy.types import Scene

from ...generation.tasks.errors import ParameterValidationError
from ...generation.tasks.replacing import Replacement
from ...workflow.errors import InvalidValue
from .. import settings, task_workflows
from ..tasks import in_place
from . import state


def replacement(scene: Scene, *, with_files: bool) -> Replacement | None:
    """Return it, None for the tiers' own; `with_files` also what it loads, which may have to be read now.

    Raises ParameterValidationError for a file that there is not, and for a damaged value.
    """
    chosen, task = scene.comfyui, scene.comfyui_storyboard.task
    if in_place.makes(chosen, task):
        try:
            files = in_place.files(scene, state.known_tasks().get(task)) if with_files else {}
        except InvalidValue as error:
            raise ParameterValidationError(str(error), name=error.name) from error
        return Replacement(chosen.imported.title, in_place.graph(chosen), parameters=files)
    entry = task_workflows.chosen(task)
    return Replacement(library=settings.user_path("workflows"), entry=entry) if entry else None


def title(scene: Scene) -> str:
    """Return what it is called, '' where there is none. Callable while drawing."""
    chosen, task = scene.comfyui, scene.comfyui_storyboard.task
    if in_place.makes(chosen, task):
        return str(chosen.imported.title)
    entry = task_workflows.entry_of(task)
    return entry.name if entry else "another workflow" if task_workflows.chosen(task) else ""
