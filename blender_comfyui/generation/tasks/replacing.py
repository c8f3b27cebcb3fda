"""A workflow in the place of the tiers' own: of the library, for every scene, or one that a scene has imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...workflow.errors import WorkflowError
from ...workflow.graph import Workflow
from ...workflow.library import Library
from ...workflow.wording import quoted
from .errors import WorkflowNotFoundError


@dataclass(frozen=True)
class Replacement:
    """What makes a task: a `graph` that a person calls `name`, or where that is None an `entry` of the library in this
    folder. `parameters` are what it loads, wherever nothing else is asked for.
    """

    name: str = ""
    graph: Mapping[str, object] | None = None
    library: Path | None = None
    entry: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)

    def load(self) -> tuple[Workflow, str]:
        """Return it and its name; waits for the disk. Raises WorkflowNotFoundError."""
        if self.graph is None and self.library is not None:
            return kept(Library(self.library), self.entry)
        try:
            return Workflow.load(self.graph or {}), self.name
        except WorkflowError as error:
            raise WorkflowNotFoundError(f"The workflow {quoted(self.name)} cannot be used. {error}") from error


def kept(library: Library, entry: str) -> tuple[Workflow, str]:
    """Return a workflow of the library and its name; waits for the disk. Raises WorkflowNotFoundError."""
    try:
        found = library.get(entry)
        if found.api is None:
            raise WorkflowNotFoundError(
                f"The workflow {quoted(found.entry.name)} was never converted, so it can make no task. Open it once."
            )
        return Workflow(found.api), found.entry.name
    except WorkflowError as error:
        raise WorkflowNotFoundError(f"The workflow that was chosen for this task cannot be used. {error}") from error
