"""What the routes of one running server share."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from .execution import Executor
from .folders import Folders
from .knobs import Journal, Knobs
from .level import Level
from .messages import Messenger
from .node_types import NodeType, describe
from .prompt_queue import PromptQueue


@dataclass
class Site:
    """Made anew at each start: queue, history and sockets are empty then."""

    level: Level
    knobs: Knobs
    folders: Folders
    journal: Journal
    messenger: Messenger
    queue: PromptQueue
    executor: Executor
    prefix: str
    port: int = 0
    number: int = 0
    _types: tuple[object, dict[str, NodeType]] = field(default=(None, {}), repr=False)

    def node_types(self) -> dict[str, NodeType]:
        """As /object_info gives them; kept until the models or the input files change."""
        key = (self.folders.input_files(), {name: tuple(found) for name, found in self.knobs.models.items()})
        if self._types[0] != key:
            self._types = (key, describe(self.knobs.node_types, self.knobs.models, self.folders.input_files()))
        return self._types[1]

    def next_number(self) -> int:
        self.number += 1
        return self.number - 1

    def status(self) -> dict[str, Any]:
        return {"status": {"exec_info": {"queue_remaining": self.queue.remaining()}}}


SITE = web.AppKey("site", Site)


def site_of(request: web.Request) -> Site:
    return request.app[SITE]


def now_ms() -> int:
    return int(time.time() * 1000)
