"""Copy Diagnostics."""

import bpy
from bpy.types import Context, Menu, Operator

from .. import diagnostics


class COMFYUI_OT_copy_diagnostics(Operator):
    """Copy what a bug report needs: versions, server, last errors and log, without passwords and folders of yours"""

    bl_idname = "comfyui.copy_diagnostics"
    bl_label = "Copy ComfyUI Diagnostics"
    bl_options = set()

    def execute(self, context: Context) -> set[str]:
        context.window_manager.clipboard = diagnostics.text()
        self.report({"INFO"}, "Copied to the clipboard. Read it through before you paste it anywhere")
        return {"FINISHED"}


def _draw_menu(self: Menu, _context: Context) -> None:
    self.layout.operator("comfyui.copy_diagnostics", icon="COPYDOWN")


_register, _unregister = bpy.utils.register_classes_factory((COMFYUI_OT_copy_diagnostics,))


def register() -> None:
    _register()
    bpy.types.TOPBAR_MT_help.append(_draw_menu)


def unregister() -> None:
    bpy.types.TOPBAR_MT_help.remove(_draw_menu)
    _unregister()
