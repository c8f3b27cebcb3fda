"""Import a workflow, choose the one that is used, by file browser, drag and drop, and menu."""

import time
from pathlib import Path

import bpy
from bpy.props import BoolProperty, StringProperty
from bpy.types import Context, Event, FileHandler, Menu, Operator
from bpy_extras.io_utils import ImportHelper

from ...comfy.errors import ComfyError
from ...workflow import bundled
from ...workflow.errors import NoWorkflowInside, WorkflowError
from .. import delivery, regions
from ..workflow_panel import adopting, checking, reception, state
from ..workflow_panel.desk import Answer, Convert, Import, Imported, Refused

ENDINGS = ".json .png .webp .jpg .jpeg .mp4 .webm .mkv .flac .mp3 .ogg .opus .glb".split()
_PICTURES = (".png", ".webp", ".jpg", ".jpeg")
_LOOK = 0.02  # seconds between two ticks while a script waits


class _Arrival:
    """An answer that was asked for, on its way into a scene."""

    def __init__(self, scene: str, *, dropped: str = "") -> None:
        self.scene = scene
        self.dropped = dropped
        self.answer: Answer | None = None
        self.sentence = ""

    def hear(self, answer: Answer) -> None:
        self.answer = answer
        scene = bpy.data.scenes.get(self.scene)
        if isinstance(answer, Refused):
            self.sentence = _sentence(answer.error)
            _say(self.sentence, answer.error, self.dropped)
        elif isinstance(answer, Imported) and scene is not None:
            self.sentence = take(scene, answer)
        regions.redraw()

    def wait(self) -> None:
        while self.answer is None and reception.expects_answers():
            time.sleep(_LOOK)
            delivery.tick()


def take(scene: bpy.types.Scene, answer: Imported) -> str:
    """Put what was imported into the scene, and look at it; return what a person should know."""
    dropped = adopting.take(scene, answer.contents)
    if answer.knowledge is not None:
        checking.look(scene, answer.knowledge)
    if not bpy.app.background:
        bpy.ops.ed.undo_push(message="Import Workflow")
    said = [*answer.contents.notes]
    if dropped:
        said.append(f"The animation of {dropped} values of the former workflow was removed; undo brings it back.")
    return " ".join(said)


class COMFYUI_OT_import_workflow(Operator, ImportHelper):
    """Make a panel of a ComfyUI workflow: a JSON file, or a picture, video, sound or mesh that ComfyUI saved"""

    bl_idname = "comfyui.import_workflow"
    bl_label = "Import Workflow"
    bl_options = {"UNDO"}

    filter_glob: StringProperty(default=";".join(f"*{ending}" for ending in ENDINGS), options={"HIDDEN"})
    waits: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    dropped: BoolProperty(options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context: Context) -> bool:
        return context.scene is not None

    def invoke(self, context: Context, event: Event) -> set[str]:
        self.waits = False
        if self.properties.is_property_set("filepath") and self.filepath:  # dropped
            self.dropped = True
            return self.execute(context)
        return {*ImportHelper.invoke(self, context, event)}

    def execute(self, context: Context) -> set[str]:
        """For scripts: return when the workflow is there. Else it comes by itself."""
        path = Path(bpy.path.abspath(self.filepath))
        arrival = _Arrival(context.scene.name, dropped=str(path) if self.dropped else "")
        reception.ask(Import(path, reception.server()), arrival.hear)
        return _finish(self, arrival, self.waits)


class COMFYUI_OT_convert_workflow(Operator):
    """Convert the workflow of ComfyUI's editor with the node classes of the server"""

    bl_idname = "comfyui.convert_workflow"
    bl_label = "Convert"
    bl_options = {"UNDO", "INTERNAL"}

    waits: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context: Context, _event: Event) -> set[str]:
        self.waits = False
        return self.execute(context)

    def execute(self, context: Context) -> set[str]:
        contents = state.contents(context.scene.comfyui.imported)
        if contents is None:
            return {"CANCELLED"}
        arrival = _Arrival(context.scene.name)
        reception.ask(Convert(contents, reception.server()), arrival.hear)
        return _finish(self, arrival, self.waits)


class COMFYUI_OT_use_workflow(Operator):
    """Use this workflow from now on"""

    bl_idname = "comfyui.use_workflow"
    bl_label = "Use Workflow"
    bl_options = {"UNDO", "INTERNAL"}

    name: StringProperty(description="A bundled workflow; the imported one where empty", options={"SKIP_SAVE"})
    as_panel: BoolProperty(description="Show every setting of a bundled workflow", options={"SKIP_SAVE"})

    def execute(self, context: Context) -> set[str]:
        chosen = context.scene.comfyui
        if not self.name:
            chosen.imported.used = bool(chosen.imported.stamp)
        elif self.as_panel:
            path = bundled.path(self.name)
            return {*bpy.ops.comfyui.import_workflow("INVOKE_DEFAULT", filepath=str(path))}
        else:
            chosen.imported.used, chosen.workflow = False, self.name
        return {"FINISHED"}


class COMFYUI_MT_workflow(Menu):
    bl_label = "Workflow"

    def draw(self, context: Context) -> None:
        layout, chosen = self.layout, context.scene.comfyui
        for name in bundled.names():
            layout.operator("comfyui.use_workflow", text=bundled_title(name), icon="PACKAGE").name = name
        layout.separator()
        if chosen.imported.stamp:
            layout.operator("comfyui.use_workflow", text=chosen.imported.title, icon="NODETREE").name = ""
        layout.operator("comfyui.import_workflow", text="Import …", icon="IMPORT")


class COMFYUI_FH_workflow(FileHandler):
    bl_idname = "COMFYUI_FH_workflow"
    bl_label = "ComfyUI Workflow"
    bl_import_operator = "comfyui.import_workflow"
    bl_file_extensions = ";".join(ENDINGS)

    @classmethod
    def poll_drop(cls, context: Context) -> bool:
        return context.area is not None and context.area.type in ("VIEW_3D", "IMAGE_EDITOR")


def bundled_title(name: str) -> str:
    return name.replace("_", " ").title().replace("Sd ", "SD ")


def _finish(operator: Operator, arrival: _Arrival, waits: bool) -> set[str]:
    delivery.wake()
    if not waits:
        return {"FINISHED"}
    arrival.wait()
    if isinstance(arrival.answer, Imported):
        if arrival.sentence:
            operator.report({"INFO"}, arrival.sentence)
        return {"FINISHED"}
    operator.report({"ERROR"}, arrival.sentence or "The workflow was not read in time. Try again.")
    return {"CANCELLED"}


def _sentence(error: Exception) -> str:
    if isinstance(error, ComfyError | WorkflowError):
        return str(error)
    return f"The workflow could not be imported: {error}. The log says more."


def _say(sentence: str, error: Exception, dropped: str) -> None:
    """Tell a person, who is looking elsewhere by now; a plain picture goes where Blender would have put it."""
    if bpy.app.background:
        return
    if dropped.lower().endswith(_PICTURES) and isinstance(error, NoWorkflowInside):
        bpy.data.images.load(dropped, check_existing=True)
        sentence += " The picture was loaded as an image."

    def draw(menu: Menu, _context: Context) -> None:
        menu.layout.label(text=sentence)

    bpy.context.window_manager.popup_menu(draw, title="Import Workflow", icon="ERROR")


def _draw_menu(self: Menu, _context: Context) -> None:
    self.layout.operator("comfyui.import_workflow", text="ComfyUI Workflow (.json, .png, …)")


_register, _unregister = bpy.utils.register_classes_factory(
    (
        COMFYUI_OT_import_workflow,
        COMFYUI_OT_convert_workflow,
        COMFYUI_OT_use_workflow,
        COMFYUI_MT_workflow,
        COMFYUI_FH_workflow,
    )
)


def register() -> None:
    _register()
    bpy.types.TOPBAR_MT_file_import.append(_draw_menu)


def unregister() -> None:
    bpy.types.TOPBAR_MT_file_import.remove(_draw_menu)
    _unregister()
