"""The whole text of a prompt in a wide editor, and the last seed."""

import bpy
from bpy.props import EnumProperty, StringProperty
from bpy.types import Context, Event, Operator

from .. import compat
from ..wrapping import draw_sentence

_WIDTH = 640  # pixels at scale 1


class COMFYUI_OT_edit_prompt(Operator):
    """Show and edit the whole text"""

    bl_idname = "comfyui.edit_prompt"
    bl_label = "Edit Prompt"
    bl_options = {"UNDO", "INTERNAL"}

    field: EnumProperty(
        items=(("prompt", "Prompt", ""), ("negative_prompt", "Negative Prompt", "")), options={"HIDDEN", "SKIP_SAVE"}
    )
    text: StringProperty(options={"SKIP_SAVE"})

    def invoke(self, context: Context, _event: Event) -> set[str]:
        self.text = getattr(context.scene.comfyui, self.field)
        return {*context.window_manager.invoke_props_dialog(self, width=_WIDTH)}

    def draw(self, context: Context) -> None:
        layout = self.layout
        layout.label(text=context.scene.comfyui.bl_rna.properties[self.field].name)
        if not compat.prompt_field(layout, self, "text", lines=12, placeholder="What the picture shows"):
            scale = context.preferences.system.ui_scale or 1.0
            draw_sentence(layout.box(), self.text, round((_WIDTH - 40) * scale))

    def execute(self, context: Context) -> set[str]:
        setattr(context.scene.comfyui, self.field, self.text)
        return {"FINISHED"}


class COMFYUI_OT_use_last_seed(Operator):
    """Use the last generation's seed from now on"""

    bl_idname = "comfyui.use_last_seed"
    bl_label = "Use Last Seed"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: Context) -> bool:
        found = context.scene is not None and context.scene.comfyui.last_seed != ""
        if not found:
            cls.poll_message_set("Nothing was generated in this scene yet")
        return found

    def execute(self, context: Context) -> set[str]:
        chosen = context.scene.comfyui
        chosen.seed, chosen.seed_mode = chosen.last_seed, "FIXED"
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory((COMFYUI_OT_edit_prompt, COMFYUI_OT_use_last_seed))
