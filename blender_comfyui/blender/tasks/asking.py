"""The desk of tasks as the main thread has it: asked while the panel is drawn, never waited for.

What is drawn is the board as it was last; a tick sees that there is a new one.
"""

import time

import bpy
from bpy.types import Scene

from ...generation.events import Ended, StockChanged
from ...generation.tasks.desk import MOST_ASKERS, Board, TaskDesk, TaskQuestion
from .. import runtime, settings
from . import files, wishes

PATIENCE = 30.0  # seconds after which an answer is no longer expected soon
_EMPTY = Board()


class _Asking:
    def __init__(self) -> None:
        self.desk: TaskDesk | None = None
        self.files = (files.user_file(), files.studio_file())
        self.asked: dict[str, tuple[TaskQuestion, object]] = {}  # by scene, with the session that was there
        self.when = float("-inf")  # monotonic
        self.seen = _EMPTY

    def ask(self, scene: str, question: TaskQuestion) -> None:
        if self.desk is None:
            self.desk = TaskDesk(files.book(), settings.user_path("workflows"))
        session = runtime.known_session()
        self.asked.pop(scene, None)
        for gone in set(self.asked) - _open_scenes():
            del self.asked[gone]
            self.desk.forget(gone)
        self.asked[scene], self.when = (question, session), time.monotonic()
        while len(self.asked) > MOST_ASKERS:  # as the desk does
            del self.asked[next(iter(self.asked))]
        self.desk.ask(scene, question, session)

    def is_answered(self, scene: str) -> bool:
        return self.desk is not None and self.desk.board(scene).question == self.asked[scene][0]


class _Current:
    asking: _Asking | None = None


def board(scene: Scene | None = None) -> Board:
    """Return what is known, for a scene or at all; never waits."""
    asking = _Current.asking
    if asking is None or asking.desk is None:
        return _EMPTY
    return asking.desk.last if scene is None else asking.desk.board(_key(scene))


def titles() -> dict[str, str]:
    """Return the tasks' titles by their names; before anything was read, that of the first one."""
    found = {name: task.title for name, task in board().tasks.items()}
    return found or {"image_generation": "Image"}


def want(scene: Scene) -> Board:
    """Have the scene's board tell of what its panel shows, and return it as it is. Callable while drawing."""
    asking = _made()
    question, key = wishes.question(scene, board(scene)), _key(scene)
    if asking.asked.get(key) != (question, runtime.known_session()):
        asking.ask(key, question)
        from .. import delivery  # it takes what this brings

        delivery.wake()
    return board(scene)


def tick() -> bool:
    """Look at what is new; return whether something shown has changed."""
    asking = _Current.asking
    if asking is None or asking.desk is None:
        return False
    now = (asking.files[0], files.studio_file())
    if now != asking.files:
        asking.files = now
        asking.desk.use(*now)
    before, asking.seen = asking.seen, asking.desk.last
    return before is not asking.seen


def hear(event: object) -> None:
    """Hear what a Session tells: models that came, and how long a job took."""
    asking = _Current.asking
    if asking is not None and isinstance(event, StockChanged | Ended):
        for scene in _open_scenes() & set(asking.asked):
            asking.ask(scene, asking.asked[scene][0])


def expects_answers() -> bool:
    """Whether the tick has something to come for soon."""
    asking = _Current.asking
    if asking is None or time.monotonic() - asking.when > PATIENCE:
        return False
    is_owed = any(not asking.is_answered(scene) for scene in _open_scenes() & set(asking.asked))
    return is_owed or board() is not asking.seen


def is_used() -> bool:
    """Whether somebody has looked at tasks: then their files are worth a look now and then."""
    return _Current.asking is not None


def close() -> None:
    """Part from the desk; its threads end by themselves."""
    if _Current.asking is not None and _Current.asking.desk is not None:
        _Current.asking.desk.close()
    _Current.asking = None
    files.close()


def _key(scene: Scene) -> str:
    return str(scene.session_uid)  # which it keeps as long as the file is open


def _open_scenes() -> set[str]:
    return {_key(scene) for scene in bpy.data.scenes}


def _made() -> _Asking:
    if _Current.asking is None:
        _Current.asking = _Asking()
    return _Current.asking


def register() -> None:
    """Nothing is made before it is used."""


def unregister() -> None:
    close()
