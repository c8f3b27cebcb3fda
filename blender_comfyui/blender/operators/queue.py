"""Our own queue: the order of what is not sent yet, and whether anything is sent."""

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty
from bpy.types import Context, Operator

from .. import delivery, queue_view, regions, runtime


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


class COMFYUI_OT_cancel_waiting(Operator):
    """Cancel all jobs that wait here. What was sent to the server already goes on"""

    bl_idname = "comfyui.cancel_waiting"
    bl_label = "Cancel What Waits"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: Context) -> bool:
        waiting = bool(runtime.held_jobs())
        if not waiting:
            cls.poll_message_set("No job waits here")
        return waiting

    def execute(self, _context: Context) -> set[str]:
        for entry in reversed(runtime.held_jobs()):  # from the end: nothing moves up to be sent
            if entry.job is not None:
                entry.job.cancel()
        delivery.wake()
        return {"FINISHED"}


class COMFYUI_OT_turn_queue(Operator):
    """Show other jobs of the queue"""

    bl_idname = "comfyui.turn_queue"
    bl_label = "Turn Page of the Queue"
    bl_options = {"INTERNAL"}

    first: IntProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, _context: Context) -> set[str]:
        queue_view.view.first = self.first
        regions.redraw()
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory(
    (
        COMFYUI_OT_move_job,
        COMFYUI_OT_run_next,
        COMFYUI_OT_pause_queue,
        COMFYUI_OT_cancel_waiting,
        COMFYUI_OT_turn_queue,
    )
)
