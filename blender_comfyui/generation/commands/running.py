"""`run`: one workflow or task, from the words to the files."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from ...comfy.errors import TimedOut
from ...workflow.graph import Workflow
from ...workflow.parameters import read_parameters, set_parameters
from ..history import HistoryUnavailable, Placement
from ..job import Job
from ..outcome import JobState, Outcome
from ..session import Session
from . import reports
from .command import Command
from .console import Result
from .examining import examine, settled
from .exit_codes import CommandError, ExitCode, code_of_end
from .interrupts import Interrupts
from .progress_bar import Standing
from .wishes import Wish, wish, without_seed_text

_LOOK = 0.1  # seconds between two looks at how far it is
_PARTING = 15.0  # seconds for the server to confirm that it has cancelled our prompts

_WORDS = {
    JobState.WAITING: "waiting",
    JobState.QUEUED: "queued",
    JobState.RUNNING: "running",
    JobState.DOWNLOADING: "fetching",
}


def run(command: Command) -> Result:
    """Send it, wait for it, and tell what came. Raises what `wish` does, QualityTierError and ComfyError."""
    asked = without_seed_text(wish(command))
    session = command.session
    session.ask_server()  # a session by itself would wait for a server that is away
    if not command.options.unchecked:
        asked = _checked(command, asked)
    with command.interrupts.held():
        job = _begun(command, asked)
        session.run_next(job.id)  # a Blender that was closed may have left others, which go on too, behind it
        outcome = follow(job, command, label=job.request.label or job.request.workflow_name or "run")
        settle(session, [job.id])
    return _result(command, asked, job, outcome)


def follow(job: Job, command: Command, *, label: str) -> Outcome | None:
    """Show how a job goes until it has ended; None where --timeout was over, or a cancel went unanswered."""
    bar = command.console.bar(label)
    ended = wait(
        [job],
        command.interrupts,
        timeout=command.options.timeout,
        look=lambda: bar.show(standing(job)),
        cancel=job.cancel,
    )
    bar.end(standing(job))
    return job.outcome if ended else None


def wait(
    jobs: Sequence[Job],
    interrupts: Interrupts,
    *,
    timeout: float | None,
    look: Callable[[], None],
    cancel: Callable[[], None],
) -> bool:
    """Wait for these jobs, and ask for their end when somebody asks for ours. True when all have ended."""
    deadline = float("inf") if timeout is None else time.monotonic() + timeout
    is_cancelled = False
    for job in jobs:
        while job.outcome is None:
            if interrupts.asked is not None and not is_cancelled:
                is_cancelled, deadline = True, time.monotonic() + _PARTING
                cancel()
            if time.monotonic() >= deadline:
                return False
            look()
            try:
                job.wait(_LOOK)
            except TimedOut:
                continue
    return True


def standing(job: Job) -> Standing:
    """How far a job is, for a bar."""
    if job.outcome is not None:
        detail = str(job.outcome.error or job.outcome.note)
        return Standing(float(job.progress), str(job.outcome.state), detail)
    detail = job.waiting_for or job.progress.node_title
    if job.state is JobState.QUEUED and job.foreign_before:
        detail = f"behind {job.foreign_before} of other people's"
    return Standing(float(job.progress), _WORDS.get(job.state, str(job.state)), detail)


def settle(session: Session, job_ids: Iterable[str]) -> None:
    """Nobody waits for these in Blender: its panel shall not offer to place them."""
    with contextlib.suppress(HistoryUnavailable):
        for job_id in job_ids:
            kept = session.history.record(job_id)
            for file in kept.files if kept is not None else ():
                if file.placement is Placement.WAITING:
                    session.history.place(job_id, file.number, Placement.DISMISSED)


def _checked(command: Command, asked: Wish) -> Wish:
    """Return it with names as the server writes them. Raises CommandError where the server cannot run it; of tasks
    `run_task` tells that, by what the server has now."""
    command.stock  # noqa: B018
    if asked.workflow is None or asked.task:
        return asked
    found = examine(command, asked)
    if found.problems:
        more = f" And {len(found.problems) - 1} more: see `check`." if len(found.problems) > 1 else ""
        raise CommandError(found.problems[0].sentence + more, ExitCode.PROBLEMS)
    return found.wish


def _begun(command: Command, asked: Wish) -> Job:
    session, options = command.session, command.options
    folder = command.output_folder()
    if asked.request is not None:
        assert asked.workflow is not None
        changed = set_parameters(asked.workflow.workflow, asked.parameters)
        recorded = {**asked.request.parameters, **reports.parameters(asked.parameters)}
        stem = options.name or asked.request.stem
        request = replace(
            asked.request, prompt=changed.api(), parameters=recorded, folder=folder, stem=stem, context={}
        )
        return session.run(request)
    if asked.task:
        return session.run_task(
            asked.task,
            asked.tier,
            asked.parameters,
            workflow=asked.workflow.workflow if asked.workflow else None,
            workflow_name=asked.workflow.name if asked.workflow else "",
            loras=asked.loras,
            folder=folder,
            stem=options.name,
        )
    assert asked.workflow is not None
    return session.submit(
        asked.workflow.workflow.api(),
        asked.parameters,
        folder=folder,
        stem=options.name,
        recorded=(roles := _recorded(asked, asked.workflow.workflow)),
        label=str(roles.get("prompt", "")),
        workflow_name=asked.workflow.name,
    )


def _recorded(asked: Wish, workflow: Workflow) -> dict[str, object]:
    """What the history keeps: what the workflow has by itself, too."""
    return {**read_parameters(set_parameters(workflow, settled(asked))), **reports.parameters(asked.parameters)}


def _result(command: Command, asked: Wish, job: Job, outcome: Outcome | None) -> Result:
    facts = {**command.facts, "job": reports.job(job, outcome, asked.notes)}
    stopped = command.interrupts.asked
    if stopped is not None:
        told = "It is cancelled." if outcome is not None else "The server did not say whether it is cancelled."
        return Result(facts, (), stopped, CommandError(f"Interrupted. {told}", stopped))
    if outcome is None:
        sentence = f"The job {job.id} has not ended in time; it is {job.state}, and goes on."
        return Result(facts, (), ExitCode.TIMEOUT, CommandError(sentence, ExitCode.TIMEOUT))
    code = code_of_end(outcome)
    lines = [*reports.shown_files(outcome.files), *outcome.texts]
    error = outcome.error if outcome.error is not None or code is ExitCode.DONE else _cancelled(job)
    for note in reports.notes(job, outcome, asked.notes):
        command.console.note(note)
    return Result(facts, lines, code, error)


def _cancelled(job: Job) -> Exception:
    return CommandError(f"The job {job.id} was cancelled.", ExitCode.CANCELLED)
