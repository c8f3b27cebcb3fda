"""The verbs that look at a workflow and send nothing: convert and check."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...workflow.graph import Workflow
from ..tasks.counter import TierOffer, offers
from ..tasks.preparing import Order
from . import reports
from .command import Command
from .console import Result, save
from .examining import Examined, examine
from .exit_codes import CommandError, ExitCode, UsageError
from .wishes import Wish, wish


def convert(command: Command) -> Result:
    """Turn a workflow of the editor into one for the server. Raises WorkflowError, ComfyError and OSError."""
    loaded = command.load(_source(command))
    api = loaded.workflow.api()
    for note in loaded.notes:
        command.console.note(note)
    target: Path | None = command.options.output
    facts: dict[str, object] = {
        "name": loaded.name,
        "was_converted": loaded.ui is not None,
        "nodes": len(api),
        "notes": list(loaded.notes),
    }
    if target is None:
        return Result({**facts, "file": None, "workflow": api}, [json.dumps(api, indent=2)], is_text=True)
    save(target, json.dumps(api, indent=2))
    return Result({**facts, "file": str(target.absolute()), "workflow": api}, [str(target)])


def check(command: Command) -> Result:
    """Tell what keeps something from running. Raises what `wish` does, and ComfyError."""
    asked = wish(command)
    found = _of_task(command, asked) if asked.task else examine(command, asked)
    facts = {
        "name": asked.task or (asked.workflow.name if asked.workflow else ""),
        "tier": asked.tier,
        "problems": [reports.problem(problem) for problem in found.problems],
        "runnable_outputs": list(found.outputs),
        "notes": list(found.wish.notes),
    }
    for note in found.wish.notes:
        command.console.note(note)
    lines = [problem.sentence for problem in found.problems] or ["Nothing stands in the way."]
    return Result(facts, lines, ExitCode.PROBLEMS if found.problems else ExitCode.DONE)


def _source(command: Command) -> Any:
    if command.options.workflow is not None:
        return command.options.workflow
    scene = command.surroundings.scene
    request = scene.request() if scene is not None else None
    if request is None:
        raise UsageError("Say which WORKFLOW to convert. Or give Blender a .blend with an imported one before.")
    return Workflow.load(request.prompt)


def _of_task(command: Command, asked: Wish) -> Examined:
    offer = _offer(command, asked)
    if offer.is_available is False and not offer.problems:  # before any server could say anything
        raise CommandError(offer.reason, ExitCode.UNUSABLE)
    return Examined(replace(asked, notes=offer.report.sentences if offer.report else ()), offer.problems)


def _offer(command: Command, asked: Wish) -> TierOffer:
    workflow = asked.workflow.workflow if asked.workflow else None
    order = Order(asked.task, asked.tier, asked.parameters, workflow, asked.loras)
    if command.options.object_info is not None:
        raise UsageError("--object-info is for a WORKFLOW. A task is checked with a server.")
    found = offers(command.session.task_book.current(), order, command.stock, {})
    return next(offer for offer in found if offer.tier.name == asked.tier)
