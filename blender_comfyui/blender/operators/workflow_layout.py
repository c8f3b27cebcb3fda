"""What the panel of an imported workflow shows: more, less, in another order, under other names."""

from collections.abc import Iterable

import bpy
from bpy.props import EnumProperty, IntProperty, StringProperty
from bpy.types import Context, Event, Operator

from ..workflow_panel import building, shown, values
from .workflow_values import ValueOperator


class LayoutOperator(ValueOperator):
    """What changes the panel's lines."""

    def lines(self, context: Context) -> shown.Layout:
        return _lines(context)

    def keep(self, context: Context, lines: shown.Layout) -> set[str]:
        imported = context.scene.comfyui.imported
        shown.keep(imported, building.built(imported), lines)
        return {"FINISHED"}


class _Found:
    """The list of the search that is open. Blender only borrows the texts of a list made at run time."""

    items: list[tuple[str, str, str, str, int]] = []
    names: list[str] = []


def _lines(context: Context) -> shown.Layout:
    imported = context.scene.comfyui.imported
    return shown.layout(imported, building.built(imported))


def _addable(_self: object, context: Context) -> Iterable[tuple[str, str, str, str, int]]:
    built = building.built(context.scene.comfyui.imported) if context is not None else None
    if built is None:
        return []
    _Found.names = shown.addable(built, _lines(context))
    found = [built.parameters[name] for name in _Found.names]
    _Found.items = [
        (str(at), f"{one.node_title}: {one.label}", one.tooltip, "NONE", at) for at, one in enumerate(found)
    ]
    return _Found.items


class COMFYUI_OT_show_value(LayoutOperator, Operator):
    """Show one more of the workflow's settings in the panel"""

    bl_idname = "comfyui.show_value"
    bl_label = "Add"
    bl_property = "choice"

    choice: EnumProperty(items=_addable, options={"SKIP_SAVE"})

    def invoke(self, context: Context, _event: Event) -> set[str]:
        context.window_manager.invoke_search_popup(self)
        return {"FINISHED"}

    def execute(self, context: Context) -> set[str]:
        """By `name` for scripts, by `choice` from the search."""
        chosen = context.scene.comfyui
        built = building.built(chosen.imported)
        name = self.name or (_Found.names[int(self.choice)] if self.choice else "")
        if name not in built.parameters:
            return {"CANCELLED"}
        values.write(chosen.values, name, built.parameters[name])
        return self.keep(context, shown.with_added(self.lines(context), built, name))


class COMFYUI_OT_hide_value(LayoutOperator, Operator):
    """Do not show this any more. Its value stays, and is sent as before"""

    bl_idname = "comfyui.hide_value"
    bl_label = "Remove from the Panel"

    def execute(self, context: Context) -> set[str]:
        return self.keep(context, shown.without(self.lines(context), self.name))


class COMFYUI_OT_move_value(LayoutOperator, Operator):
    """Change places with the neighbour; past the first and last, the whole group does"""

    bl_idname = "comfyui.move_value"
    bl_label = "Move in the Panel"

    by: IntProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: Context) -> set[str]:
        chosen = context.scene.comfyui
        built = building.built(chosen.imported)
        seen = {name for name, _ in values.visible(chosen.values, built)}
        return self.keep(
            context, shown.with_moved(self.lines(context), self.name, self.by, built.parameters.keys() - seen)
        )


class COMFYUI_OT_rename_value(LayoutOperator, Operator):
    """Give this another name, or put it into another group"""

    bl_idname = "comfyui.rename_value"
    bl_label = "Rename"

    label: StringProperty(name="Name", options={"SKIP_SAVE"})
    group: StringProperty(name="Group", description="An existing group, or a new one", options={"SKIP_SAVE"})

    def invoke(self, context: Context, _event: Event) -> set[str]:
        line = next((line for line in self.lines(context) if line.name == self.name), None)
        if line is None:
            return {"CANCELLED"}
        self.label, self.group = line.label, line.group
        return {*context.window_manager.invoke_props_dialog(self)}

    def execute(self, context: Context) -> set[str]:
        return self.keep(context, shown.with_renamed(self.lines(context), self.name, self.label, self.group))


class COMFYUI_OT_rename_group(LayoutOperator, Operator):
    """Give the group another title"""

    bl_idname = "comfyui.rename_group"
    bl_label = "Rename Group"

    group: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    title: StringProperty(name="Title", options={"SKIP_SAVE"})

    def invoke(self, context: Context, _event: Event) -> set[str]:
        self.title = self.group
        return {*context.window_manager.invoke_props_dialog(self)}

    def execute(self, context: Context) -> set[str]:
        return self.keep(context, shown.with_group_renamed(self.lines(context), self.group, self.title))


class COMFYUI_OT_reset_layout(LayoutOperator, Operator):
    """Show what is usually shown, in the usual order"""

    bl_idname = "comfyui.reset_layout"
    bl_label = "Usual Panel"

    def execute(self, context: Context) -> set[str]:
        chosen = context.scene.comfyui
        built = building.built(chosen.imported)
        chosen.imported.layout = ""
        values.write_all(chosen.values, built, [line.name for line in shown.usual(built)])
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory(
    (
        COMFYUI_OT_show_value,
        COMFYUI_OT_hide_value,
        COMFYUI_OT_move_value,
        COMFYUI_OT_rename_value,
        COMFYUI_OT_rename_group,
        COMFYUI_OT_reset_layout,
    )
)
