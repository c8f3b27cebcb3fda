"""The takes of a storyboard's panels: read from the history, kept up with the jobs that run. No bpy, no disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ..history import Record
from ..job import Job
from ..outcome import JobState
from .states import ASKED, PANEL, STORYBOARD, TAKE, PanelState, Take

_STATES = {
    JobState.WAITING: PanelState.WAITING,
    JobState.QUEUED: PanelState.WAITING,
    JobState.RUNNING: PanelState.RUNNING,
    JobState.DOWNLOADING: PanelState.RUNNING,
    JobState.FINISHED: PanelState.FINISHED,
    JobState.FAILED: PanelState.FAILED,
    JobState.LOST: PanelState.LOST,
    JobState.CANCELLED: PanelState.CANCELLED,
}
_NO_RESULT = "It ended, and made no file. See what the workflow saves."


class Takes:
    """All takes of one storyboard, by panel and job. Belongs to the production's thread."""

    def __init__(self, storyboard_id: str, server: str) -> None:
        self._id = storyboard_id
        self._server = server
        self._takes: dict[str, dict[str, Take]] = {}
        self._panels: dict[str, str] = {}
        self._jobs: dict[str, Job] = {}
        self._unready = 0

    def of(self, panel_id: str) -> tuple[Take, ...]:
        """Return a panel's takes, oldest first: as they came, whatever the clock did meanwhile."""
        return tuple(self._takes.get(panel_id, {}).values())

    def knows(self, job_id: str) -> bool:
        return job_id in self._panels

    def belongs(self, job: Job) -> bool:
        """Tell whether a job is of this storyboard."""
        return job.request.context.get(STORYBOARD) == self._id and PANEL in job.request.context

    def open_jobs(self, panels: Iterable[str] | None = None) -> Iterator[tuple[str, Job | None]]:
        """Yield what is on its way, of these panels or of all: job ids, each with the job where this session has it."""
        for panel_id in tuple(self._takes) if panels is None else panels:
            for take in tuple(self._takes.get(panel_id, {}).values()):
                if take.state.is_open:
                    yield take.job_id, self._jobs.get(take.job_id)

    def put(self, job: Job) -> str:
        """Take a job of this storyboard in; return its panel."""
        panel_id = job.request.context[PANEL]
        self._jobs[job.id] = job
        self._keep(panel_id, of_job(job))
        if job.outcome is not None:
            del self._jobs[job.id]
        return panel_id

    def renew(self, job_id: str) -> str | None:
        """Look at a job anew; return its panel, None where it is not one of ours."""
        job = self._jobs.get(job_id)
        return self.put(job) if job is not None else None

    def put_unready(self, panel_id: str, take: Take) -> None:
        """Take in what could not be made ready to be sent: a row in the history follows."""
        self._unready += 1
        self._takes.setdefault(panel_id, {})[f" {self._unready}"] = take

    def read(self, records: Iterable[Record], followed: Mapping[str, Job]) -> None:
        """Take over what the history says, oldest first: all there is, but for what has not come there yet."""
        before, self._takes, self._panels = self._takes, {}, {}
        new_failures: Counter[str] = Counter()
        for record in records:
            panel_id = record.target.get(PANEL, "")
            known = before.get(panel_id, {}).get(record.id)
            job = followed.get(record.id) or self._jobs.get(record.id)
            if job is not None:
                self.put(job)
            elif known is not None and not known.state.is_open:
                self._keep(panel_id, known)  # the history may not know its end yet
            else:
                self._keep(panel_id, of_record(record, self._server))
                new_failures[panel_id] += known is None and record.state is JobState.FAILED
        for panel_id, takes in before.items():
            self._keep_unwritten(panel_id, takes, new_failures[panel_id])
        for job in followed.values():
            if not self.knows(job.id):  # it was submitted a moment ago
                self.put(job)

    def _keep_unwritten(self, panel_id: str, takes: Mapping[str, Take], new_failures: int) -> None:
        """Keep what is not in the history yet, rather than not there any more: jobs that are on their way there, and
        what could not be made ready, until as many rows have come."""
        for take in takes.values():
            if take.job_id in self._jobs and not self.knows(take.job_id):
                self._keep(panel_id, take)
        unready = [key for key, take in takes.items() if not take.job_id]
        for key in unready[new_failures:]:
            self._takes.setdefault(panel_id, {})[key] = takes[key]

    def _keep(self, panel_id: str, take: Take) -> None:
        self._takes.setdefault(panel_id, {})[take.job_id] = take
        self._panels[take.job_id] = panel_id


def of_job(job: Job) -> Take:
    """Return how a job is now."""
    context, outcome = job.request.context, job.outcome
    state, reason = _STATES[job.state], job.waiting_for
    files: tuple[Path, ...] = ()
    if outcome is not None:
        is_open = outcome.stays_open
        state = PanelState.WAITING if is_open else state
        reason = "" if outcome.error is None else str(outcome.error)
        files = _results((output.path, output.type) for output in outcome.outputs)
    return Take(
        _number(context),
        job.id,
        state,
        job.progress.fraction,
        files,
        reason or _nothing(state, files),
        job.request.parameters,
        job.created,
        context.get(ASKED, ""),
        job.task_report.sentences if job.task_report else (),
    )


def of_record(record: Record, server: str) -> Take:
    """Return how the history has a job; ``server`` is ours."""
    state = _STATES[record.state]
    files = _results((file.path, file.type) for file in record.files)
    reason = record.error
    if state.is_open and record.server != server:
        reason = f"It waits for {record.server}. Choose that server, or cancel it."
    if state.is_open and reason:
        state = PanelState.WAITING  # nobody hears how it goes on
    return Take(
        _number(record.target),
        record.id,
        state,
        1.0 if state is PanelState.FINISHED else 0.0,
        files,
        reason or _nothing(state, files),
        record.parameters,
        record.created,
        record.target.get(ASKED, ""),
    )


def _number(context: Mapping[str, str]) -> int:
    text = context.get(TAKE, "0")
    return int(text) if text.isdecimal() else 0


def _results(files: Iterable[tuple[Path, str]]) -> tuple[Path, ...]:
    """Return what was to be made; previews only where there is nothing else."""
    found = list(files)
    return tuple(path for path, kind in found if kind != "temp") or tuple(path for path, _ in found)


def _nothing(state: PanelState, files: tuple[Path, ...]) -> str:
    return _NO_RESULT if state is PanelState.FINISHED and not files else ""
