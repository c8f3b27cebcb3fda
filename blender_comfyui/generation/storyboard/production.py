"""A storyboard is made: panels are prepared and submitted on a thread of their own, and what becomes of them is told.

::

    production = session.storyboard(read(Path("fox.yaml")))
    production.run_missing()
    progress = production.wait(timeout=3600)      # or, at any time, production.snapshot

All panels go into the session's own queue at once. Nothing but the history says what was done: a production that is
made again after a crash knows what its forerunner's jobs became, and those that wait go on by themselves.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ...comfy.errors import TimedOut
from ..closed import SessionClosed
from ..events import Ended, Progressed, QueueChanged, Returned, StateChanged, Submitted
from ..feed import Subscription
from ..tasks.replacing import Replacement
from .model import Storyboard
from .states import Progress
from .studio import Contexts, Studio, Wish

if TYPE_CHECKING:
    from ..session import Session

__all__ = ["Contexts", "Production"]

log = logging.getLogger(__name__)

_LOOK = 5.0  # seconds after which a waiting caller has the history looked at, for jobs that others follow


@dataclass(frozen=True)
class _Use:
    storyboard: Storyboard
    contexts: Contexts | None
    folder: Path | None


@dataclass(frozen=True)
class _Replace:
    replacement: Replacement | None


@dataclass(frozen=True)
class _Make:
    wish: Wish
    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Cancel:
    ids: tuple[str, ...] | None


@dataclass(frozen=True)
class _Refresh:
    pass


@dataclass(frozen=True)
class _Check:
    pass


@dataclass(frozen=True)
class _Look:
    """Somebody waits."""


@dataclass(frozen=True)
class _Tell:
    idle: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class _Stop:
    pass


class Production:
    """Makes one storyboard. Every method may be called from any thread, and none but `wait` blocks.

    ``folder`` is where files go, the session's own for None.
    """

    def __init__(
        self,
        session: Session,
        storyboard: Storyboard,
        *,
        contexts: Contexts | None = None,
        folder: Path | None = None,
    ) -> None:
        self._session = session
        # orders and events come in one queue: whatever comes first wakes the thread
        self._inbox = cast("Subscription[object]", session.subscribe())
        self._studio = Studio(session, storyboard, contexts or {}, folder)
        self._snapshot = self._studio.progress()
        self._waiting: list[_Tell] = []
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="comfyui-storyboard", daemon=True)
        self._thread.start()

    @property
    def snapshot(self) -> Progress:
        """How it is now; no lock, no disk. The same object until something has changed."""
        return self._snapshot

    @property
    def storyboard(self) -> Storyboard:
        """What was told last."""
        return self._snapshot.storyboard

    def use(self, storyboard: Storyboard, contexts: Contexts | None = None, folder: Path | None = None) -> None:
        """From now on this is what the storyboard says; None leaves contexts and folder as they are."""
        self._put(_Use(storyboard, contexts, folder))

    def replace(self, replacement: Replacement | None) -> None:
        """Have this workflow make the panels from now on, with the tier's values; for None the tier's own does."""
        self._put(_Replace(replacement))

    def run_all(self) -> None:
        """Make every panel that is not on its way already, also those that are finished: with the seed they have."""
        self._put(_Make(Wish.ALL))

    def run_missing(self) -> None:
        """Make the panels that have no file, and none on its way; also those that failed or were cancelled."""
        self._put(_Make(Wish.MISSING))

    def run(self, ids: Iterable[str]) -> None:
        """Make these, unless they are on their way: with the seed they have."""
        self._put(_Make(Wish.THESE, tuple(ids)))

    def again(self, ids: Iterable[str]) -> None:
        """Make another take of these, with another seed."""
        self._put(_Make(Wish.ANOTHER, tuple(ids)))

    def cancel(self, ids: Iterable[str] | None = None) -> None:
        """Stop what is on its way, of these panels or of all: our own jobs, and nobody else's."""
        self._put(_Cancel(None if ids is None else tuple(ids)))

    def pause(self) -> None:
        """Send nothing more until `resume`, of the whole session. What is on the server goes on."""
        self._session.pause()

    def resume(self) -> None:
        """Go on sending."""
        self._session.resume()

    def refresh(self) -> None:
        """Read the history anew, for instance as something was deleted there."""
        self._put(_Refresh())

    def check(self) -> None:
        """Check the files of all panels now; `Progress.findings` says what was found. At the end of a run it is done
        by itself."""
        self._put(_Check())

    def wait(self, timeout: float | None = None) -> Progress:
        """Block until nothing is on its way, all that was asked for before is begun, and what came of it is checked.

        Raises TimedOut after ``timeout`` seconds; the production goes on. After `close` it returns at once.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        tell = _Tell()
        self._put(tell)
        while not self._is_closed:
            left = _LOOK if deadline is None else min(_LOOK, deadline - time.monotonic())
            if tell.idle.wait(max(0.0, left)):
                break
            if deadline is not None and time.monotonic() >= deadline:
                raise TimedOut(f"The storyboard is not done after {timeout:g} s. Wait longer.")
            self._put(_Look())
        return self._snapshot

    def close(self) -> None:
        """End the thread. Jobs go on in the session."""
        self._put(_Stop())

    def _put(self, order: object) -> None:
        self._inbox.put(order, passing=False)

    def _run(self) -> None:
        self._guarded(self._studio.read)
        while not self._is_closed:
            self._tell()
            first = [] if self._studio.has_work else [self._inbox.get()]
            for message in (*first, *self._inbox.drain()):
                self._guarded(self._handle, message)
            self._guarded(self._studio.work)
        self._inbox.close()
        for tell in (*self._waiting, *self._inbox.drain(limit=1_000_000)):
            if isinstance(tell, _Tell):
                tell.idle.set()

    def _handle(self, message: object) -> None:
        match message:
            case StateChanged(job_id=job_id) | Progressed(job_id=job_id):
                self._studio.hear(job_id)
            case Ended(job_id=job_id):
                self._studio.hear(job_id)
                self._studio.estimate()
            case Submitted(job=job) | Returned(job=job):
                self._studio.adopt(job)
            case QueueChanged(paused=paused):
                self._studio.is_paused = paused
            case _:
                self._obey(message)

    def _obey(self, order: object) -> None:
        match order:
            case _Use(storyboard=storyboard, contexts=contexts, folder=folder):
                self._studio.use(storyboard, contexts, folder)
            case _Replace(replacement=replacement):
                self._studio.replace(replacement)
            case _Make(wish=wish, ids=ids):
                self._studio.make(wish, ids)
            case _Cancel(ids=ids):
                self._studio.cancel(ids)
            case _Refresh():
                self._studio.read()
            case _Check():
                self._studio.inspect()
            case _Tell():
                self._waiting.append(order)
                self._start()
            case _Look():
                self._start()
                self._studio.read()
            case _Stop():
                self._is_closed = True
            case _:
                pass

    def _start(self) -> None:
        """Somebody waits, so that the session has to run."""
        try:
            self._session.start()
        except SessionClosed:  # nothing more will come
            self._is_closed = True

    def _tell(self) -> None:
        now = self._studio.progress()
        if now != self._snapshot:  # quick: what has not changed is the same object
            self._snapshot = now
        if self._waiting and not self._studio.is_busy and self._inbox.empty:
            for tell in self._waiting:
                tell.idle.set()
            self._waiting.clear()

    @staticmethod
    def _guarded(act: Callable[..., object], *arguments: object) -> None:
        """What nobody foresaw must not end the thread: whoever waits would wait for ever."""
        try:
            act(*arguments)
        except Exception:
            log.exception("the storyboard goes on")
