"""The values of an imported workflow: reset, edit long texts, search long lists, a seed of before."""

import re
from collections.abc import Iterable
from typing import Any

import bpy
from bpy.props import EnumProperty, StringProperty
from bpy.types import Context, Event, Operator

from ...workflow.panel_parameters import Parameter
from .. import compat
from ..workflow_panel import building, values
from ..wrapping import draw_sentence

_WIDTH = 640  # pixels at scale 1


class ValueOperator:
    """What concerns one value; `name` is its property."""

    bl_options = {"UNDO", "INTERNAL"}

    name: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context: Context) -> bool:
        return context.scene is not None and building.built(context.scene.comfyui.imported) is not None

    def parameter(self, context: Context) -> Parameter | None:
        return _parameter(context, self.name)


class COMFYUI_OT_reset_value(ValueOperator, Operator):
    """Give this the workflow's own value again"""

    bl_idname = "comfyui.reset_value"
    bl_label = "Reset"

    def execute(self, context: Context) -> set[str]:
        parameter, kept = self.parameter(context), context.scene.comfyui.values
        if parameter is None or self.name not in kept:
            return {"CANCELLED"}
        values.reset(kept, self.name, parameter)
        return {"FINISHED"}


class COMFYUI_OT_reset_values(ValueOperator, Operator):
    """Give everything the workflow's own values again"""

    bl_idname = "comfyui.reset_values"
    bl_label = "Reset All Values"

    def execute(self, context: Context) -> set[str]:
        chosen = context.scene.comfyui
        for name, parameter in building.built(chosen.imported).parameters.items():
            if name in chosen.values:
                values.reset(chosen.values, name, parameter)
        chosen.imported.preset = chosen.imported.preset_name = ""
        return {"FINISHED"}


class COMFYUI_OT_edit_value(ValueOperator, Operator):
    """Show and edit the whole text"""

    bl_idname = "comfyui.edit_value"
    bl_label = "Edit Text"

    text: StringProperty(options={"SKIP_SAVE"})

    def invoke(self, context: Context, _event: Event) -> set[str]:
        self.text = str(context.scene.comfyui.values.get(self.name, ""))
        return {*context.window_manager.invoke_props_dialog(self, width=_WIDTH)}

    def draw(self, context: Context) -> None:
        parameter = self.parameter(context)
        self.layout.label(text=parameter.label if parameter else "")
        if not compat.prompt_field(self.layout, self, "text", lines=12, placeholder=""):
            scale = context.preferences.system.ui_scale or 1.0
            draw_sentence(self.layout.box(), self.text, round((_WIDTH - 40) * scale))

    def execute(self, context: Context) -> set[str]:
        parameter = self.parameter(context)
        if parameter is None:
            return {"CANCELLED"}
        values.set_value(context.scene.comfyui.values, self.name, parameter, self.text)
        return {"FINISHED"}


def _parameter(context: Context, name: str) -> Parameter | None:
    built = building.built(context.scene.comfyui.imported)
    return built.parameters.get(name) if built else None


class _Found:
    """The list of the search that is open. Blender only borrows the texts of a list made at run time."""

    items: list[tuple[str, str, str, str, int]] = []


def _choices(self: Any, context: Context) -> Iterable[tuple[str, str, str, str, int]]:
    parameter = _parameter(context, self.name) if context is not None else None
    if parameter is None:
        return []
    names = dict.fromkeys(str(choice) for choice in parameter.choices)
    # by number, as the identifiers of an EnumProperty may not repeat or be empty
    _Found.items = [(str(at), name or "Nothing", "", "NONE", at) for at, name in enumerate(names)]
    return _Found.items


class COMFYUI_OT_search_value(ValueOperator, Operator):
    """Search among all that the server has"""

    bl_idname = "comfyui.search_value"
    bl_label = "Search"
    bl_property = "choice"

    choice: EnumProperty(items=_choices, options={"SKIP_SAVE"})

    def invoke(self, context: Context, _event: Event) -> set[str]:
        context.window_manager.invoke_search_popup(self)
        return {"FINISHED"}

    def execute(self, context: Context) -> set[str]:
        parameter = self.parameter(context)
        if parameter is None or not self.choice:
            return {"CANCELLED"}
        choices = list(dict.fromkeys(str(choice) for choice in parameter.choices))
        values.set_value(context.scene.comfyui.values, self.name, parameter, choices[int(self.choice)])
        return {"FINISHED"}


class COMFYUI_OT_use_last_value(ValueOperator, Operator):
    """Use the value of the last click on Generate, and keep it"""

    bl_idname = "comfyui.use_last_value"
    bl_label = "Use the Last One"

    def execute(self, context: Context) -> set[str]:
        parameter, kept = self.parameter(context), context.scene.comfyui.values
        last = kept.get(values.last_name(self.name))
        if parameter is None or not re.fullmatch("-?[0-9]{1,40}", str(last)):
            return {"CANCELLED"}
        values.set_value(kept, self.name, parameter, int(last))
        kept[values.mode_name(self.name)] = 0  # fixed
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory(
    (
        COMFYUI_OT_reset_value,
        COMFYUI_OT_reset_values,
        COMFYUI_OT_edit_value,
        COMFYUI_OT_search_value,
        COMFYUI_OT_use_last_value,
    )
)
