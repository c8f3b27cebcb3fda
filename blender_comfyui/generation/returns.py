"""Jobs that come back: those that nobody follows any more, those looked for by a click, those that others made."""

from __future__ import annotations

import time
from collections.abc import Callable, Container
from dataclasses import dataclass

from ..comfy.errors import ComfyError
from .adoption import Adoption, ElsewhereError
from .events import ForeignListed, HistoryNotice, Returned, SessionEvent
from .foreign import foreign_request, foreign_results
from .giving_up import GivenUp
from .history import History, HistoryUnavailable, Record
from .job import Job
from .messages import BringBack, BringIn, Cancel, ListForeign, Recover
from .outcome import JobState, Outcome
from .ownership import Ownership
from .recording import Ends
from .request import Request
from .server_watch import ServerWatch

_FIRST_PAUSE = 1.0  # seconds before open jobs are looked for again that another Session may just be leaving
_LONGEST_PAUSE = 600.0
_AFTER_TROUBLE = 15.0  # seconds for which a job that could not be fetched is left alone, at least


@dataclass(frozen=True)
class Registry:
    """What the worker tells its Session, and asks of it. `followed` holds the ids of all jobs that have not ended."""

    followed: Container[str]
    make_job: Callable[[str, Request, float], Job]
    follow: Callable[[Job], None]
    ended: Callable[[Job], None]
    publish: Callable[[SessionEvent], None]


class Returns:
    """Hands to `follow` what is to be followed. Belongs to the worker thread. `due`, in monotonic seconds, is when
    `try_again` wants to be called."""

    def __init__(
        self,
        watch: ServerWatch,
        registry: Registry,
        history: History,
        ownership: Ownership,
        ends: Ends,
        follow: Callable[[Job, Record], None],
    ) -> None:
        self.due = float("inf")
        self._client = watch.client
        self._server = str(watch.client.address)
        self._registry = registry
        self._history = history
        self._ownership = ownership
        self._ends = ends
        self._follow = follow
        self._adoption = Adoption(history, ownership, self._server, registry.make_job)
        self._given_up = GivenUp(watch)
        self._pause = _FIRST_PAUSE

    def adopt(self) -> None:
        """Take over jobs that nobody follows: those of a Blender that is gone, or ours from before an outage."""
        self._pause = _FIRST_PAUSE
        self._adopt()

    def come_later(self) -> None:
        """A job ended here without its result, which may be fetched yet."""
        self.due = min(self.due, time.monotonic() + max(self._pause, _AFTER_TROUBLE))

    def try_again(self, is_ready: bool) -> None:
        """The history may be free again, another Blender may have ended, the files may come at last."""
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        self._ends.write_all()
        if is_ready:
            self._adopt()
        else:  # when the server is back, that is news of its own
            self.due = time.monotonic() + self._pause

    def obey(self, order: BringBack | Cancel) -> None:
        """Do what a person has asked for."""
        try:
            match order:
                case Cancel(job_id=job_id):
                    self._give_up(job_id)
                case Recover(job_id=job_id):
                    self._recover(job_id)
                case ListForeign():
                    self._list_foreign()
                case BringIn():
                    self._bring_in(order)
        except ElsewhereError as error:
            self._registry.publish(HistoryNotice(str(error)))
        except (ComfyError, HistoryUnavailable) as error:
            self._registry.publish(ForeignListed(error=str(error)))

    def _adopt(self) -> None:
        self.due = time.monotonic() + self._pause  # should this fail
        for job, record in self._adoption.orphans(self._registry.followed, self._ends):
            self._follow(job, record)
        self._given_up.tell()
        if not (self._adoption.left or self._ends or self._given_up):
            self.due = float("inf")

    def _recover(self, job_id: str) -> None:
        if job_id not in self._registry.followed and (found := self._adoption.again(job_id)):
            self._follow(*found)

    def _give_up(self, job_id: str) -> None:
        """It is written down first, then told as what it is to everybody: a job that returns, and ends."""
        record = self._adoption.given_up(job_id)
        if record is None or job_id in self._ends:
            return
        outcome = Outcome(JobState.CANCELLED)
        self._ends.write(job_id, outcome)
        if record.server != self._server:
            text = f"The job is given up. {record.server} cannot be told from here, and may still run it."
            self._registry.publish(HistoryNotice(text))
        elif record.sent is not None:
            self._given_up.add(job_id)
            self._given_up.tell()
            self.due = min(self.due, time.monotonic() + self._pause) if self._given_up else self.due
        if record.request is not None:
            job = self._registry.make_job(job_id, record.request, record.created)
            self._registry.publish(Returned(job_id, job))
            job.end(outcome, job.progress)

    def _list_foreign(self) -> None:
        self._registry.publish(ForeignListed(foreign_results(self._client, self._history)))

    def _bring_in(self, order: BringIn) -> None:
        prompt_id = order.prompt_id
        if prompt_id in self._registry.followed or self._history.record(prompt_id) is not None:
            self._list_foreign()  # the list that it was chosen from is old
            return
        request = foreign_request(self._client, prompt_id, order.folder, order.context)
        now, owner = time.time(), self._ownership.id
        self._history.add(prompt_id, request, self._server, owner, now, imported=True, state=JobState.QUEUED, sent=now)
        record = self._history.record(prompt_id)
        if record is not None:
            self._follow(self._registry.make_job(prompt_id, request, now), record)
