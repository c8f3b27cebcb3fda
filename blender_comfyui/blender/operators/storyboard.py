"""The storyboard: where its panels come from, and how they are edited."""

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty
from bpy.types import Context, Operator, PropertyGroup, Scene

from ...generation.storyboard.cues import InvalidCues
from .. import compat, regions
from ..sinks.sequencer import STILL_SECONDS, frames_per_second
from ..storyboard import contents, fitting, markers, text_strips
from ..storyboard.contents import Shot
from ..storyboard.state import free_id
from ..storyboard.words import counted


class StoryboardOperator:
    """What is about the storyboard of the scene whose sequence the person sees."""

    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: Context) -> bool:
        if context.scene is None:
            return False
        if compat.sequencer_scene(context).library is not None:
            cls.poll_message_set("The scene is linked from another file, and changes there are not saved")
            return False
        return True


class PanelsOperator(StoryboardOperator):
    """What needs panels."""

    @classmethod
    def poll(cls, context: Context) -> bool:
        if not super().poll(context):
            return False
        has_some = bool(compat.sequencer_scene(context).comfyui_storyboard.panels)
        if not has_some:
            cls.poll_message_set("The storyboard has no panels yet")
        return has_some


class TakingOperator(StoryboardOperator):
    """What makes panels of what stands in the scene."""

    selected: BoolProperty(name="Selected Only", description="Leave out what is not selected")
    noun = ""

    def read(self, scene: Scene) -> list[Shot]:
        raise NotImplementedError

    def execute(self, context: Context) -> set[str]:
        scene = compat.sequencer_scene(context)
        try:
            shots = self.read(scene)
        except InvalidCues as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if not shots:
            self.report({"WARNING"}, f"There are no {'selected ' if self.selected else ''}{self.noun} in this scene")
            return {"CANCELLED"}
        contents.ensure_id(scene)
        contents.set_shots(scene, shots)
        self.report({"INFO"}, f"{counted(len(shots))} from {self.noun}")
        regions.redraw()
        return {"FINISHED"}


class COMFYUI_OT_storyboard_from_markers(TakingOperator, Operator):
    """Make a panel of each timeline marker, named “id: prompt” or just by its prompt. It lasts until the next one"""

    bl_idname = "comfyui.storyboard_from_markers"
    bl_label = "Panels from Markers"
    noun = "timeline markers"

    def read(self, scene: Scene) -> list[Shot]:
        return markers.read(scene, selected=self.selected)


class COMFYUI_OT_storyboard_from_strips(TakingOperator, Operator):
    """Make a panel of each text strip: its name is the panel's id, its text the prompt, its place the panel's"""

    bl_idname = "comfyui.storyboard_from_strips"
    bl_label = "Panels from Text Strips"
    noun = "text strips"

    def read(self, scene: Scene) -> list[Shot]:
        return text_strips.read(scene, selected=self.selected)


class COMFYUI_OT_storyboard_to_markers(PanelsOperator, Operator):
    """Have a timeline marker stand where each panel begins. Markers of no panel stay as they are"""

    bl_idname = "comfyui.storyboard_to_markers"
    bl_label = "Markers from Panels"

    def execute(self, context: Context) -> set[str]:
        count = markers.write(compat.sequencer_scene(context))
        self.report({"INFO"}, f"Markers of {counted(count)}")
        return {"FINISHED"}


class COMFYUI_OT_storyboard_to_strips(PanelsOperator, Operator):
    """Have a text strip stand for each panel, on a muted channel: no film shows prompts"""

    bl_idname = "comfyui.storyboard_to_strips"
    bl_label = "Text Strips from Panels"

    def execute(self, context: Context) -> set[str]:
        count = text_strips.write(compat.sequencer_scene(context))
        self.report({"INFO"}, f"Text strips of {counted(count)}")
        return {"FINISHED"}


class COMFYUI_OT_storyboard_add(StoryboardOperator, Operator):
    """Add a panel behind the one that is edited; later ones make room"""

    bl_idname = "comfyui.storyboard_add"
    bl_label = "Add Panel"

    def execute(self, context: Context) -> set[str]:
        scene = compat.sequencer_scene(context)
        board = scene.comfyui_storyboard
        contents.ensure_id(scene)
        before = board.active_panel
        start = before.end if before is not None else scene.frame_current
        length = before.length if before is not None else max(1, round(STILL_SECONDS * frames_per_second(scene)))
        place = board.active + 1 if before is not None else 0
        wanted = free_id(str(len(board.panels) + 1), {panel.name for panel in board.panels})
        panel = board.panels.add()
        panel.name, panel.start, panel.length = wanted, start, length
        board.panels.move(len(board.panels) - 1, place)
        board.active = place
        contents.make_room(scene, place)
        return {"FINISHED"}


class COMFYUI_OT_storyboard_remove(PanelsOperator, Operator):
    """Remove the panel that is edited. What was made of it stays"""

    bl_idname = "comfyui.storyboard_remove"
    bl_label = "Remove Panel"

    def execute(self, context: Context) -> set[str]:
        board = compat.sequencer_scene(context).comfyui_storyboard
        if board.active_panel is None:
            return {"CANCELLED"}
        board.panels.remove(board.active)
        board.active = min(board.active, max(0, len(board.panels) - 1))
        contents.note_change()
        return {"FINISHED"}


class COMFYUI_OT_storyboard_move(PanelsOperator, Operator):
    """Have the panel change places with its neighbour, in the table and in time"""

    bl_idname = "comfyui.storyboard_move"
    bl_label = "Move Panel"

    by: IntProperty(options={"SKIP_SAVE"})

    def execute(self, context: Context) -> set[str]:
        scene = compat.sequencer_scene(context)
        board = scene.comfyui_storyboard
        first = board.active if self.by > 0 else board.active - 1
        if not 0 <= first < len(board.panels) - 1:
            return {"CANCELLED"}
        contents.swap(scene, first)
        board.active += 1 if self.by > 0 else -1
        return {"FINISHED"}


class COMFYUI_OT_storyboard_show(PanelsOperator, Operator):
    """Put the playhead on the panel"""

    bl_idname = "comfyui.storyboard_show"
    bl_label = "Go to Panel"

    def execute(self, context: Context) -> set[str]:
        scene = compat.sequencer_scene(context)
        panel = scene.comfyui_storyboard.active_panel
        if panel is None:
            return {"CANCELLED"}
        scene.frame_current = panel.start
        return {"FINISHED"}


class COMFYUI_OT_storyboard_close_gaps(PanelsOperator, Operator):
    """Have the panels stand one after another, in the table's order, from where the first one is"""

    bl_idname = "comfyui.storyboard_close_gaps"
    bl_label = "One After Another"

    def execute(self, context: Context) -> set[str]:
        contents.close_gaps(compat.sequencer_scene(context))
        return {"FINISHED"}


class COMFYUI_OT_storyboard_fit_strips(PanelsOperator, Operator):
    """Move the strips of all results to where their panels are now, and give them their length"""

    bl_idname = "comfyui.storyboard_fit_strips"
    bl_label = "Fit Strips to Panels"

    def execute(self, context: Context) -> set[str]:
        count = fitting.fit(compat.sequencer_scene(context))
        self.report({"INFO"}, "1 strip was moved" if count == 1 else f"{count} strips were moved")
        return {"FINISHED"}


class COMFYUI_OT_storyboard_clear(PanelsOperator, Operator):
    """Remove all panels, and begin another storyboard. Strips and files stay"""

    bl_idname = "comfyui.storyboard_clear"
    bl_label = "New Storyboard"

    def execute(self, context: Context) -> set[str]:
        board = compat.sequencer_scene(context).comfyui_storyboard
        board.panels.clear()
        for name in ("id", "title", "active"):
            board.property_unset(name)
        contents.note_change()
        return {"FINISHED"}


def _owner(scene: Scene, of: str) -> PropertyGroup | None:
    board = scene.comfyui_storyboard
    return board if of == "BOARD" else board.active_panel


class SettingOperator(StoryboardOperator):
    """What concerns the settings `of` the panel that is edited, or of the whole storyboard."""

    bl_options = {"UNDO", "INTERNAL"}
    of: StringProperty(options={"HIDDEN", "SKIP_SAVE"})


class COMFYUI_OT_storyboard_add_setting(SettingOperator, Operator):
    """Set a parameter instead of the tier, for this panel or for all"""

    bl_idname = "comfyui.storyboard_add_setting"
    bl_label = "Add Setting"

    def execute(self, context: Context) -> set[str]:
        owner = _owner(compat.sequencer_scene(context), self.of)
        if owner is None:
            return {"CANCELLED"}
        owner.settings.add()
        return {"FINISHED"}


class COMFYUI_OT_storyboard_remove_setting(SettingOperator, Operator):
    """Leave this parameter to the tier again"""

    bl_idname = "comfyui.storyboard_remove_setting"
    bl_label = "Remove Setting"

    place: IntProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: Context) -> set[str]:
        owner = _owner(compat.sequencer_scene(context), self.of)
        if owner is None or not 0 <= self.place < len(owner.settings):
            return {"CANCELLED"}
        owner.settings.remove(self.place)
        contents.note_change()
        return {"FINISHED"}


# F3 finds only what is in a menu.
def _draw_menu(self: bpy.types.Menu, _context: Context) -> None:
    self.layout.separator()
    self.layout.menu("COMFYUI_MT_storyboard", text="ComfyUI Storyboard")
    self.layout.operator("comfyui.storyboard_run", text="Run ComfyUI Storyboard").which = "MISSING"


_MENUS = ("SEQUENCER_MT_add", "TOPBAR_MT_render")

_register, _unregister = bpy.utils.register_classes_factory(
    (
        COMFYUI_OT_storyboard_from_markers,
        COMFYUI_OT_storyboard_from_strips,
        COMFYUI_OT_storyboard_to_markers,
        COMFYUI_OT_storyboard_to_strips,
        COMFYUI_OT_storyboard_add,
        COMFYUI_OT_storyboard_remove,
        COMFYUI_OT_storyboard_move,
        COMFYUI_OT_storyboard_show,
        COMFYUI_OT_storyboard_close_gaps,
        COMFYUI_OT_storyboard_fit_strips,
        COMFYUI_OT_storyboard_clear,
        COMFYUI_OT_storyboard_add_setting,
        COMFYUI_OT_storyboard_remove_setting,
    )
)


def register() -> None:
    _register()
    for name in _MENUS:
        getattr(bpy.types, name).append(_draw_menu)


def unregister() -> None:
    for name in _MENUS:
        getattr(bpy.types, name).remove(_draw_menu)
    _unregister()
