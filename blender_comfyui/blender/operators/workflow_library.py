"""The library of imported workflows: a window with all of them, and what can be done with each."""

from collections.abc import Iterable
from pathlib import Path

import bpy
from bpy.props import EnumProperty, StringProperty
from bpy.types import Context, Event, Operator
from bpy_extras.io_utils import ExportHelper

from ...generation.workshop import (
    Answer,
    Delete,
    Duplicate,
    ExportApi,
    Exported,
    ExportPng,
    Question,
    Rename,
)
from ...workflow.library import Entry
from .. import delivery, regions, task_workflows
from ..tasks import asking
from ..workflow_panel import reception
from ..wrapping import draw_sentence, scale

_WIDTH = 460  # pixels at scale 1
_MOST_PROBLEMS = 5


class EntryOperator:
    """What concerns one workflow of the library, by its `id`."""

    id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    @property
    def entry(self) -> Entry | None:
        return next((entry for entry in reception.library() if entry.id == self.id), None)


class COMFYUI_OT_manage_library(Operator):
    """Open, rename, duplicate, export and delete imported workflows"""

    bl_idname = "comfyui.manage_library"
    bl_label = "Workflow Library"
    bl_options = {"INTERNAL"}

    def invoke(self, context: Context, _event: Event) -> set[str]:
        reception.want_lists()
        delivery.wake()
        return {*context.window_manager.invoke_popup(self, width=_WIDTH)}

    def draw(self, _context: Context) -> None:
        layout = self.layout
        layout.label(text=self.bl_label)
        column = layout.column(align=True)
        column.operator_context = "INVOKE_DEFAULT"
        for entry in reception.library():
            row = column.row(align=True)
            opening = row.operator("comfyui.open_workflow", text=entry.name, icon="NODETREE")
            opening.source, opening.name = "LIBRARY", entry.id
            is_pinned = bool(task_workflows.tasks_of(entry.id))
            row.operator("comfyui.use_for_task", text="", icon="PINNED" if is_pinned else "UNPINNED").id = entry.id
            row.operator("comfyui.rename_workflow", text="", icon="GREASEPENCIL").id = entry.id
            row.operator("comfyui.duplicate_workflow", text="", icon="DUPLICATE").id = entry.id
            row.operator("comfyui.export_workflow", text="", icon="EXPORT").id = entry.id
            row.operator("comfyui.delete_workflow", text="", icon="TRASH").id = entry.id
        if not reception.library():
            column.label(text="Nothing imported yet", icon="INFO")
        for problem in reception.library_problems()[:_MOST_PROBLEMS]:
            draw_sentence(layout, problem, round(_WIDTH * scale()), icon="ERROR")

    def execute(self, _context: Context) -> set[str]:
        return {"FINISHED"}


class _Titles:
    """The list that is open. Blender only borrows the texts of a list made at run time."""

    items: list[tuple[str, str, str]] = []


def _tasks(_self: object, _context: Context) -> Iterable[tuple[str, str, str]]:
    _Titles.items = [(name, title, "") for name, title in asking.titles().items()]
    return _Titles.items


class COMFYUI_OT_use_for_task(EntryOperator, Operator):
    """Have this workflow make a task, first in the menu of every .blend; the one that does, no more"""

    bl_idname = "comfyui.use_for_task"
    bl_label = "Use for Task"
    bl_options = {"INTERNAL"}

    task: EnumProperty(name="Task", items=_tasks, options={"SKIP_SAVE"})

    def invoke(self, context: Context, _event: Event) -> set[str]:
        return {*context.window_manager.invoke_props_dialog(self)}

    def execute(self, _context: Context) -> set[str]:
        if self.entry is None:
            return {"CANCELLED"}
        task_workflows.choose(self.task, self.id)
        regions.redraw()
        return {"FINISHED"}


class COMFYUI_OT_rename_workflow(EntryOperator, Operator):
    """Give this workflow another name"""

    bl_idname = "comfyui.rename_workflow"
    bl_label = "Rename Workflow"
    bl_options = {"INTERNAL"}

    name: StringProperty(name="Name", options={"SKIP_SAVE"})

    def invoke(self, context: Context, _event: Event) -> set[str]:
        self.name = self.entry.name if self.entry else ""
        return {*context.window_manager.invoke_props_dialog(self)}

    def execute(self, _context: Context) -> set[str]:
        return _ask(Rename(self.id, self.name)) if self.name.strip() else {"CANCELLED"}


class COMFYUI_OT_duplicate_workflow(EntryOperator, Operator):
    """Keep a copy of this workflow"""

    bl_idname = "comfyui.duplicate_workflow"
    bl_label = "Duplicate Workflow"
    bl_options = {"INTERNAL"}

    def execute(self, _context: Context) -> set[str]:
        return _ask(Duplicate(self.id))


class COMFYUI_OT_delete_workflow(EntryOperator, Operator):
    """Delete this workflow from the library. In the .blends that use it, it stays"""

    bl_idname = "comfyui.delete_workflow"
    bl_label = "Delete Workflow"
    bl_options = {"INTERNAL"}

    def invoke(self, context: Context, event: Event) -> set[str]:
        return {*context.window_manager.invoke_confirm(self, event)}

    def execute(self, _context: Context) -> set[str]:
        return _ask(Delete(self.id))


class COMFYUI_OT_export_workflow(EntryOperator, Operator, ExportHelper):
    """Write this workflow as a file for scripts (JSON in the API format), or into a copy of a PNG picture"""

    bl_idname = "comfyui.export_workflow"
    bl_label = "Export Workflow"
    bl_options = {"INTERNAL"}

    filename_ext = ""
    check_extension = None  # both endings are right
    filter_glob: StringProperty(default="*.json;*.png", options={"HIDDEN"})
    picture: StringProperty(
        name="Picture", description="The PNG picture to copy, for a file that ends in .png", subtype="FILE_PATH"
    )

    def invoke(self, context: Context, event: Event) -> set[str]:
        if self.entry is not None and not self.filepath:
            self.filepath = bpy.path.clean_name(self.entry.name) + ".json"
        return {*ExportHelper.invoke(self, context, event)}

    def execute(self, _context: Context) -> set[str]:
        path = Path(bpy.path.abspath(self.filepath))
        if path.suffix.lower() != ".png":
            return _ask(ExportApi(self.id, path))
        if not self.picture:
            self.report({"ERROR"}, "Choose the picture that the workflow is put into, or a file that ends in .json.")
            return {"CANCELLED"}
        return _ask(ExportPng(self.id, path, Path(bpy.path.abspath(self.picture))))


def _ask(question: Question) -> set[str]:
    reception.ask(question, _hear)
    delivery.wake()
    return {"FINISHED"}


def _hear(answer: Answer) -> None:
    """Say what came of it, where the list does not show it."""
    regions.redraw()
    reception.say_trouble(answer)
    if isinstance(answer, Exported):
        reception.say(f"The workflow is in {answer.path}.", "INFO")


register, unregister = bpy.utils.register_classes_factory(
    (
        COMFYUI_OT_manage_library,
        COMFYUI_OT_use_for_task,
        COMFYUI_OT_rename_workflow,
        COMFYUI_OT_duplicate_workflow,
        COMFYUI_OT_delete_workflow,
        COMFYUI_OT_export_workflow,
    )
)
