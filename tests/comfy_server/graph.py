"""The order in which nodes run, and what makes two nodes the same for the cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

from .node_types import NodeType, lazy_of

Prompt = dict[str, Any]


def links(node: dict[str, Any], without: Collection[str] = ()) -> list[str]:
    """Ids of the nodes that this one reads from."""
    return [value[0] for name, value in node["inputs"].items() if is_link(value) and name not in without]


def is_link(value: Any) -> bool:
    return (
        isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int | float)
    )


class Signatures:
    """Node id -> digest of its class, its values and all it depends on."""

    def __init__(self, prompt: Prompt, fingerprint: Callable[[str, dict[str, Any]], str]) -> None:
        self._prompt = prompt
        self._fingerprint = fingerprint
        self._known: dict[str, str] = {}

    def __getitem__(self, node_id: str) -> str:
        if node_id not in self._known:
            self._known[node_id] = self._digest(node_id)
        return self._known[node_id]

    def _digest(self, node_id: str) -> str:
        node = self._prompt[node_id]
        parts: list[Any] = [node["class_type"], self._fingerprint(node_id, node)]
        for name in sorted(node["inputs"]):
            value = node["inputs"][name]
            if is_link(value) and value[0] in self._prompt:
                value = ["link", self[value[0]], value[1]]
            parts.append([name, value])
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


class ExecutionList:
    """Picks the next node: an output if one is ready, else one right before an output, else the first."""

    def __init__(
        self, prompt: Prompt, outputs: list[str], types: Mapping[str, NodeType], is_cached: Callable[[str], bool]
    ) -> None:
        self._prompt = prompt
        self._types = types
        self._is_cached = is_cached
        self._blockers: dict[str, set[str]] = {}
        self._blocking: dict[str, list[str]] = {}
        for output in outputs:
            self._add(output)

    def _add(self, node_id: str) -> None:
        todo = [node_id]
        while todo:
            current = todo.pop()
            if current in self._blockers:
                continue
            self._blockers[current] = set()
            todo += self._block(current, links(self._prompt[current], lazy_of(self._type(current))))

    def _block(self, node_id: str, sources: list[str]) -> list[str]:
        """Lets a node wait for others; returns those that have not run."""
        missing = [source for source in sources if not self._is_cached(source)]
        for source in missing:
            self._blockers[node_id].add(source)
            self._blocking.setdefault(source, []).append(node_id)
        return missing

    def postpone(self, node_id: str, sources: list[str]) -> None:
        """Takes a node back that has asked for lazy inputs: it and what waited for it wait again."""
        self._blockers[node_id] = set()
        for waiting in self._blocking.get(node_id, []):
            self._blockers[waiting].add(node_id)
        for source in self._block(node_id, sources):
            self._add(source)

    def _type(self, node_id: str) -> NodeType:
        return self._types[self._prompt[node_id]["class_type"]]

    def next(self) -> str | None:
        ready = [node_id for node_id, blockers in self._blockers.items() if not blockers]
        if not ready:
            return None
        chosen = self._choose(ready)
        del self._blockers[chosen]
        for waiting in self._blocking.get(chosen, []):
            self._blockers[waiting].discard(chosen)
        return chosen

    def _choose(self, ready: list[str]) -> str:
        def is_output(node_id: str) -> bool:
            return bool(self._type(node_id)["output_node"])

        def before(node_id: str) -> list[str]:
            return self._blocking.get(node_id, [])

        for node_id in ready:
            if is_output(node_id):
                return node_id
        for node_id in ready:
            if any(is_output(after) for after in before(node_id)):
                return node_id
        for node_id in ready:
            if any(is_output(last) for after in before(node_id) for last in before(after)):
                return node_id
        return ready[0]
