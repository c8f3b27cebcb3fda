"""The template browser: the popup, and its buttons."""

import bpy
from bpy.props import IntProperty
from bpy.types import Context, Event, Operator

from .. import runtime
from ..templates import browser, filters, reading
from ..templates.reading import shelf


class COMFYUI_OT_browse_templates(Operator):
    """Look through the workflows that the server offers to begin with, and open one"""

    bl_idname = "comfyui.browse_templates"
    bl_label = "ComfyUI Templates"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: Context) -> bool:
        refusal = runtime.refusal()
        if refusal is not None:
            cls.poll_message_set(str(refusal))
        return refusal is None and context.scene is not None

    def invoke(self, context: Context, _event: Event) -> set[str]:
        reading.begin()
        if shelf.templates is None:
            reading.open_when_read(context)
            self.report({"INFO"}, "Reading the templates of the server …")
            return {"FINISHED"}
        reading.note_shown(self)
        # no dialog with OK: in those a letter presses the button that has it underlined, and who types means to search
        return {*context.window_manager.invoke_popup(self, width=browser.WIDTH)}

    def check(self, _context: Context) -> bool:
        """Have the popup laid out anew when something in it was changed."""
        return True

    def draw(self, context: Context) -> None:
        self.layout.label(text=self.bl_label)
        browser.draw(self.layout, context)

    def execute(self, _context: Context) -> set[str]:
        return {"FINISHED"}


class COMFYUI_OT_turn_templates(Operator):
    """Go to another page"""

    bl_idname = "comfyui.turn_templates"
    bl_label = "Turn Page"
    bl_options = {"INTERNAL"}

    by: IntProperty(description="How many pages", default=1, options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: Context) -> set[str]:
        shelf.turn(self.by)
        filters.refresh(context)
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory((COMFYUI_OT_browse_templates, COMFYUI_OT_turn_templates))
