"""What is done about the problems of an imported workflow: a fix, another look, running it all the same."""

import bpy
from bpy.props import IntProperty
from bpy.types import Context, Operator

from ...comfy.errors import ComfyError
from ...generation.workshop import Answer, NodeTypesRead, ReadNodeTypes
from ...workflow.errors import WorkflowError
from ...workflow.problems import SetValue
from .. import blend_file, delivery, regions, runtime
from ..workflow_panel import adopting, building, checking, problem_list, reception, running
from .generate import follow


class COMFYUI_OT_fix_problem(Operator):
    """Do this about the problem"""

    bl_idname = "comfyui.fix_problem"
    bl_label = "Fix"
    bl_options = {"UNDO", "INTERNAL"}

    index: IntProperty(options={"HIDDEN", "SKIP_SAVE"})
    suggestion: IntProperty(default=-1, options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: Context) -> set[str]:
        scene, known = context.scene, reception.definitions()
        problems = checking.findings(scene.comfyui.imported).problems
        if not 0 <= self.index < len(problems):
            return {"CANCELLED"}
        problem = problems[self.index]
        offered = problem_list.suggestions(problem)
        action = SetValue(offered[self.suggestion]) if 0 <= self.suggestion < len(offered) else problem.action
        if action is None:
            return {"CANCELLED"}
        try:
            checking.fix(scene, problem, action, known)
            if known is not None:
                checking.look(scene, known)
        except WorkflowError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        regions.redraw()
        return {"FINISHED"}


class COMFYUI_OT_check_workflow(Operator):
    """Ask the server what it has now, and look at the workflow again"""

    bl_idname = "comfyui.check_workflow"
    bl_label = "Check Again"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: Context) -> bool:
        return context.scene is not None and building.built(context.scene.comfyui.imported) is not None

    def execute(self, context: Context) -> set[str]:
        number = context.scene.session_uid

        def hear(answer: Answer) -> None:
            reception.say_trouble(answer)
            scene = blend_file.scene_by_number(number)
            if isinstance(answer, NodeTypesRead) and scene is not None:
                adopting.refresh(scene, answer.definitions)
                checking.look(scene, answer.definitions)

        reception.ask(ReadNodeTypes(anew=True), hear)
        delivery.wake()
        return {"FINISHED"}


class COMFYUI_OT_run_anyway(Operator):
    """Send the workflow as it is. The server may refuse it, or leave out what cannot run"""

    bl_idname = "comfyui.run_anyway"
    bl_label = "Run Anyway"
    bl_options = {"INTERNAL"}

    def execute(self, context: Context) -> set[str]:
        try:
            running.start(context, follow, is_checked=False)
        except (ComfyError, WorkflowError, runtime.NoOnlineAccess) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory(
    (COMFYUI_OT_fix_problem, COMFYUI_OT_check_workflow, COMFYUI_OT_run_anyway)
)
