"""A run that did not fit into the server's memory: whether its batch can be split, and what would help where not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..comfy.client import ComfyClient
from ..comfy.errors import ComfyError, OutOfMemory
from ..workflow.batch import TOOLS, Batch, find_batch
from ..workflow.errors import CannotSplit, WorkflowError
from ..workflow.graph import Workflow
from ..workflow.roles import find_roles
from ..workflow.tracing import value_at
from .request import Request
from .server_state import ServerState
from .taking import is_outage

_GIGABYTE = 1000**3


def overflowing_batch(request: Request, error: OutOfMemory, client: ComfyClient) -> Batch:
    """Return the batch of a request that overflowed; its size is 1 where there is only one picture.

    Raises WorkflowError where parts are not possible or of no use, and ComfyError while the server is away.
    """
    workflow = Workflow.load(request.prompt)
    try:
        types = _output_types(client, {node.class_type for node in workflow.nodes.values()} | TOOLS)
    except ComfyError as trouble:
        if is_outage(trouble):
            raise
        raise CannotSplit(
            "The batch cannot run in parts: the server does not say what its nodes give out."
        ) from trouble
    batch = find_batch(workflow, types, request.outputs)
    if batch.size > 1 and error.node_id in workflow.nodes and error.node_id not in batch.members:
        raise CannotSplit("A smaller batch would not help: this node comes before it.")
    return batch


def _output_types(client: ComfyClient, classes: Iterable[str]) -> dict[str, tuple[object, ...]]:
    """What the nodes of these classes give out; classes that the server does not know are left out."""
    types = {}
    for class_type in sorted(classes):
        definition = client.object_info(class_type).get(class_type)
        given = definition.get("output") if isinstance(definition, Mapping) else None
        if isinstance(given, list | tuple):
            types[class_type] = tuple(given)
    return types


def cannot_split(error: OutOfMemory, reason: WorkflowError) -> OutOfMemory:
    """The error of a batch that runs whole or not at all."""
    return _saying(
        error,
        f"The server ran out of memory in “{error.node_title}”. {reason} "
        "Lower the batch or the size, or close what else uses its memory.",
    )


def too_large(error: OutOfMemory, request: Request, state: ServerState) -> OutOfMemory:
    """The error of a single picture that does not fit."""
    size = _size(request)
    shown = f" of {size[0]} × {size[1]} pixels" if size else ""
    memory = f" ({_memory(state)})" if state.vram_total else ""
    return _saying(
        error,
        f"Not even a single picture{shown} fits into the server's memory{memory}: it ran out in “{error.node_title}”. "
        "Make the picture smaller, close what else uses that memory, or use a smaller model.",
    )


def running_in_parts(count: int, size: int) -> str:
    return f"Running in parts of {count}: the server's memory does not hold all {size} pictures at once."


def ran_in_parts(count: int, difference: str) -> str:
    return f"Ran in parts: the server has memory for {count} at once. {difference}".rstrip()


def _size(request: Request) -> tuple[object, object] | None:
    workflow = Workflow.load(request.prompt)
    roles = find_roles(workflow)
    places = [roles[side][0] for side in ("width", "height") if side in roles]
    values = [value_at(workflow.nodes, place) for place in places]
    return (values[0], values[1]) if len(values) == 2 else None


def _memory(state: ServerState) -> str:
    free, total = state.vram_free / _GIGABYTE, state.vram_total / _GIGABYTE
    return f"{free:.1f} of {total:.1f} GB are free"


def _saying(error: OutOfMemory, sentence: str) -> OutOfMemory:
    return OutOfMemory(
        sentence,
        node_id=error.node_id,
        node_title=error.node_title,
        node_type=error.node_type,
        exception_type=error.exception_type,
        details=error.details,
    )
