"""The verbs that look and do not make anything: server, models, queue, cancel, history."""

from __future__ import annotations

from collections.abc import Sequence

from ...workflow.wording import nearest, quoted
from ..history import Filter, Record
from ..outcome import JobState
from ..tasks.status import UnknownJob
from . import reports
from .calls import QueuedPrompt
from .command import Command
from .console import Result
from .exit_codes import CommandError, ExitCode, UsageError
from .progress_bar import cut, duration

_GIGABYTE = 1024**3
_SHORTEST = 4  # characters of an id that are enough where they are clear
_MANY = 100_000
_LONGEST_LABEL = 60  # columns
_OPEN = frozenset(state for state in JobState if not state.is_terminal)


def server(command: Command) -> Result:
    """Tell who the server is. Raises ComfyError."""
    state = command.session.ask_server()
    facts = {
        **command.facts,
        "comfyui": state.version,
        "device": state.device,
        "vram_free": state.vram_free,
        "vram_total": state.vram_total,
        "queue": state.queue_remaining,
    }
    memory = f"{state.vram_free / _GIGABYTE:.1f} of {state.vram_total / _GIGABYTE:.1f} GB free"
    lines = [f"{command.server.address}: ComfyUI {state.version}", f"{state.device or 'no device'}: {memory}"]
    return Result(facts, [*lines, f"{state.queue_remaining} in its queue"])


def models(command: Command) -> Result:
    """List models. Raises ComfyError, and CommandError for a folder that the server does not have."""
    found = command.session.models()
    wanted: str | None = command.options.folder
    if wanted is not None and wanted not in found.folders:
        known = ", ".join(found.folders)
        sentence = f"The server lists no folder {quoted(wanted)}.{nearest(wanted, found.folders)} It lists {known}."
        raise CommandError(sentence, ExitCode.UNKNOWN)
    names = [wanted] if wanted is not None else list(found.folders)
    listed = {name: list(found.search(name, command.options.search)) for name in names}
    lines = [f"{folder}/{name}" if wanted is None else name for folder, inside in listed.items() for name in inside]
    return Result({**command.facts, "folders": listed}, lines)


def queue(command: Command) -> Result:
    """Show all that runs and waits. Raises ComfyError and HistoryUnavailable."""
    prompts = command.session.look_at_queue()
    facts = {**command.facts, "prompts": [_queued(prompt) for prompt in prompts]}
    return Result(facts, [_queue_line(prompt) for prompt in prompts] or ["The queue is empty."])


def cancel(command: Command) -> Result:
    """Cancel jobs of ours. Raises UnknownJob, ComfyError and HistoryUnavailable."""
    session, options = command.session, command.options
    if options.all:
        ids = [record.id for record in session.history.open_jobs(str(command.server.address))]
    else:
        ids = [_full_id(command, text) for text in options.jobs]
    done = session.cancel(ids)
    facts = {
        **command.facts,
        "jobs": [{"id": one.id, "was": str(one.was), "cancelled": one.is_done, "reason": one.reason} for one in done],
    }
    lines = [f"{one.id}  {'cancelled' if one.is_done else one.reason}" for one in done] or ["Nothing is open."]
    left = [one for one in done if not one.is_done and not one.was.is_terminal]
    if left:
        return Result(facts, lines, ExitCode.UNUSABLE, CommandError(left[0].reason, ExitCode.UNUSABLE))
    return Result(facts, lines)


def history(command: Command) -> Result:
    """List jobs, or tell all about one; no server is needed. Raises UnknownJob and HistoryUnavailable."""
    options = command.options
    if options.job is not None:
        kept = command.history.record(_full_id(command, options.job))
        if kept is None:
            raise UnknownJob(f"The job {options.job} was deleted a moment ago.")
        return Result({"jobs": [reports.record(kept, whole=True)], "total": 1, "offset": 0}, _all_about(kept))
    wanted = Filter(options.search, options.task, options.tier, _states(options.state))
    page = command.history.find(wanted, offset=options.offset, size=options.limit)
    facts = {"jobs": [reports.record(kept) for kept in page.records], "total": page.total, "offset": page.offset}
    return Result(facts, [_history_line(kept) for kept in page.records] or ["There is none."])


def _states(names: Sequence[str]) -> frozenset[JobState]:
    for name in names:
        if name not in list(JobState):
            raise UsageError(f"There is no state {quoted(name)}. There are {', '.join(JobState)}.")
    return frozenset(JobState(name) for name in names)


def _full_id(command: Command, text: str) -> str:
    """The id that begins so. Raises UnknownJob, and UsageError where several do."""
    kept = command.history
    if kept.record(text) is not None:
        return text
    records = kept.find(size=_MANY).records if len(text) >= _SHORTEST else ()
    ids = [record.id for record in records if record.id.startswith(text)]
    if len(ids) > 1:
        raise UsageError(f"{len(ids)} jobs begin with {quoted(text)}: {', '.join(ids[:5])}. Type more of the id.")
    if not ids:
        raise UnknownJob(f"The history has no job {quoted(text)}. `history` lists those that there are.")
    return ids[0]


def _queued(prompt: QueuedPrompt) -> dict[str, object]:
    kept = prompt.record
    return {
        "id": prompt.id,
        "where": prompt.where,
        "position": prompt.position,
        "ours": kept is not None,
        "label": kept.label if kept else "",
        "task": kept.task if kept else "",
        "tier": kept.tier if kept else "",
        "workflow": kept.workflow if kept else "",
    }


def _queue_line(prompt: QueuedPrompt) -> str:
    where = prompt.where if prompt.where != "held" else "waits here"
    number = f"{prompt.position:3} " if prompt.position else "    "
    label = _label(prompt.record) if prompt.record else "somebody else's"
    return f"{number}{prompt.id}  {where:<10}  {label}".rstrip()


def _history_line(kept: Record) -> str:
    kind = " ".join(part for part in (kept.task or kept.workflow, kept.tier) if part)
    files = f"{len(kept.files)} file{'' if len(kept.files) == 1 else 's'}"
    when = reports.moment(kept.created)[:16].replace("T", " ")
    return f"{kept.id}  {when}  {kept.state:<9}  {files:<8}  {kind}  {_label(kept)}".rstrip()


def _all_about(kept: Record) -> list[str]:
    lines = [_history_line(kept), f"server: {kept.server}", f"took: {duration(kept.seconds)}"]
    lines += [f"{name}: {value}" for name, value in kept.parameters.items()]
    lines += reports.shown_files(file.path for file in kept.files)
    return [*lines, *([f"error: {kept.error}"] if kept.error else []), *([kept.note] if kept.note else [])]


def _label(kept: Record) -> str:
    return cut(" ".join(kept.label.split()), _LONGEST_LABEL)
