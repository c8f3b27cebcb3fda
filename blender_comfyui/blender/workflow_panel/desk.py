"""What of a workflow waits for a disk or a server, on a thread of its own. No bpy here.

Frozen questions go in and are answered in order; nothing that the main thread calls blocks.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias

from ...comfy.address import ServerAddress
from ...comfy.client import ComfyClient
from ...comfy.credentials import Credentials
from ...comfy.errors import ComfyError
from ...workflow.convert import to_api
from ...workflow.errors import WorkflowError
from ...workflow.importing import ImportedWorkflow, import_workflow
from ...workflow.missing_classes import with_stand_ins
from ...workflow.node_types import NodeTypes
from .contents import Contents

log = logging.getLogger(__name__)

_FRESH = 30.0  # seconds for which one reading of the server's classes serves all imports


@dataclass(frozen=True)
class Server:
    """Where to ask."""

    address: ServerAddress
    credentials: Credentials


@dataclass(frozen=True)
class Knowledge:
    """What a server can, as of a moment (monotonic seconds)."""

    server: Server
    node_types: NodeTypes
    replacements: Mapping[str, Any]
    asked: float


@dataclass(frozen=True)
class Import:
    """A workflow out of a file; answered by Imported or Refused with the same tag. Goes without a server, too."""

    path: Path
    server: Server | None
    tag: str = ""


@dataclass(frozen=True)
class Convert:
    """What could not be converted when it was imported; answered like Import."""

    contents: Contents
    server: Server | None
    tag: str = ""


@dataclass(frozen=True)
class Learn:
    """What the server can, now; answered by Learned or Refused."""

    server: Server
    tag: str = ""


Question: TypeAlias = Import | Convert | Learn


@dataclass(frozen=True)
class Imported:
    contents: Contents
    knowledge: Knowledge | None
    tag: str


@dataclass(frozen=True)
class Learned:
    knowledge: Knowledge
    tag: str


@dataclass(frozen=True)
class Refused:
    """`error` says to a person why there is no answer."""

    error: Exception = field(compare=False)
    tag: str = ""


Answer: TypeAlias = Imported | Learned | Refused


class Desk:
    """`ask`, `drain` and `close` never block, and touch no disk. The thread starts with the first question."""

    def __init__(self) -> None:
        self._questions: SimpleQueue[Question | None] = SimpleQueue()
        self._answers: SimpleQueue[Answer] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._knowledge: Knowledge | None = None
        self._client: ComfyClient | None = None
        self._closed = False

    def ask(self, question: Question) -> None:
        """Put a question; after `close` it goes unanswered."""
        if self._closed:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="comfyui-workflows", daemon=True)
            self._thread.start()
        self._questions.put(question)

    def drain(self) -> list[Answer]:
        answers: list[Answer] = []
        try:
            while True:
                answers.append(self._answers.get_nowait())
        except Empty:
            return answers

    def close(self) -> None:
        """Return at once; the thread ends by itself."""
        self._closed = True
        self._questions.put(None)
        if client := self._client:
            client.abort()

    def _run(self) -> None:
        while (question := self._questions.get()) is not None and not self._closed:
            try:
                answer = self._answered(question)
            except (ComfyError, WorkflowError) as error:
                answer = Refused(error, question.tag)
            except Exception as error:  # whoever waits for the answer must not wait forever
                log.exception("%s", type(question).__name__)
                answer = Refused(error, question.tag)
            self._answers.put(answer)

    def _answered(self, question: Question) -> Answer:
        match question:
            case Learn(server, tag):
                return Learned(self._learn(server), tag)
            case Import(path, server, tag):
                knowledge = self._known(server)
                imported = import_workflow(path, node_types=knowledge.node_types if knowledge else None)
                return Imported(_contents(imported, knowledge), knowledge, tag)
            case Convert(contents, server, tag):
                knowledge = self._learn(server) if server else None
                return Imported(_converted(contents, knowledge), knowledge, tag)

    def _known(self, server: Server | None) -> Knowledge | None:
        """Return what the server can; None where it is away: a file can be looked at all the same."""
        known = self._knowledge
        if server is None or (known and known.server == server and time.monotonic() - known.asked < _FRESH):
            return known if server else None
        try:
            return self._learn(server)
        except ComfyError:
            log.info("importing without a server", exc_info=True)
            return None

    def _learn(self, server: Server) -> Knowledge:
        self._client = client = ComfyClient(server.address, server.credentials)
        try:
            node_types = NodeTypes.from_object_info(client.object_info())
            replacements = client.node_replacements()
        finally:
            self._client = None
            client.close()
        self._knowledge = Knowledge(server, node_types, replacements, time.monotonic())
        return self._knowledge


def _contents(imported: ImportedWorkflow, knowledge: Knowledge | None) -> Contents:
    contents = Contents(imported.name, imported.ui, imported.api, {}, imported.notes)
    if imported.unconverted is not None:
        return _converted(contents, knowledge)
    return _described(contents, knowledge)


def _converted(contents: Contents, knowledge: Knowledge | None) -> Contents:
    """Convert also what uses classes that the server lacks: the checks say which, and what to do."""
    if contents.ui is None or knowledge is None:
        return contents
    node_types = with_stand_ins(contents.ui, knowledge.node_types, knowledge.replacements)
    api = to_api(contents.ui, node_types)
    return _described(Contents(contents.name, contents.ui, api), knowledge)


def _described(contents: Contents, knowledge: Knowledge | None) -> Contents:
    if knowledge is None or contents.api is None:
        return contents
    classes = (node["class_type"] for node in contents.api.values())
    definitions = knowledge.node_types.described(classes)
    return Contents(contents.name, contents.ui, contents.api, definitions, contents.notes)
