"""Results of a storyboard as strips at their panel's place and length; alternatives on muted channels above.

The panel says where, as it stands when the result arrives. The first result of a panel goes on the storyboard's own
channel, any other one on the lowest channel of takes that is free there: those are muted, so that the cut stays as it
is until somebody chooses another take. A movie plays at its own speed from the panel's first frame: what is longer than
the panel is cut off, behind the strip's handle, and what is shorter holds its last picture.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bpy.types import Scene, SequenceEditor

from .. import compat
from ..job_list import Entry, Result
from . import ledger
from .names import data_block_name
from .recipe import KEY, recipe
from .sequencer import END_OF_TIME, MAX_CHANNEL, frames_per_second, free_channel, show
from .target import CannotPlace, blender_path, push_undo, scene_of

if TYPE_CHECKING:
    from bpy.types import Strip  # named Sequence before 4.5

STORY = "comfyui_story"
"""The custom property of a storyboard's strips."""
_SAME_SHAPE = 0.03  # as much of a picture may be cut off at its edges, so that it leaves no bars


@dataclass(frozen=True)
class Place:
    """Where a panel is: of which storyboard, and in frames, `end` not included."""

    storyboard: str
    panel: str
    start: int
    end: int


@dataclass(frozen=True)
class Mark:
    """What a strip says of itself. `is_take`: it stands on a muted channel, as an alternative."""

    storyboard: str
    panel: str
    job_id: str
    is_take: bool


def place(entry: Entry, result: Result) -> str:
    """Make a strip of the file; return its name. Raises CannotPlace."""
    output, scene = result.output, scene_of(entry.target)
    if not output.path.is_file():  # Blender itself makes a strip that shows nothing
        raise CannotPlace(f"“{output.path.name}” cannot be read from {output.path.parent}: it was moved.")
    where = _place(scene, entry)
    scene.sequence_editor_create()
    name = data_block_name(_label(scene, entry, where), entry.making.seed, compat.MAX_NAME_BYTES)
    strip, is_take = _placed(scene, blender_path(output.path), where, name, movie=output.kind == "video")
    strip[KEY] = recipe(entry, result)
    mark(strip, Mark(where.storyboard, where.panel, entry.id, is_take))
    ledger.enter(scene, entry.id, result.number)
    show(scene)
    push_undo(f"ComfyUI: {strip.name}")
    return strip.name


def mark(strip: "Strip", about: Mark) -> None:
    """Write down on a strip what it is."""
    strip[STORY] = json.dumps(vars(about), ensure_ascii=False)


def mark_of(strip: "Strip") -> Mark | None:
    """Return what a strip is of, None for any other strip."""
    text = strip.get(STORY)
    try:
        return Mark(**json.loads(text)) if isinstance(text, str) else None
    except (ValueError, TypeError):
        return None


def strips_of(scene: Scene, storyboard: str) -> "Iterator[tuple[Strip, Mark]]":
    """Yield the strips of a storyboard's results."""
    if scene.sequence_editor is None:
        return
    for strip in compat.strips(scene.sequence_editor):
        found = mark_of(strip)
        if found is not None and found.storyboard == storyboard:
            yield strip, found


def _place(scene: Scene, entry: Entry) -> Place:
    """Return where the panel is now; of one that is gone where it was on the click."""
    target = entry.target
    storyboard, name = target.get("storyboard", ""), target.get("panel", "")
    board = scene.comfyui_storyboard
    panel = board.panels.get(name) if board.id == storyboard else None
    if panel is not None:
        return Place(storyboard, name, panel.start, panel.end)
    start = int(target.get("frame", scene.frame_current))
    return Place(storyboard, name, start, start + max(1, int(target.get("length", 1))))


def _label(scene: Scene, entry: Entry, where: Place) -> str:
    """Return the panel's id and its own prompt: what all panels have in common tells none from another."""
    board = scene.comfyui_storyboard
    panel = board.panels.get(where.panel) if board.id == where.storyboard else None
    return f"{where.panel} {panel.prompt if panel is not None else entry.making.label}"


def _placed(scene: Scene, path: str, where: Place, name: str, *, movie: bool) -> "tuple[Strip, bool]":
    """Make the strip where it belongs; return it, and whether it is an alternative."""
    strip = _added(scene, path, where, movie=movie)
    speed = _speed(scene, strip) if movie else 1.0
    strip.channel, effect_channel, is_take = _channels(scene, where, compat.needs_effect(speed), strip)
    strip.name = name
    if movie:
        compat.play_from_start(scene.sequence_editor, strip, speed, where.end - where.start, effect_channel)
    else:
        compat.set_strip_length(strip, where.end - where.start)
    _fill_frame(scene, strip)
    strip.select = False  # sixty selected strips are one key from being gone
    return strip, is_take


def _added(scene: Scene, path: str, where: Place, *, movie: bool) -> "Strip":
    """Make the strip on a channel where nothing is for all time: only it knows how long its movie is."""
    strips = compat.strips(scene.sequence_editor)
    channel = free_channel(scene, where.start, END_OF_TIME)
    add = strips.new_movie if movie else strips.new_image
    return add(where.panel or "panel", path, channel, where.start, fit_method="FIT")


def _speed(scene: Scene, movie: "Strip") -> float:
    """Return how many of the movie's pictures pass in a frame of the scene."""
    own = movie.fps
    return own / frames_per_second(scene) if own and abs(own / frames_per_second(scene) - 1.0) > 1e-3 else 1.0


def _channels(scene: Scene, where: Place, has_effect: bool, own: "Strip") -> tuple[int, int, bool]:
    """Return the channel of the strip, that of its effect, and whether it is an alternative."""
    own.channel = MAX_CHANNEL  # out of its own way
    ours = [(strip, found) for strip, found in strips_of(scene, where.storyboard)]
    has_one = any(found.panel == where.panel and not found.is_take for _, found in ours)
    base = _base_channel(scene, where, ours)
    if has_one:
        return (*_take_channels(scene, where, base, has_effect), True)
    muted = {number for number in range(1, MAX_CHANNEL + 1) if is_muted(scene.sequence_editor, number)}
    channel = _free_above(scene, where, base, muted)
    return channel, _free_above(scene, where, channel + 1, muted) if has_effect else 0, False


def _base_channel(scene: Scene, where: Place, ours: "list[tuple[Strip, Mark]]") -> int:
    """Return the channel of the storyboard's first takes; before there are any, one that is free for all panels."""
    used = Counter(strip.channel for strip, found in ours if not found.is_take)
    if used:
        return used.most_common(1)[0][0]
    board = scene.comfyui_storyboard
    panels = board.panels if board.id == where.storyboard else ()
    start = min((panel.start for panel in panels), default=where.start)
    return free_channel(scene, min(start, where.start), max([where.end, *(panel.end for panel in panels)]))


def _free_above(scene: Scene, where: Place, lowest: int, but: set[int]) -> int:
    taken = {strip.channel for strip in _overlapping(scene, where)} | but
    return next((number for number in range(lowest, MAX_CHANNEL) if number not in taken), MAX_CHANNEL - 1)


def _take_channels(scene: Scene, where: Place, base: int, has_effect: bool) -> tuple[int, int]:
    """Return channels that are muted for takes, or empty: then they are from now on."""
    editor = scene.sequence_editor
    others = _channels_of_others(scene, where.storyboard)
    channel = _free_above(scene, where, base + 1, others)
    effect = _free_above(scene, where, channel + 1, others) if has_effect else 0
    for number in (channel, effect):
        if number and not is_muted(editor, number):
            editor.channels[number].mute = True
            editor.channels[number].name = f"Takes {number}"
    return channel, effect


def _channels_of_others(scene: Scene, storyboard: str) -> set[int]:
    """Return the channels that are seen or belong to somebody else: what stands there must not be muted."""
    kept = set()
    for strip in compat.strips(scene.sequence_editor):
        found = mark_of(strip)
        is_ours = found is not None and found.storyboard == storyboard and found.is_take
        is_effect_of_ours = is_muted(scene.sequence_editor, strip.channel) and strip.type == "SPEED"
        if strip.channel != MAX_CHANNEL and not (is_ours or is_effect_of_ours):
            kept.add(strip.channel)
    return kept


def _overlapping(scene: Scene, where: Place) -> "Iterator[Strip]":
    for strip in compat.strips(scene.sequence_editor):
        first, after = compat.strip_range(strip)
        if first < where.end and after > where.start and strip.channel != MAX_CHANNEL:
            yield strip


def is_muted(editor: SequenceEditor, channel: int) -> bool:
    """Whether this channel of the sequencer is muted."""
    return 0 < channel < len(editor.channels) and bool(editor.channels[channel].mute)


def _fill_frame(scene: Scene, strip: "Strip") -> None:
    """A picture of nearly the frame's shape leaves no bars; any other one is seen whole."""
    element = strip.elements[0] if strip.type in ("IMAGE", "MOVIE") and strip.elements else None
    width, height = (element.orig_width, element.orig_height) if element is not None else (0, 0)
    if not width or not height:
        return
    across, down = scene.render.resolution_x / width, scene.render.resolution_y / height
    small, large = sorted((across, down))
    factor = large if small / large > 1 - _SAME_SHAPE else small
    strip.transform.scale_x = strip.transform.scale_y = factor
