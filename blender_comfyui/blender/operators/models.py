"""Models: searched, used, liked and preferred; and the stack of LoRAs."""

import re
from collections.abc import Iterable
from typing import Any, cast

import bpy
from bpy.props import EnumProperty, IntProperty, StringProperty
from bpy.types import Context, Event, Operator

from .. import delivery, regions
from ..tasks import choices, models
from .changing import ChangingOperator

_LORAS = "loras"
_EMBEDDINGS = "embeddings"


class _Found:
    """The list of the search that is open. Blender only borrows the texts of a list made at run time."""

    names: tuple[str, ...] = ()
    items: list[tuple[str, str, str, str, int]] = []


def _names(self: Any, _context: Context) -> Iterable[tuple[str, str, str, str, int]]:
    _Found.names = models.names(self.folder)
    liked = models.favourites(self.folder)
    # by number: names may be long, and of any characters
    _Found.items = [
        (str(at), name, "", "SOLO_ON" if name in liked else "NONE", at) for at, name in enumerate(_Found.names)
    ]
    return _Found.items


class SearchOperator(ChangingOperator):
    """A search among the server's models in a `folder`, favourites first.

    Who inherits it says `bl_property` itself: Blender reads that from the class alone, and else shows an empty list.
    """

    bl_options = {"UNDO", "INTERNAL"}

    folder: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    choice: EnumProperty(items=_names, options={"SKIP_SAVE"})

    def invoke(self, context: Context, _event: Event) -> set[str]:
        if not models.names(self.folder):
            self.report({"WARNING"}, "No server has told of any. It is being asked again: try in a moment.")
            models.refresh()
            return {"CANCELLED"}
        context.window_manager.invoke_search_popup(cast(Operator, self))
        return {"FINISHED"}

    @property
    def found(self) -> str:
        return _Found.names[int(self.choice)] if self.choice and int(self.choice) < len(_Found.names) else ""


class COMFYUI_OT_search_model(SearchOperator, Operator):
    """Search among the models of the server, favourites first"""

    bl_idname = "comfyui.search_model"
    bl_label = "Search Models"
    bl_property = "choice"

    name: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: Context) -> set[str]:
        if not self.found:
            return {"CANCELLED"}
        choices.set_value(context.scene.comfyui, self.name, self.found)
        return {"FINISHED"}


class COMFYUI_OT_use_model(ChangingOperator, Operator):
    """Use this model of the server instead"""

    bl_idname = "comfyui.use_model"
    bl_label = "Use Model"
    bl_options = {"UNDO", "INTERNAL"}

    name: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    model: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: Context) -> set[str]:
        choices.set_value(context.scene.comfyui, self.name, self.model)
        return {"FINISHED"}


class COMFYUI_OT_toggle_favourite_model(Operator):
    """A favourite stands first in lists. Kept in the preferences"""

    bl_idname = "comfyui.toggle_favourite_model"
    bl_label = "Favourite"
    bl_options = {"INTERNAL"}

    folder: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    name: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, _context: Context) -> set[str]:
        models.toggle_favourite(self.folder, self.name)
        regions.redraw()
        return {"FINISHED"}


class COMFYUI_OT_prefer_model(Operator):
    """Use this model for this task in every .blend, wherever nothing else is set; or no longer"""

    bl_idname = "comfyui.prefer_model"
    bl_label = "Prefer for This Task"
    bl_options = {"INTERNAL"}

    task: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    name: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    model: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, _context: Context) -> set[str]:
        models.prefer(self.task, self.name, self.model)
        regions.redraw()
        return {"FINISHED"}


class COMFYUI_OT_refresh_models(Operator):
    """Ask the server for its models again"""

    bl_idname = "comfyui.refresh_models"
    bl_label = "Refresh Models"
    bl_options = {"INTERNAL"}

    def execute(self, _context: Context) -> set[str]:
        models.refresh()
        delivery.ask_server()
        return {"FINISHED"}


class COMFYUI_OT_add_lora(SearchOperator, Operator):
    """Add a LoRA of the server to the stack"""

    bl_idname = "comfyui.add_lora"
    bl_label = "Add LoRA"
    bl_property = "choice"

    lora: StringProperty(description="Its name on the server, for scripts", options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context: Context, event: Event) -> set[str]:
        self.folder = _LORAS
        return SearchOperator.invoke(self, context, event)

    def execute(self, context: Context) -> set[str]:
        added = context.scene.comfyui.loras.add()
        added.lora = self.lora or (self.found if self.folder else "")
        return {"FINISHED"}


class COMFYUI_OT_add_embedding(SearchOperator, Operator):
    """Put an embedding of the server into the prompt, as the text encoder reads it there"""

    bl_idname = "comfyui.add_embedding"
    bl_label = "Add Embedding to Prompt"
    bl_property = "choice"

    def invoke(self, context: Context, event: Event) -> set[str]:
        self.folder = _EMBEDDINGS
        return SearchOperator.invoke(self, context, event)

    def execute(self, context: Context) -> set[str]:
        name = self.found if self.folder else ""
        if not name:
            return {"CANCELLED"}
        if re.search(r"\s", name):
            self.report({"ERROR"}, f"“{name}” has a space in its name, at which ComfyUI ends it. Rename its file.")
            return {"CANCELLED"}
        chosen = context.scene.comfyui
        chosen.prompt = f"{chosen.prompt} embedding:{name}".lstrip()
        return {"FINISHED"}


class LoraOperator(ChangingOperator):
    """What concerns one LoRA of the stack, by its `index`."""

    bl_options = {"UNDO", "INTERNAL"}

    index: IntProperty(options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context: Context) -> bool:
        return super().poll(context) and bool(context.scene.comfyui.loras)


class COMFYUI_OT_choose_lora(LoraOperator, SearchOperator, Operator):
    """Take another LoRA of the server here"""

    bl_idname = "comfyui.choose_lora"
    bl_label = "Choose LoRA"
    bl_property = "choice"

    @classmethod
    def description(cls, context: Context, properties: "COMFYUI_OT_choose_lora") -> str:
        """Return the whole name: the button has room for a part."""
        stack = context.scene.comfyui.loras
        name = stack[properties.index].lora if properties.index < len(stack) else ""
        return f"{name}. Click to take another one" if name else cls.__doc__

    def invoke(self, context: Context, event: Event) -> set[str]:
        self.folder = _LORAS
        return SearchOperator.invoke(self, context, event)

    def execute(self, context: Context) -> set[str]:
        stack = context.scene.comfyui.loras
        if not (self.folder and self.found and self.index < len(stack)):
            return {"CANCELLED"}
        stack[self.index].lora = self.found
        return {"FINISHED"}


class COMFYUI_OT_remove_lora(LoraOperator, Operator):
    """Take this LoRA out of the stack"""

    bl_idname = "comfyui.remove_lora"
    bl_label = "Remove LoRA"

    def execute(self, context: Context) -> set[str]:
        context.scene.comfyui.loras.remove(self.index)
        return {"FINISHED"}


class COMFYUI_OT_move_lora(LoraOperator, Operator):
    """Move this LoRA in the stack: the first one is next to the model"""

    bl_idname = "comfyui.move_lora"
    bl_label = "Move LoRA"

    by: IntProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: Context) -> set[str]:
        context.scene.comfyui.loras.move(self.index, self.index + self.by)
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory(
    (
        COMFYUI_OT_search_model,
        COMFYUI_OT_use_model,
        COMFYUI_OT_toggle_favourite_model,
        COMFYUI_OT_prefer_model,
        COMFYUI_OT_refresh_models,
        COMFYUI_OT_add_lora,
        COMFYUI_OT_add_embedding,
        COMFYUI_OT_choose_lora,
        COMFYUI_OT_remove_lora,
        COMFYUI_OT_move_lora,
    )
)
