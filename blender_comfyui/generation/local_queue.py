"""Our own queue: at most one job waits on the server, the others wait here, where moving and cancelling are free."""

from __future__ import annotations

from collections.abc import Iterator

_GAP = 1.0  # between the ranks of neighbours


class LocalQueue:
    """Job ids in the order in which they will be sent. Each has a rank, which the history keeps.

    Belongs to the worker thread; `order` is a snapshot that others may read.
    """

    def __init__(self) -> None:
        self.order: tuple[str, ...] = ()
        self.paused = False
        self._ranks: dict[str, float] = {}

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._ranks

    def __iter__(self) -> Iterator[str]:
        return iter(self.order)

    def add(self, job_id: str, rank: float) -> None:
        self._ranks[job_id] = rank
        self._sort()

    def remove(self, job_id: str) -> None:
        if self._ranks.pop(job_id, None) is not None:
            self._sort()

    def move(self, job_id: str, by: int | None) -> float | None:
        """Move a job by so many places, or to the front; return its new rank, None where it stays."""
        if job_id not in self._ranks:
            return None
        old = self.order.index(job_id)
        new = 0 if by is None else min(max(old + by, 0), len(self.order) - 1)
        if new == old:
            return None
        others = [self._ranks[other] for other in self.order if other != job_id]
        before = others[new - 1] if new else others[0] - 2 * _GAP
        after = others[new] if new < len(others) else others[-1] + 2 * _GAP
        rank = self._ranks[job_id] = (before + after) / 2
        self._sort()
        return rank

    def _sort(self) -> None:
        self.order = tuple(sorted(self._ranks, key=self._ranks.__getitem__))
