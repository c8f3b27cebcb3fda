"""What a person sets instead of a tier, as the .blend keeps it: values, and a stack of LoRAs."""

from collections.abc import Iterable
from typing import Any

from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty
from bpy.types import Context, PropertyGroup

from ...workflow.lora_names import STRONGEST
from . import models

_LARGEST = 2**31 - 1
_FIELDS = {"INTEGER": "integer", "NUMBER": "number", "TEXT": "text", "TRUTH": "truth"}


class ComfyOverride(PropertyGroup):
    """A value in place of a tier's, for a parameter that has no property of its own; `name` is the parameter's."""

    task: StringProperty(options={"HIDDEN"})
    kind: EnumProperty(items=tuple((name, name, "") for name in _FIELDS), options={"HIDDEN"})
    integer: IntProperty(name="Value", description="Instead of the tier's")
    number: FloatProperty(name="Value", description="Instead of the tier's", precision=3, step=10)
    text: StringProperty(name="Value", description="Instead of the tier's")
    truth: BoolProperty(name="Value", description="Instead of the tier's")

    @property
    def field(self) -> str:
        """Return the name of the property that has the value."""
        return _FIELDS[self.kind]

    @property
    def value(self) -> object:
        value = getattr(self, self.field)
        return round(value, 6) if isinstance(value, float) else value  # Blender keeps 32 bits

    def set(self, value: object) -> None:
        """Take over a value, and of which kind it is."""
        if isinstance(value, bool):
            self.kind, self.truth = "TRUTH", value
        elif isinstance(value, int) and abs(value) <= _LARGEST:
            self.kind, self.integer = "INTEGER", value
        elif isinstance(value, int | float):
            self.kind, self.number = "NUMBER", value
        else:
            self.kind, self.text = "TEXT", str(value)


def _loras(_self: object, _context: Context, _text: str) -> Iterable[str]:
    return models.names("loras")


def _strength(name: str, what: str) -> Any:
    return FloatProperty(
        name=name,
        description=f"How strongly it changes the {what}; below 0 it does the opposite",
        default=1.0,
        min=-STRONGEST,
        max=STRONGEST,
        soft_min=-2.0,
        soft_max=2.0,
        step=5,
        precision=2,
    )


class ComfyLora(PropertyGroup):
    """One of the stack."""

    on: BoolProperty(name="Use", description="Whether this LoRA is put into the workflow", default=True)
    lora: StringProperty(
        name="LoRA", description="The LoRA's file on the server. Folder and ending may be left out", search=_loras
    )
    strength_model: _strength("Model", "diffusion model")
    strength_clip: _strength("Text", "text encoder")


CLASSES = (ComfyOverride, ComfyLora)
