"""What can be done with a job and its results: cancel, dismiss, place, look for it again, copy its error."""

from collections.abc import Mapping

import bpy
from bpy.props import StringProperty
from bpy.types import Context, Operator

from ...comfy.errors import ComfyError
from ...generation.history import Placement
from .. import delivery, diagnostics, elsewhere, order, placements, regions, runtime
from ..job_list import Entry
from ..sinks import ledger


class COMFYUI_OT_cancel(Operator):
    """Stop this job, and no other"""

    bl_idname = "comfyui.cancel"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, _context: Context) -> set[str]:
        entry = runtime.jobs.get(self.job_id)
        if entry is None or entry.job is None or not entry.is_running:
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
        for entry in reversed(runtime.jobs.running):  # from the end: nothing moves up to be sent
            if entry.job is not None:
                entry.job.cancel()
        delivery.wake()
        return {"FINISHED"}


class COMFYUI_OT_dismiss(Operator):
    """Take this out of the list. Its files and images stay, and the gallery has it"""

    bl_idname = "comfyui.dismiss"
    bl_label = "Dismiss"
    bl_options = {"INTERNAL"}

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    blend: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, _context: Context) -> set[str]:
        for entry in elsewhere.chosen(self.job_id, self.blend):
            placements.dismiss(entry, elsewhere.concerned(entry))
            runtime.jobs.remove(entry.id)
        delivery.wake()
        regions.redraw()
        return {"FINISHED"}


class COMFYUI_OT_place_here(Operator):
    """Put this into the open file, as the panel says now"""

    bl_idname = "comfyui.place_here"
    bl_label = "Place Here"
    bl_options = {"INTERNAL"}

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    blend: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: Context) -> set[str]:
        placed = [place_again(entry, order.target(context)) for entry in elsewhere.chosen(self.job_id, self.blend)]
        return {"FINISHED"} if placed else {"CANCELLED"}


class COMFYUI_OT_place_again(Operator):
    """Put this into the file again, where it was asked for"""

    bl_idname = "comfyui.place_again"
    bl_label = "Place"
    bl_options = {"INTERNAL"}

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, _context: Context) -> set[str]:
        placed = [place_again(entry) for entry in elsewhere.chosen(self.job_id, "")]
        return {"FINISHED"} if placed else {"CANCELLED"}


class COMFYUI_OT_look_again(Operator):
    """Look for this job's result on the server once more"""

    bl_idname = "comfyui.look_again"
    bl_label = "Look Again"
    bl_options = {"INTERNAL"}

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, _context: Context) -> set[str]:
        try:
            runtime.session().recover(self.job_id)
        except (ComfyError, runtime.NoOnlineAccess) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        delivery.ask_server()
        return {"FINISHED"}


class COMFYUI_OT_give_up(Operator):
    """Wait for this job's server no longer. It is asked to stop the job as soon as it answers again"""

    bl_idname = "comfyui.give_up"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, _context: Context) -> set[str]:
        entry = runtime.jobs.get(self.job_id)
        if entry is not None and entry.job is not None:
            entry.job.cancel()  # reaches its own Session, where that is still open
        try:
            runtime.session().give_up(self.job_id)
        except (ComfyError, runtime.NoOnlineAccess) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        delivery.ask_server()
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
        context.window_manager.clipboard = diagnostics.clean(entry.details)
        self.report({"INFO"}, "Copied to the clipboard")
        return {"FINISHED"}


class COMFYUI_OT_release_results(Operator):
    """Let go of the results that nothing uses: they are left out when the file is saved. Their files stay"""

    bl_idname = "comfyui.release_results"
    bl_label = "Release Unused ComfyUI Results"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: Context) -> bool:
        held = context.scene is not None and any(result.image for result in context.scene.comfyui.results)
        if not held:
            cls.poll_message_set("This scene holds no results")
        return held

    def execute(self, context: Context) -> set[str]:
        self.report({"INFO"}, f"Released {ledger.release(context.scene)} results")
        return {"FINISHED"}


def place_again(entry: Entry, target: Mapping[str, str] | None = None) -> Entry:
    """Have what the panel offers of this job placed by the next ticks: at `target`, or where it was asked for."""
    wanted = elsewhere.concerned(entry)
    if target and elsewhere.is_elsewheres(entry):
        entry.lend(wanted, target)
    elif target:
        entry.target = {**entry.target, **target}
    for result in wanted:
        result.placement, result.may_be_here = Placement.WAITING, True
    entry.obstacle, entry.is_elsewhere = "", False
    runtime.jobs.touch()
    delivery.wake()
    return entry


register, unregister = bpy.utils.register_classes_factory(
    (
        COMFYUI_OT_cancel,
        COMFYUI_OT_cancel_all,
        COMFYUI_OT_dismiss,
        COMFYUI_OT_place_here,
        COMFYUI_OT_place_again,
        COMFYUI_OT_look_again,
        COMFYUI_OT_give_up,
        COMFYUI_OT_copy_details,
        COMFYUI_OT_release_results,
    )
)
