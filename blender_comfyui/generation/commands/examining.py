"""What a server would say of a workflow with the values that it is to have: before `run` sends it, and for `check`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ...workflow.graph import Workflow
from ...workflow.missing_classes import packs_of
from ...workflow.parameters import find_place, set_parameters
from ...workflow.preflight import preflight, runnable_outputs
from ...workflow.problems import Problem, SetValue
from ..drawings import Drawing
from .command import Command
from .wishes import Wish
from .workflows import Loaded


@dataclass(frozen=True)
class Examined:
    """`wish` has names as the server writes them; `problems` are what is left, `outputs` the nodes that give something
    in spite of them."""

    wish: Wish
    problems: tuple[Problem, ...] = ()
    outputs: tuple[str, ...] = ()


def examine(command: Command, asked: Wish) -> Examined:
    """Look at a workflow that is asked for by itself. Raises WorkflowError and ComfyError."""
    assert asked.workflow is not None
    loaded, node_types = asked.workflow, command.node_types
    changed = set_parameters(loaded.workflow, settled(asked))
    packs = packs_of(loaded.ui) if loaded.ui is not None else {}
    sent = _sent(loaded, asked)
    problems = [
        problem
        for problem in preflight(changed, node_types, packs=packs)
        if (problem.node_id, problem.parameter) not in sent
    ]
    sure = [problem for problem in problems if problem.is_sure and isinstance(problem.action, SetValue)]
    renamed = {
        f"{problem.node_id}.{problem.parameter}": problem.action.value
        for problem in sure
        if isinstance(problem.action, SetValue)
    }
    left = tuple(problem for problem in problems if problem not in sure)
    outputs = runnable_outputs(changed, node_types, left)
    notes = tuple(problem.sentence for problem in sure)
    return Examined(replace(asked, parameters={**asked.parameters, **renamed}, notes=notes), left, outputs)


def settled(asked: Wish) -> dict[str, object]:
    """Return the parameters that are no files: those are known only when they were sent."""
    return {name: value for name, value in asked.parameters.items() if not isinstance(value, Path | Drawing)}


def _sent(loaded: Loaded, asked: Wish) -> set[tuple[str, str]]:
    """Return the inputs that files of ours go to."""
    graph: Workflow = loaded.workflow
    names = set(asked.parameters) - set(settled(asked))
    places = {(place.node_id, place.input_name) for place in (find_place(graph, name) for name in names)}
    uploads = asked.request.uploads if asked.request is not None else ()
    return places | {place for upload in uploads for place in upload.places}
