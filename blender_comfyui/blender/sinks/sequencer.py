"""Results as strips at the frame that was current on the click, on a channel that is free there."""

import bpy
from bpy.types import Scene

from .. import compat
from ..job_list import Entry, Result
from . import ledger
from .names import data_block_name
from .recipe import KEY, recipe
from .target import CannotPlace, blender_path, push_undo, scene_of

STILL_SECONDS = 2.0  # how long a single picture stands
MAX_CHANNEL = 128  # Blender's own limit
END_OF_TIME = 1_048_574  # Blender's last frame


def place(entry: Entry, result: Result) -> str:
    """Make a strip of the file; return its name. Raises CannotPlace."""
    output = result.output
    scene = scene_of(entry.target)
    if not output.path.is_file():  # Blender itself makes a strip that shows nothing
        raise CannotPlace(f"“{output.path.name}” cannot be read from {output.path.parent}: it was moved.")
    frame = int(entry.target.get("frame", scene.frame_current))
    name = data_block_name(entry.making.label, entry.making.seed, compat.MAX_NAME_BYTES)
    scene.sequence_editor_create()
    add = _add_movie if output.kind == "video" else _add_still
    strip = add(scene, name, blender_path(output.path), frame)
    strip.name = name
    strip[KEY] = recipe(entry, result)
    ledger.enter(scene, entry.id, result.number)
    show(scene)
    push_undo(f"ComfyUI: {strip.name}")
    return strip.name


def frames_per_second(scene: Scene) -> float:
    return scene.render.fps / scene.render.fps_base


def free_channel(scene: Scene, start: int, end: int, height: int = 1) -> int:
    """Return the lowest of `height` channels without a strip between the frames `start` and `end` (exclusive)."""
    taken = set()
    for strip in compat.strips(scene.sequence_editor):
        first, after = compat.strip_range(strip)
        if first < end and after > start:
            taken.add(strip.channel)
    candidates = range(1, MAX_CHANNEL - height + 2)
    return next((low for low in candidates if taken.isdisjoint(range(low, low + height))), MAX_CHANNEL)


def _add_still(scene: Scene, name: str, path: str, frame: int) -> "bpy.types.Strip":
    length = max(1, round(STILL_SECONDS * frames_per_second(scene)))
    channel = free_channel(scene, frame, frame + length)
    strip = compat.strips(scene.sequence_editor).new_image(name, path, channel, frame)
    compat.set_strip_length(strip, length)
    return strip


def _add_movie(scene: Scene, name: str, path: str, frame: int) -> "bpy.types.Strip":
    """Only a strip knows how long its movie is: so it is made first, where nothing is, and then put in its place."""
    editor = scene.sequence_editor
    strip = compat.strips(editor).new_movie(name, path, free_channel(scene, frame, END_OF_TIME), frame)
    start, end = compat.strip_range(strip)
    own_rate = strip.fps or frames_per_second(scene)
    length = max(1, round((end - start) * frames_per_second(scene) / own_rate))
    retimed = length != end - start
    strip.channel = MAX_CHANNEL  # out of its own way
    strip.channel = free_channel(scene, frame, frame + length, height=2 if retimed else 1)
    if retimed:
        compat.play_in(editor, strip, length)
    return strip


def show(scene: Scene) -> None:
    """From 5.0 on a Sequencer shows nothing until its workspace has a scene."""
    for window in bpy.context.window_manager.windows:
        if getattr(window.workspace, "sequencer_scene", scene) is None:
            window.workspace.sequencer_scene = scene
