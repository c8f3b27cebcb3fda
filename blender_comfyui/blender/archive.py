"""The history, as the main thread has it: one Desk that is asked and never waited for, and those who read its answers.

A reader says at each tick what it wants to know, and is told every answer, and what else happens to jobs.
"""

import logging
import time
from collections.abc import Iterable
from typing import Protocol

from ..generation.history import Answer, Clean, Desk, Notice, Question, Trouble
from . import settings

log = logging.getLogger(__name__)

PATIENCE = 30.0  # seconds after which answers are no longer expected soon


class Reader(Protocol):
    """Who wants to know something of the history. Both methods run on the main thread and must be quick."""

    def questions(self) -> Iterable[Question]:
        """Return what to ask now."""

    def take(self, news: object) -> bool:
        """Take an answer of the Desk, or an event of a Session; return whether something shown has changed."""


class _Desk:
    """The Desk, made on first use, and how many answers it owes."""

    def __init__(self) -> None:
        self.desk: Desk | None = None
        self.owed = 0
        self.asked = float("-inf")  # monotonic
        self.news_until = float("-inf")  # monotonic

    def ask(self, question: Question) -> None:
        if self.desk is None:
            self.desk = Desk(settings.user_folder("session"))
        self.owed += 2 if isinstance(question, Clean) and not question.dry_run else 1
        self.asked = time.monotonic()
        self.desk.ask(question)

    def answer(self) -> Answer | None:
        answers = self.desk.drain(1) if self.desk else []
        if not answers:
            return None
        if not isinstance(answers[0], Notice):  # that was not asked for
            self.owed = max(0, self.owed - 1)
        return answers[0]

    def close(self) -> None:
        if self.desk is not None:
            self.desk.close()
        self.desk, self.owed = None, 0


_current = _Desk()
readers: list[Reader] = []


def ask(question: Question) -> None:
    """Put a question or a change; a reader hears the answer when `tick` takes it."""
    _current.ask(question)


def tick(seconds: float) -> bool:
    """Ask what the readers want, and hand them answers for about `seconds`; return whether something has changed."""
    for reader in readers:
        for question in reader.questions():
            ask(question)
    deadline = time.monotonic() + seconds
    changed = False
    while time.monotonic() < deadline and (answer := _current.answer()) is not None:
        if isinstance(answer, Trouble):
            log.warning("The history: %s", answer.sentence)
        changed |= tell(answer)
    return changed


def tell(news: object) -> bool:
    """Let the readers know what happened; return whether something shown has changed."""
    changed = False
    for reader in readers:  # each hears it, also where an earlier one has changed something, or failed
        try:
            changed |= reader.take(news)
        except Exception:
            log.exception("%s: %s", type(reader).__name__, type(news).__name__)
    return changed


def expect_news(seconds: float) -> None:
    """Have the tick come for that long, as a Session was asked for something that no job shows."""
    _current.news_until = time.monotonic() + seconds


def is_owed_answers() -> bool:
    """Whether answers come yet, however late: another Blender may be at work on the history for minutes."""
    return _current.owed > 0


def expects_answers() -> bool:
    """Whether the tick has something to come for soon."""
    if time.monotonic() < _current.news_until:
        return True
    return _current.owed > 0 and time.monotonic() - _current.asked < PATIENCE


def close() -> None:
    """Part from the Desk; its thread does what it was asked, and ends by itself."""
    _current.close()


def register() -> None:
    """Nothing is made before it is used."""


def unregister() -> None:
    close()
