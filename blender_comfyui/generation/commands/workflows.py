"""From whatever somebody names to a workflow that can be sent: a file of any kind, a graph, a name."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from ...workflow import bundled
from ...workflow.convert import to_api
from ...workflow.errors import NotAWorkflow, UnreadableFile
from ...workflow.graph import Workflow
from ...workflow.importing import ImportedWorkflow, checked_api, import_workflow
from ...workflow.json_text import decoded, parsed
from ...workflow.library import Entry, Kept, Library
from ...workflow.node_types import NodeTypes
from ...workflow.wording import nearest, quoted

Source: TypeAlias = Workflow | Mapping[str, Any] | Path | str
"""A graph of either format, a file, or the name of a bundled workflow."""

Definitions: TypeAlias = Callable[[], NodeTypes]
"""What asks the server for its node classes, where they are needed."""

_LARGEST_OBJECT_INFO = 64 * 1024 * 1024


@dataclass(frozen=True)
class Loaded:
    """A workflow with what is known of where it came from. `ui` is the editor's, where it was converted."""

    workflow: Workflow
    name: str = ""
    ui: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()


def load(source: Source, definitions: Definitions, library: Path | None = None) -> Loaded:
    """Read a workflow; one of the editor is converted. Raises WorkflowError, and what `definitions` raises."""
    if isinstance(source, Workflow):
        return Loaded(source)
    if isinstance(source, Mapping):
        if "nodes" in source:
            return Loaded(Workflow(convert(source, definitions())), ui=source)
        return Loaded(Workflow.load(source))
    if isinstance(source, str) and not Path(source).is_file():
        return _named(source, definitions, library)
    return _imported(Path(source), definitions)


def convert(source: Source, node_types: NodeTypes) -> dict[str, Any]:
    """Return what a server takes. Raises WorkflowError, of which UnknownClasses tells what is missing."""
    if isinstance(source, Mapping) and "nodes" in source:
        return checked_api(to_api(source, node_types), "The workflow")
    return load(source, lambda: node_types).workflow.api()


def read_object_info(path: Path) -> NodeTypes:
    """Read what a server said to /object_info. Raises NotAWorkflow and NotNodeTypes."""
    called = quoted(path.name)
    try:
        if path.stat().st_size > _LARGEST_OBJECT_INFO:
            raise NotAWorkflow(f"{called} is too large for a list of node classes. Save /object_info again.")
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"{called} cannot be read: {error.strerror}. Check the path.") from error
    return NodeTypes.from_object_info(parsed(decoded(data, called), called))


def _imported(path: Path, definitions: Definitions) -> Loaded:
    found = import_workflow(path)  # what holds no workflow needs no server to say so
    if found.ui is not None:
        found = import_workflow(path, node_types=definitions())
    return _whole(found)


def _whole(found: ImportedWorkflow) -> Loaded:
    if found.api is None:
        raise found.unconverted or NotAWorkflow(f"{quoted(found.source or found.name)} could not be converted.")
    return Loaded(Workflow(found.api), found.name, found.ui, found.notes)


def _named(name: str, definitions: Definitions, library: Path | None) -> Loaded:
    if name.lstrip().startswith("{"):
        return load(parsed(name, "The workflow"), definitions)
    if name in bundled.names():
        return Loaded(Workflow.load(name), name)
    kept = _kept(name, library)
    if kept is not None:
        api = kept.api or convert(kept.ui or {}, definitions())
        return Loaded(Workflow(api), kept.entry.name, kept.ui)
    known = [*bundled.names(), *(entry.name for entry in _entries(library))]
    raise UnreadableFile(
        f"There is no file {quoted(name)}, and no workflow of this name.{nearest(name, known)} "
        f"Name a file, or one of: {', '.join(known)}."
    )


def _kept(name: str, library: Path | None) -> Kept | None:
    entries = [entry for entry in _entries(library) if name == entry.id or name.casefold() == entry.name.casefold()]
    if library is None or not entries:
        return None
    if len(entries) > 1:
        ids = ", ".join(entry.id for entry in entries)
        raise NotAWorkflow(f"{len(entries)} workflows of the library are called {quoted(name)}. Use an id: {ids}.")
    return Library(library).get(entries[0].id)


def _entries(library: Path | None) -> tuple[Entry, ...]:
    if library is None:
        return ()
    with contextlib.suppress(OSError):
        return Library(library).entries().entries
    return ()
