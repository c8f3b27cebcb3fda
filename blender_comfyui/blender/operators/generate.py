"""Generate, and Run Again."""

import contextlib
import time

import bpy
from bpy.props import StringProperty
from bpy.types import Context, Event, Menu, Operator

from ...comfy.errors import ComfyError
from ...generation.job import Job
from ...generation.session import Session
from ...generation.tasks.errors import QualityTierError
from ...workflow.errors import WorkflowError
from .. import delivery, regions, runtime
from ..job_list import Entry
from ..order import NotReadYet, Order, order, target
from ..tasks import asking, wishes, words
from ..workflow_panel import running

_LOOK = 0.02  # seconds between two ticks while a script waits


class COMFYUI_OT_generate(Operator):
    """Have the server make what the prompt says. It works in the background; results come by themselves"""

    bl_idname = "comfyui.generate"
    bl_label = "Generate"
    # Not REGISTER: "Repeat Last" would call the blocking execute.
    bl_options = set()

    @classmethod
    def poll(cls, context: Context) -> bool:
        if context.scene is None:
            cls.poll_message_set("There is no scene to take the settings from")
            return False
        refusal = runtime.refusal()
        if refusal is not None:
            cls.poll_message_set(str(refusal))
        return refusal is None

    def invoke(self, context: Context, _event: Event) -> set[str]:
        """Return at once; the timer brings the results."""
        if context.scene.comfyui.imported.used:
            return {"FINISHED"} if self._start_imported(context) else {"CANCELLED"}
        return {"FINISHED"} if self._start(context) else {"CANCELLED"}

    def execute(self, context: Context) -> set[str]:
        """For scripts: return when the results are in Blender."""
        if runtime.is_paused():
            self.report({"ERROR"}, "The queue is paused, so nothing would be sent. Resume it first.")
            return {"CANCELLED"}
        entry = self._checked(context) if context.scene.comfyui.imported.used else self._started(context)
        if entry is None:
            return {"CANCELLED"}
        _wait(entry)
        if entry.problem:
            self.report({"ERROR"}, entry.problem)
        came = entry.placed or entry.can_be_placed
        return {"FINISHED"} if came and not entry.problem else {"CANCELLED"}

    def _start_imported(self, context: Context) -> running.Run | None:
        try:
            run = running.start(context, follow)
        except (ComfyError, WorkflowError, runtime.NoOnlineAccess) as error:
            self.report({"ERROR"}, str(error))
            return None
        if run.problem:
            self.report({"WARNING"}, run.problem)
        return run

    def _checked(self, context: Context) -> Entry | None:
        """Return the job of an imported workflow once it was looked at; None where it shall not run."""
        while not running.lists_are_read(context.scene) and asking.expects_answers():
            time.sleep(_LOOK)
            asking.tick()
        run = self._start_imported(context)
        while run is not None and not run.is_decided:
            time.sleep(_LOOK)
            delivery.tick()
            run.give_up_late()
        if run is not None and run.entry is None:
            self.report({"ERROR"}, run.problem)
        return run.entry if run is not None else None

    def _started(self, context: Context) -> Entry | None:
        """Start a task once its board is there: nobody has drawn the panel while a script runs."""
        asking.tick()
        asking.want(context.scene)
        while asking.expects_answers():
            time.sleep(_LOOK)
            asking.tick()
            asking.want(context.scene)  # what is known now may be asked for anew
        entry = self._start(context)
        report = entry.job.task_report if entry is not None and entry.job is not None else None
        for sentence in words.notes(report).values():  # nobody looks at the panel
            self.report({"WARNING"}, sentence)
        return entry

    def _start(self, context: Context) -> Entry | None:
        if not asking.want(context.scene).tasks:
            self.report({"WARNING"}, "The tasks are still being read. Click Generate again.")
            return None
        try:
            return start(context)
        except NotReadYet as error:
            self.report({"WARNING"}, str(error))
        except (ComfyError, WorkflowError, QualityTierError, runtime.NoOnlineAccess) as error:
            self.report({"ERROR"}, str(error))
        return None


class COMFYUI_OT_run_again(Operator):
    """Run this once more, with the same prompt, seed and settings"""

    bl_idname = "comfyui.run_again"
    bl_label = "Run Again"
    bl_options = {"INTERNAL"}

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, _context: Context) -> set[str]:
        entry = runtime.jobs.get(self.job_id)
        if entry is None or entry.job is None:
            return {"CANCELLED"}
        try:
            job = runtime.session().run(entry.job.request)
        except (ComfyError, runtime.NoOnlineAccess) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        runtime.jobs.remove(entry.id)
        follow(job)
        return {"FINISHED"}


def start(context: Context) -> Entry:
    """Submit what the scene's settings say and return at once.

    Raises InvalidAddress, InvalidCredentials, NoOnlineAccess, WorkflowError, QualityTierError or NotReadYet.
    """
    session = runtime.session()
    wanted = _put_together(context, session)
    job = session.run_task(
        wanted.task,
        wanted.tier,
        wanted.parameters,
        workflow=wanted.workflow,
        workflow_name=wanted.workflow_name,
        loras=wanted.loras,
        folder=wanted.folder,
        stem=wanted.stem,
        context=wanted.context,
    )
    return follow(job)


def _put_together(context: Context, session: Session) -> Order:
    """The history tells also of what could not be."""
    board = asking.want(context.scene)
    try:
        return order(context, board)
    except QualityTierError as error:
        asked = wishes.question(context.scene, board).order
        session.note_failure(asked.task, asked.tier, asked.parameters, error, context=target(context))
        raise


def follow(job: Job) -> Entry:
    """Show a job in the panel from now on, and have its results placed."""
    entry = runtime.jobs.add(Entry.of_job(job))
    delivery.wake()
    regions.redraw()
    return entry


def _wait(entry: Entry) -> None:
    """Deliver until nothing more comes of this job: timers stand still while a script runs. What cannot be placed
    because of what Blender is doing is placed afterwards."""
    assert entry.job is not None
    while entry.is_running or not (entry.is_settled or delivery.blender_is_busy()):
        with contextlib.suppress(TimeoutError):
            entry.job.wait(timeout=_LOOK)
        delivery.tick()


def _draw_menu(self: Menu, _context: Context) -> None:
    self.layout.separator()
    self.layout.operator("comfyui.generate", text="Generate with ComfyUI", icon="RENDER_STILL")
    self.layout.operator("comfyui.cancel_all", text="Cancel All ComfyUI Jobs")
    if self.bl_idname == "IMAGE_MT_image":
        self.layout.operator("comfyui.release_results")


# F3 finds only what is in a menu; a menu of each editor that has our panel.
_MENUS = ("TOPBAR_MT_render", "IMAGE_MT_image", "SEQUENCER_MT_add")

_register, _unregister = bpy.utils.register_classes_factory((COMFYUI_OT_generate, COMFYUI_OT_run_again))


def register() -> None:
    _register()
    for name in _MENUS:
        getattr(bpy.types, name).append(_draw_menu)


def unregister() -> None:
    for name in _MENUS:
        getattr(bpy.types, name).remove(_draw_menu)
    _unregister()
