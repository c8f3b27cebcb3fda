"""Storyboards as files: JSON and YAML in and out, and the contact sheet."""

import time
from pathlib import Path

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty
from bpy.types import Context, Event, Operator, Scene
from bpy_extras.io_utils import ExportHelper, ImportHelper

from ...generation.sheets.storyboards import sheet_of
from ...generation.storyboard.states import PanelProgress, Progress
from ...generation.storyboard.writing import to_json, to_yaml
from .. import compat, delivery
from ..storyboard import contents, errands, running
from ..storyboard.errands import Errand
from ..tasks import files
from .storyboard import PanelsOperator, StoryboardOperator

_LOOK = 0.02  # seconds between two ticks while a script waits
_PATIENCE = 120.0  # seconds that a script waits for a file


class FileOperator:
    """What a thread does. Scripts wait for it; for a person what came of it is said in the panel."""

    bl_options = set()
    waits: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context: Context, event: Event) -> set[str]:
        self.waits = False
        return super().invoke(context, event)

    def run(self, errand: Errand) -> set[str]:
        errands.run(errand)
        deadline = time.monotonic() + _PATIENCE
        while self.waits and errands.is_open(errand) and time.monotonic() < deadline:
            time.sleep(_LOOK)
            delivery.tick()
        done = errands.last()
        if not self.waits:
            return {"FINISHED"}
        if done is None or done.failed:
            self.report({"ERROR"}, done.sentence if done is not None else "The disk did not answer in time")
            return {"CANCELLED"}
        self.report({"INFO"}, done.sentence)
        return {"FINISHED"}

    @property
    def path(self) -> Path:
        return Path(bpy.path.abspath(self.filepath))


class COMFYUI_OT_storyboard_load(FileOperator, StoryboardOperator, Operator, ImportHelper):
    """Read a storyboard from a file in JSON or YAML. It takes the place of the scene's own"""

    bl_idname = "comfyui.storyboard_load"
    bl_label = "Load Storyboard"
    bl_options = set()  # not UNDO: the step is made when it is here

    filepath: StringProperty(subtype="FILE_PATH", options={"HIDDEN", "SKIP_SAVE"} | compat.RELATIVE_PATH)
    filter_glob: StringProperty(default="*.json;*.yaml;*.yml", options={"HIDDEN"})

    def execute(self, context: Context) -> set[str]:
        scene = compat.sequencer_scene(context)
        return self.run(errands.Load(scene.session_uid, self.path, files.book()))


class COMFYUI_OT_storyboard_save(FileOperator, PanelsOperator, Operator, ExportHelper):
    """Write the storyboard to a file, as YAML where its name ends in .yaml, else as JSON"""

    bl_idname = "comfyui.storyboard_save"
    bl_label = "Save Storyboard"
    bl_options = set()

    filepath: StringProperty(subtype="FILE_PATH", options={"HIDDEN", "SKIP_SAVE"} | compat.RELATIVE_PATH)
    filter_glob: StringProperty(default="*.json;*.yaml;*.yml", options={"HIDDEN"})
    filename_ext = ".json"
    check_extension = None  # either ending will do

    def execute(self, context: Context) -> set[str]:
        scene = compat.sequencer_scene(context)
        contents.ensure_id(scene)
        told, path = contents.storyboard_of(scene), self.path
        is_yaml = path.suffix.lower() in (".yaml", ".yml")
        return self.run(errands.Save(path, to_yaml(told) if is_yaml else to_json(told)))


class COMFYUI_OT_storyboard_contact_sheet(FileOperator, PanelsOperator, Operator, ExportHelper):
    """Draw all panels with their prompts and seeds on one sheet"""

    bl_idname = "comfyui.storyboard_contact_sheet"
    bl_label = "Export Contact Sheet"
    bl_options = set()

    filepath: StringProperty(subtype="FILE_PATH", options={"HIDDEN", "SKIP_SAVE"} | compat.RELATIVE_PATH)
    filter_glob: StringProperty(default="*.pdf;*.png", options={"HIDDEN"})
    kind: EnumProperty(
        name="As",
        items=((".pdf", "PDF", "Pages of paper, with texts that can be searched"), (".png", "PNG", "One long picture")),
    )
    filename_ext = ".pdf"

    def check(self, _context: Context) -> bool:
        """Have the file's name end as what is chosen."""
        path = Path(self.filepath)
        wanted = str(path.with_suffix(self.kind)) if path.name else self.filepath
        changed, self.filepath = wanted != self.filepath, wanted
        return changed

    def execute(self, context: Context) -> set[str]:
        sheet = sheet_of(_progress(compat.sequencer_scene(context)))
        fonts = Path(bpy.utils.system_resource("DATAFILES", path="fonts"))
        return self.run(errands.Export(self.path, sheet, (fonts,)))


def _progress(scene: Scene) -> Progress:
    """Return how the storyboard is; where nobody looked yet, as if nothing had been made."""
    known = running.look(scene)
    if known is not None:
        return known
    told = contents.storyboard_of(scene)
    return Progress(told, tuple(PanelProgress(panel.id) for panel in told.panels))


register, unregister = bpy.utils.register_classes_factory(
    (COMFYUI_OT_storyboard_load, COMFYUI_OT_storyboard_save, COMFYUI_OT_storyboard_contact_sheet)
)
