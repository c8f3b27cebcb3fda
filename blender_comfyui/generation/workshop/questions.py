"""What the workshop is asked, and what it answers. Frozen: these cross threads. Nobody changes a graph inside.

The ``tag`` of a question comes back in each of its answers: it tells who asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from ...comfy.errors import NodeProblem
from ...comfy.offers import SavedWorkflow, Template
from ...workflow.importing import ImportedWorkflow
from ...workflow.library import Entry
from ...workflow.node_types import NodeTypes
from ...workflow.panel_parameters import Parameter
from ...workflow.problems import Problem

SIDE = 256  # pixels of a thumbnail at most


@dataclass(frozen=True)
class ReadNodeTypes:
    """The server's node classes; `anew` even if they are known. Answered by NodeTypesRead."""

    anew: bool = False
    tag: str = ""


@dataclass(frozen=True)
class Import:
    """A workflow out of a file of any kind. This and the following five: answered by Imported or ImportFailed."""

    path: Path
    tag: str = ""


@dataclass(frozen=True)
class ImportBytes:
    """A workflow out of a file's bytes."""

    name: str
    data: bytes = field(repr=False)
    tag: str = ""


@dataclass(frozen=True)
class OpenFromServer:
    """One of the server's saved workflows, by its path in ServerWorkflows."""

    path: str
    tag: str = ""


@dataclass(frozen=True)
class OpenTemplate:
    """A template by its name and module in TemplatesListed."""

    name: str
    module: str = ""
    tag: str = ""


@dataclass(frozen=True)
class OpenKept:
    """A workflow of the library."""

    id: str
    tag: str = ""


@dataclass(frozen=True)
class Examine:
    """Graphs that are there already, as in a .blend; one of them may be None."""

    name: str
    api: Mapping[str, Any] | None = field(repr=False)
    ui: Mapping[str, Any] | None = field(default=None, repr=False)
    tag: str = ""


@dataclass(frozen=True)
class Check:
    """What the server would refuse of a graph; `ui` is what it was converted from. Answered by Checked.

    `files` are names of input files that are, or will be, on the server; None where nobody knows. `anew` reads the
    server's classes before, for models that came meanwhile.
    """

    api: Mapping[str, Any] = field(repr=False)
    ui: Mapping[str, Any] | None = field(default=None, repr=False)
    files: frozenset[str] | None = None
    anew: bool = False
    tag: str = ""


@dataclass(frozen=True)
class Explain:
    """What a server refused of a graph: problems of InvalidPrompt, or of an Outcome. Answered by Checked."""

    refused: tuple[NodeProblem, ...]
    api: Mapping[str, Any] = field(repr=False)
    files: frozenset[str] | None = None
    tag: str = ""


@dataclass(frozen=True)
class ListServerWorkflows:
    """What people saved on the server. Answered by ServerWorkflows."""

    tag: str = ""


@dataclass(frozen=True)
class ListTemplates:
    """The server's templates. Answered by TemplatesListed."""

    tag: str = ""


@dataclass(frozen=True)
class WantTemplateThumbnail:
    """Answered, when nothing else waits, by TemplateThumbnail or NoTemplateThumbnail of the same `side`, in pixels."""

    name: str
    module: str = ""
    side: int = SIDE
    tag: str = ""


@dataclass(frozen=True)
class ListLibrary:
    """Answered by LibraryListed, as all that change the library are."""

    tag: str = ""


@dataclass(frozen=True)
class Keep:
    """Put a workflow into the library. Answered by KeptInLibrary before LibraryListed."""

    workflow: ImportedWorkflow = field(repr=False)
    tag: str = ""


@dataclass(frozen=True)
class KeepApi:
    """Put another graph of the API format into an entry, such as one that was mended."""

    id: str
    api: Mapping[str, Any] = field(repr=False)
    tag: str = ""


@dataclass(frozen=True)
class Rename:
    id: str
    name: str
    tag: str = ""


@dataclass(frozen=True)
class Duplicate:
    """Answered by KeptInLibrary, with the new entry, before LibraryListed."""

    id: str
    tag: str = ""


@dataclass(frozen=True)
class Delete:
    id: str
    tag: str = ""


@dataclass(frozen=True)
class ExportApi:
    """Write an entry as a file of the API format. Answered by Exported."""

    id: str
    path: Path
    tag: str = ""


@dataclass(frozen=True)
class ExportPng:
    """Write a copy of a PNG `picture` with an entry inside. Answered by Exported."""

    id: str
    path: Path
    picture: Path
    tag: str = ""


Opening: TypeAlias = Import | ImportBytes | OpenFromServer | OpenTemplate | OpenKept | Examine
Change: TypeAlias = Keep | KeepApi | Rename | Duplicate | Delete
Asking: TypeAlias = ReadNodeTypes | Check | Explain | ListServerWorkflows | ListTemplates
Question: TypeAlias = Opening | Change | Asking | WantTemplateThumbnail | ListLibrary | ExportApi | ExportPng


@dataclass(frozen=True)
class Definitions:
    """A server's node classes, and what it offers in place of those that it has no more (/node_replacements).

    `server` is its address, `read` when they were read, in monotonic seconds.
    """

    server: str
    node_types: NodeTypes
    replacements: Mapping[str, Any] = field(repr=False)
    read: float


@dataclass(frozen=True)
class NodeTypesRead:
    definitions: Definitions
    tag: str = ""


@dataclass(frozen=True)
class Imported:
    """A workflow with its panel, and with what the server would refuse of it.

    `graph` is the workflow's own, or where the server lacks classes one that the file tells enough for: it cannot run
    before its problems are mended. It is None as long as no server could say what the file's nodes take. Without a
    server there are no parameters and problems. `definitions` are those that were used. `entry` is the library's,
    for a workflow that comes from there.
    """

    workflow: ImportedWorkflow
    graph: Mapping[str, Any] | None = field(repr=False)
    parameters: tuple[Parameter, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    definitions: Definitions | None = None
    entry: Entry | None = None
    tag: str = ""


@dataclass(frozen=True)
class ImportFailed:
    """`name` is what a person chose."""

    sentence: str
    name: str
    tag: str = ""


@dataclass(frozen=True)
class Checked:
    """`outputs` are the ids of the output nodes that give something in spite of the problems."""

    problems: tuple[Problem, ...]
    outputs: tuple[str, ...]
    tag: str = ""


@dataclass(frozen=True)
class ServerWorkflows:
    workflows: tuple[SavedWorkflow, ...]
    server: str
    tag: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(workflow.path for workflow in self.workflows)


@dataclass(frozen=True)
class TemplatesListed:
    templates: tuple[Template, ...]
    server: str
    tag: str = ""

    def found(self, text: str) -> tuple[Template, ...]:
        """Those with every word of `text` somewhere in what is known of them."""
        return tuple(template for template in self.templates if template.matches(text))


@dataclass(frozen=True)
class TemplateThumbnail:
    """`pixels`: float32 RGBA, the bottom row first, as Blender's images take them."""

    name: str
    module: str
    width: int
    height: int
    pixels: bytes = field(repr=False)
    side: int = SIDE
    tag: str = ""


@dataclass(frozen=True)
class NoTemplateThumbnail:
    name: str
    module: str
    side: int = SIDE
    tag: str = ""


@dataclass(frozen=True)
class LibraryListed:
    """`problems`: a sentence for each file in the library's folder that cannot be used."""

    entries: tuple[Entry, ...]
    problems: tuple[str, ...]
    tag: str = ""


@dataclass(frozen=True)
class KeptInLibrary:
    entry: Entry
    tag: str = ""


@dataclass(frozen=True)
class Exported:
    path: Path
    tag: str = ""


@dataclass(frozen=True)
class Trouble:
    """A question could not be answered; `sentence` says why, for a person."""

    sentence: str
    question: Question
    tag: str = ""


Answer: TypeAlias = (
    NodeTypesRead
    | Imported
    | ImportFailed
    | Checked
    | ServerWorkflows
    | TemplatesListed
    | TemplateThumbnail
    | NoTemplateThumbnail
    | LibraryListed
    | KeptInLibrary
    | Exported
    | Trouble
)
