"""Presets of an imported workflow's values, in Blender's own preset menu: a folder for each workflow."""

import json
from pathlib import Path

import bpy
from bl_operators.presets import AddPresetBase
from bpy.props import StringProperty
from bpy.types import Context, Menu, Operator

from ..workflow_panel import building, checking, values
from ..workflow_panel.building import property_name

_FOLDER = "comfyui"


class COMFYUI_MT_value_presets(Menu):
    bl_label = "Presets"
    preset_subdir = _FOLDER
    preset_operator = "script.execute_preset"

    def draw(self, context: Context) -> None:
        _choose_folder(context)
        Menu.draw_preset(self, context)


class COMFYUI_OT_add_value_preset(AddPresetBase, Operator):
    """Keep the values of this workflow as a preset, or delete the one that was chosen last"""

    bl_idname = "comfyui.add_value_preset"
    bl_label = "Add Preset"
    preset_menu = "COMFYUI_MT_value_presets"
    preset_subdir = _FOLDER
    preset_values: list[str] = []

    @classmethod
    def poll(cls, context: Context) -> bool:
        return context.scene is not None and building.built(context.scene.comfyui.imported) is not None

    def execute(self, context: Context) -> set[str]:
        _choose_folder(context)
        imported = context.scene.comfyui.imported
        # Blender deletes by the menu's label, which is that of the preset chosen last in whatever file or scene
        COMFYUI_MT_value_presets.bl_label = imported.preset_name or "Presets"
        try:
            done = {*AddPresetBase.execute(self, context)}
        except OSError as error:
            self.report({"ERROR"}, f"The preset cannot be written: {error.strerror}. Check the disk.")
            return {"CANCELLED"}
        if done == {"FINISHED"} and self.remove_active:
            imported.preset = imported.preset_name = ""
        return done

    def add(self, context: Context, filepath: str) -> None:
        """Write what an operator of ours reads: menus by their choices, whose numbers may change."""
        name = bpy.path.display_name(Path(filepath).stem, title_case=False)  # as Blender's menu has it
        text = json.dumps(_values(context), ensure_ascii=False)
        script = f"import bpy\nbpy.ops.comfyui.apply_values(preset={name!r}, values={text!r})\n"
        Path(filepath).write_text(script, encoding="utf-8")
        _note(context, name)


class COMFYUI_OT_apply_values(Operator):
    """Set values of the workflow, as a preset keeps them"""

    bl_idname = "comfyui.apply_values"
    bl_label = "Apply Values"
    bl_options = {"UNDO", "INTERNAL"}

    values: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    preset: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: Context) -> set[str]:
        chosen = context.scene.comfyui
        built = building.built(chosen.imported)
        try:
            found = json.loads(self.values)
        except (ValueError, RecursionError):
            found = None
        if built is None or not isinstance(found, dict):
            return {"CANCELLED"}
        there = {name: built.parameters[name] for name in found if name in chosen.values and name in built.parameters}
        left = [one for name, one in there.items() if not values.set_value(chosen.values, name, one, found[name])]
        if left:
            labels = ", ".join(f"“{parameter.label}”" for parameter in left)
            self.report({"WARNING"}, f"The server no longer has what the preset says of {labels}.")
        _note(context, self.preset)
        return {"FINISHED"}


def _values(context: Context) -> dict[str, object]:
    chosen = context.scene.comfyui
    built = building.built(chosen.imported)
    if built is None:
        return {}
    parameters = built.parameters.items()
    return {
        name: values.read(chosen.values, name, one) for name, one in parameters if values.fits(chosen.values, name, one)
    }


def _note(context: Context, preset: str) -> None:
    """Remember what the values are now, to tell later whether they were changed since."""
    chosen = context.scene.comfyui
    built = building.built(chosen.imported)
    parameters = built.parameters.items() if built is not None else ()
    there = [name for name, one in parameters if values.fits(chosen.values, name, one)]
    kept = {name: checking.plain(chosen.values[name]) for name in there}
    chosen.imported.preset, chosen.imported.preset_name = json.dumps(kept, ensure_ascii=False), preset


def _choose_folder(context: Context) -> None:
    """Each workflow has its own presets: in menus of Blender the folder belongs to the class."""
    title = AddPresetBase.as_filename(context.scene.comfyui.imported.title) or "workflow"
    folder = f"{_FOLDER}/{property_name(title)}"
    COMFYUI_MT_value_presets.preset_subdir = COMFYUI_OT_add_value_preset.preset_subdir = folder


register, unregister = bpy.utils.register_classes_factory(
    (COMFYUI_MT_value_presets, COMFYUI_OT_add_value_preset, COMFYUI_OT_apply_values)
)
