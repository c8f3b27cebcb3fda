"""The storyboard is made: its panels run, are cancelled, and another take of a panel comes into the cut."""

import bpy
from bpy.props import EnumProperty, StringProperty
from bpy.types import Context, Operator, Scene

from ...comfy.errors import ComfyError
from ...generation.storyboard.production import Production
from ...generation.tasks.errors import ParameterValidationError
from .. import compat, delivery, regions, runtime
from ..storyboard import errands, lost, running, takes
from .jobs import place_again
from .storyboard import PanelsOperator

_WHICH = (
    ("MISSING", "Missing", "Panels that have no picture, and none on its way"),
    ("ALL", "All", "Every panel that is not on its way, also those that are finished"),
    ("CHOSEN", "Selected", "The panels that are ticked in the table; where none is, the one that is edited"),
    ("FAILED", "Failed", "Panels that failed, once more"),
    ("AGAIN", "Another Take", "One more of the ticked panels, or of the one that is edited, with another seed"),
)


class COMFYUI_OT_storyboard_run(PanelsOperator, Operator):
    """Have the server make panels. It works in the background; their strips come by themselves"""

    bl_idname = "comfyui.storyboard_run"
    bl_label = "Run Storyboard"
    bl_options = set()

    which: EnumProperty(name="Panels", items=_WHICH, options={"SKIP_SAVE"})
    panel: StringProperty(options={"HIDDEN", "SKIP_SAVE"})  # this one alone, whatever is ticked

    @classmethod
    def poll(cls, context: Context) -> bool:
        if not super().poll(context):
            return False
        refusal = runtime.refusal()
        if refusal is not None:
            cls.poll_message_set(str(refusal))
        return refusal is None

    @classmethod
    def description(cls, _context: Context, properties: "COMFYUI_OT_storyboard_run") -> str:
        return next(text for name, _, text in _WHICH if name == properties.which)

    def execute(self, context: Context) -> set[str]:
        scene = compat.sequencer_scene(context)
        try:
            running.do(scene, lambda production: self._run(scene, production))
        except (ComfyError, ParameterValidationError, runtime.NoOnlineAccess) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}

    def _run(self, scene: Scene, production: Production) -> None:
        errands.dismiss()
        match self.which:
            case "ALL":
                production.run_all()
            case "MISSING":
                production.run_missing()
                _place_lost(scene)
            case "CHOSEN":
                production.run(self._ids(scene))
            case "FAILED":
                production.run([panel.panel_id for panel in production.snapshot.failures])
            case "AGAIN":
                production.again(self._ids(scene))

    def _ids(self, scene: Scene) -> list[str]:
        if self.panel:
            return [self.panel]
        board = scene.comfyui_storyboard
        ticked = [panel.name for panel in board.panels if panel.chosen]
        return ticked or ([board.active_panel.name] if board.active_panel is not None else [])


class COMFYUI_OT_storyboard_cancel(PanelsOperator, Operator):
    """Stop all panels that are on their way. Other jobs, and other people's, go on"""

    bl_idname = "comfyui.storyboard_cancel"
    bl_label = "Cancel Storyboard"
    bl_options = set()

    def execute(self, context: Context) -> set[str]:
        try:
            running.do(compat.sequencer_scene(context), Production.cancel)
        except (ComfyError, ParameterValidationError, runtime.NoOnlineAccess) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        delivery.wake()
        return {"FINISHED"}


class COMFYUI_OT_storyboard_place(PanelsOperator, Operator):
    """Make the strips of all results that are not in the file: Blender was closed before it was saved"""

    bl_idname = "comfyui.storyboard_place"
    bl_label = "Place Strips"
    bl_options = set()

    def execute(self, context: Context) -> set[str]:
        return {"FINISHED"} if _place_lost(compat.sequencer_scene(context)) else {"CANCELLED"}


def _place_lost(scene: Scene) -> int:
    """Have them placed by the next ticks; return how many."""
    found = lost.entries(scene)
    for entry in found:
        place_again(entry)
    return len(found)


class COMFYUI_OT_storyboard_use_take(PanelsOperator, Operator):
    """Have this take in the cut, and the one that is there among the muted ones"""

    bl_idname = "comfyui.storyboard_use_take"
    bl_label = "Use This Take"

    panel: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: Context) -> set[str]:
        if takes.use(compat.sequencer_scene(context), self.panel, self.job_id):
            return {"FINISHED"}
        self.report({"WARNING"}, "This take has no strip here. Place it from the gallery")
        return {"CANCELLED"}


class COMFYUI_OT_storyboard_dismiss(Operator):
    """Say this no more"""

    bl_idname = "comfyui.storyboard_dismiss"
    bl_label = "Dismiss"
    bl_options = {"INTERNAL"}

    def execute(self, _context: Context) -> set[str]:
        errands.dismiss()
        regions.redraw()
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory(
    (
        COMFYUI_OT_storyboard_run,
        COMFYUI_OT_storyboard_cancel,
        COMFYUI_OT_storyboard_place,
        COMFYUI_OT_storyboard_use_take,
        COMFYUI_OT_storyboard_dismiss,
    )
)
