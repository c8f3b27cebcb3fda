"""Where a storyboard's panels are made: what is asked for is prepared one by one, and what becomes of it is kept.

Everything here belongs to the production's thread.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterable, Mapping
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING

from ...workflow.errors import WorkflowError
from ..closed import SessionClosed
from ..history import Filter, HistoryUnavailable, Sort
from ..job import Job
from ..tasks.errors import QualityTierError
from ..tasks.preparing import Order, readable
from ..tasks.replacing import Replacement
from .inspection import Inspection
from .model import Panel, Storyboard
from .planning import Ground, ground_of, mark_of, order_of
from .states import ASKED, PANEL, STORYBOARD, TAKE, PanelProgress, PanelState, Progress, Take
from .takes import Takes

if TYPE_CHECKING:
    from ..session import Session

log = logging.getLogger(__name__)

Contexts = Mapping[str, Mapping[str, str]]
"""What the caller wants to find in the context of a panel's jobs, by the panel's id."""

_MOST_TAKES = 1_000_000
_ESTIMATE_HOLDS = 5.0  # seconds


class Wish(Enum):
    """Which panels are to be made."""

    ALL = auto()
    MISSING = auto()
    THESE = auto()
    ANOTHER = auto()  # these, with another seed


class Studio:
    """One storyboard in one session. `is_paused` is the session's queue."""

    def __init__(self, session: Session, storyboard: Storyboard, contexts: Contexts, folder: Path | None) -> None:
        self.is_paused = session.paused
        self._session = session
        self._server = str(session.address)
        self._board = storyboard
        self._contexts = contexts
        self._folder = folder
        self._takes = Takes(storyboard.id, self._server)
        self._replacement: Replacement | None = None
        self._ground: Ground | None = None
        self._problem = ""
        self._is_known = False
        self._turns = session.panel_turns
        self._pending: deque[tuple[str, int, int]] = deque()  # panel, take, and how often it was begun before
        self._seconds: float | None = None
        self._estimated = float("-inf")
        self._inspection = Inspection()
        self._stale: set[str] | None = None  # panels whose progress is to be told anew, None for all
        self._told: dict[str, PanelProgress] = {}

    @property
    def has_work(self) -> bool:
        """Tell whether there is something to prepare, or to check."""
        return bool(self._pending) or self._inspection.is_going_on

    @property
    def is_busy(self) -> bool:
        """Tell whether more is to come."""
        return self.has_work or any(panel.state.is_open for panel in self._told.values())

    # -- what is asked for

    def use(self, storyboard: Storyboard, contexts: Contexts | None, folder: Path | None) -> None:
        """Take what a storyboard says now."""
        is_other = storyboard.id != self._board.id
        is_moved = (storyboard.task, storyboard.tier) != (self._board.task, self._board.tier)
        self._board = storyboard
        self._contexts = self._contexts if contexts is None else contexts
        self._folder = self._folder if folder is None else folder
        self._stale = None
        if is_other:
            self._takes = Takes(storyboard.id, self._server)
            self._pending.clear()
        if is_other or is_moved or not self._is_known:
            self.read()
        else:
            self._stand()

    def replace(self, replacement: Replacement | None) -> None:
        """Have this workflow make the panels from now on, or for None the tier's own."""
        if replacement != self._replacement:
            self._replacement, self._stale = replacement, None
            self._stand()

    def read(self) -> None:
        """Read from the history what has become of all panels."""
        which = Filter(project=self._board.id)
        followed = {job.id: job for job in self._session.jobs if self._takes.belongs(job)}
        try:
            records = self._session.history.find(which, Sort.OLDEST, 0, _MOST_TAKES).records
        except HistoryUnavailable as error:
            self._problem, self._is_known = str(error), False
            return
        self._takes.read(records, followed)
        self._is_known, self._stale = True, None
        self._stand()
        self.estimate(anew=True)

    def make(self, wish: Wish, ids: Iterable[str] = ()) -> None:
        """Put panels in line to be prepared."""
        before = self._turns.counted(self._board.id)
        self.read()
        if not self._is_known or self._ground is None:
            return  # the problem says why
        wanted = None if wish in (Wish.ALL, Wish.MISSING) else set(ids)
        in_line = {panel_id for panel_id, *_ in self._pending}
        for panel in self._board.panels:
            now = self._panel_progress(panel)
            if (wanted is not None and panel.id not in wanted) or now.state.is_open or panel.id in in_line:
                continue
            if wish is Wish.MISSING and _is_there(now):
                continue
            self._pending.append((panel.id, _take(now, wish), before.get(panel.id, 0)))
            self._touch(panel.id)

    def cancel(self, ids: Iterable[str] | None) -> None:
        """Stop what is on its way, and what is in line."""
        panels = None if ids is None else tuple(ids)
        self._pending = deque(one for one in self._pending if panels is not None and one[0] not in panels)
        self._stale = None
        for job_id, job in self._takes.open_jobs(panels):
            if job is not None:
                job.cancel()
            else:
                self._session.give_up(job_id)

    # -- what is done

    def work(self) -> None:
        """Send the next panel that is in line; where there is none, check the next file."""
        if self._inspection.is_going_on and not self._pending:
            self._inspection.go_on(self._ground.tier if self._ground else None)
        else:
            self._prepare_next()

    def inspect(self) -> None:
        """Begin to check the files of all panels."""
        self._inspection.begin(self._told.values())

    def _prepare_next(self) -> None:
        if not self._pending or self._ground is None:
            self._pending.clear()
            return
        panel_id, number, before = self._pending.popleft()
        panel = self._board.panel(panel_id)
        self._touch(panel_id)
        if panel is not None:
            with self._turns.turn(self._board.id, panel_id, before) as is_ours:
                if is_ours:
                    self._send(panel, number, order_of(self._ground, panel, number))

    def _send(self, panel: Panel, number: int, order: Order) -> None:
        context = {
            **self._contexts.get(panel.id, {}),
            STORYBOARD: self._board.id,
            PANEL: panel.id,
            TAKE: str(number),
            ASKED: mark_of(order),
        }
        began = time.time()
        try:
            job = self._session.run_task(
                order.task,
                order.tier,
                {**self._loaded, **order.parameters},
                workflow=order.workflow,
                workflow_name=order.workflow_name,
                folder=self._folder,
                stem=panel.id,
                context=context,
            )
        except SessionClosed as error:
            self._problem = f"{str(error).rstrip('.')}. The panels that were left are missing."
            self._pending.clear()
            self._stale = None
        except Exception as error:
            if not isinstance(error, QualityTierError | WorkflowError):  # these the history has
                log.exception("panel %s", panel.id)
            reason = str(error) or type(error).__name__
            asked = readable(order.parameters)
            failed = Take(number, "", PanelState.FAILED, 0.0, (), reason, asked, began, context[ASKED])
            self._takes.put_unready(panel.id, failed)
        else:
            self._takes.put(job)

    @property
    def _loaded(self) -> Mapping[str, object]:
        return self._replacement.parameters if self._replacement is not None else {}

    def hear(self, job_id: str) -> None:
        """Something happened to a job."""
        panel_id = self._takes.renew(job_id)
        if panel_id is not None:
            self._touch(panel_id)

    def adopt(self, job: Job) -> None:
        """A job is followed from now on: one of an earlier run, or that somebody else has asked for."""
        if self._takes.belongs(job):
            self._touch(self._takes.put(job))

    def estimate(self, anew: bool = False) -> None:
        """Ask the history how long a panel takes, now and then."""
        now = time.monotonic()
        if self._ground is None or (now - self._estimated < _ESTIMATE_HOLDS and not anew):
            return
        self._estimated = now
        try:
            self._seconds = self._session.estimate(self._board.task, self._board.tier).seconds
        except (QualityTierError, HistoryUnavailable):
            self._seconds = None

    def _stand(self) -> None:
        """Look up what all panels stand on."""
        try:
            self._ground = ground_of(self._board, self._session.task_book.current(), self._replacement)
            self._problem = ""
        except QualityTierError as error:
            self._ground, self._problem = None, str(error)

    # -- what is told

    def progress(self) -> Progress:
        """Return how it all is."""
        in_line = {panel_id for panel_id, *_ in self._pending}
        told = {panel.id: self._renewed(panel, in_line) for panel in self._board.panels}
        self._told, self._stale = told, set()
        self._inspection.follow(told, is_open=bool(self._pending))
        panels = tuple(told.values())
        left = sum(1.0 - panel.progress for panel in panels if panel.state.is_open)
        return Progress(
            self._board,
            panels,
            sum(panel.best is not None for panel in panels),
            len(panels),
            None if self._seconds is None or not left else left * self._seconds,
            self.is_paused,
            self._problem,
            self._ground.notes if self._ground else (),
            self._is_known,
            self._inspection.findings,
        )

    def _renewed(self, panel: Panel, in_line: Iterable[str]) -> PanelProgress:
        """Return how a panel is: the same object where nothing has changed."""
        before = self._told.get(panel.id)
        if before is not None and self._stale is not None and panel.id not in self._stale:
            return before
        now = self._panel_progress(panel, in_line)
        return before if before == now and before is not None else now

    def _panel_progress(self, panel: Panel, in_line: Iterable[str] = ()) -> PanelProgress:
        takes = self._takes.of(panel.id)
        last = takes[-1] if takes else None
        state = last.state if last else PanelState.MISSING
        progress = last.progress if last else 0.0
        if panel.id in in_line and not state.is_open:
            state, progress = PanelState.WAITING, 0.0
        found = PanelProgress(panel.id, state, progress, takes)
        best = found.best
        if best is None or not best.asked or self._ground is None:
            return found
        is_outdated = mark_of(order_of(self._ground, panel, best.number)) != best.asked
        return PanelProgress(panel.id, state, progress, takes, is_outdated) if is_outdated else found

    def _touch(self, panel_id: str) -> None:
        if self._stale is not None:
            self._stale.add(panel_id)


def _is_there(panel: PanelProgress) -> bool:
    """Tell whether the file of a panel is on the disk."""
    try:
        return panel.file is not None and panel.file.is_file()
    except (OSError, ValueError):
        return False


def _take(panel: PanelProgress, wish: Wish) -> int:
    if wish is Wish.ANOTHER:
        return max((take.number for take in panel.takes), default=-1) + 1
    return panel.takes[-1].number if panel.takes else 0
