"""All that matters to one generation, as one frozen value: cheap to compare, to keep and to run again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..comfy.failures import title_of
from .drawings import Drawing


@dataclass(frozen=True)
class OpenChoice:
    """An input that gets the first of what the server offers, when the prompt is sent."""

    role: str
    node_id: str
    input_name: str


@dataclass(frozen=True)
class Upload:
    """A file of ours for inputs of the graph, each (node id, input name), which get its name on the server.

    `name` is what the server called it when the job was sent last, `subfolder` that of its input folder where the node
    looks for it. `drawing` is a picture that is no file yet: it becomes one before the job is written down.
    """

    path: Path
    places: tuple[tuple[str, str], ...]
    name: str = ""
    subfolder: str = ""
    drawing: Drawing | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Request:
    """What to run and where its files go.

    `prompt` is the API-format graph with its parameters already set; `outputs` the ids of the output nodes to run
    (all when empty). Files are saved in `folder` (the session's own when None) as ``<stem>_<id>…``, under the
    server's names when `stem` is ''. `task` and `tier` say what was asked for and how well.
    With `pays`, its partner nodes get the key of the credentials' account. `context` belongs to the caller and comes
    back untouched.
    """

    prompt: Mapping[str, object]
    parameters: Mapping[str, object] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    workflow_name: str = ""
    task: str = ""
    tier: str = ""
    label: str = ""
    folder: Path | None = None
    stem: str = ""
    context: Mapping[str, str] = field(default_factory=dict)
    open_choices: tuple[OpenChoice, ...] = ()
    uploads: tuple[Upload, ...] = ()
    pays: bool = False

    @property
    def seed(self) -> int | None:
        """The seed that was asked for, if one was."""
        seed = self.parameters.get("seed")
        return seed if isinstance(seed, int) else None

    def node_title(self, node_id: str) -> str:
        return title_of(self.prompt, node_id)

    def node_class(self, node_id: str) -> str:
        node = self.prompt.get(node_id)
        return str(node.get("class_type", "")) if isinstance(node, Mapping) else ""
