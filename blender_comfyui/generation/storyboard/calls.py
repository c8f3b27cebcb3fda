"""What a session does for people who have a storyboard."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ..job import Job
from ..tasks.calls import TaskCalls
from ..tasks.counter import Counter
from ..tasks.status import EndedJobs
from .model import Storyboard
from .production import Production
from .reading import read
from .studio import Contexts
from .turns import Turns

if TYPE_CHECKING:
    from ..session import Session


class StoryboardCalls(TaskCalls):
    """The part of a session that knows storyboards."""

    def __init__(self, counter: Counter, ended: EndedJobs, jobs: Mapping[str, Job]) -> None:
        super().__init__(counter, ended, jobs)
        self.panel_turns = Turns()
        self._producing = threading.Lock()
        self._productions: weakref.WeakSet[Production] = weakref.WeakSet()

    def storyboard(
        self, board: Storyboard | Path | str, *, contexts: Contexts | None = None, folder: Path | None = None
    ) -> Production:
        """Begin to look after a storyboard, or a file of one; nothing is sent before the production is told to run.

        ``contexts`` go into the context of each panel's jobs, ``folder`` is where its files go. The production ends
        with the session, or by its own `close`. A file is read here and now: raises InvalidStoryboard.
        """
        if not isinstance(board, Storyboard):
            board = read(Path(board), self._counter.book.refresh())
        production = Production(cast("Session", self), board, contexts=contexts, folder=folder)
        with self._producing:
            self._productions.add(production)
        return production

    def _end_productions(self) -> None:
        with self._producing:
            productions = tuple(self._productions)
        for production in productions:
            production.close()
