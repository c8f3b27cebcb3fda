"""Jobs, records and problems as JSON has them, and as lines for people. The schemas are beside this file."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ...workflow.problems import Problem
from ..history import Record
from ..job import Job
from ..outcome import Outcome, Output
from ..tasks.preparing import readable


def job(done: Job, outcome: Outcome | None, notes_before: Sequence[str] = ()) -> dict[str, object]:
    """Return a job of this command, with what came of it so far."""
    request = done.request
    error = outcome.error if outcome is not None else None
    return {
        "id": done.id,
        "state": str(outcome.state if outcome is not None else done.state),
        "label": request.label,
        "task": request.task,
        "tier": request.tier,
        "workflow": request.workflow_name,
        "seed": request.seed,
        "files": [_file(output) for output in outcome.outputs] if outcome is not None else [],
        "texts": list(outcome.texts) if outcome is not None else [],
        "seconds": round(outcome.seconds if outcome is not None else done.age, 3),
        "error": None if error is None else {"kind": type(error).__name__, "sentence": str(error)},
        "notes": notes(done, outcome, notes_before),
        "problems": [str(problem) for problem in outcome.problems] if outcome is not None else [],
    }


def notes(done: Job, outcome: Outcome | None, before: Sequence[str] = ()) -> list[str]:
    """Return what is worth knowing of a job: what was set otherwise, and how it went."""
    report = done.task_report.sentences if done.task_report is not None else ()
    return [*before, *report, *([outcome.note] if outcome is not None and outcome.note else ())]


def record(kept: Record, *, whole: bool = False) -> dict[str, object]:
    """Return what the history knows of a job; `whole` with its parameters, texts and prompt."""
    found: dict[str, object] = {
        "id": kept.id,
        "state": str(kept.state),
        "label": kept.label,
        "task": kept.task,
        "tier": kept.tier,
        "workflow": kept.workflow,
        "seed": kept.seed,
        "server": kept.server,
        "created": moment(kept.created),
        "ended": None if kept.ended is None else moment(kept.ended),
        "seconds": round(kept.seconds, 3),
        "files": [{"path": str(f.path), "kind": f.kind, "node": f.node_title} for f in kept.files],
        "error": {"kind": kept.error_kind, "sentence": kept.error} if kept.error else None,
        "note": kept.note,
        "favourite": kept.favourite,
    }
    if whole:
        found |= {
            "parameters": jsonable(kept.parameters),
            "context": dict(kept.target),
            "texts": list(kept.texts),
            "problems": list(kept.problems),
            "prompt": None if kept.request is None else jsonable(kept.request.prompt),
        }
    return found


def problem(found: Problem) -> dict[str, object]:
    """Return one thing that keeps a workflow from running."""
    return {
        "kind": str(found.kind),
        "sentence": found.sentence,
        "node_id": found.node_id,
        "node_title": found.node_title,
        "parameter": found.parameter,
        "suggestions": [jsonable(value) for value in found.suggestions],
        "outputs": list(found.outputs),
        "pack": found.pack,
        "source": found.source,
    }


def jsonable(value: object) -> object:
    """Return a value as JSON can hold it."""
    if isinstance(value, Mapping):
        return {str(key): jsonable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(inner) for inner in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return str(value)


def parameters(given: Mapping[str, object]) -> dict[str, object]:
    """Return parameters as they were asked for; of files their names."""
    return {name: jsonable(value) for name, value in readable(given).items()}


def moment(seconds: float) -> str:
    """Return a time as ISO 8601, in UTC."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="seconds")


def shown_files(files: Iterable[Path]) -> list[str]:
    """Return a line for each file; what lies below the present folder is named from there."""
    here = Path.cwd()
    return [str(file.relative_to(here) if file.is_relative_to(here) else file) for file in files]


def _file(output: Output) -> dict[str, object]:
    return {"path": str(output.path), "kind": output.kind, "node": output.node_title}
