"""The connection: test it, ask again, allow it, and the preferences where it is set."""

import bpy
from bpy.props import IntProperty
from bpy.types import Context, Event, Operator

from ...comfy.errors import ComfyError
from .. import delivery, runtime, settings
from ..tasks import models


class COMFYUI_OT_test_connection(Operator):
    """Ask the server who it is"""

    bl_idname = "comfyui.test_connection"
    bl_label = "Test Connection"
    bl_options = set()

    @classmethod
    def poll(cls, _context: Context) -> bool:
        refusal = runtime.refusal()
        if refusal is not None:
            cls.poll_message_set(str(refusal))
        return refusal is None

    def invoke(self, _context: Context, _event: Event) -> set[str]:
        """Ask in the background; the answer shows below the button."""
        delivery.ask_server()
        return {"FINISHED"}

    def execute(self, _context: Context) -> set[str]:
        """For scripts: wait for the answer."""
        try:
            server = runtime.session().ask_server()
        except (ComfyError, runtime.NoOnlineAccess) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"ComfyUI {server.version} on {server.device}")
        return {"FINISHED"}


class COMFYUI_OT_refresh_server(Operator):
    """Ask the server for its state and its models again"""

    bl_idname = "comfyui.refresh_server"
    bl_label = "Refresh"
    bl_options = {"INTERNAL"}

    def execute(self, _context: Context) -> set[str]:
        models.refresh()
        delivery.ask_server()
        return {"FINISHED"}


class COMFYUI_OT_open_preferences(Operator):
    """Open the preferences of this extension"""

    bl_idname = "comfyui.open_preferences"
    bl_label = "ComfyUI Preferences"
    bl_options = {"INTERNAL"}

    def execute(self, _context: Context) -> set[str]:
        bpy.ops.preferences.addon_show(module=settings.PACKAGE)
        return {"FINISHED"}


class COMFYUI_OT_allow_online_access(Operator):
    """Allow Blender and its extensions to use other computers, as under System in the preferences"""

    bl_idname = "comfyui.allow_online_access"
    bl_label = "Allow Online Access"
    bl_options = set()

    @classmethod
    def poll(cls, _context: Context) -> bool:
        if bpy.app.online_access_override:
            cls.poll_message_set(
                "Blender was started with an option that decides this: --offline-mode or --online-mode"
            )
        return not bpy.app.online_access_override

    def execute(self, context: Context) -> set[str]:
        context.preferences.system.use_online_access = True
        delivery.ask_server()
        return {"FINISHED"}


class COMFYUI_OT_use_login_here(Operator):
    """Send the token, key, password or headers to this host too, not only to the one they were entered for"""

    bl_idname = "comfyui.use_login_here"
    bl_label = "Use This Login Here Too"
    bl_options = {"INTERNAL"}

    def execute(self, _context: Context) -> set[str]:
        settings.bind_secrets()
        return {"FINISHED"}


class COMFYUI_OT_add_header(Operator):
    """Add an HTTP header that is sent with every request"""

    bl_idname = "comfyui.add_header"
    bl_label = "Add Header"
    bl_options = {"INTERNAL"}

    def execute(self, _context: Context) -> set[str]:
        settings.preferences().headers.add()
        return {"FINISHED"}


class COMFYUI_OT_remove_header(Operator):
    """Remove this header"""

    bl_idname = "comfyui.remove_header"
    bl_label = "Remove Header"
    bl_options = {"INTERNAL"}

    index: IntProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, _context: Context) -> set[str]:
        settings.preferences().headers.remove(self.index)
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory(
    (
        COMFYUI_OT_test_connection,
        COMFYUI_OT_refresh_server,
        COMFYUI_OT_open_preferences,
        COMFYUI_OT_allow_online_access,
        COMFYUI_OT_use_login_here,
        COMFYUI_OT_add_header,
        COMFYUI_OT_remove_header,
    )
)
