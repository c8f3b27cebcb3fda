"""A scene's storyboard ↔ the frozen one of generation: frames here, seconds there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import bpy
from bpy.types import Scene

from ...generation.storyboard.cues import to_cues
from ...generation.storyboard.model import Panel, Storyboard
from ..sinks.sequencer import frames_per_second
from . import changes, values
from .state import ComfySetting, ComfyStoryPanel

_FILES = ("image", "mask")


@dataclass(frozen=True)
class Shot:
    """A panel with its place on the timeline, in frames; `end` is not included."""

    panel: Panel
    start: int
    end: int


def ensure_id(scene: Scene) -> str:
    """Return the storyboard's id; give it one if it has none."""
    board = scene.comfyui_storyboard
    if not board.id:
        board.id = str(uuid4())
    return board.id


def storyboard_of(scene: Scene) -> Storyboard:
    """Return the scene's storyboard, its panels in the order of the table."""
    rate = frames_per_second(scene)
    panels = tuple(panel_of(panel, rate) for panel in scene.comfyui_storyboard.panels)
    return replace(style_of(scene), panels=panels)


def style_of(scene: Scene) -> Storyboard:
    """Return the scene's storyboard without its panels: quick, for drawing."""
    board = scene.comfyui_storyboard
    return Storyboard(
        id=board.id,
        title=board.title,
        seed=int(board.seed or 0),
        width=board.width,
        height=board.height,
        task=board.task,
        tier=board.tier,
        before=board.before,
        after=board.after,
        parameters=_parameters(board.settings),
    )


def panel_of(panel: ComfyStoryPanel, rate: float) -> Panel:
    """Return a panel at so many frames a second."""
    return Panel(
        id=panel.name,
        prompt=panel.prompt,
        negative_prompt=panel.negative_prompt,
        seconds=panel.length / rate,
        seed=int(panel.seed) if panel.seed else None,
        parameters=_parameters(panel.settings),
    )


def with_parameters(storyboard: Storyboard, preferred: Mapping[str, object]) -> Storyboard:
    """Return it with these parameters where it has none of its own."""
    missing = {name: value for name, value in preferred.items() if name not in storyboard.parameters}
    return replace(storyboard, parameters={**missing, **storyboard.parameters}) if missing else storyboard


def take_storyboard(scene: Scene, told: Storyboard) -> None:
    """Have the scene's storyboard be this one; its panels stand one after another from the scene's first frame."""
    with changes.quiet():
        _take(scene, told)
        set_shots(scene, laid_out(scene, told.panels))


def _take(scene: Scene, told: Storyboard) -> None:
    board = scene.comfyui_storyboard
    board.id, board.title, board.seed = told.id, told.title, str(told.seed)
    board.width, board.height = told.width, told.height
    board.before, board.after = told.before, told.after
    for name, value in (("task", told.task), ("tier", told.tier)):
        if value:
            setattr(board, name, value)
        else:
            board.property_unset(name)
    _set_parameters(board.settings, told.parameters)


def laid_out(scene: Scene, panels: Sequence[Panel]) -> list[Shot]:
    """Return panels one after another from the scene's first frame on. What is rounded to frames does not add up."""
    cues = to_cues(panels, frames_per_second(scene), scene.frame_start)
    return [Shot(panel, cue.start, cue.end) for panel, cue in zip(panels, cues, strict=True)]


def set_shots(scene: Scene, shots: Iterable[Shot]) -> None:
    """Have these be the scene's panels. The panel that was edited stays so."""
    board = scene.comfyui_storyboard
    edited = board.active_panel.name if board.active_panel is not None else ""
    chosen = {panel.name for panel in board.panels if panel.chosen}
    with changes.quiet():
        board.panels.clear()
        for shot in shots:
            _add(board.panels.add(), shot, is_chosen=shot.panel.id in chosen)
    board.active = max(0, board.panels.find(edited))


def known_panels(scene: Scene) -> dict[str, Panel]:
    """Return the scene's panels by their ids."""
    rate = frames_per_second(scene)
    return {panel.name: panel_of(panel, rate) for panel in scene.comfyui_storyboard.panels}


def close_gaps(scene: Scene) -> None:
    """Move the panels so that they stand one after another, from where the first one is."""
    panels = scene.comfyui_storyboard.panels
    frame = min((panel.start for panel in panels), default=0)
    for panel in panels:
        panel.start = frame
        frame = panel.end


def make_room(scene: Scene, place: int) -> None:
    """Move all panels behind a place of the table later, as far as the one at the place reaches into the next."""
    panels = scene.comfyui_storyboard.panels
    behind = panels[place + 1 :]
    shift = panels[place].end - min((panel.start for panel in behind), default=panels[place].end)
    for panel in behind:
        panel.start += max(0, shift)


def swap(scene: Scene, first: int) -> None:
    """Have a panel and the one behind it change places, in the table and in time."""
    panels = scene.comfyui_storyboard.panels
    one, other = panels[first], panels[first + 1]
    start, end = min(one.start, other.start), max(one.end, other.end)
    one.start, other.start = end - one.length, start
    panels.move(first, first + 1)


def note_change() -> None:
    """Say that the storyboard has changed, where no property does: something was removed."""
    changes.note()


def _add(panel: ComfyStoryPanel, shot: Shot, *, is_chosen: bool) -> None:
    told = shot.panel
    panel.name, panel.prompt, panel.negative_prompt = told.id, told.prompt, told.negative_prompt
    panel.start, panel.length = shot.start, max(1, shot.end - shot.start)
    panel.seed = "" if told.seed is None else str(told.seed)
    panel.chosen = is_chosen
    _set_parameters(panel.settings, told.parameters)


def _parameters(settings: Iterable[ComfySetting]) -> dict[str, object]:
    return {setting.name: _value(setting) for setting in settings if setting.name}


def _value(setting: ComfySetting) -> object:
    """Return a setting's value; that of a file as its whole path."""
    if setting.name in _FILES and setting.text:
        return Path(bpy.path.abspath(setting.text))
    return values.read(setting.text)


def _set_parameters(settings: "Iterable[ComfySetting]", told: Mapping[str, object]) -> None:
    settings.clear()
    for name, value in told.items():
        setting = settings.add()
        setting.name, setting.text = name, values.written(value)
