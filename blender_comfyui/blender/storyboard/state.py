"""The storyboard as the .blend keeps it, in `scene.comfyui_storyboard`. Nothing here talks to the server."""

import re
from collections.abc import Collection, Iterable, Mapping

import bpy
from bpy.props import BoolProperty, CollectionProperty, IntProperty, PointerProperty, StringProperty
from bpy.types import Context, PropertyGroup, Scene

from ...generation.storyboard.cues import clean_id
from ...generation.tasks.records import Task, Tier
from ..properties import MAX_SEED
from ..tasks import files
from . import changes

_LAST_FRAME = 1_048_573  # of Blender
_NOT_DIGITS = re.compile(r"\D")


def _tidy_seed(self: PropertyGroup, _context: Context) -> None:
    digits = _NOT_DIGITS.sub("", self.seed)
    tidy = str(min(int(digits), MAX_SEED)) if digits else ("" if isinstance(self, ComfyStoryPanel) else "0")
    if self.seed != tidy:
        self.seed = tidy
    changes.note()


def _only_one_of_this_id(self: "ComfyStoryPanel", _context: Context) -> None:
    if changes.is_quiet():
        return
    panels = self.id_data.comfyui_storyboard.panels
    taken = {panel.name for panel in panels if panel != self}
    free = free_id(self.name, taken)
    if self.name != free:
        self.name = free
    changes.note()


def free_id(wanted: str, taken: Collection[str]) -> str:
    """Return an id that is not taken: the wanted one as ids are written, or that with a number."""
    wanted = clean_id(wanted) or "1"
    if wanted not in taken:
        return wanted
    return next(f"{wanted}-{count}" for count in range(2, len(taken) + 3) if f"{wanted}-{count}" not in taken)


def known_tasks() -> Mapping[str, Task]:
    """Return the tasks as they were read last; none before that."""
    last = files.book().last
    return last.tasks if last is not None else {}


def tier_of(board: "ComfyStoryboard") -> Tier | None:
    """Return the tier that is asked for, where it is known."""
    task = known_tasks().get(board.task)
    return task.tiers.get(board.tier) if task is not None else None


def _tasks(_self: object, _context: Context, _text: str) -> Iterable[str]:
    return list(known_tasks())


def _tiers(self: "ComfyStoryboard", _context: Context, _text: str) -> Iterable[str]:
    task = known_tasks().get(self.task)
    return list(task.tiers) if task is not None else ()


def _parameters(self: "ComfySetting", _context: Context, _text: str) -> Iterable[str]:
    tier = tier_of(self.id_data.comfyui_storyboard)
    return sorted({*tier.parameters, "checkpoint"}) if tier is not None else ()


class ComfySetting(PropertyGroup):
    """A value in place of the tier's, for the parameter `name`."""

    name: StringProperty(
        name="Parameter",
        description="Which setting of the tier, for instance steps or cfg",
        search=_parameters,
        search_options={"SUGGESTION"},
        update=changes.edited,
    )
    text: StringProperty(name="Value", description="The value instead of the tier's", update=changes.edited)


class ComfyStoryPanel(PropertyGroup):
    """One panel. `name` is its id."""

    name: StringProperty(
        name="Panel",
        description="The panel's id. It decides the seed and names the results, so it stays when panels are moved",
        update=_only_one_of_this_id,
    )
    prompt: StringProperty(name="Prompt", description="What this panel shows", update=changes.edited)
    negative_prompt: StringProperty(
        name="Negative Prompt", description="What this panel shall not show", update=changes.edited
    )
    start: IntProperty(
        name="Start",
        description="The panel's first frame",
        default=1,
        min=-_LAST_FRAME,
        max=_LAST_FRAME,
        update=changes.edited,
    )
    length: IntProperty(
        name="Length",
        description="How many frames the panel stands",
        default=48,
        min=1,
        max=_LAST_FRAME,
        update=changes.edited,
    )
    seed: StringProperty(
        name="Seed",
        description="A seed of this panel's own. Where empty, it follows from the storyboard's seed and the panel's id",
        update=_tidy_seed,
    )
    settings: CollectionProperty(type=ComfySetting)
    chosen: BoolProperty(name="Select", description="Whether Run Selected is about this panel")

    @property
    def end(self) -> int:
        """The frame after its last one."""
        return self.start + self.length


class ComfyStoryboard(PropertyGroup):
    """`scene.comfyui_storyboard`."""

    id: StringProperty(options={"HIDDEN"})  # by which the history knows it
    title: StringProperty(name="Title", description="What the storyboard is called", update=changes.edited)
    seed: StringProperty(
        name="Seed",
        description=f"The storyboard's seed, a whole number from 0 to {MAX_SEED}. Every panel's follows from it",
        default="0",
        update=_tidy_seed,
    )
    width: IntProperty(
        name="Width",
        description="The pictures' width in pixels, 0 for the tier's. It is rounded to what the model can make",
        min=0,
        max=16384,
        update=changes.edited,
    )
    height: IntProperty(
        name="Height",
        description="The pictures' height in pixels, 0 for the tier's. It is rounded to what the model can make",
        min=0,
        max=16384,
        update=changes.edited,
    )
    task: StringProperty(
        name="Task",
        description="What to make of each panel",
        default="image_generation",
        search=_tasks,
        search_options={"SUGGESTION"},
        update=changes.edited,
    )
    tier: StringProperty(
        name="Tier",
        description="How well to make it",
        default="standard",
        search=_tiers,
        search_options={"SUGGESTION"},
        update=changes.edited,
    )
    before: StringProperty(
        name="Style Before", description="Comes before the prompt of each panel", update=changes.edited
    )
    after: StringProperty(name="Style After", description="Comes after the prompt of each panel", update=changes.edited)
    settings: CollectionProperty(type=ComfySetting)
    panels: CollectionProperty(type=ComfyStoryPanel)
    active: IntProperty(name="Panel", description="The panel that is edited below")

    @property
    def active_panel(self) -> ComfyStoryPanel | None:
        """The panel that is edited, if there is one."""
        return self.panels[self.active] if 0 <= self.active < len(self.panels) else None


_register, _unregister = bpy.utils.register_classes_factory((ComfySetting, ComfyStoryPanel, ComfyStoryboard))


def register() -> None:
    changes.register()
    _register()
    Scene.comfyui_storyboard = PointerProperty(type=ComfyStoryboard)


def unregister() -> None:
    del Scene.comfyui_storyboard
    _unregister()
    changes.unregister()
