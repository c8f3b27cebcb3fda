"""Files of storyboards are read and written on a thread: nobody waits for a disk. What came of it, a tick takes.

What goes there and comes back is frozen.
"""

import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeAlias

from ...generation.sheets import storyboards as sheets
from ...generation.sheets.cards import Sheet
from ...generation.storyboard.model import Storyboard
from ...generation.storyboard.reading import InvalidStoryboard, read
from ...generation.tasks.book import TaskBook
from ...workflow.library_files import written
from .. import blend_file, delivery
from ..sinks.target import push_undo
from . import contents

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Load:
    """Read a storyboard for a scene (its `session_uid`); `book` says which tasks and tiers there are."""

    scene: int
    path: Path
    book: TaskBook


@dataclass(frozen=True)
class Save:
    """Write a text to a file."""

    path: Path
    text: str


@dataclass(frozen=True)
class Export:
    """Draw a contact sheet, as PDF or PNG after the ending of its path; `fonts` are folders of fonts."""

    path: Path
    sheet: Sheet
    fonts: tuple[Path, ...] = ()


Errand: TypeAlias = Load | Save | Export


@dataclass(frozen=True)
class Done:
    """What came of an errand: a sentence, and the storyboard that was read."""

    errand: Errand
    sentence: str
    failed: bool = False
    storyboard: Storyboard | None = None


class _Desk:
    def __init__(self) -> None:
        self.open: list[Errand] = []
        self.done: SimpleQueue[Done] = SimpleQueue()
        self.last: Done | None = None


_desk = _Desk()


def run(errand: Errand) -> None:
    """Have it done; a tick takes what comes of it."""
    _desk.open.append(errand)
    _desk.last = None
    threading.Thread(target=_work, args=(errand, _desk.done), name="comfyui-errand", daemon=True).start()
    delivery.wake()


def is_open(errand: Errand) -> bool:
    """Whether it is still under way."""
    return any(known is errand for known in _desk.open)


def last() -> Done | None:
    """Return what came of the last errand, None while one is under way, or it was dismissed."""
    return _desk.last


def expects_answers() -> bool:
    return bool(_desk.open)


def dismiss() -> None:
    """Say no more of the last one."""
    _desk.last = None


def tick() -> bool:
    """Take what is done; return whether something shown has changed."""
    changed = False
    while (done := _next()) is not None:
        changed = True
        _desk.open = [errand for errand in _desk.open if errand is not done.errand]
        _desk.last = _taken(done)
    return changed


def close() -> None:
    """Forget all; threads that are at work end by themselves."""
    _desk.__init__()


def _next() -> Done | None:
    try:
        return _desk.done.get_nowait()
    except Empty:
        return None


def _taken(done: Done) -> Done:
    if done.storyboard is None or not isinstance(done.errand, Load):
        return done
    scene = blend_file.scene_by_number(done.errand.scene)
    if scene is None:
        return Done(done.errand, "The scene for which the storyboard was read is gone.", failed=True)
    contents.take_storyboard(scene, done.storyboard)
    if not delivery.blender_is_busy():
        push_undo("Load Storyboard")
    return done


def _work(errand: Errand, answers: "SimpleQueue[Done]") -> None:
    try:
        answers.put(_done(errand))
    except InvalidStoryboard as error:
        answers.put(Done(errand, str(error), failed=True))
    except OSError as error:
        reason = error.strerror or str(error)
        answers.put(Done(errand, f"{errand.path.name} cannot be written: {reason}.", failed=True))
    except Exception as error:  # whatever it is, somebody waits for it
        log.exception("%s", type(errand).__name__)
        answers.put(Done(errand, f"{errand.path.name}: {error}", failed=True))


def _done(errand: Errand) -> Done:
    match errand:
        case Load(path=path, book=book):
            found = read(path, book.refresh())
            return Done(errand, f"{len(found.panels)} panels from {path.name}.", storyboard=found)
        case Save(path=path, text=text):
            with written(path) as file:
                file.write(text.encode())
        case Export(path=path, sheet=sheet, fonts=fonts):
            sheets.write(sheet, path, fonts)
    return Done(errand, f"Written: {errand.path.name}.")


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
