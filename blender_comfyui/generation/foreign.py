"""Results that other clients left on the server: which there are, and one of them as a request of ours."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..comfy.answers import PastPrompt
from ..comfy.client import ComfyClient
from ..comfy.errors import Lost
from ..workflow.errors import WorkflowError
from ..workflow.graph import Workflow
from ..workflow.parameters import read_parameters
from .events import ForeignResult
from .history import History
from .part_run import job_of
from .request import Request


def foreign_results(client: ComfyClient, history: History) -> tuple[ForeignResult, ...]:
    """The newest results on the server that are not in our history, newest first. Raises ComfyError."""
    strangers = [past for past in client.past_prompts() if _has_a_proper_id(past) and not _is_ours(past, history)]
    return tuple(_result(past) for past in reversed(strangers) if _files(past) or past.entry.failure)


def foreign_request(client: ComfyClient, prompt_id: str, folder: Path, context: Mapping[str, str]) -> Request:
    """What another client asked for. Raises ComfyError, of which Lost says that the server has it no more."""
    past = client.past_prompt(prompt_id)
    if past is None or not _has_a_proper_id(past):
        raise Lost("The server no longer has this result. Read its list anew.")
    parameters = _parameters(past)
    label = str(parameters.get("prompt", ""))
    return Request(prompt=past.graph, parameters=parameters, label=label, folder=folder, context=dict(context))


def _result(past: PastPrompt) -> ForeignResult:
    label = str(_parameters(past).get("prompt", ""))
    return ForeignResult(past.prompt_id, label, _files(past), past.entry.failure is not None, past.ended)


def _files(past: PastPrompt) -> int:
    return sum(len(output.files) for output in past.entry.outputs)


def _parameters(past: PastPrompt) -> dict[str, Any]:
    try:
        return read_parameters(Workflow.load(past.graph))
    except WorkflowError:
        return {}


def _is_ours(past: PastPrompt, history: History) -> bool:
    """Known to our history, or a part of a job that is."""
    job_id = job_of(past.graph)
    return history.record(past.prompt_id) is not None or bool(job_id and history.record(job_id))


def _has_a_proper_id(past: PastPrompt) -> bool:
    """Ids become parts of file names: only what the server itself would give counts."""
    try:
        return str(uuid.UUID(past.prompt_id)) == past.prompt_id
    except ValueError:
        return False
