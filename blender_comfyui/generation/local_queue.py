"""Our own queue: at most one job waits on the server, the others wait here, where moving and cancelling are free."""

from __future__ import annotations

_GAP = 1.0  # between the ranks of neighbours


class LocalQueue:
    """Job ids in the order in which they will be sent. Each has a rank, which the history keeps.

    Belongs to the worker thread; `order` is a snapshot that others may read.
    """

    def __init__(self) -> None:
        self.order: tuple[str, ...] = ()
        self.paused = False
        self._ranks: dict[str, float] = {}

    def add(self, job_id: str, rank: float) -> None:
        self._ranks[job_id] = rank
        self._sort()

    def remove(self, job_id: str) -> None:
        if self._ranks.pop(job_id, None) is not None:
            self._sort()

    def move(self, job_id: str, by: int | None) -> dict[str, float]:
        """Move a job by so many places, or to the front; return the ranks that have changed."""
        if job_id not in self._ranks:
            return {}
        old = self.order.index(job_id)
        new = 0 if by is None else min(max(old + by, 0), len(self.order) - 1)
        if new == old:
            return {}
        order = [other for other in self.order if other != job_id]
        order.insert(new, job_id)
        changed = self._between(order, new) or self._anew(order)
        self._ranks.update(changed)
        self._sort()
        return changed

    def _between(self, order: list[str], place: int) -> dict[str, float]:
        """A rank between its neighbours'; {} where there is none left."""
        before = self._ranks[order[place - 1]] if place else self._ranks[order[1]] - 2 * _GAP
        after = self._ranks[order[place + 1]] if place + 1 < len(order) else before + 2 * _GAP
        rank = (before + after) / 2
        return {order[place]: rank} if before < rank < after else {}

    def _anew(self, order: list[str]) -> dict[str, float]:
        first = min(self._ranks.values())
        return {job_id: first + place * _GAP for place, job_id in enumerate(order)}

    def _sort(self) -> None:
        self.order = tuple(sorted(self._ranks, key=self._ranks.__getitem__))
