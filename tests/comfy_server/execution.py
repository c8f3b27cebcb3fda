"""The one thread that runs prompts, one after the other."""

from __future__ import annotations

import hashlib
import threading
import time
import traceback
from dataclasses import dataclass, field
from typing import Any

from .abilities import ability
from .dynamic_inputs import live_inputs, nested
from .folders import Folders
from .graph import ExecutionList, Signatures, is_link
from .knobs import Journal, Knobs
from .level import Level
from .messages import Messenger
from .node_types import NodeType, lazy_of, uploads_of
from .progress import Progress
from .prompt_queue import Item, PromptQueue
from .runs import ASKING, Blocked, InterruptedRun, NodeRun, OutOfMemoryError, StoppedRun

OUT_OF_MEMORY_TIPS = (
    "This error means you ran out of memory on your GPU.\n\nTIPS: If the workflow worked before "
    "you might have accidentally set the batch_size to a large number."
)
_NAMES = {"OutOfMemoryError": "torch.OutOfMemoryError", "OutsideFolderError": "Exception"}
_NAMES["UnauthorizedError"] = "Exception"


@dataclass
class Cached:
    """What a node left behind: its output values, and what it shows in the interface with its meta data."""

    values: tuple[Any, ...]
    shown: dict[str, Any] | None
    meta: dict[str, Any]


@dataclass
class Execution:
    """One prompt while it runs."""

    item: Item
    client_id: str | None
    signatures: Signatures
    progress: Progress
    executed: list[str] = field(default_factory=list)
    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def prompt_id(self) -> str:
        return self.item[1]

    @property
    def prompt(self) -> dict[str, Any]:
        return self.item[2]


class Executor:
    """Takes from the queue until it is closed. ``interrupt`` acts at the running node's next check."""

    def __init__(
        self, queue: PromptQueue, messenger: Messenger, folders: Folders, knobs: Knobs, journal: Journal, level: Level
    ) -> None:
        self.queue = queue
        self.messenger = messenger
        self.folders = folders
        self.knobs = knobs
        self.journal = journal
        self.level = level
        self.interrupted = threading.Event()
        self.stopped = threading.Event()
        self.client_id: str | None = None
        self.last_node_id: str | None = None
        self._cache: dict[str, Cached] = {}
        self._thread = threading.Thread(target=self._work, name="comfy-server-execution", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; a running prompt ends nowhere, as when the process is killed."""
        self.stopped.set()
        self.queue.close()
        self.knobs.gate.wake()
        self._thread.join()

    def interrupt(self) -> None:
        self.interrupted.set()
        self.knobs.gate.wake()

    def _work(self) -> None:
        while (item := self.queue.get()) is not None:
            if self.queue.wants_free:
                self.queue.wants_free = False
                self._cache.clear()
            prompt_id = item[1]
            self.journal.note(lambda journal, key=prompt_id: journal.executions.update([key]))  # type: ignore[misc]
            try:
                self._run(item)
            except StoppedRun:
                return
            self.journal.note(lambda journal, key=prompt_id: journal.finished.update([key]))  # type: ignore[misc]

    def _run(self, item: Item) -> None:
        self.interrupted.clear()
        self.client_id = item[3].get("client_id")
        execution = self._prepare(item)
        self._tell(execution, "execution_start", {})
        self._begin(execution)
        succeeded = self._run_nodes(execution)
        if succeeded:
            self._tell(execution, "execution_success", {})
        self.last_node_id = None
        outputs, meta = self._shown(execution)
        messages = [list(message) for message in execution.messages]
        status = {"status_str": "success" if succeeded else "error", "completed": succeeded, "messages": messages}
        if self.knobs.history_delay:
            self.stopped.wait(self.knobs.history_delay)
        self.queue.done(item, {"outputs": outputs, "status": status, "meta": meta})
        if self.client_id is not None:
            self.messenger.send("executing", {"node": None, "prompt_id": item[1]}, self.client_id)

    def _prepare(self, item: Item) -> Execution:
        signatures = Signatures(item[2], self._fingerprint)
        progress = Progress(item[1], self.client_id, self.messenger)
        return Execution(item, self.client_id, signatures, progress)

    def _begin(self, execution: Execution) -> None:
        """Keeps of the cache only what this prompt names, and tells which nodes need not run."""
        used = {node_id: execution.signatures[node_id] for node_id in execution.prompt}
        self._cache = {key: value for key, value in self._cache.items() if key in used.values()}
        nodes = [node_id for node_id, signature in used.items() if signature in self._cache]
        self._tell(execution, "execution_cached", {"nodes": nodes})

    def _fingerprint(self, node_id: str, node: dict[str, Any]) -> str:
        """What else than its inputs makes a node differ: a loaded file's bytes, or its own id."""
        node_type = self._type(node)
        for name in uploads_of(node_type):
            path = self.folders.find_input(str(node["inputs"].get(name)))
            return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "missing"
        hidden = node_type["input"].get("hidden", {})
        return node_id if "unique_id" in hidden else ""

    def _type(self, node: dict[str, Any]) -> NodeType:
        return self.knobs.node_types[node["class_type"]]

    def _tell(self, execution: Execution, kind: str, data: dict[str, Any], broadcast: bool = False) -> None:
        """Sends a message that the history keeps too."""
        data = {"prompt_id": execution.prompt_id, **data, "timestamp": int(time.time() * 1000)}
        if kind == "execution_cached":
            data = {"nodes": data["nodes"], "prompt_id": data["prompt_id"], "timestamp": data["timestamp"]}
        execution.messages.append((kind, data))
        if execution.client_id is not None or broadcast:
            self.messenger.send(kind, data, execution.client_id)

    def _run_nodes(self, execution: Execution) -> bool:
        def is_cached(node_id: str) -> bool:
            return execution.signatures[node_id] in self._cache

        order = ExecutionList(execution.prompt, execution.item[4], self.knobs.node_types, is_cached)
        while (node_id := order.next()) is not None:
            if sources := self._asked_for(execution, node_id):
                order.postpone(node_id, sources)
                continue
            try:
                self._run_node(execution, node_id)
            except InterruptedRun:
                data = self._where(execution, node_id)
                self._tell(execution, "execution_interrupted", data, broadcast=True)
                return False
            except Exception as problem:
                self._tell(execution, "execution_error", self._failure(execution, node_id, problem))
                return False
        return True

    def _asked_for(self, execution: Execution, node_id: str) -> list[str]:
        """The nodes behind lazy inputs that a node wants and that have not run."""
        node = execution.prompt[node_id]
        lazy = {name: node["inputs"][name] for name in lazy_of(self._type(node)) if is_link(node["inputs"].get(name))}
        if not lazy or execution.signatures[node_id] in self._cache:
            return []
        asking = ASKING.get(node["class_type"])
        wanted = asking(**self._inputs(execution, node)) if asking else lazy
        sources = [link[0] for name, link in lazy.items() if name in wanted]
        return [source for source in sources if execution.signatures[source] not in self._cache]

    def _run_node(self, execution: Execution, node_id: str) -> None:
        cached = self._cache.get(execution.signatures[node_id])
        if cached is not None:
            self._send_executed(execution, node_id, cached.shown)
            execution.progress.finish(node_id)
            return
        self.last_node_id = node_id
        execution.progress.start(node_id)
        if execution.client_id is not None:
            data = {"node": node_id, "display_node": node_id, "prompt_id": execution.prompt_id}
            self.messenger.send("executing", data, execution.client_id)
        result = self._call(execution, node_id)
        self._cache[execution.signatures[node_id]] = result
        if result.shown is not None:
            self._send_executed(execution, node_id, result.shown)
        execution.executed.append(node_id)
        execution.progress.finish(node_id)

    def _send_executed(self, execution: Execution, node_id: str, shown: dict[str, Any] | None) -> None:
        if execution.client_id is not None:
            data = {"node": node_id, "display_node": node_id, "output": shown, "prompt_id": execution.prompt_id}
            self.messenger.send("executed", data, execution.client_id)

    def _call(self, execution: Execution, node_id: str) -> Cached:
        node = execution.prompt[node_id]
        meta = {"node_id": node_id, "display_node": node_id, "parent_node": None, "real_node_id": node_id}
        inputs = self._inputs(execution, node)
        blocked = next((value for value in inputs.values() if isinstance(value, Blocked)), None)
        if blocked is not None:
            self._tell_blocked(execution, node_id, blocked)
            return Cached((Blocked(None),) * len(self._type(node)["output"]), None, meta)
        run = NodeRun(self, execution, node_id)
        run.check()
        self.journal.note(lambda journal: journal.nodes_run.update([node["class_type"]]))
        work = ability(self._type(node))
        assert work is not None, f"{node['class_type']} is offered, but cannot run"
        result = work(run, **inputs)
        return Cached(result.values, result.shown, meta)

    def _inputs(self, execution: Execution, node: dict[str, Any]) -> dict[str, Any]:
        """The values of the inputs that the class declares; others are ignored."""
        declared = live_inputs(self._type(node), node["inputs"])
        values = {name: self._value(execution, value) for name, value in node["inputs"].items() if name in declared}
        return nested(values, declared)

    def _value(self, execution: Execution, value: Any) -> Any:
        if not is_link(value):
            return value
        cached = self._cache.get(execution.signatures[value[0]])  # None behind a lazy input that nobody asked for
        return cached.values[value[1]] if cached else None

    def _tell_blocked(self, execution: Execution, node_id: str, blocked: Blocked) -> None:
        if blocked.message is None:
            return
        data = {"prompt_id": execution.prompt_id, **self._where(execution, node_id)}
        data |= {"exception_message": f"Execution Blocked: {blocked.message}"}
        data |= {"exception_type": "ExecutionBlocked", "traceback": []}
        data |= {"current_inputs": [], "current_outputs": []}
        self.messenger.send("execution_error", data, execution.client_id)

    def _where(self, execution: Execution, node_id: str) -> dict[str, Any]:
        class_type = execution.prompt[node_id]["class_type"]
        return {"node_id": node_id, "node_type": class_type, "executed": list(execution.executed)}

    def _failure(self, execution: Execution, node_id: str, problem: Exception) -> dict[str, Any]:
        tips = OUT_OF_MEMORY_TIPS if isinstance(problem, OutOfMemoryError) else ""
        name = type(problem).__name__
        inputs = self._inputs(execution, execution.prompt[node_id])
        return self._where(execution, node_id) | {
            "exception_message": f"{problem}\n{tips}",
            "exception_type": _NAMES.get(name, name),
            "traceback": traceback.format_tb(problem.__traceback__),
            "current_inputs": {key: [str(value)[:2000]] for key, value in inputs.items()},
            "current_outputs": list(execution.prompt),
        }

    def _shown(self, execution: Execution) -> tuple[dict[str, Any], dict[str, Any]]:
        """Outputs and meta of the history entry: all that the prompt's cached nodes show."""
        outputs, meta = {}, {}
        for node_id in execution.prompt:
            cached = self._cache.get(execution.signatures[node_id])
            if cached is not None and cached.shown is not None:
                outputs[cached.meta["node_id"]] = cached.shown
                meta[cached.meta["node_id"]] = cached.meta
        return outputs, meta
