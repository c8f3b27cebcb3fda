"""What the preferences say of tasks: the studio's file, the workflow of each task, and the models that it prefers."""

from bpy.types import AddonPreferences, Scene, UILayout

from .. import task_workflows
from ..workflow_panel import reception
from ..wrapping import draw_sentence
from . import asking, files, models, words


def draw(layout: UILayout, preferences: AddonPreferences, width: int, scene: Scene | None) -> None:
    """Draw the sub-panel in at most `width` pixels; for `scene` the tasks are asked for."""
    header, body = layout.panel("COMFYUI_task_preferences", default_closed=True)
    header.label(text="Tasks")
    if body is None:
        return
    body.prop(preferences, "studio_tiers")
    board = asking.want(scene) if scene is not None else asking.board()
    for problem in board.problems:
        draw_sentence(body, problem, width, icon="ERROR")
    draw_sentence(body, f"Your own file, where there is one: {files.user_file()}", width)
    lists = f"Lists that prompts choose from, as __name__ does of name.txt: {files.lists_folder()}"
    draw_sentence(body, lists, width)
    for name, title in asking.titles().items():
        _draw_task(body, name, title)
    if preferences.favourite_models:
        _draw_favourites(body, preferences)


def _draw_task(layout: UILayout, name: str, title: str) -> None:
    row = layout.row(align=True)
    row.label(text=title)
    button = row.operator("comfyui.choose_task_workflow", text=_workflow(name), icon="NODETREE")
    button.task = name
    for parameter, model in models.preferred(name).items():
        line = layout.row(align=True)
        line.label(text="", icon="BLANK1")
        line.label(text=f"{words.label(parameter)}: {model}", icon="PINNED")
        taking_back = line.operator("comfyui.prefer_model", text="", icon="X", emboss=False)
        taking_back.task, taking_back.name, taking_back.model = name, parameter, ""


def _workflow(task: str) -> str:
    if not task_workflows.chosen(task):
        return "Its own"
    entry = task_workflows.entry_of(task)
    if entry is None and reception.library():
        return "Not in the library"
    return entry.name if entry else "Of the library"


def _draw_favourites(layout: UILayout, preferences: AddonPreferences) -> None:
    layout.label(text="Favourite Models")
    for found in preferences.favourite_models:
        row = layout.row(align=True)
        row.label(text=found.name, icon="SOLO_ON")
        button = row.operator("comfyui.toggle_favourite_model", text="", icon="X", emboss=False)
        button.folder, button.name = found.folder, found.name
