"""From a workflow that was read to one that a panel can show: its parameters and its problems. No bpy, no network."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...workflow.conversion.graphs import read
from ...workflow.convert import to_api
from ...workflow.errors import NotAWorkflow, UnknownClasses, WorkflowError
from ...workflow.graph import Workflow
from ...workflow.importing import ImportedWorkflow, checked_api, import_workflow
from ...workflow.missing_classes import packs_of, with_stand_ins
from ...workflow.node_types import NodeTypes
from ...workflow.panel_parameters import panel_parameters
from ...workflow.preflight import preflight, runnable_outputs
from ...workflow.refusals import refused_problems
from ...workflow.wording import quoted
from .questions import Check, Checked, Definitions, Examine, Explain, Imported


def checked(question: Check, definitions: Definitions) -> Checked:
    """Raises WorkflowError."""
    workflow = Workflow.load(question.api)
    problems = preflight(
        workflow,
        definitions.node_types,
        files=question.files,
        packs=_packs(question.ui),
        replacements=definitions.replacements,
    )
    return Checked(problems, runnable_outputs(workflow, definitions.node_types, problems))


def explained(question: Explain, definitions: Definitions) -> Checked:
    """What a server refused, like what is found beforehand. Raises WorkflowError."""
    workflow = Workflow.load(question.api)
    node_errors: dict[str, dict[str, Any]] = {}
    for problem in question.refused:
        entry = node_errors.setdefault(problem.node_id, {"class_type": problem.class_type, "errors": []})
        error = {"type": problem.type, "message": problem.message, "details": problem.details}
        entry["errors"].append({**error, "extra_info": {"input_name": problem.parameter}})
    problems = refused_problems(node_errors, workflow, definitions.node_types, files=question.files)
    return Checked(problems, runnable_outputs(workflow, definitions.node_types, problems))


def given(question: Examine) -> ImportedWorkflow:
    """A workflow of graphs that somebody has, as of a .blend, which may come from anybody. Raises WorkflowError."""
    called = quoted(question.name)
    if question.ui is None and question.api is None:
        raise NotAWorkflow(f"{called} is empty. Import the workflow again.")
    if question.ui is not None:
        read(question.ui)
    api = None if question.api is None else checked_api(question.api, called)
    return ImportedWorkflow(question.name, "", "", None if question.ui is None else dict(question.ui), api)


def converted(workflow: ImportedWorkflow, definitions: Definitions | None) -> ImportedWorkflow:
    """The workflow with what it is converted to, as far as it was not, and can be. Raises WorkflowError."""
    if workflow.api is not None or workflow.ui is None or definitions is None:
        return workflow
    try:
        api = checked_api(to_api(workflow.ui, definitions.node_types), quoted(workflow.name))
    except UnknownClasses as error:
        return replace(workflow, unconverted=error, notes=(*workflow.notes, str(error)))
    return replace(workflow, api=api, unconverted=None)


def imported(source: Path | bytes, name: str, definitions: Definitions | None, title: str = "") -> Imported:
    """A workflow out of a file, or a file's bytes. Raises WorkflowError."""
    node_types = definitions.node_types if definitions else None
    return opened(import_workflow(source, name, node_types, title=title), definitions)


def opened(workflow: ImportedWorkflow, definitions: Definitions | None) -> Imported:
    """Raises WorkflowError."""
    found = Imported(workflow, workflow.api, (), (), workflow.notes)
    if definitions is None:
        return found
    found = replace(found, definitions=definitions)
    node_types = _with_stand_ins(workflow, definitions)
    graph = workflow.api or _with_unknown_classes(workflow, node_types)
    if graph is None:
        return found
    return replace(
        found,
        graph=graph,
        parameters=panel_parameters(Workflow.load(graph), node_types, workflow.ui),
        problems=checked(Check(graph, workflow.ui), definitions).problems,
    )


def _with_unknown_classes(workflow: ImportedWorkflow, node_types: NodeTypes) -> Mapping[str, Any] | None:
    """What the editor's file is converted to, with stand-ins; None where it tells too little for that."""
    with contextlib.suppress(UnknownClasses):  # the notes tell of them
        return to_api(workflow.ui, node_types) if workflow.ui is not None else None
    return None


def _with_stand_ins(workflow: ImportedWorkflow, definitions: Definitions) -> NodeTypes:
    with contextlib.suppress(WorkflowError):
        if workflow.ui is not None:
            return with_stand_ins(workflow.ui, definitions.node_types, definitions.replacements)
    return definitions.node_types


def _packs(ui: Mapping[str, Any] | None) -> dict[str, str]:
    with contextlib.suppress(WorkflowError):
        return packs_of(ui) if ui is not None else {}
    return {}
