"""What to make and how well, and what is one's own instead of the tier's."""

from collections.abc import Iterable

import bpy
from bpy.props import EnumProperty, StringProperty
from bpy.types import Context, Operator

from .. import delivery, regions, task_workflows
from ..tasks import asking, choices, rows, wishes, words
from ..workflow_panel import reception
from .changing import ChangingOperator


class TaskOperator(ChangingOperator):
    """What changes the scene's settings of a task."""

    bl_options = {"UNDO", "INTERNAL"}


class COMFYUI_OT_set_task(TaskOperator, Operator):
    """Make this from now on"""

    bl_idname = "comfyui.set_task"
    bl_label = "Set Task"

    task: StringProperty(options={"SKIP_SAVE"})

    @classmethod
    def description(cls, _context: Context, properties: "COMFYUI_OT_set_task") -> str:
        task = asking.board().tasks.get(properties.task)
        return task.description if task and task.description else cls.__doc__

    def execute(self, context: Context) -> set[str]:
        """A workflow that was chosen for another task does not stay."""
        chosen = context.scene.comfyui
        chosen.imported.used = False
        chosen.property_unset("workflow")
        chosen.task = self.task
        task = asking.board().tasks.get(self.task)
        if task is not None and chosen.tier not in task.tiers:
            chosen.tier = next(iter(task.tiers))
        return {"FINISHED"}


class COMFYUI_OT_set_tier(TaskOperator, Operator):
    """Make it this well"""

    bl_idname = "comfyui.set_tier"
    bl_label = "Set Tier"

    tier: StringProperty(options={"SKIP_SAVE"})

    @classmethod
    def description(cls, context: Context, properties: "COMFYUI_OT_set_tier") -> str:
        """Return what the tier is, how long it takes, and why it cannot run."""
        board = asking.board(context.scene)
        view = board.tier(properties.tier) if wishes.is_of(context.scene.comfyui, board) else None
        if view is None:
            return cls.__doc__
        offer = view.offer
        return f"{offer.tier.description} {words.time(offer.estimate)}. {offer.reason}".strip().removesuffix(".")

    def execute(self, context: Context) -> set[str]:
        context.scene.comfyui.tier = self.tier
        return {"FINISHED"}


class ParameterOperator(TaskOperator):
    """What concerns one parameter of a task, by its `name`."""

    name: StringProperty(options={"HIDDEN", "SKIP_SAVE"})


class COMFYUI_OT_override_parameter(ParameterOperator, Operator):
    """The tier's value. Click to set another one"""

    bl_idname = "comfyui.override_parameter"
    bl_label = "Set Instead of the Tier"

    def execute(self, context: Context) -> set[str]:
        chosen = context.scene.comfyui
        view = wishes.shown(chosen, asking.want(context.scene))
        if view is None:
            return {"CANCELLED"}
        value = rows.value_of(view, self.name)
        if isinstance(value, list | tuple):  # one for each picture
            value = value[0]
        choices.set_value(chosen, self.name, "" if value is None else value)
        return {"FINISHED"}


class COMFYUI_OT_reset_parameter(ParameterOperator, Operator):
    """Back to the tier's value"""

    bl_idname = "comfyui.reset_parameter"
    bl_label = "Reset to the Tier"

    def execute(self, context: Context) -> set[str]:
        choices.reset(context.scene.comfyui, self.name)
        return {"FINISHED"}


class COMFYUI_OT_reset_parameters(TaskOperator, Operator):
    """Back to the tier's values in everything. Models stay"""

    bl_idname = "comfyui.reset_parameters"
    bl_label = "Reset All Settings"

    def execute(self, context: Context) -> set[str]:
        chosen = context.scene.comfyui
        view = wishes.shown(chosen, asking.want(context.scene))
        for name in rows.names(chosen, view) if view else choices.names_set(chosen):
            choices.reset(chosen, name)
        chosen.property_unset("size_source")
        return {"FINISHED"}


class COMFYUI_OT_imported_for_task(TaskOperator, Operator):
    """Have the imported workflow make this task in this scene, with the tiers' settings; or no longer"""

    bl_idname = "comfyui.imported_for_task"
    bl_label = "Use for This Task"

    task: StringProperty(options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: Context) -> bool:
        if not super().poll(context):
            return False
        if not context.scene.comfyui.imported.stamp:
            cls.poll_message_set("No workflow was imported into this scene yet")
        return bool(context.scene.comfyui.imported.stamp)

    def execute(self, context: Context) -> set[str]:
        chosen = context.scene.comfyui
        task = self.task or chosen.task
        chosen.imported_task = "" if chosen.imported_task == task else task
        if chosen.imported_task:
            chosen.imported.used, chosen.task = False, task
        return {"FINISHED"}


class _Found:
    """The list of the search that is open. Blender only borrows the texts of a list made at run time."""

    items: list[tuple[str, str, str]] = []


def _workflows(_self: object, _context: Context) -> Iterable[tuple[str, str, str]]:
    _Found.items = [("NONE", "Its own", "The workflows that its tiers name")]
    _Found.items += [(entry.id, entry.name, "") for entry in reception.library()]
    return _Found.items


class COMFYUI_OT_choose_task_workflow(Operator):
    """Have a workflow of the library make this task, in every .blend"""

    bl_idname = "comfyui.choose_task_workflow"
    bl_label = "Workflow of a Task"
    bl_options = {"INTERNAL"}
    bl_property = "entry"

    task: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    entry: EnumProperty(items=_workflows, options={"SKIP_SAVE"})

    def invoke(self, context: Context, _event: object) -> set[str]:
        reception.want_lists()
        delivery.wake()
        context.window_manager.invoke_search_popup(self)
        return {"FINISHED"}

    def execute(self, _context: Context) -> set[str]:
        entry = "" if self.entry == "NONE" else self.entry
        if entry != task_workflows.chosen(self.task):
            task_workflows.choose(self.task, entry)
        regions.redraw()
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory(
    (
        COMFYUI_OT_set_task,
        COMFYUI_OT_set_tier,
        COMFYUI_OT_override_parameter,
        COMFYUI_OT_reset_parameter,
        COMFYUI_OT_reset_parameters,
        COMFYUI_OT_imported_for_task,
        COMFYUI_OT_choose_task_workflow,
    )
)
