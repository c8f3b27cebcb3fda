"""The desk of tasks as the main thread has it: asked while the panel is drawn, never waited for.

What is drawn is the board as it was last; a tick sees that there is a new one.
"""

import time

from bpy.types import Scene

from ...generation.events import Ended, StockChanged
from ...generation.tasks.desk import Board, TaskDesk, TaskQuestion
from .. import runtime, settings
from . import files, wishes

PATIENCE = 30.0  # seconds after which an answer is no longer expected soon
_EMPTY = Board()


class _Asking:
    def __init__(self) -> None:
        self.desk: TaskDesk | None = None
        self.files = (files.user_file(), files.studio_file())
        self.asked: TaskQuestion | None = None
        self.session: object = None
        self.when = float("-inf")  # monotonic
        self.seen = _EMPTY

    def ask(self, question: TaskQuestion) -> None:
        if self.desk is None:
            self.desk = TaskDesk(files.book(), settings.user_path("workflows"))
        session = runtime.known_session()
        self.asked, self.session, self.when = question, session, time.monotonic()
        self.desk.ask(question, session)


class _Current:
    asking: _Asking | None = None


def board() -> Board:
    """Return what is known; never waits."""
    asking = _Current.asking
    return asking.desk.board if asking is not None and asking.desk is not None else _EMPTY


def titles() -> dict[str, str]:
    """Return the tasks' titles by their names; before anything was read, that of the first one."""
    found = {name: task.title for name, task in board().tasks.items()}
    return found or {"image_generation": "Image"}


def want(scene: Scene) -> Board:
    """Have the board tell of what the panel shows, and return what is known. Callable while drawing."""
    asking = _made()
    question = wishes.question(scene, board())
    if question != asking.asked or runtime.known_session() is not asking.session:
        asking.ask(question)
        from .. import delivery  # it takes what this brings

        delivery.wake()
    return board()


def tick() -> bool:
    """Look at what is new; return whether something shown has changed."""
    asking = _Current.asking
    if asking is None or asking.desk is None:
        return False
    now = (files.user_file(), files.studio_file())
    if now != asking.files:
        asking.files = now
        asking.desk.use(*now)
    before, asking.seen = asking.seen, asking.desk.board
    return before is not asking.seen


def hear(event: object) -> None:
    """Hear what a Session tells: models that came, and how long a job took."""
    asking = _Current.asking
    if asking is not None and asking.asked is not None and isinstance(event, StockChanged | Ended):
        asking.ask(asking.asked)


def expects_answers() -> bool:
    """Whether the tick has something to come for soon."""
    asking = _Current.asking
    if asking is None or time.monotonic() - asking.when > PATIENCE:
        return False
    return board().question != asking.asked or board() is not asking.seen


def is_used() -> bool:
    """Whether somebody has looked at tasks: then their files are worth a look now and then."""
    return _Current.asking is not None


def close() -> None:
    """Part from the desk; its threads end by themselves."""
    if _Current.asking is not None and _Current.asking.desk is not None:
        _Current.asking.desk.close()
    _Current.asking = None
    files.close()


def _made() -> _Asking:
    if _Current.asking is None:
        _Current.asking = _Asking()
    return _Current.asking


def register() -> None:
    """Nothing is made before it is used."""


def unregister() -> None:
    close()
