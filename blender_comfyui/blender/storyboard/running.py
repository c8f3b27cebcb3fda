"""The productions of the open file's storyboards: made when somebody looks or clicks, told by the ticks what changed.

Drawing reads frozen snapshots. What a production does happens on its own thread; its jobs come through the Session like
any other.
"""

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import bpy
from bpy.types import Scene

from ...generation.session import Session
from ...generation.storyboard.model import Storyboard
from ...generation.storyboard.production import Production
from ...generation.storyboard.states import PanelProgress, Progress
from ...generation.tasks.records import NOTHING
from .. import blend_file, delivery, runtime, settings
from ..tasks import files, models
from . import changes, contents, state
from .replacing import replacement

SINK = "STORYBOARD"
_PATIENCE = 30.0  # seconds for which something is expected of a click


@dataclass
class _Running:
    """One scene's production, and what of the scene it was told."""

    session: Session
    production: Production
    storyboard: Storyboard
    read: int  # changes.count() as the scene was read
    blend: str  # where the file was then
    clicked: float  # monotonic: when something was asked of it, or came of it
    seen: Progress | None = None
    panels: Mapping[str, PanelProgress] = field(default_factory=dict)  # of the snapshot that was seen

    @property
    def is_known(self) -> bool:
        return self.seen is not None and self.seen.is_known


_running: dict[int, _Running] = {}  # by the scene's session_uid
_looked: set[int] = set()


def look(scene: Scene) -> Progress | None:
    """Return how a scene's storyboard is, as far as that is known; callable while drawing."""
    found = _running.get(scene.session_uid)
    if found is None or not found.is_known:
        if scene.comfyui_storyboard.id:
            _looked.add(scene.session_uid)
            delivery.wake()
        return None
    return found.seen


def panel(scene: Scene, panel_id: str) -> PanelProgress | None:
    """Return how one panel is. Quick, for each row of the table."""
    found = _running.get(scene.session_uid)
    return found.panels.get(panel_id) if found is not None else None


def storyboard(scene: Scene) -> Storyboard | None:
    """Return what the production was told last; None before there is one."""
    found = _running.get(scene.session_uid)
    return found.storyboard if found is not None else None


def do(scene: Scene, act: Callable[[Production], None]) -> None:
    """Have the scene's production do something, with the storyboard as it is now.

    Raises InvalidAddress, InvalidCredentials, NoOnlineAccess or ParameterValidationError.
    """
    contents.ensure_id(scene)
    if bpy.app.background and files.book().last is None:
        files.book().current()  # nobody has drawn a panel, and nobody waits for a picture of one
    replaced = replacement(scene, with_files=True)
    found = _made(scene)
    _tell(scene, found)
    found.production.replace(replaced)
    act(found.production)
    found.clicked = time.monotonic()
    delivery.wake()


def tick() -> bool:
    """Take over what has happened; return whether something shown has changed."""
    for scene in _wanted():
        with contextlib.suppress(ValueError, runtime.NoOnlineAccess):  # the panel says so
            found = _made(scene)
            if found.read != changes.count() or found.blend != bpy.data.filepath:
                _tell(scene, found)
    changed = False
    for found in _running.values():
        changed |= _see(found)
    return changed


def expects_answers() -> bool:
    """Whether the tick has something to come for soon."""
    now = time.monotonic()
    return any(found.production.snapshot.is_running or now - found.clicked < _PATIENCE for found in _running.values())


def close() -> None:
    """Part from all productions; their threads end by themselves, and jobs go on."""
    for found in _running.values():
        found.production.close()
    _running.clear()
    _looked.clear()


def _wanted() -> list[Scene]:
    """Return the scenes that somebody looks at, or that run; forget those that are gone."""
    scenes = {scene.session_uid: scene for scene in bpy.data.scenes}
    for uid in set(_running) - set(scenes):
        _running.pop(uid).production.close()
    _looked.intersection_update(scenes)
    wanted = [scene for uid, scene in scenes.items() if uid in _looked or uid in _running]
    return [scene for scene in wanted if scene.comfyui_storyboard.id]


def _made(scene: Scene) -> _Running:
    """Return the scene's production for the present server; another one takes its place where that changed."""
    session, board = runtime.session(), scene.comfyui_storyboard
    found = _running.get(scene.session_uid)
    if found is not None and found.session is session and found.storyboard.id == board.id:
        return found
    if found is not None:
        found.production.close()
    told = asked(scene)
    production = session.storyboard(told, contexts=contexts(scene), folder=settings.output_folder())
    production.replace(replacement(scene, with_files=False))
    found = _Running(session, production, told, changes.count(), bpy.data.filepath, time.monotonic())
    _running[scene.session_uid] = found
    return found


def _tell(scene: Scene, found: _Running) -> None:
    found.read, found.blend = changes.count(), bpy.data.filepath
    found.storyboard = asked(scene)
    found.production.use(found.storyboard, contexts(scene), settings.output_folder())


def asked(scene: Scene) -> Storyboard:
    """Return the storyboard with the models that the preferences name, where the tier leaves them open."""
    told = contents.storyboard_of(scene)
    tier = state.tier_of(scene.comfyui_storyboard)
    fixed = tier.parameters if tier is not None else NOTHING
    preferred = {name: model for name, model in models.preferred(told.task).items() if name not in fixed}
    return contents.with_parameters(told, preferred)


def contexts(scene: Scene) -> dict[str, dict[str, str]]:
    """Return where the result of each panel goes, in words."""
    found = {"scene": scene.name, "scene_uid": str(scene.session_uid), "sink": SINK}
    where = {**blend_file.mark(), **found}
    return {
        panel.name: {**where, "frame": str(panel.start), "length": str(panel.length)}
        for panel in scene.comfyui_storyboard.panels
    }


def _see(found: _Running) -> bool:
    now = found.production.snapshot
    if now is found.seen:
        return False
    found.clicked = time.monotonic()
    found.seen, found.panels = now, {panel.panel_id: panel for panel in now.panels}
    return True


class _Part:
    """A `delivery.Part`."""

    tick = staticmethod(tick)
    expects_answers = staticmethod(expects_answers)


_part = _Part()


def register() -> None:
    delivery.parts.append(_part)


def unregister() -> None:
    delivery.parts.remove(_part)
    close()
