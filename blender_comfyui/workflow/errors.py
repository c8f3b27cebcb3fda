"""What can be wrong with a workflow or its parameters. ``str(error)`` is for a person: what, where, what to do.

::

    WorkflowError
    ├── NotAWorkflow          what was given cannot be read as an API-format workflow
    ├── UnknownParameter      the workflow has no such parameter or node
    ├── AmbiguousParameter    a title that several nodes share
    ├── InvalidValue          a value that does not fit its parameter (also a ValueError)
    └── CannotSplit           a batch that cannot be made in parts
"""

from __future__ import annotations


class WorkflowError(Exception):
    """The root of the tree."""


class NotAWorkflow(WorkflowError):
    """What was given cannot be read as a workflow in the API format."""


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
