"""What a grid goes through, as it lies in the .blend: `scene.comfyui_grid`."""

import bpy
from bpy.props import EnumProperty, IntProperty, PointerProperty, StringProperty
from bpy.types import PropertyGroup, Scene

from ...generation.grids.model import Axis, InvalidGrid, axis, seeds

SEED, NONE, OTHER = "SEED", "NONE", "OTHER"
# identifier, what the panel calls it, the parameter's name, an example of values
_PARAMETERS = (
    (SEED, "Seed", "seed", ""),
    ("STEPS", "Steps", "steps", "8, 16, 24 or 8..32 (8)"),
    ("CFG", "CFG", "cfg", "3, 5.5, 8 or 2..8 (2)"),
    ("SAMPLER", "Sampler", "sampler_name", "euler, dpmpp_2m"),
    ("SCHEDULER", "Scheduler", "scheduler", "normal, karras"),
    ("DENOISE", "Denoise", "denoise", "0.4, 0.6, 0.8"),
    ("WIDTH", "Width", "width", "512, 768"),
    ("HEIGHT", "Height", "height", "512, 768"),
    ("CHECKPOINT", "Checkpoint", "checkpoint", "one.safetensors, two.safetensors"),
    ("TIER", "Tier", "tier", "low, standard"),
    ("PROMPT", "Prompt", "prompt", '"a fox, red", "a fox, blue"'),
    ("NEGATIVE", "Negative Prompt", "negative_prompt", "blurry, dark"),
)
_NAMES = {identifier: name for identifier, _, name, _ in _PARAMETERS}
EXAMPLES = {identifier: example for identifier, _, _, example in _PARAMETERS} | {OTHER: "1, 2, 3"}
_ITEMS = tuple((identifier, title, f"Go through values of {title}") for identifier, title, _, _ in _PARAMETERS)
_OTHER = ((OTHER, "Other", "Any input of the workflow, by its name"),)
_NOTHING = ((NONE, "None", "Only one parameter is gone through"),)

_VALUES = (
    "With commas between them; one that holds a comma stands in double quotes. "
    "8..32 (8) goes from 8 to 32 in steps of 8, 1..10 [4] gives four numbers"
)
_NAME = "The input's name, as in “steps” or “KSampler.steps”, or a LoRA, as in “lora:ink”"


class ComfyGrid(PropertyGroup):
    """`scene.comfyui_grid`: `across` are the columns, `down` the rows."""

    across: EnumProperty(name="Across", description="What the columns are", items=(*_ITEMS, *_OTHER), default=SEED)
    across_name: StringProperty(name="Name", description=_NAME)
    across_values: StringProperty(name="Values", description=_VALUES)
    down: EnumProperty(name="Down", description="What the rows are", items=(*_NOTHING, *_ITEMS, *_OTHER), default=NONE)
    down_name: StringProperty(name="Name", description=_NAME)
    down_values: StringProperty(name="Values", description=_VALUES)
    across_count: IntProperty(
        name="Seeds", description="How many seeds, from the panel's on", default=4, min=1, max=100
    )
    down_count: IntProperty(name="Seeds", description="How many seeds, from the panel's on", default=2, min=1, max=100)


def axes_of(chosen: ComfyGrid, seed: int) -> tuple[Axis, Axis | None]:
    """Return what is gone through; seeds begin with `seed`. Raises InvalidGrid."""
    across = _axis(chosen, "across", seed)
    assert across is not None
    return across, _axis(chosen, "down", seed)


def counted(chosen: ComfyGrid) -> int:
    """Return how many pictures there would be; 0 where the values cannot be."""
    try:
        across, down = axes_of(chosen, 0)
    except InvalidGrid:
        return 0
    return len(across.values) * (len(down.values) if down else 1)


def _axis(chosen: ComfyGrid, which: str, seed: int) -> Axis | None:
    kind = getattr(chosen, which)
    if kind == NONE:
        return None
    if kind == SEED:
        return seeds(seed, getattr(chosen, f"{which}_count"))
    name = getattr(chosen, f"{which}_name").strip() if kind == OTHER else _NAMES[kind]
    return axis(name, getattr(chosen, f"{which}_values"))


_register, _unregister = bpy.utils.register_classes_factory((ComfyGrid,))


def register() -> None:
    _register()
    Scene.comfyui_grid = PointerProperty(type=ComfyGrid)


def unregister() -> None:
    del Scene.comfyui_grid
    _unregister()
