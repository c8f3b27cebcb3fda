"""What a server would refuse of a workflow, found before anything is sent. No bpy, no network.

The server runs output nodes and what feeds them, so only these are looked at; but it refuses the whole workflow for a
class that it does not have, wherever it is. What only the server can know (a class's own checks, a file that is no
picture) it says itself.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from .expected_inputs import Expected, expected_inputs
from .graph import Link, Node, Workflow
from .node_types import NodeType, NodeTypes
from .outputs import outputs_of
from .problems import (
    Action,
    Problem,
    ProblemKind,
    RemoveInput,
    RemoveNode,
    ReplaceClass,
    SetValue,
    replacements_of,
    with_outputs,
)
from .value_checks import ValueChecks, label_of, missing_input
from .wording import nearest, quoted

_ANY = frozenset({"*", "", "COMBO", "COMFY_MATCHTYPE_V3"})
_SUBGRAPH_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_MOST_OUTPUTS = 200  # of more, the others count as stopped by any problem
_STOCK_PACKS = frozenset({"comfy-core"})


def preflight(
    api: Mapping[str, Any] | Workflow,
    node_types: NodeTypes,
    *,
    files: Collection[str] | None = None,
    packs: Mapping[str, str] | None = None,
    replacements: Mapping[str, Any] | None = None,
) -> tuple[Problem, ...]:
    """Return what is wrong with a graph in the API format, the gravest first; nothing where the server will run it.

    ``files`` are names in the server's input folder, uploaded or about to be; without them, input files are not
    looked for. ``packs`` are node packs by class, from ``missing_classes.packs_of`` or UnknownClasses. ``replacements``
    is the server's answer to ``GET /node_replacements``.

    Raises NotAWorkflow for what is no graph. ``problems.apply`` does what a problem offers.
    """
    workflow = api if isinstance(api, Workflow) else Workflow.load(api)
    return _Checking(workflow, node_types, ValueChecks(files), packs or {}, replacements or {}).made()


def runnable_outputs(workflow: Workflow, node_types: NodeTypes, problems: Collection[Problem]) -> tuple[str, ...]:
    """Return the output nodes that give something in spite of the problems; where there is none, do not send it."""
    stopped = {output for problem in problems for output in problem.outputs}
    return tuple(output for output in outputs_of(workflow, node_types) if output not in stopped)


class _Checking:
    """One graph being checked."""

    def __init__(
        self,
        workflow: Workflow,
        node_types: NodeTypes,
        values: ValueChecks,
        packs: Mapping[str, str],
        replacements: Mapping[str, Any],
    ) -> None:
        self.workflow = workflow
        self.node_types = node_types
        self.values = values
        self.packs = packs
        self.replacements = replacements
        self.outputs = outputs_of(workflow, node_types)
        self.running = workflow.ancestors(self.outputs) if self.outputs else set(workflow.nodes)
        self.fed = self.outputs_fed()

    def made(self) -> tuple[Problem, ...]:
        found = [*self.missing_classes(), *self.no_output(), *self.cycles()]
        for node in self.workflow.nodes.values():
            node_type = self.node_types.get(node.class_type)
            if node.id in self.running and node_type is not None:
                found.extend(self.of_node(node, node_type))
        return tuple(with_outputs(problem, self.stopped_by(problem)) for problem in found)

    def outputs_fed(self) -> dict[str, tuple[str, ...]]:
        """Return the outputs that each node feeds."""
        fed: dict[str, list[str]] = {}
        for output in self.outputs[:_MOST_OUTPUTS]:
            for node_id in self.workflow.ancestors([output]):
                fed.setdefault(node_id, []).append(output)
        return {node_id: tuple(outputs) for node_id, outputs in fed.items()}

    def stopped_by(self, problem: Problem) -> tuple[str, ...]:
        if problem.kind in (ProblemKind.MISSING_CLASS, ProblemKind.NO_OUTPUT):
            return self.outputs
        return self.fed.get(problem.node_id, ()) + self.outputs[_MOST_OUTPUTS:]

    def missing_classes(self) -> Iterator[Problem]:
        for node in self.workflow.nodes.values():
            if node.class_type not in self.node_types:
                yield self.missing_class(node)

    def missing_class(self, node: Node) -> Problem:
        action, pack = self.instead_of(node), self.packs.get(node.class_type) or self.pack_in_graph(node)
        kind, label = ProblemKind.MISSING_CLASS, label_of(action)
        if _SUBGRAPH_ID.fullmatch(node.class_type):
            sentence = f"{quoted(node.title)} is a subgraph that the file lacks. Export the workflow again."
            return Problem(kind, node.id, node.title, "", sentence, action, label)
        sentence = f"{quoted(node.title)}: the server has no node class {quoted(node.class_type)}. {_install(pack)}"
        if isinstance(action, ReplaceClass):
            sentence += f" Or use {quoted(action.class_type)}, which the server offers instead."
        else:
            sentence += nearest(node.class_type, self.node_types)
        return Problem(kind, node.id, node.title, "", sentence, action, label, pack=pack)

    def instead_of(self, node: Node) -> Action | None:
        for action in replacements_of(node.class_type, self.replacements):
            if action.class_type in self.node_types:
                return action
        # nothing that runs needs it, but the server refuses the whole workflow for it
        return RemoveNode() if self.outputs and node.id not in self.running else None

    def pack_in_graph(self, node: Node) -> str:
        """Return the node pack that the editor wrote into the exported graph."""
        meta = self.workflow.meta(node.id)
        found = (meta.get(key) for key in ("cnr_id", "aux_id"))
        return next((pack for pack in found if isinstance(pack, str) and pack), "")

    def no_output(self) -> Iterator[Problem]:
        known = all(node.class_type in self.node_types for node in self.workflow.nodes.values())
        if not self.outputs and known:
            sentence = (
                "The workflow gives nothing back. Add a node that saves or previews something, such as Save Image."
            )
            yield Problem(ProblemKind.NO_OUTPUT, "", "", "", sentence)

    def of_node(self, node: Node, node_type: NodeType) -> Iterator[Problem]:
        for expected in expected_inputs(node, node_type):
            problem = self.of_input(node, node_type, expected)
            if problem is not None:
                yield problem

    def of_input(self, node: Node, node_type: NodeType, expected: Expected) -> Problem | None:
        if expected.name not in node.inputs:
            if not expected.required:
                return None
            problem = missing_input(node, expected)
            return self.offering_removal(problem, node) if problem.action is None else problem
        link = node.link(expected.name)
        if link is not None:
            return self.of_link(node, expected, link)
        return self.of_numeric_link(node, expected) or self.values.problem(node, node_type, expected)

    def offering_removal(self, problem: Problem, node: Node) -> Problem:
        """Offer to take away an output node that is linked to nothing, where there are others."""
        if node.id not in self.outputs or len(self.outputs) < 2 or node.links():
            return problem
        return Problem(
            problem.kind, node.id, node.title, problem.parameter, problem.sentence, RemoveNode(), "Remove the Node"
        )

    def of_numeric_link(self, node: Node, expected: Expected) -> Problem | None:
        """Return the problem of a link that names its node by a number."""
        value = node.inputs[expected.name]
        match value:
            case [int(number), int(slot)] if isinstance(value, list) and str(number) in self.workflow.nodes:
                sentence = f"{quoted(node.title)}: the link of {quoted(expected.name)} is written in a wrong form."
                return self.about_link(node, expected, ProblemKind.BROKEN_LINK, sentence, SetValue([str(number), slot]))
        return None

    def of_link(self, node: Node, expected: Expected, link: Link) -> Problem | None:
        called = f"{quoted(node.title)}: {quoted(expected.name)} is linked to"
        giver = self.workflow.nodes.get(link.node_id)
        if giver is None:
            sentence = f"{called} a node that the workflow does not have (id {quoted(link.node_id, 20)})."
            return self.about_link(node, expected, ProblemKind.BROKEN_LINK, sentence)
        giving = self.node_types.get(giver.class_type)
        if giving is None:
            return None
        if not 0 <= link.slot < len(giving.outputs):
            sentence = f"{called} output {link.slot} of {quoted(giver.title)}, which has {len(giving.outputs)}."
            return self.about_link(node, expected, ProblemKind.BROKEN_LINK, sentence)
        output = giving.outputs[link.slot]
        if output.matches or compatible(output.type, expected.input_.type):
            return None
        sentence = f"{called} {quoted(giver.title)}, which gives {output.type}, but takes {expected.input_.type}."
        return self.about_link(node, expected, ProblemKind.WRONG_LINK, sentence)

    def about_link(
        self, node: Node, expected: Expected, kind: ProblemKind, sentence: str, action: Action | None = None
    ) -> Problem:
        if action is None and not expected.required:
            action = RemoveInput()
        return Problem(kind, node.id, node.title, expected.name, sentence, action, label_of(action))

    def cycles(self) -> Iterator[Problem]:
        for cycle in cycles_of(self.workflow, self.running):
            first = self.workflow.nodes[cycle[0]]
            names = [quoted(self.workflow.title(node_id)) for node_id in (*cycle[:5], cycle[0])]
            sentence = f"The links run in a circle: {' → '.join(names)}. Cut one of them in ComfyUI."
            yield Problem(ProblemKind.CYCLE, first.id, first.title, "", sentence)


def _install(pack: str) -> str:
    if pack in _STOCK_PACKS:
        return "It belongs to a newer ComfyUI: update the server."
    return f"Install its node pack{f' {quoted(pack)}' if pack else ''} on the server."


def compatible(given: str, taken: str) -> bool:
    """True where the server lets an output of one type into an input of another; both may be several with commas.

    From ``validate_node_input`` (comfy_execution/validation.py). Menus are let through: servers of different ages see
    them differently.
    """
    given_types = {type_.strip() for type_ in given.split(",")}
    taken_types = {type_.strip() for type_ in taken.split(",")}
    return bool(given_types & taken_types or (given_types | taken_types) & _ANY)


def cycles_of(workflow: Workflow, ids: Collection[str]) -> Iterator[tuple[str, ...]]:
    """Yield circles of links, each once, found without recursion."""
    done: set[str] = set()
    for start in workflow.nodes:
        if start not in ids or start in done:
            continue
        path: dict[str, Iterator[str]] = {start: _sources(workflow, start)}
        while path:
            node_id = next(reversed(path))
            source = next(path[node_id], None)
            if source is None:
                done.add(node_id)
                del path[node_id]
            elif source in path:
                around = list(path)
                yield tuple(reversed(around[around.index(source) :]))
            elif source not in done:
                path[source] = _sources(workflow, source)


def _sources(workflow: Workflow, node_id: str) -> Iterator[str]:
    return iter([link.node_id for link in workflow.nodes[node_id].links().values() if link.node_id in workflow.nodes])
