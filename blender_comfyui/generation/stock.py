"""What a server has: its node classes and its models, read off the main thread, and kept until they may have changed.

Nothing is read before somebody wants it. After a reconnect it may be another server, or one with new models: then what
was wanted once is read again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue

from ..comfy.client import ComfyClient
from ..comfy.errors import ComfyError
from ..comfy.models import Models, in_menus
from ..workflow.errors import NotNodeTypes
from ..workflow.node_types import NodeTypes
from .server_state import ServerState

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stock:
    """What a server has; `read` is when it said so, in monotonic seconds."""

    node_types: NodeTypes = field(repr=False, compare=False)
    models: Models
    read: float

    @property
    def age(self) -> float:
        """Seconds since it was read."""
        return time.monotonic() - self.read


class StockRoom:
    """The stock of one server. Every method may be called from any thread; only `read` waits."""

    def __init__(self, client: ComfyClient, changed: Callable[[Stock], None]) -> None:
        self._client = client
        self._changed = changed
        self._lock = threading.Lock()
        self._orders: SimpleQueue[bool] = SimpleQueue()  # False ends the thread
        self._thread: threading.Thread | None = None
        self._closed = False
        self._pending = False
        self._state = ServerState()
        self.last: Stock | None = None
        self.error: Exception | None = None

    def read(self) -> Stock:
        """Ask the server now, in this thread. Raises ComfyError, and NotNodeTypes for an answer that is none."""
        began = time.monotonic()
        try:
            definitions = self._client.object_info()
            stock = Stock(NodeTypes.from_object_info(definitions), self._models(definitions), began)
        except (ComfyError, NotNodeTypes) as error:
            self.error = error
            raise
        self.last, self.error = stock, None
        self._changed(stock)
        return stock

    def want(self, anew: bool = False) -> Stock | None:
        """Have it read in the background, unless it is known and `anew` is not asked for; return what is known now."""
        with self._lock:
            if self._closed or self._pending or (self.last is not None and not anew):
                return self.last
            self._pending = True
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="comfyui-stock", daemon=True)
                self._thread.start()
        self._orders.put(True)
        return self.last

    def hear(self, state: ServerState) -> None:
        """Hear how the server is: once it is back, what was wanted before is read anew."""
        before, self._state = self._state, state
        is_back = state.connection == "ready" and before.connection in ("unreachable", "connecting")
        is_live = state.live and not before.live
        if self._thread is not None and (is_back or is_live):
            self.want(anew=True)

    def close(self) -> None:
        """End the thread; returns at once."""
        with self._lock:
            self._closed = True
        self._orders.put(False)

    def join(self, timeout: float) -> None:
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        while self._orders.get():
            self._pending = False  # what changes from here on is read once more
            try:
                self.read()
            except (ComfyError, NotNodeTypes) as error:
                log.info("no stock of %s: %s", self._client.address, error)
            except Exception:  # the next one may go better
                log.exception("the stock of %s", self._client.address)

    def _models(self, definitions: object) -> Models:
        told = self._client.models()
        return in_menus(definitions if isinstance(definitions, dict) else {}) if told is None else told
