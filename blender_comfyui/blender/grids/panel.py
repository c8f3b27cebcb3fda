"""The sub-panel "Grid" of our tab, and its buttons."""

import time

import bpy
from bpy.types import Context, Event, Operator, Panel

from ...comfy.errors import ComfyError
from ...generation.grids.model import InvalidGrid
from ...generation.grids.run import GridRun
from ...generation.tasks.errors import QualityTierError
from ...workflow.errors import WorkflowError
from .. import delivery, runtime
from ..panels import content_width
from ..tasks import asking
from . import drawing, running

_LOOK = 0.02  # seconds between two ticks while a script waits


class COMFYUI_OT_run_grid(Operator):
    """Make a picture for each value, and put them together as one labelled picture. What was made of the same grid
    before is not made again"""

    bl_idname = "comfyui.run_grid"
    bl_label = "Run Grid"
    bl_options = set()

    @classmethod
    def poll(cls, context: Context) -> bool:
        if context.scene is None:
            return False
        if context.scene.comfyui.imported.used:
            cls.poll_message_set("Grids are made of tasks. Choose a task in place of the imported workflow")
            return False
        refusal = runtime.refusal()
        if refusal is not None:
            cls.poll_message_set(str(refusal))
        return refusal is None

    def invoke(self, context: Context, _event: Event) -> set[str]:
        """Return at once; the timer brings the results."""
        return {"FINISHED"} if self._start(context) else {"CANCELLED"}

    def execute(self, context: Context) -> set[str]:
        """For scripts: return when the whole picture is in Blender."""
        if runtime.is_paused():
            self.report({"ERROR"}, "The queue is paused, so nothing would be sent. Resume it first.")
            return {"CANCELLED"}
        asking.want(context.scene)
        while asking.expects_answers():
            time.sleep(_LOOK)
            asking.tick()
            asking.want(context.scene)
        run = self._start(context)
        if run is None:
            return {"CANCELLED"}
        _wait(run)
        found = run.snapshot
        if found.problem:
            self.report({"ERROR"}, found.problem)
        elif found.picture is None:
            self.report({"ERROR"}, next((cell.reason for cell in found.cells.values() if cell.reason), "No picture."))
        return {"FINISHED"} if found.picture is not None else {"CANCELLED"}

    def _start(self, context: Context) -> GridRun | None:
        if not asking.want(context.scene).tasks:
            self.report({"WARNING"}, "The tasks are still being read. Click Run Grid again.")
            return None
        try:
            return running.start(context)
        except (ComfyError, WorkflowError, QualityTierError, InvalidGrid, runtime.NoOnlineAccess) as error:
            self.report({"ERROR"}, str(error))
            return None


class COMFYUI_OT_cancel_grid(Operator):
    """Stop the grid. What was made of it stays in the gallery"""

    bl_idname = "comfyui.cancel_grid"
    bl_label = "Cancel Grid"
    bl_options = {"INTERNAL"}

    def execute(self, _context: Context) -> set[str]:
        running.cancel()
        return {"FINISHED"}


class _GridPanel:
    bl_label = "Grid"
    bl_region_type = "UI"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: Context) -> bool:
        return context.scene is not None and not context.scene.comfyui.imported.used

    def draw(self, context: Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        drawing.draw(layout, context.scene.comfyui_grid, content_width(context))


class COMFYUI_PT_grid_view3d(_GridPanel, Panel):
    bl_space_type = "VIEW_3D"
    bl_parent_id = "COMFYUI_PT_view3d"


class COMFYUI_PT_grid_image_editor(_GridPanel, Panel):
    bl_space_type = "IMAGE_EDITOR"
    bl_parent_id = "COMFYUI_PT_image_editor"


class COMFYUI_PT_grid_sequencer(_GridPanel, Panel):
    bl_space_type = "SEQUENCE_EDITOR"
    bl_parent_id = "COMFYUI_PT_sequencer"


def _wait(run: GridRun) -> None:
    """Deliver until the whole is placed: timers stand still while a script runs."""
    while not run.snapshot.is_over:
        time.sleep(_LOOK)
        delivery.tick()
    delivery.tick()
    entry = runtime.jobs.get(run.snapshot.picture_job)
    while entry is not None and not (entry.is_settled or delivery.blender_is_busy()):
        delivery.tick()


register, unregister = bpy.utils.register_classes_factory(
    (
        COMFYUI_OT_run_grid,
        COMFYUI_OT_cancel_grid,
        COMFYUI_PT_grid_view3d,
        COMFYUI_PT_grid_image_editor,
        COMFYUI_PT_grid_sequencer,
    )
)
