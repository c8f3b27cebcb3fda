"""Progress that cannot lie: it never goes back, counts cached nodes, and is 1.0 only when the files are here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..comfy.events import (
    ExecutionStarted,
    NodeExecuted,
    NodeExecuting,
    NodeProgress,
    NodesCached,
    ProgressState,
)
from .request import Request

RUN_SHARE = 0.95  # of the whole; the rest is fetching the files


@dataclass(frozen=True)
class Progress:
    """`fraction` from 0.0 to 1.0; nodes are counted as the server runs them. `float(progress)` is the fraction."""

    fraction: float = 0.0
    node_title: str = ""
    done_nodes: int = 0
    total_nodes: int = 0

    def __float__(self) -> float:
        return self.fraction


class ProgressTracker:
    """Follows the events of one prompt. A sampler weighs as many nodes as it has steps."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._weights = {node_id: _weight(node) for node_id, node in request.prompt.items()}
        self._done: set[str] = set()
        self._partial: dict[str, float] = {}
        self._node = ""
        self._fetched = 0.0
        self._best = 0.0
        self.executing = ""

    def feed(self, event: object) -> None:
        """Take in one event of this prompt; others do not matter."""
        match event:
            case ExecutionStarted():
                pass
            case NodesCached(nodes=nodes):
                self._finish(nodes)
            case NodeExecuting(node=node, display_node=display):
                self._enter(node, display)
            case NodeProgress(node=node, value=value, maximum=maximum):
                self._advance(node or self.executing, value, maximum)
            case ProgressState(nodes=states):
                for state in states:
                    if state.state == "finished":
                        self._finish((state.display_node_id,) if state.display_node_id == state.node_id else ())
                    elif state.state == "running":
                        self._advance(state.display_node_id or state.node_id, state.value, state.maximum)
            case NodeExecuted(node=node):
                self._finish((node,))
            case _:
                pass

    def fetched(self, files: int, of: int) -> None:
        """`files` of the files that were found are here."""
        self._fetched = files / of if of else 1.0
        self._done.update(self._weights)

    def progress(self, ended: bool = False) -> Progress:
        total = sum(self._weights.values()) or 1.0
        run = sum(self._weights[node] for node in self._done)
        run += sum(self._weights[n] * f for n, f in self._partial.items() if n not in self._done)
        fraction = RUN_SHARE * min(1.0, run / total) + (1 - RUN_SHARE) * self._fetched * 0.99
        self._best = 1.0 if ended else max(self._best, min(fraction, 0.999))
        return Progress(self._best, self._node, len(self._done), len(self._weights))

    def _enter(self, node: str | None, display: str | None) -> None:
        if self.executing and node != self.executing:
            self._finish((self.executing,))
        self.executing = node or ""
        shown = display or node
        if shown:
            self._node = self._request.node_title(shown)

    def _advance(self, node: str, value: float, maximum: float) -> None:
        if node in self._weights and maximum > 0:
            share = min(1.0, max(0.0, value / maximum))
            self._partial[node] = max(self._partial.get(node, 0.0), share)

    def _finish(self, nodes: Iterable[str]) -> None:
        self._done.update(node for node in nodes if node in self._weights)


def _weight(node: object) -> float:
    inputs = node.get("inputs") if isinstance(node, Mapping) else None
    steps = inputs.get("steps") if isinstance(inputs, Mapping) else None
    return float(steps) if isinstance(steps, int) and 1 <= steps <= 1000 else 1.0
