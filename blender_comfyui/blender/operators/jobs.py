"""Cancel, dismiss, place here, copy an error's details."""

import bpy
from bpy.props import StringProperty
from bpy.types import Context, Operator

from .. import delivery, order, regions, runtime


class COMFYUI_OT_cancel(Operator):
    """Stop this job, and no other"""

    bl_idname = "comfyui.cancel"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, _context: Context) -> set[str]:
        entry = runtime.jobs.get(self.job_id)
        if entry is None or not entry.is_running:
            return {"CANCELLED"}
        entry.job.cancel()
        delivery.wake()
        return {"FINISHED"}


class COMFYUI_OT_cancel_all(Operator):
    """Stop all jobs of this Blender. Other people's jobs on the server go on"""

    bl_idname = "comfyui.cancel_all"
    bl_label = "Cancel All Jobs"
    bl_options = set()

    @classmethod
    def poll(cls, _context: Context) -> bool:
        if not runtime.jobs.running:
            cls.poll_message_set("No job is running")
        return bool(runtime.jobs.running)

    def execute(self, _context: Context) -> set[str]:
        for entry in runtime.jobs.running:
            entry.job.cancel()
        delivery.wake()
        return {"FINISHED"}


class COMFYUI_OT_dismiss(Operator):
    """Take this out of the list. Its files and images stay"""

    bl_idname = "comfyui.dismiss"
    bl_label = "Dismiss"
    bl_options = {"INTERNAL"}

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, _context: Context) -> set[str]:
        runtime.jobs.remove(self.job_id)
        regions.redraw()
        return {"FINISHED"}


class COMFYUI_OT_place_here(Operator):
    """Put this result into the open file, as the panel says now"""

    bl_idname = "comfyui.place_here"
    bl_label = "Place Here"
    bl_options = {"INTERNAL"}

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: Context) -> set[str]:
        entry = runtime.jobs.get(self.job_id)
        if entry is None or not entry.waiting:
            return {"CANCELLED"}
        entry.target.update(order.target(context))
        entry.obstacle = ""
        delivery.wake()
        return {"FINISHED"}


class COMFYUI_OT_copy_details(Operator):
    """Copy the whole error to the clipboard, for a bug report or a search"""

    bl_idname = "comfyui.copy_details"
    bl_label = "Copy Details"
    bl_options = {"INTERNAL"}

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: Context) -> set[str]:
        entry = runtime.jobs.get(self.job_id)
        if entry is None:
            return {"CANCELLED"}
        context.window_manager.clipboard = entry.details
        self.report({"INFO"}, "Copied to the clipboard")
        return {"FINISHED"}


class COMFYUI_OT_release_results(Operator):
    """Let go of the results that nothing uses: they are left out when the file is saved. Their files stay"""

    bl_idname = "comfyui.release_results"
    bl_label = "Release Unused ComfyUI Results"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: Context) -> bool:
        held = context.scene is not None and len(context.scene.comfyui.results) > 0
        if not held:
            cls.poll_message_set("This scene holds no results")
        return held

    def execute(self, context: Context) -> set[str]:
        results = context.scene.comfyui.results
        unused = [i for i, result in enumerate(results) if result.image is None or result.image.users <= 1]
        for index in reversed(unused):
            results.remove(index)
        self.report({"INFO"}, f"Released {len(unused)} results")
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory(
    (
        COMFYUI_OT_cancel,
        COMFYUI_OT_cancel_all,
        COMFYUI_OT_dismiss,
        COMFYUI_OT_place_here,
        COMFYUI_OT_copy_details,
        COMFYUI_OT_release_results,
    )
)
