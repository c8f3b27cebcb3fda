"""What the artist sets in the panel, kept in the scene. Nothing here talks to the server."""

import re
import secrets
from collections.abc import Iterable

import bpy
from bpy.props import CollectionProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty
from bpy.types import Context, Image, PropertyGroup, Scene

from . import runtime
from .tasks import models
from .tasks.state import CLASSES, ComfyLora, ComfyOverride
from .workflow_panel.state import ComfyImported, ComfyMedia, ComfyValues

MAX_SEED = 2**64 - 1  # Blender's integers have 32 bits, the server's seeds 64: so they are kept as text
LATENT_STEP = 8  # pictures come in multiples of this many pixels


def _keep_seed_a_number(self: "ComfySettings", _context: Context) -> None:
    tidy = str(min(int(re.sub(r"\D", "", self.seed) or 0), MAX_SEED))
    if self.seed != tidy:
        self.seed = tidy


def _checkpoints(_self: object, _context: Context, _text: str) -> Iterable[str]:
    return models.names("checkpoints")


def _samplers(_self: object, _context: Context, _text: str) -> Iterable[str]:
    return runtime.server_state().samplers


def _schedulers(_self: object, _context: Context, _text: str) -> Iterable[str]:
    return runtime.server_state().schedulers


class ComfyResult(PropertyGroup):
    """A result that was placed here (ledger.py): `name` says which, and stays, so that it is not placed twice.

    Being pointed at from here is what keeps an image in the .blend when nothing shows it.
    """

    image: PointerProperty(type=Image)


class ComfySettings(PropertyGroup):
    """`scene.comfyui`."""

    task: StringProperty(name="Task", description="What to make", default="image_generation")
    tier: StringProperty(name="Tier", description="How well to make it", default="standard")
    workflow: StringProperty(
        name="Workflow", description="The workflow that makes it. Where empty, the one that the tier names"
    )
    prompt: StringProperty(
        name="Prompt",
        description="What the picture shows. In {red|blue} the seed chooses, and with __name__ a line of name.txt",
    )
    negative_prompt: StringProperty(name="Negative Prompt", description="What the picture shall not show")
    seed_mode: EnumProperty(
        name="Seed",
        description="Where the picture's random start comes from",
        items=(
            ("RANDOM", "Random", "Another picture each time"),
            ("FIXED", "Fixed", "The same picture again as long as nothing else changes"),
        ),
    )
    seed: StringProperty(
        name="Seed",
        description=f"The fixed seed, a whole number from 0 to {MAX_SEED}",
        default="0",
        update=_keep_seed_a_number,
    )
    last_seed: StringProperty(name="Last Seed", description="The seed of the last generation")
    size_source: EnumProperty(
        name="Size",
        description="Where the picture's size comes from",
        items=(
            ("OWN", "Tier", "The tier's width and height, or those that are set here"),
            ("RENDER", "Render", "The scene's render size, rounded to multiples of 8"),
        ),
    )
    width: IntProperty(
        name="Width",
        description="The picture's width in pixels",
        default=512,
        min=16,
        max=16384,
        soft_min=256,
        soft_max=4096,
        step=LATENT_STEP,  # no unit behind the number: at 280 pixels there is no room for it
    )
    height: IntProperty(
        name="Height",
        description="The picture's height in pixels",
        default=512,
        min=16,
        max=16384,
        soft_min=256,
        soft_max=4096,
        step=LATENT_STEP,  # no unit behind the number: at 280 pixels there is no room for it
    )
    steps: IntProperty(
        name="Steps",
        description="How often the picture is refined; more take longer",
        default=20,
        min=1,
        max=10000,
        soft_max=100,
    )
    cfg: FloatProperty(
        name="CFG",
        description="How strictly the picture follows the prompt; high values look overdone",
        default=7.0,
        min=0.0,
        max=100.0,
        soft_min=1.0,
        soft_max=20.0,
        step=50,
        precision=1,
    )
    sampler: StringProperty(
        name="Sampler",
        description="The method of refining. Where empty, the tier's",
        search=_samplers,
    )
    scheduler: StringProperty(
        name="Scheduler",
        description="How the noise is spread over the steps. Where empty, the tier's",
        search=_schedulers,
    )
    denoise: FloatProperty(
        name="Denoise",
        description="How much of the start is replaced; 1 makes a wholly new picture",
        default=1.0,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    batch_size: IntProperty(
        name="Batch",
        description="How many pictures to make at once; each needs graphics memory",
        default=1,
        min=1,
        max=4096,
        soft_max=16,
    )
    checkpoint: StringProperty(
        name="Checkpoint",
        description="The model on the server that makes the picture. "
        "Where empty, the one that is preferred for the task, else the workflow's own",
        search=_checkpoints,
    )
    sink: EnumProperty(
        name="Result",
        description="Where the result goes",
        items=(
            ("IMAGE_EDITOR", "Image", "An image, shown in an open Image Editor"),
            ("SEQUENCER", "Strip", "A strip in the Sequencer, at the frame that was current on the click"),
        ),
    )
    input_image: PointerProperty(name="Image", description="The picture that the task begins with", type=Image)
    input_mask: PointerProperty(
        name="Mask", description="Where this picture is white, the other one is made anew", type=Image
    )
    overrides: CollectionProperty(type=ComfyOverride)
    loras: CollectionProperty(type=ComfyLora)
    imported: PointerProperty(type=ComfyImported)
    imported_task: StringProperty(options={"HIDDEN"})  # that the imported workflow makes in this scene
    values: PointerProperty(type=ComfyValues)
    media: CollectionProperty(type=ComfyMedia)
    results: CollectionProperty(type=ComfyResult)
    blend_id: StringProperty(options={"HIDDEN"})  # the .blend's own, the same in all its scenes (blend_file.py)

    def picture_size(self) -> tuple[int, int]:
        """Return the width and height to ask for, in pixels."""
        if self.size_source == "OWN":
            return self.width, self.height
        render = self.id_data.render
        share = render.resolution_percentage / 100
        return _to_step(render.resolution_x * share), _to_step(render.resolution_y * share)

    def next_seed(self) -> int:
        """Return the fixed seed, or a new one."""
        return int(self.seed) if self.seed_mode == "FIXED" else secrets.randbits(64)


def _to_step(pixels: float) -> int:
    return max(LATENT_STEP, round(pixels / LATENT_STEP) * LATENT_STEP)


_register, _unregister = bpy.utils.register_classes_factory(
    (ComfyResult, ComfyValues, ComfyMedia, ComfyImported, *CLASSES, ComfySettings)
)


def register() -> None:
    _register()
    Scene.comfyui = PointerProperty(type=ComfySettings)


def unregister() -> None:
    del Scene.comfyui
    _unregister()
