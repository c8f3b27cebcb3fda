"""Import a workflow, choose the one that is used: by file browser, drag and drop, menu and search."""

import time
from collections.abc import Iterable
from pathlib import Path

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty
from bpy.types import Context, Event, FileHandler, Menu, Operator, Scene
from bpy_extras.io_utils import ImportHelper

from ...generation.workshop import (
    Answer,
    Examine,
    Import,
    Imported,
    ImportFailed,
    Keep,
    OpenFromServer,
    OpenKept,
    OpenTemplate,
    Question,
)
from .. import blend_file, compat, delivery, regions, task_workflows
from ..sinks.target import push_undo
from ..tasks import asking, in_place
from ..templates import words
from ..templates.reading import shelf
from ..workflow_panel import adopting, checking, reception, state
from ..workflow_panel.dropped import Dropped, noticed, placed
from .changing import ChangingOperator

ENDINGS = ".json .png .webp .jpg .jpeg .mp4 .webm .mkv .flac .mp3 .ogg .opus .glb".split()
_LOOK = 0.02  # seconds between two ticks while a script waits
_NOTHING_INSIDE = "no ComfyUI workflow inside"  # a plain picture: no news to whoever dropped it
_LATE = "The workflow was not read in time. Try again."


class _Arrival:
    """An answer that was asked for, on its way into a scene."""

    def __init__(self, scene: Scene, *, dropped: Dropped | None = None, keeps: bool = False) -> None:
        self.scene, self.scene_name = scene.session_uid, scene.name
        self.is_waited_for = False
        self.dropped = dropped
        self.keeps = keeps
        self.answer: Answer | None = None
        self.sentence = ""

    def hear(self, answer: Answer) -> None:
        if not self.is_waited_for and delivery.blender_is_busy():
            reception.put_off(answer, self.hear)
            return
        self.answer = answer
        if isinstance(answer, Imported):
            self._take(answer)
        elif isinstance(answer, ImportFailed):
            self.sentence = answer.sentence
            is_placed = self.dropped is not None and placed(self.dropped)
            if not is_placed or _NOTHING_INSIDE not in answer.sentence:
                reception.say(answer.sentence, "ERROR")
        regions.redraw()

    def _take(self, answer: Imported) -> None:
        scene = blend_file.scene_by_number(self.scene)
        if scene is not None:
            self.sentence = take(scene, answer)
            if answer.graph is None:
                reception.say(self.sentence, "INFO")
        else:
            self.sentence = f"The scene “{self.scene_name}” for which “{answer.workflow.name}” was read is gone."
            reception.say(self.sentence, "ERROR")
        if self.keeps:
            reception.ask(Keep(answer.workflow), reception.say_trouble)

    def wait(self) -> None:
        self.is_waited_for = True
        while self.answer is None and reception.expects_answers():
            time.sleep(_LOOK)
            delivery.tick()


def take(scene: Scene, imported: Imported) -> str:
    """Put what was imported into the scene, and look at it; return what a person should know."""
    dropped = adopting.take(scene, adopting.contents_of(imported))
    if imported.definitions is not None:
        checking.look(scene, imported.definitions)
    if not delivery.blender_is_busy():
        push_undo("Import Workflow")
    said = [*imported.notes]
    if imported.graph is None and not said:
        said.append("No server has said yet which nodes it has. Connect to one, and convert the workflow then.")
    if dropped:
        said.append(f"The animation of {dropped} values of the former workflow was removed; undo brings it back.")
    return " ".join(said)


class OpeningOperator(ChangingOperator):
    """What brings a workflow into the scene. Scripts wait for it; for a person it comes by itself."""

    waits: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context: Context, _event: Event) -> set[str]:
        self.waits = False
        return self.execute(context)

    def open(
        self, context: Context, question: Question, *, dropped: Dropped | None = None, keeps: bool = False
    ) -> set[str]:
        arrival = _Arrival(context.scene, dropped=dropped, keeps=keeps)
        reception.ask(question, arrival.hear)
        delivery.wake()
        if not self.waits:
            return {"FINISHED"}
        arrival.wait()
        is_here = isinstance(arrival.answer, Imported)
        sentence = arrival.sentence or ("" if is_here else _LATE)
        if sentence:
            self.report({"INFO"} if is_here else {"ERROR"}, sentence)
        return {"FINISHED"} if is_here else {"CANCELLED"}


class COMFYUI_OT_import_workflow(OpeningOperator, Operator, ImportHelper):
    """Make a panel of a ComfyUI workflow: a JSON file, or a picture, video, sound or mesh that ComfyUI saved"""

    bl_idname = "comfyui.import_workflow"
    bl_label = "Import Workflow"
    bl_options = set()  # not UNDO: the step is made when the workflow is here

    # ours says where // leads; and what is remembered of the last time may never look like a drop
    filepath: StringProperty(subtype="FILE_PATH", options={"HIDDEN", "SKIP_SAVE"} | compat.RELATIVE_PATH)
    filter_glob: StringProperty(default=";".join(f"*{ending}" for ending in ENDINGS), options={"HIDDEN"})
    dropped: BoolProperty(options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context: Context, event: Event) -> set[str]:
        self.waits = False
        if self.properties.is_property_set("filepath") and self.filepath:
            self.dropped = True
            return self.execute(context)
        return {*ImportHelper.invoke(self, context, event)}

    def execute(self, context: Context) -> set[str]:
        path = Path(bpy.path.abspath(self.filepath))
        return self.open(context, Import(path), dropped=noticed(context, path) if self.dropped else None, keeps=True)


class COMFYUI_OT_open_workflow(OpeningOperator, Operator):
    """Use a workflow of the library, of the server, or one of its templates"""

    bl_idname = "comfyui.open_workflow"
    bl_label = "Open Workflow"
    bl_options = {"INTERNAL"}

    source: EnumProperty(
        items=(("LIBRARY", "Library", ""), ("SERVER", "Server", ""), ("TEMPLATE", "Template", "")),
        options={"HIDDEN", "SKIP_SAVE"},
    )
    name: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    module: StringProperty(description="Where a template comes from", options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def description(cls, _context: Context, properties: "COMFYUI_OT_open_workflow") -> str:
        """Return all that is known of a template: the button below its picture is short."""
        found = shelf.get(properties.name, properties.module) if properties.source == "TEMPLATE" else None
        return words.description(found) if found else cls.__doc__

    def invoke(self, context: Context, event: Event) -> set[str]:
        if self.source == "TEMPLATE" and getattr(context, "region_popup", None) is not None:
            context.window.screen = context.window.screen  # closes the popup that the button was in
            self.report({"INFO"}, "Opening the template …")
        return super().invoke(context, event)

    def execute(self, context: Context) -> set[str]:
        return self.open(context, _opening(self.source, self.name, self.module))


class COMFYUI_OT_convert_workflow(OpeningOperator, Operator):
    """Convert the workflow of ComfyUI's editor with the node classes of the server"""

    bl_idname = "comfyui.convert_workflow"
    bl_label = "Convert"
    bl_options = {"INTERNAL"}

    def execute(self, context: Context) -> set[str]:
        contents = state.contents(context.scene.comfyui.imported)
        if contents is None:
            return {"CANCELLED"}
        return self.open(context, Examine(contents.name, contents.api, contents.ui))


class _Found:
    """The list of the search that is open. Blender only borrows the texts of a list made at run time."""

    items: list[tuple[str, str, str, str, int]] = []
    numbers: dict[tuple[str, str, str], int] = {}  # the same as long as Blender runs: lists come while one looks


def _offers(_self: object, _context: Context) -> Iterable[tuple[str, str, str, str, int]]:
    found = [(entry.name, "Library", ("LIBRARY", entry.id, "")) for entry in reception.library()]
    found += [(saved.path, "Server", ("SERVER", saved.path, "")) for saved in reception.on_server()]
    found += [(one.title or one.name, "Template", ("TEMPLATE", one.name, one.module)) for one in reception.templates()]
    numbers = [_Found.numbers.setdefault(opens, len(_Found.numbers)) for _, _, opens in found]
    named = zip(numbers, found, strict=True)
    _Found.items = [(str(number), f"{name} ({kind})", "", "NONE", number) for number, (name, kind, _) in named]
    return _Found.items


class COMFYUI_OT_search_workflow(Operator):
    """Search in the library, and among the server's saved workflows and templates"""

    bl_idname = "comfyui.search_workflow"
    bl_label = "Search Workflows"
    bl_options = {"INTERNAL"}
    bl_property = "choice"

    choice: EnumProperty(items=_offers, options={"SKIP_SAVE"})

    def invoke(self, context: Context, _event: Event) -> set[str]:
        context.window_manager.invoke_search_popup(self)
        return {"FINISHED"}

    def execute(self, _context: Context) -> set[str]:
        if not self.choice:
            return {"CANCELLED"}
        source, name, module = list(_Found.numbers)[int(self.choice)]
        return {*bpy.ops.comfyui.open_workflow("INVOKE_DEFAULT", source=source, name=name, module=module)}


class COMFYUI_OT_use_workflow(Operator):
    """Use this workflow from now on"""

    bl_idname = "comfyui.use_workflow"
    bl_label = "Use Workflow"
    bl_options = {"UNDO", "INTERNAL"}

    name: StringProperty(description="A bundled workflow; the imported one where empty", options={"SKIP_SAVE"})

    def execute(self, context: Context) -> set[str]:
        chosen = context.scene.comfyui
        chosen.imported.used = not self.name and bool(chosen.imported.stamp)
        if self.name:
            chosen.workflow = self.name
        return {"FINISHED"}


class COMFYUI_MT_workflow(Menu):
    bl_label = "Workflow"

    def draw(self, context: Context) -> None:
        layout, chosen = self.layout, context.scene.comfyui
        reception.want_lists()
        delivery.wake()
        for task, title in asking.titles().items():
            entry = task_workflows.entry_of(task)
            text = f"{title}: {entry.name}" if entry else title
            button = layout.operator("comfyui.set_task", text=text, icon="PINNED" if entry else "PACKAGE")
            button.task = task
        layout.separator()
        if chosen.imported.stamp:
            layout.operator("comfyui.use_workflow", text=chosen.imported.title, icon="NODETREE").name = ""
            title = asking.titles().get(chosen.task, chosen.task)
            is_taken = in_place.is_chosen(chosen)
            text = (
                f"{title}: no longer by {chosen.imported.title}" if is_taken else f"{title} by {chosen.imported.title}"
            )
            layout.operator("comfyui.imported_for_task", text=text, icon="UNPINNED" if is_taken else "PINNED").task = ""
        layout.menu("COMFYUI_MT_workflow_library", icon="ASSET_MANAGER")
        layout.operator_context = "INVOKE_DEFAULT"
        layout.operator("comfyui.browse_templates", text="Templates …", icon="IMGDISPLAY")
        layout.operator("comfyui.search_workflow", text="Search …", icon="VIEWZOOM")
        layout.operator("comfyui.import_workflow", text="Import …", icon="IMPORT")


class COMFYUI_MT_workflow_library(Menu):
    bl_label = "Library"

    def draw(self, _context: Context) -> None:
        layout = self.layout
        layout.operator_context = "INVOKE_DEFAULT"
        for entry in reception.library():
            button = layout.operator("comfyui.open_workflow", text=entry.name)
            button.source, button.name = "LIBRARY", entry.id
        layout.separator()
        layout.operator("comfyui.manage_library", text="Manage …", icon="PREFERENCES")


class COMFYUI_FH_workflow(FileHandler):
    bl_idname = "COMFYUI_FH_workflow"
    bl_label = "ComfyUI Workflow"
    bl_import_operator = "comfyui.import_workflow"
    bl_file_extensions = ";".join(ENDINGS)

    @classmethod
    def poll_drop(cls, context: Context) -> bool:
        return context.area is not None and context.area.type in ("VIEW_3D", "IMAGE_EDITOR")


def _opening(source: str, name: str, module: str) -> Question:
    match source:
        case "LIBRARY":
            return OpenKept(name)
        case "SERVER":
            return OpenFromServer(name)
        case _:
            return OpenTemplate(name, module)


def _draw_menu(self: Menu, _context: Context) -> None:
    self.layout.operator("comfyui.import_workflow", text="ComfyUI Workflow (.json, .png, …)")


_register, _unregister = bpy.utils.register_classes_factory(
    (
        COMFYUI_OT_import_workflow,
        COMFYUI_OT_open_workflow,
        COMFYUI_OT_convert_workflow,
        COMFYUI_OT_search_workflow,
        COMFYUI_OT_use_workflow,
        COMFYUI_MT_workflow,
        COMFYUI_MT_workflow_library,
        COMFYUI_FH_workflow,
    )
)


def register() -> None:
    _register()
    bpy.types.TOPBAR_MT_file_import.append(_draw_menu)


def unregister() -> None:
    bpy.types.TOPBAR_MT_file_import.remove(_draw_menu)
    _unregister()
