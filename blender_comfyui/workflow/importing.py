"""From a file that somebody has to a workflow that can be shown and run. No bpy, no network."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .conversion.graphs import read
from .convert import to_api
from .errors import BrokenWorkflow, NotAWorkflow, NoWorkflowInside, UnknownClasses, WorkflowError
from .graph import Workflow
from .metadata import Embedded, read_metadata
from .node_types import NodeTypes
from .reading import checked_graph, copied
from .wording import quoted

_LONGEST_NAME = 100


@dataclass(frozen=True)
class ImportedWorkflow:
    """A workflow out of a file, checked. At least one of ``ui`` and ``api`` is there.

    ``name`` is for a person, ``source`` the file's name, ``format`` its kind (“PNG”, “JSON”). ``api`` is None as long
    as the editor's workflow could not be converted; ``unconverted`` then says why: None where no server is known yet,
    UnknownClasses where the server lacks some. ``notes`` are sentences for a person.
    """

    name: str
    source: str
    format: str
    ui: dict[str, Any] | None
    api: dict[str, Any] | None
    notes: tuple[str, ...] = ()
    unconverted: UnknownClasses | None = None


def import_workflow(
    source: Path | bytes, name: str = "", node_types: NodeTypes | None = None, *, title: str = ""
) -> ImportedWorkflow:
    """Read a workflow from a file, or from a file's bytes with its name.

    Where there is the editor's workflow it is preferred: it is what its author saw. It is converted with the server's
    node classes; without them it is kept as it is, to be converted later. A prompt that the file has beside it stands
    in where the conversion fails, and as long as there are no node classes; ``notes`` say so. ``title`` is a better
    name than the file's, where there is one.

    Raises NotAWorkflow (UnreadableFile, TooLarge, NoWorkflowInside) or BrokenWorkflow, each with one sentence that
    names the file. Classes that the server lacks are no error: what to do about them is told before a run.
    """
    file_name = name or (source.name if isinstance(source, Path) else "")
    called = quoted(file_name or "The file")
    embedded = read_metadata(source, file_name)
    if embedded.ui is None and embedded.api is None:
        raise _nothing_inside(embedded, called)
    chosen = _Choice(embedded, node_types, called)
    return ImportedWorkflow(
        name=_name(title or Path(file_name.replace("\\", "/")).stem),
        source=file_name,
        format=embedded.format,
        ui=chosen.ui,
        api=chosen.api,
        notes=tuple(chosen.notes),
        unconverted=chosen.unconverted,
    )


def checked_api(api: object, called: str) -> dict[str, dict[str, Any]]:
    """Return a checked copy of a graph whose links lead somewhere, and not in a circle.

    Raises NotAWorkflow or BrokenWorkflow with a sentence that begins with ``called``.
    """
    graph = checked_graph(api, called)
    workflow = Workflow(graph)
    for node in workflow.nodes.values():
        for input_name, link in node.links().items():
            if link.node_id not in workflow.nodes:
                raise BrokenWorkflow(
                    f"{called} is not whole: the input {quoted(input_name)} of node {quoted(node.id)} "
                    f"({quoted(node.title)}) is linked to node {quoted(link.node_id)}, which is not there. "
                    "Export it again in ComfyUI."
                )
    circle = _circle({node.id: {link.node_id for link in node.links().values()} for node in workflow.nodes.values()})
    if circle:
        shown = ", ".join(f"{quoted(id_, 30)} ({quoted(workflow.title(id_), 30)})" for id_ in circle[:5])
        raise BrokenWorkflow(f"{called} cannot run: these nodes feed each other in a circle: {shown}. Cut one link.")
    return graph


class _Choice:
    """Which of a file's graphs are used; fields as of ImportedWorkflow."""

    def __init__(self, embedded: Embedded, node_types: NodeTypes | None, called: str) -> None:
        self.ui: dict[str, Any] | None = None
        self.api: dict[str, Any] | None = None
        self.unconverted: UnknownClasses | None = None
        self.notes = [embedded.damage] if embedded.damage else []
        self._called = called
        if embedded.ui is None:
            self.api = checked_api(embedded.api, called)
            return
        try:
            self._take_ui(embedded.ui, node_types)
        except WorkflowError as error:
            self._fall_back(embedded, error)
        else:
            if self.api is None:
                self._stand_in(embedded.api)

    def _take_ui(self, ui: dict[str, Any], node_types: NodeTypes | None) -> None:
        try:
            if not ui["nodes"]:
                raise NotAWorkflow("It has no nodes. Save it again in ComfyUI.")
            if node_types is None:
                read(ui)
                self.notes.append(f"{self._called} will be converted when a server is connected.")
            else:
                self.api = self._converted(ui, node_types)
        except UnknownClasses as error:
            self.unconverted = error
            self.notes.append(str(error))
        except (NotAWorkflow, BrokenWorkflow) as error:
            raise BrokenWorkflow(_after(self._called, str(error))) from error
        self.ui = copied(ui)

    def _converted(self, ui: Mapping[str, Any], node_types: NodeTypes) -> dict[str, Any]:
        api = to_api(ui, node_types)
        if not api:
            raise BrokenWorkflow("Nothing in it runs: all of its nodes are notes, muted or bypassed.")
        return checked_api(api, self._called)

    def _fall_back(self, embedded: Embedded, error: WorkflowError) -> None:
        self._stand_in(embedded.api)
        if self.api is None:
            raise error
        self.notes.append(f"{error} The prompt that the file has beside it is used instead.")

    def _stand_in(self, api: dict[str, Any] | None) -> None:
        if api is not None:
            with contextlib.suppress(WorkflowError):  # the editor's workflow has been told about already
                self.api = checked_api(api, self._called)


def _circle(sources: dict[str, set[str]]) -> list[str]:
    """Return ids that feed each other in a circle, in its order; none where there is no circle."""
    targets: dict[str, list[str]] = {id_: [] for id_ in sources}
    for id_, origins in sources.items():
        for origin in origins:
            targets[origin].append(id_)
    missing = {id_: len(origins) for id_, origins in sources.items()}
    ready = [id_ for id_, count in missing.items() if not count]
    while ready:
        id_ = ready.pop()
        del missing[id_]
        for target in targets[id_]:
            missing[target] -= 1
            if not missing[target]:
                ready.append(target)
    return _walked(missing, sources)


def _walked(left: Mapping[str, int], sources: Mapping[str, set[str]]) -> list[str]:
    """Go up from any node that waits for others until one comes twice."""
    way: dict[str, None] = {}
    id_ = next(iter(left), None)
    while id_ is not None and id_ not in way:
        way[id_] = None
        id_ = min(origin for origin in sources[id_] if origin in left)
    ids = list(way)
    return ids[ids.index(id_) :][::-1] if id_ is not None else []


def _nothing_inside(embedded: Embedded, called: str) -> WorkflowError:
    if embedded.damage:
        return NotAWorkflow(embedded.damage)
    if embedded.maker:
        return NoWorkflowInside(
            f"{called} was made by another program, {embedded.maker}: there is no ComfyUI workflow inside. "
            "Choose a file that ComfyUI saved.",
            maker=embedded.maker,
        )
    return NoWorkflowInside(
        f"{called} ({embedded.format}) has no ComfyUI workflow inside. Editing or sending a file often removes it: "
        "take the one that ComfyUI saved."
    )


def _after(called: str, sentence: str) -> str:
    return sentence if sentence.startswith(called) else f"{called} cannot be used: {sentence}"


def _name(text: str) -> str:
    shown = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return shown[:_LONGEST_NAME].strip() or "Workflow"
