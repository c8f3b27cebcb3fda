"""What a session does for people who think of tasks and tiers. Each call may come from any thread."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...workflow.graph import Workflow
from ...workflow.loras import Lora
from ..job import Job
from ..request import Request
from .counter import Counter, Estimate, TierOffer
from .errors import QualityTierError
from .preparing import Order, Prepared, readable
from .records import Task
from .status import EndedJobs, JobStatus, status_of


class TaskCalls(ABC):
    """The part of a session that knows tasks; how jobs are sent, the session itself knows."""

    def __init__(self, counter: Counter, ended: EndedJobs, jobs: Mapping[str, Job]) -> None:
        self._counter = counter
        self._ended = ended
        self._open_jobs = jobs

    def tasks(self) -> tuple[Task, ...]:
        """What can be asked for, with all tiers. Looks at files, unless the session's `task_book` is watched."""
        return self._counter.tasks()

    def tiers(
        self,
        task: str,
        parameters: Mapping[str, object] | None = None,
        *,
        workflow: Workflow | Mapping[str, object] | Path | str | None = None,
        loras: Sequence[Lora] = (),
    ) -> tuple[TierOffer, ...]:
        """How well a task can be done here, with these parameters: what each tier sets, takes, and lacks.

        Reads the history. What the server has is read in the background when this is first called, and said by
        `StockChanged`; the session's `stock.read` waits for it. Raises InvalidQualityTierError, HistoryUnavailable.
        """
        return self._counter.tiers(Order(task, "", parameters or {}, workflow, tuple(loras)))

    def estimate(self, task: str, tier: str) -> Estimate:
        """How long a tier takes here. Reads the history. Raises InvalidQualityTierError and HistoryUnavailable."""
        return self._counter.estimate(task, tier)

    def made_ready(self, order: Order) -> Prepared:
        """Return what `run_task` would send. Reads files, unless the session's `task_book` is watched.

        Raises QualityTierError.
        """
        return self._counter.prepare(order)

    def run_task(
        self,
        task: str,
        tier: str,
        parameters: Mapping[str, object] | None = None,
        *,
        workflow: Workflow | Mapping[str, object] | Path | str | None = None,
        loras: Sequence[Lora] = (),
        workflow_name: str = "",
        folder: Path | None = None,
        stem: str = "",
        context: Mapping[str, str] | None = None,
    ) -> Job:
        """Start a task at a tier, with `workflow` (called `workflow_name`) for the tier's own, and return at once.

        Parameters are named as in `submit`; there are also image, mask, and any input that just one node has. Several
        values, or prompts, go to the pictures of a contact sheet one by one; a prompt may name LoRAs as
        ``<lora:name:0.8>``. The job's `task_report` says what became of them.

        Raises QualityTierError, of which a failed job in the history tells too, and SessionClosed after `close`.
        """
        order = Order(task, tier, parameters or {}, workflow, tuple(loras), workflow_name)
        context = context or {}
        try:
            ready = self._counter.prepare(order)
        except QualityTierError as error:
            self.note_failure(task, tier, order.parameters, error, folder=folder, context=context)
            raise
        job = self._send(ready, folder, stem, context)
        job.task_report = ready.report
        return job

    def note_failure(
        self,
        task: str,
        tier: str,
        parameters: Mapping[str, object],
        error: Exception,
        *,
        folder: Path | None = None,
        context: Mapping[str, str] | None = None,
    ) -> None:
        """Have the history tell of an order that could not even be put together, and return at once.

        `run_task` does so itself; this is for what is in the way before, such as a picture that shows nothing.
        """
        prompt = parameters.get("prompt", "")
        label = " | ".join(map(str, prompt)) if isinstance(prompt, list | tuple) else str(prompt)
        asked = Request(
            {}, readable(parameters), task=task, tier=tier, label=label, folder=folder, context=dict(context or {})
        )
        self._unprepared(asked, error)

    def status(self, job_id: str) -> JobStatus:
        """How a job is, also one that has ended; of one of an earlier session the history is read.

        Raises UnknownJob and HistoryUnavailable.
        """
        job = self._open_jobs.get(job_id)
        return status_of(job) if job else self._ended.get(job_id) or self._counter.recorded_status(job_id)

    @abstractmethod
    def _send(self, ready: Prepared, folder: Path | None, stem: str, context: Mapping[str, str]) -> Job:
        """Send an order that is ready."""

    @abstractmethod
    def _unprepared(self, asked: Request, error: Exception) -> None:
        """Write down what could not be made ready."""
