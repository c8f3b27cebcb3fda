"""Our own queue: the order of what is not sent yet, and whether anything is sent."""

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty
from bpy.types import Context, Operator

from .. import delivery, runtime


class COMFYUI_OT_move_job(Operator):
    """Change places with the neighbour in the queue"""

    bl_idname = "comfyui.move_job"
    bl_label = "Move in the Queue"
    bl_options = {"INTERNAL"}

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    by: IntProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, _context: Context) -> set[str]:
        session = runtime.session_of(self.job_id)
        if session is None:
            return {"CANCELLED"}
        session.move(self.job_id, self.by)
        delivery.wake()
        return {"FINISHED"}


class COMFYUI_OT_run_next(Operator):
    """Send this one before all others that wait here"""

    bl_idname = "comfyui.run_next"
    bl_label = "Run Next"
    bl_options = {"INTERNAL"}

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, _context: Context) -> set[str]:
        session = runtime.session_of(self.job_id)
        if session is None:
            return {"CANCELLED"}
        session.run_next(self.job_id)
        delivery.wake()
        return {"FINISHED"}


class COMFYUI_OT_pause_queue(Operator):
    """Send nothing more to the server, or go on. What is there already is not touched"""

    bl_idname = "comfyui.pause_queue"
    bl_label = "Pause the Queue"
    bl_options = {"INTERNAL"}

    pause: BoolProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, _context: Context) -> set[str]:
        runtime.pause(self.pause)
        delivery.wake()
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory(
    (COMFYUI_OT_move_job, COMFYUI_OT_run_next, COMFYUI_OT_pause_queue)
)
