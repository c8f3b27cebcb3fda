"""What a node gets from the server while it runs, and how it can end."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .messages import TEXT, text_frame

if TYPE_CHECKING:
    from .execution import Execution, Executor
    from .folders import Folders
    from .knobs import Knobs
    from .node_types import NodeType


class StoppedRun(BaseException):
    """The server is being stopped."""


class InterruptedRun(BaseException):
    """Somebody has interrupted the prompt."""


class OutOfMemoryError(RuntimeError):
    """Reported as torch.OutOfMemoryError."""


@dataclass(frozen=True)
class Blocked:
    """An output that keeps the nodes behind it from running; with a message it is told once."""

    message: str | None


@dataclass(frozen=True)
class Result:
    values: tuple[Any, ...] = ()
    shown: dict[str, Any] | None = None


class NodeRun:
    def __init__(self, executor: Executor, execution: Execution, node_id: str) -> None:
        self._executor = executor
        self._execution = execution
        self.node_id = node_id

    @property
    def knobs(self) -> Knobs:
        return self._executor.knobs

    @property
    def folders(self) -> Folders:
        return self._executor.folders

    @property
    def node_type(self) -> NodeType:
        return self.knobs.node_types[self.prompt[self.node_id]["class_type"]]

    @property
    def prompt(self) -> dict[str, Any]:
        return self._execution.prompt

    @property
    def extra_data(self) -> dict[str, Any]:
        return self._execution.item[3]

    @property
    def account_key(self) -> str:
        return self._executor.queue.account_keys.get(self._execution.prompt_id, "")

    @property
    def wants_previews(self) -> bool:
        method = self.extra_data.get("preview_method") if self._executor.level.is_strict else None
        return self.knobs.previews and method != "none"

    def check(self) -> None:
        """Where an interrupt takes effect; also where the gate holds."""
        self.knobs.gate.pass_through(self._given_up)
        if self._executor.stopped.is_set():
            raise StoppedRun
        if self._executor.interrupted.is_set():
            self._executor.interrupted.clear()
            raise InterruptedRun

    def _given_up(self) -> bool:
        interrupted = self._executor.interrupted.is_set() and not self.knobs.gate.deaf
        return interrupted or self._executor.stopped.is_set()

    def sleep(self, seconds: float) -> None:
        if seconds > 0 and self._executor.stopped.wait(seconds):
            raise StoppedRun

    def progress(self, value: float, total: float, image: bytes | None = None, is_png: bool = False) -> None:
        self._execution.progress.update(self.node_id, value, total, image, is_png)

    def send_text(self, text: str) -> None:
        frame = text_frame(self.node_id, text)
        self._executor.messenger.send(TEXT, frame, self._execution.client_id)


NODES: dict[str, Callable[..., Result]] = {}


ASKING: dict[str, Callable[..., Collection[str]]] = {}
"""Class type -> which lazy inputs it wants, by the inputs that are there. Others want all."""


def node(function: Callable[..., Result]) -> Callable[..., Result]:
    """Registers what a node class does; the function's name is the class type."""
    NODES[function.__name__] = function
    return function
