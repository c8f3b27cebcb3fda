"""From the Sessions into Blender: a timer that takes what has happened, one small piece at a time.

It is persistent (opening a file does not stop it), stops when there is nothing to wait for, and is started again by
whoever gives it something to do. `tick` is a plain function: where timers do not fire, scripts and tests call it.
"""

import contextlib
import logging
import time
from dataclasses import dataclass
from typing import Protocol

import bpy
from bpy.app.handlers import persistent

from ..generation.events import Ended, ServerChanged, SessionEvent
from ..generation.outcome import numbered
from . import archive, blend_file, compat, placements, recovery, regions, runtime, settings, sinks
from .job_list import Entry, unplaceable
from .live_preview import LivePreview
from .sinks.target import CannotPlace
from .tasks import asking
from .workflow_panel import reception

log = logging.getLogger(__name__)

BUDGET = 0.003  # seconds of a tick for taking events
ARCHIVE_BUDGET = 0.001  # … for taking the history's answers; one that is begun, a picture, may take 1 ms more
INTERVAL = 0.05  # seconds between ticks while a job is under way
SERVER_INTERVAL = 0.25  # … while only the server's state is waited for
AWAY_INTERVAL = 1.0  # … while somebody looks at a panel: the server may come back, and files of tasks may change
SERVER_WAIT = 3.0  # seconds for which news of the server are waited for
SERVER_AGE = 10.0  # seconds after which a panel that is drawn wants to know the server's state anew


class Part(Protocol):
    """Who has something to take at each tick. Both functions run on the main thread and must be quick."""

    def tick(self) -> bool:
        """Take what is new; return whether something shown has changed."""

    def expects_answers(self) -> bool:
        """Whether the tick has something to come for soon."""


live_preview = LivePreview()
parts: list[Part] = []


@dataclass
class _ServerNews:
    """Whether somebody wants the server's state read, and when it was last asked for and heard of (monotonic)."""

    wanted: bool = False
    asked: float = float("-inf")
    heard: float = float("-inf")

    @property
    def may_come(self) -> bool:
        """An answer is on its way, or the news that a Session has a moment after its last job."""
        return self.wanted or time.monotonic() - max(self.asked, self.heard) < SERVER_WAIT


_news = _ServerNews()


def wake() -> None:
    """Have the timer run, from now on and until there is nothing to do. Costs nothing where it runs already."""
    if not bpy.app.timers.is_registered(tick):
        bpy.app.timers.register(tick, first_interval=0.0, persistent=True)


def want_server_state() -> None:
    """Have the server's state read soon, for a panel that is being drawn, unless it was read a moment ago."""
    unknown = runtime.server_state().connection == "idle"
    if unknown or time.monotonic() - _news.asked > SERVER_AGE:
        ask_server()


def ask_server() -> None:
    """Have the server's state read by the next tick. Callable while drawing."""
    _news.wanted = True
    wake()


def tick() -> float | None:
    """Do a small piece of what is to be done; return the seconds until the next, or None when all is done."""
    try:
        _ask()
        changed = _take_events()
        changed |= archive.tick(ARCHIVE_BUDGET)
        changed |= reception.tick()
        changed |= asking.tick()
        for part in parts:
            changed |= part.tick()
        changed |= _place_one() or _show_preview()
        if changed:
            regions.redraw()
    except Exception:  # a timer that raises is never called again
        log.exception("Delivering results failed")
    return _next_interval()


def _ask() -> None:
    if not _news.wanted:
        return
    _news.wanted, _news.asked = False, time.monotonic()
    with contextlib.suppress(ValueError, runtime.NoOnlineAccess):  # the panel says so
        runtime.session().refresh()


def _take_events() -> bool:
    deadline = time.monotonic() + BUDGET
    changed = False
    while time.monotonic() < deadline and (events := runtime.drain(50)):
        changed = True
        _news.heard = time.monotonic()
        for event in events:
            _take(event)
    return changed


def _take(event: SessionEvent) -> None:
    if isinstance(event, ServerChanged):
        reception.hear(event)
        return
    asking.hear(event)
    try:
        runtime.jobs.take(event)
        archive.tell(event)
        if isinstance(event, Ended):
            _note_unplaceable(event)
    except Exception:  # the events after it are news, too
        log.exception("%s of a job", type(event).__name__)


def _note_unplaceable(event: Ended) -> None:
    numbers = numbered(event.outcome.outputs)
    entry = runtime.jobs.get(event.job_id)
    placements.note_unplaceable(event.job_id, unplaceable(numbers, entry) if entry else list(numbers))


def _place_one() -> bool:
    """Place one output of the oldest job that has any; one a tick, as loading it takes Blender a while."""
    if not runtime.jobs.to_place or blender_is_busy():
        return False
    changed = False
    for entry in runtime.jobs.to_place:
        is_ours = blend_file.is_open(entry.target)
        if is_ours:
            _place(entry)
            return True
        if is_ours is not None:
            entry.is_elsewhere, changed = True, True
            entry.obstacle = f"This was asked for in {_file_name(entry)}. Open that file, or place it here."
    return changed


def _place(entry: Entry) -> None:
    result = entry.waiting[0]
    try:
        known = placements.known_as(entry, result)
        if known is None:
            placements.note_placed(entry, result, sinks.place(entry, result))
        else:
            placements.note_found(entry, result, known)
    except CannotPlace as error:
        entry.obstacle = str(error)
    except Exception as error:  # whatever it is, it must not come again with every tick
        log.exception("Placing %s failed", result.output.path)
        entry.obstacle = f"Blender could not take the result: {error}. Its file is {result.output.path}."


def blender_is_busy() -> bool:
    """While it renders, or a tool is in use that makes an undo step of its own, nothing may come between."""
    windows = bpy.context.window_manager.windows
    return bpy.app.is_job_running("RENDER") or any(compat.busy_editing(window) for window in windows)


def _show_preview() -> bool:
    wanted = settings.preferences().show_previews
    return wanted and any(live_preview.show(entry) for entry in runtime.jobs.running if entry.preview)


def _next_interval() -> float | None:
    answers = archive.expects_answers() or reception.expects_answers() or asking.expects_answers()
    answers = answers or any(part.expects_answers() for part in parts)
    if runtime.jobs.running or runtime.jobs.to_place or answers:
        return INTERVAL
    live_preview.forget()
    if _news.may_come:
        return SERVER_INTERVAL
    if recovery.reader.is_waiting or archive.is_owed_answers() or any(entry.returns for entry in runtime.jobs):
        return AWAY_INTERVAL
    may_change = asking.is_used() or runtime.server_state().connection == "unreachable"
    if may_change and any(regions.showing()):
        return AWAY_INTERVAL
    return None


def _file_name(entry: Entry) -> str:
    path = entry.target.get("blend", "")
    return f"“{bpy.path.basename(path)}”" if path else "a .blend that was not saved"


@persistent
def _on_load(_file: str) -> None:
    """What waited for this file can be placed now."""
    wake()


def register() -> None:
    bpy.app.handlers.load_post.append(_on_load)
    wake()  # results of earlier runs come by themselves


def unregister() -> None:
    bpy.app.handlers.load_post.remove(_on_load)
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    _news.wanted = False
    live_preview.forget()
