"""Text strips of the sequencer ↔ panels: the strip's name is the id, its text the prompt, its place the panel's.

Blender gives two strips never the same name, and up to 4.5 a text holds 511 bytes: so a strip that we make says in a
custom property of its own which panel it is, and what the whole prompt is. That counts as long as its name and its text
are as they were written.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from bpy.types import Scene

from ...generation.storyboard.cues import from_cues, strip_cues
from .. import compat
from ..sinks.sequencer import frames_per_second, free_channel
from . import contents
from .contents import Shot
from .state import ComfyStoryPanel

if TYPE_CHECKING:
    from bpy.types import TextStrip  # named TextSequence before 4.5

KEY = "comfyui_cue"
CHANNEL_NAME = "Prompts"
_CUT = "…"


@dataclass(frozen=True)
class _Note:
    """What a strip was written for: the panel's id and prompt, and how the strip was named and worded then."""

    id: str
    prompt: str
    name: str
    text: str


def read(scene: Scene, *, selected: bool = False) -> list[Shot]:
    """Return the panels that the scene's text strips are.

    What a strip does not say is kept from the panel of the same id. Raises InvalidCues.
    """
    strips = [strip for strip in _strips(scene) if strip.select or not selected]
    notes = [_note(strip) for strip in strips]
    told = [(_id(strip, note), _text(strip, note), strip) for strip, note in zip(strips, notes, strict=True)]
    cues = strip_cues((name, text, *compat.strip_range(strip)) for name, text, strip in told)
    panels = from_cues(cues, frames_per_second(scene), contents.known_panels(scene).values())
    return [Shot(replace(panel, prompt=cue.text), cue.start, cue.end) for panel, cue in zip(panels, cues, strict=True)]


def write(scene: Scene) -> int:
    """Have a text strip stand for each panel; return how many. They are on a muted channel: no film shows prompts."""
    scene.sequence_editor_create()
    panels = scene.comfyui_storyboard.panels
    there = {_id(strip, _note(strip)): strip for strip in _strips(scene)}
    missing = [panel for panel in panels if panel.name not in there]
    channel = _channel(scene, missing) if missing else 0
    for panel in panels:
        strip = there.get(panel.name)
        if strip is None:
            strip = _made(scene, panel, channel)
        _set(strip, panel)
    return len(panels)


def _strips(scene: Scene) -> "Iterator[TextStrip]":
    editor = scene.sequence_editor
    return (strip for strip in (compat.strips(editor) if editor is not None else ()) if strip.type == "TEXT")


def _channel(scene: Scene, panels: list[ComfyStoryPanel]) -> int:
    start, end = min(panel.start for panel in panels), max(panel.end for panel in panels)
    channel = free_channel(scene, start, end)
    row = scene.sequence_editor.channels[channel]
    row.name, row.mute = CHANNEL_NAME, True
    return channel


def _made(scene: Scene, panel: ComfyStoryPanel, channel: int) -> "TextStrip":
    made = compat.new_effect(scene.sequence_editor, panel.name, "TEXT", channel, panel.start, panel.length)
    return cast("TextStrip", made)


def _set(strip: "TextStrip", panel: ComfyStoryPanel) -> None:
    compat.move_strip(strip, panel.start)
    compat.set_strip_length(strip, panel.length)
    strip.name, strip.text = panel.name, _cut(panel.prompt)
    strip[KEY] = json.dumps([panel.name, panel.prompt, strip.name, strip.text], ensure_ascii=False)


def _cut(prompt: str) -> str:
    most = compat.MAX_TEXT_BYTES
    if most is None or len(prompt.encode()) <= most:
        return prompt
    return prompt.encode()[: most - len(_CUT.encode())].decode("utf-8", "ignore") + _CUT


def _note(strip: "TextStrip") -> _Note | None:
    try:
        return _Note(*json.loads(strip.get(KEY, "")))
    except (ValueError, TypeError):
        return None


def _id(strip: "TextStrip", note: _Note | None) -> str:
    return note.id if note is not None and note.name == strip.name else strip.name


def _text(strip: "TextStrip", note: _Note | None) -> str:
    return note.prompt if note is not None and note.text == strip.text else strip.text
