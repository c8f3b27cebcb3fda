"""What can be wrong with a workflow or its parameters. ``str(error)`` is for a person: what, where, what to do.

::

    WorkflowError
    ├── NotAWorkflow          what was given cannot be read as a workflow
    │   ├── UnreadableFile    there is no such file, or it may not be read
    │   ├── TooLarge          more bytes than any workflow has
    │   └── NoWorkflowInside  a picture, video, sound or mesh without a workflow in it
    ├── BrokenWorkflow        a workflow of ComfyUI's editor that cannot be made sense of
    ├── UnknownClasses        a workflow uses node classes that the server does not have
    ├── NotNodeTypes          what was given is no list of a server's node classes
    ├── UnknownParameter      the workflow has no such parameter or node
    ├── AmbiguousParameter    a title that several nodes share
    ├── InvalidValue          a value that does not fit its parameter (also a ValueError)
    ├── CannotSplit           a batch that cannot be made in parts
    └── LibraryError          the library of imported workflows cannot do it
        ├── NotInLibrary      it has no such workflow
        ├── NotConverted      it has the workflow only as the editor's
        └── CannotKeep        its folder, or the file to export to, cannot be read or written
"""

from __future__ import annotations

from collections.abc import Mapping


class WorkflowError(Exception):
    """The root of the tree."""


class NotAWorkflow(WorkflowError):
    """What was given cannot be read as a workflow in the format that was expected, the API's or the editor's."""


class UnreadableFile(NotAWorkflow):
    """There is no such file, it is a folder, or it may not be read."""


class TooLarge(NotAWorkflow):
    """A file with more bytes than any workflow has."""


class NoWorkflowInside(NotAWorkflow):
    """A picture, video, sound or mesh without a workflow in it; ``maker`` is the other program, where it is known."""

    def __init__(self, sentence: str, *, maker: str = "") -> None:
        super().__init__(sentence)
        self.maker = maker


class BrokenWorkflow(WorkflowError):
    """A workflow of the editor that cannot be made sense of: wrong types, links in a circle, endless subgraphs."""


class UnknownClasses(WorkflowError):
    """The workflow runs node classes that the server does not have.

    ``classes`` are all of them, in the order of the file; ``packs`` maps those whose node pack the file names to it,
    as the registry's id or as the repository.
    """

    def __init__(self, sentence: str, *, classes: tuple[str, ...], packs: Mapping[str, str]) -> None:
        super().__init__(sentence)
        self.classes = classes
        self.packs = dict(packs)


class NotNodeTypes(WorkflowError):
    """What was given is not what a server answers to ``/object_info``."""


class UnknownParameter(WorkflowError):
    """The workflow has no such parameter or node; ``name`` is what was asked for."""

    def __init__(self, sentence: str, *, name: str) -> None:
        super().__init__(sentence)
        self.name = name


class AmbiguousParameter(WorkflowError):
    """Several nodes share the title in ``name``; ``node_ids`` are theirs."""

    def __init__(self, sentence: str, *, name: str, node_ids: tuple[str, ...]) -> None:
        super().__init__(sentence)
        self.name = name
        self.node_ids = node_ids


class InvalidValue(WorkflowError, ValueError):
    """A value that does not fit the parameter ``name``."""

    def __init__(self, sentence: str, *, name: str) -> None:
        super().__init__(sentence)
        self.name = name


class CannotSplit(WorkflowError):
    """The pictures of the batch cannot be made in parts; the sentence names what stands in the way."""


class LibraryError(WorkflowError):
    """The library of imported workflows cannot do what it was asked to."""


class NotInLibrary(LibraryError):
    """The library has no such workflow, or it is damaged; ``id`` is what was asked for."""

    def __init__(self, sentence: str, *, id: str) -> None:
        super().__init__(sentence)
        self.id = id


class NotConverted(LibraryError):
    """The workflow is there only as the editor's, and what was asked for needs the API's format."""


class CannotKeep(LibraryError):
    """The library's folder, or the file to export to, cannot be read or written."""
