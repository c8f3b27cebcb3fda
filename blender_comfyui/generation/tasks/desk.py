"""What can be had of tasks and tiers, for Blender's main thread: it asks, a thread works it out, and a board says it.

Files, the history and the library of workflows are read there. Nobody waits for it. Whoever asks, such as a scene, has
a board of his own; of his questions the newest one counts.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple, TypeAlias

from ...comfy.models import folder_of
from ...workflow.errors import WorkflowError
from ...workflow.graph import Place, Workflow
from ...workflow.library import Library
from ...workflow.roles import ROLES
from ...workflow.wording import quoted
from ..history import HistoryUnavailable
from .book import TaskBook
from .calls import TaskCalls
from .counter import TierOffer, offers
from .errors import InFile, QualityTierError, WorkflowNotFoundError
from .places import Places
from .preparing import Order
from .records import Configuration, Task
from .replacing import kept

log = logging.getLogger(__name__)

_LOOK = 1.0  # seconds between two looks at what the files say now
MOST_ASKERS = 8
"""Whoever asked longest ago has to ask again."""
_CHECKPOINT = "checkpoint"


@dataclass(frozen=True)
class TaskQuestion:
    """What is shown: the order as the panel has it, and the id of the workflow in the library that takes the place of
    the tiers' own, '' for none."""

    order: Order
    entry: str = ""


@dataclass(frozen=True)
class ModelPlace:
    """What loads a model: the ``name`` to set it by, the ``folder`` of the models for it, and the workflow's own."""

    name: str
    folder: str
    title: str
    own: str
    places: tuple[Place, ...] = ()


@dataclass(frozen=True)
class TierView:
    """A tier as it can be had. ``own`` is what the workflow itself has for each role that it has a place for."""

    offer: TierOffer
    own: Mapping[str, object] = field(default_factory=dict)
    models: tuple[ModelPlace, ...] = ()


@dataclass(frozen=True)
class Board:
    """What the desk knows. ``problems`` are of the files, ``error`` is why there are no ``tiers`` for the question.

    ``workflow`` is the one that takes the place of the tiers' own, None where none does.
    """

    tasks: Mapping[str, Task] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    question: TaskQuestion | None = None
    tiers: tuple[TierView, ...] = ()
    workflow: Workflow | None = None
    error: str = ""

    def tier(self, name: str) -> TierView | None:
        """Return what is known of a tier of the task that was asked for."""
        return next((view for view in self.tiers if view.offer.tier.name == name), None)


_EMPTY = Board()


class _Asked(NamedTuple):
    asker: str
    question: TaskQuestion
    session: TaskCalls | None


class _Files(NamedTuple):
    user: Path | None
    studio: Path | None


class _Gone(NamedTuple):
    asker: str


_Wish: TypeAlias = _Asked | _Files | _Gone | None  # None ends the thread


class TaskDesk:
    """`ask`, `forget`, `use`, `board` and `close` never block; they are for one thread.

    `last` is the newest of all boards.
    """

    def __init__(self, book: TaskBook, library: Path) -> None:
        self.last = _EMPTY
        self._boards: Mapping[str, Board] = {}
        self._book = book
        self._library = Library(library)
        self._wishes: SimpleQueue[_Wish] = SimpleQueue()
        self._asked: dict[str, _Asked] = {}
        self._read: tuple[Configuration | None, tuple[InFile, ...]] = (None, ())
        self._thread: threading.Thread | None = None
        self._closed = False

    def ask(self, asker: str, question: TaskQuestion, session: TaskCalls | None = None) -> None:
        """Have the asker's board tell of this; without a session it does not say what a server has."""
        self._put(_Asked(asker, question, session))

    def forget(self, asker: str) -> None:
        """Tell him nothing more: he is gone, such as a scene whose file was closed."""
        self._put(_Gone(asker))

    def board(self, asker: str) -> Board:
        """Return the asker's board as it is now; before his first answer, it knows what `last` does of tasks."""
        return self._boards.get(asker) or replace(self.last, question=None, tiers=(), workflow=None, error="")

    def use(self, user: Path | None, studio: Path | None) -> None:
        """Read these files from now on, as `TaskBook.use`."""
        self._put(_Files(user, studio))

    def close(self) -> None:
        """End the threads; returns at once."""
        self._closed = True
        self._wishes.put(None)
        self._book.close()

    def join(self, timeout: float) -> None:
        """Wait for the thread's end. Not for the main thread."""
        if self._thread is not None:
            self._thread.join(timeout)

    def _put(self, wish: _Wish) -> None:
        if self._closed:
            return
        self._wishes.put(wish)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="comfyui-task-desk", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        self._book.watch()
        while not self._closed:
            try:
                asked = self._hear()
                read = (self._book.current(), self._book.problems)
                if read != self._read or self.last is _EMPTY:
                    self._read, asked = read, set(self._asked)
                    self.last = self._plain(*read)
                for asker in asked:
                    if not self._closed:
                        self._answer(self._asked[asker])
            except Exception:  # the next question may go better
                log.exception("the board of tasks")

    def _answer(self, asked: _Asked) -> None:
        self.last = self._made(asked)
        others = {asker: board for asker, board in self._boards.items() if asker in self._asked}
        self._boards = others | {asked.asker: self.last}

    def _hear(self) -> set[str]:
        """Wait for wishes, not too long; return who has asked."""
        wishes = []
        with contextlib.suppress(Empty):
            wishes.append(self._wishes.get(timeout=_LOOK))
            while True:
                wishes.append(self._wishes.get_nowait())
        for wish in wishes:
            if isinstance(wish, _Asked):
                self._asked.pop(wish.asker, None)
                self._asked[wish.asker] = wish
            elif isinstance(wish, _Gone):
                self._asked.pop(wish.asker, None)
            elif isinstance(wish, _Files) and not self._closed:
                self._book.use(*wish)
                self._book.refresh()
        while len(self._asked) > MOST_ASKERS:
            del self._asked[next(iter(self._asked))]
        return {wish.asker for wish in wishes if isinstance(wish, _Asked)} & set(self._asked)

    def _plain(self, configuration: Configuration, problems: tuple[InFile, ...]) -> Board:
        return Board(configuration.tasks, tuple(str(problem) for problem in problems))

    def _made(self, asked: _Asked) -> Board:
        _, question, session = asked
        configuration, problems = self._book.current(), self._book.problems
        board = self._plain(configuration, problems)
        try:
            given = self._given(question)
            order = replace(question.order, workflow=given)
            found = _offers(configuration, order, session)
        except QualityTierError as error:
            return replace(board, question=question, error=str(error))
        views = tuple(_view(offer, given or offer.tier.workflow) for offer in found)
        return replace(board, question=question, tiers=views, workflow=given)

    def _given(self, question: TaskQuestion) -> Workflow | None:
        """Raises WorkflowNotFoundError."""
        given = question.order.workflow
        if given is None:
            return kept(self._library, question.entry)[0] if question.entry else None
        try:
            return given if isinstance(given, Workflow) else Workflow.load(given)
        except WorkflowError as error:
            raise WorkflowNotFoundError(
                f"The workflow for {quoted(question.order.task)} cannot be used. {error}"
            ) from error


def _offers(configuration: Configuration, order: Order, session: TaskCalls | None) -> tuple[TierOffer, ...]:
    if session is not None:
        with contextlib.suppress(HistoryUnavailable):  # the gallery says so
            return session.tiers(order.task, order.parameters, workflow=order.workflow, loras=order.loras)
    return offers(configuration, order, None, {})


def _view(offer: TierOffer, workflow: Workflow) -> TierView:
    places = Places(workflow)
    own = {role: places.value(role) for role in ROLES if places.of(role)}
    return TierView(offer, own, tuple(_models(workflow, places)))


def _models(workflow: Workflow, places: Places) -> list[ModelPlace]:
    found = []
    of_checkpoint = places.of(_CHECKPOINT)
    if of_checkpoint:
        own = str(places.value(_CHECKPOINT))
        found.append(ModelPlace(_CHECKPOINT, "checkpoints", "Checkpoint", own, of_checkpoint))
    for node in workflow.nodes.values():
        for name, value in node.inputs.items():
            folder = folder_of(node.class_type, name)
            here = Place(node.id, name)
            if folder and isinstance(value, str) and folder != "loras" and here not in of_checkpoint:
                settable = name if places.of(name) == (here,) else f"{node.id}.{name}"
                found.append(ModelPlace(settable, folder, node.title, value, (here,)))
    return found
