"""Questions that wait for one thread: put from any other without waiting, pictures last."""

from __future__ import annotations

import contextlib
from collections import deque
from queue import Empty, SimpleQueue

from .questions import Question, WantTemplateThumbnail


class Backlog:
    """In the order in which they came, but for thumbnails, which have time until nothing else waits."""

    def __init__(self) -> None:
        self._inbox: SimpleQueue[Question | None] = SimpleQueue()
        self._first: deque[Question] = deque()
        self._later: deque[Question] = deque()
        self._ended = False

    def put(self, question: Question) -> None:
        self._inbox.put(question)

    def end(self) -> None:
        """Let `next` give what was put before this, but for pictures, and then None."""
        self._inbox.put(None)

    def next(self) -> Question | None:
        """Wait for a question. For one thread only."""
        while True:
            self._sort_in()
            if self._first:
                return self._first.popleft()
            if self._ended:
                return None
            if self._later:
                return self._later.popleft()

    def _sort_in(self) -> None:
        wait = not (self._first or self._later or self._ended)
        with contextlib.suppress(Empty):
            while True:
                question = self._inbox.get(block=wait)
                wait = False
                if question is None:
                    self._ended = True
                elif isinstance(question, WantTemplateThumbnail):
                    self._later.append(question)
                else:
                    self._first.append(question)
