"""Workflows for Blender's main thread: frozen questions go in, a thread of its own answers them. No bpy here."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeVar

from ...comfy.address import ServerAddress
from ...comfy.credentials import Credentials
from ...comfy.errors import CannotConnect, ComfyError
from ...comfy.transport import Timeouts
from ...workflow.errors import WorkflowError
from ...workflow.importing import ImportedWorkflow
from ...workflow.library import Kept, Library
from ...workflow.problems import Problem, ProblemKind
from ..events import ServerChanged
from ..server_state import ServerState
from . import opening
from .backlog import Backlog
from .questions import (
    Answer,
    Asking,
    Change,
    Check,
    Checked,
    Definitions,
    Delete,
    Duplicate,
    Examine,
    Explain,
    ExportApi,
    Exported,
    ExportPng,
    Import,
    ImportBytes,
    Imported,
    ImportFailed,
    Keep,
    KeepApi,
    KeptInLibrary,
    LibraryListed,
    ListLibrary,
    ListServerWorkflows,
    ListTemplates,
    NodeTypesRead,
    NoTemplateThumbnail,
    OpenFromServer,
    Opening,
    OpenKept,
    OpenTemplate,
    Question,
    ReadNodeTypes,
    Rename,
    ServerWorkflows,
    TemplatesListed,
    TemplateThumbnail,
    Trouble,
    WantTemplateThumbnail,
)
from .supplies import Supplies
from .thumbnails import TemplatePictures

T = TypeVar("T")

log = logging.getLogger(__name__)

_CHANGES = (Keep, KeepApi, Rename, Duplicate, Delete, ExportApi, ExportPng)
_MISSING = frozenset(
    {ProblemKind.MISSING_CLASS, ProblemKind.MISSING_MODEL, ProblemKind.MISSING_FILE, ProblemKind.UNKNOWN_CHOICE}
)
_FRESH = 5.0  # seconds for which what a server lacks is not looked for anew
_UNFORESEEN = "Something went wrong that nobody foresaw. The log of the extension says more."


class Workshop:
    """`ask`, `drain`, `use`, `hear` and `close` never block, and touch no disk; they are for one thread.

    The thread starts with the first question. Without a server the library works, and so does importing: what needs
    a server's node classes is converted when it is opened again.
    """

    def __init__(
        self,
        library: Path,
        url: str | ServerAddress | None = None,
        credentials: Credentials | None = None,
        timeouts: Timeouts = Timeouts(),
        pictures: Path | None = None,
    ) -> None:
        """`library` is the folder of the kept workflows, `pictures` one for those of templates, kept only where it is
        given. Raises InvalidAddress.
        """
        self._library = Library(library)
        self._pictures = TemplatePictures(pictures)
        self._backlog = Backlog()
        self._answers: SimpleQueue[Answer] = SimpleQueue()
        self._left: SimpleQueue[Supplies] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._last_state = ServerState()
        self._supplies: Supplies | None = None
        if url is not None:
            self.use(url, credentials, timeouts)

    def use(
        self,
        url: str | ServerAddress | None,
        credentials: Credentials | None = None,
        timeouts: Timeouts = Timeouts(),
    ) -> None:
        """Ask this server from now on, None for none; what is under way with another is asked anew here.

        Raises InvalidAddress.
        """
        new = None
        if url is not None and not self._closed:
            address = url if isinstance(url, ServerAddress) else ServerAddress.parse(url)
            new = Supplies(address, credentials, timeouts)
        old, self._supplies = self._supplies, new
        self._last_state = ServerState()
        if old is not None:
            old.abort()  # only now: whoever was asking it asks the new one
            self._left.put(old)

    def hear(self, event: object) -> None:
        """Hear what a session with the same server tells: once it is back, its node classes are read anew."""
        if isinstance(event, ServerChanged):
            before, self._last_state = self._last_state, event.server
            is_back = event.server.connection == "ready" and before.connection in ("unreachable", "connecting")
            is_live = event.server.live and not before.live
            if self._supplies is not None and (is_back or is_live):
                self._supplies.stale = True

    def ask(self, question: Question) -> None:
        """Put a question; after `close` it goes unanswered."""
        if self._closed:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="comfyui-workshop", daemon=True)
            self._thread.start()
        self._backlog.put(question)

    def drain(self, limit: int = 100) -> list[Answer]:
        """The next answers, at most `limit`; [] when there are none."""
        answers: list[Answer] = []
        with contextlib.suppress(Empty):
            while len(answers) < limit:
                answers.append(self._answers.get_nowait())
        return answers

    def close(self) -> None:
        """Return at once. The thread still makes the changes and exports that it was asked for, and ends."""
        self._closed = True
        if self._supplies is not None:
            self._supplies.abort()
        if self._thread is None:
            self._close_clients()
        self._backlog.end()

    def join(self, timeout: float) -> None:
        """Wait for the thread's end. Not for the main thread."""
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        while (question := self._backlog.next()) is not None:
            if self._closed and not isinstance(question, _CHANGES):
                continue
            for answer in self._answered(question):
                self._answers.put(answer)
            if not self._left.empty():
                self._close_clients()
        self._close_clients()

    def _close_clients(self) -> None:
        with contextlib.suppress(Empty):
            while True:
                self._left.get_nowait().close()
        if self._closed and self._supplies is not None:
            self._supplies.close()

    def _answered(self, question: Question) -> Iterator[Answer]:
        try:
            for answer in self._answers_to(question):
                yield dataclasses.replace(answer, tag=question.tag)
        except (ComfyError, WorkflowError) as error:
            log.info("%s: %s", type(question).__name__, error)
            yield _failure(question, str(error))
        except Exception:
            log.warning("%s", type(question).__name__, exc_info=True)
            yield _failure(question, _UNFORESEEN)

    def _answers_to(self, question: Question) -> tuple[Answer, ...]:
        match question:
            case Keep() | KeepApi() | Rename() | Duplicate() | Delete():
                return (*self._changed(question), self._listed())
            case Import() | ImportBytes() | OpenFromServer() | OpenTemplate() | OpenKept() | Examine():
                return (self._opened(question),)
            case ListLibrary():
                return (self._listed(),)
            case ExportApi(id, path):
                self._library.export_api(id, path)
                return (Exported(path),)
            case ExportPng(id, path, picture):
                self._library.export_png(id, path, picture)
                return (Exported(path),)
            case WantTemplateThumbnail():
                return (self._thumbnail(question),)
            case _:
                return (self._told_by_server(question),)

    def _told_by_server(self, question: Asking) -> Answer:
        match question:
            case ReadNodeTypes(anew):
                return NodeTypesRead(self._at_server(lambda server: server.definitions(anew)))
            case Check():
                return self._checked(question)
            case Explain():  # for a reason that our lists may not have
                known = self._known_definitions(anew=True) or self._at_server(lambda server: server.definitions())
                return opening.explained(question, known)
            case ListServerWorkflows():
                return self._at_server(lambda server: ServerWorkflows(server.client.saved_workflows(), server.server))
            case ListTemplates():
                return self._at_server(lambda server: TemplatesListed(server.templates(), server.server))

    def _at_server(self, ask: Callable[[Supplies], T]) -> T:
        """Ask the server; where that was interrupted because another one is used now, ask that one."""
        while True:
            supplies = self._supplies
            if supplies is None:
                raise CannotConnect("No server is set. Enter its address in the preferences.")
            try:
                return ask(supplies)
            except ComfyError:
                if supplies is self._supplies:
                    raise

    # ---- opening and checking

    def _opened(self, question: Opening) -> Imported:
        open_with = self._opener(question)
        imported = open_with(self._known_definitions())
        if _may_be_old(imported.problems, imported.definitions):
            return open_with(self._known_definitions(anew=True))
        return imported

    def _opener(self, question: Opening) -> Callable[[Definitions | None], Imported]:
        """What opens the workflow; it is here then."""
        match question:
            case Import(path):
                opening.imported(path, path.name, None)  # what holds no workflow needs no server to say so
                return functools.partial(opening.imported, path, path.name)
            case ImportBytes(name, data):
                opening.imported(data, name, None)
                return functools.partial(opening.imported, data, name)
            case OpenFromServer(path):
                data = self._at_server(lambda server: server.client.saved_workflow(path))
                return functools.partial(opening.imported, data, path.rpartition("/")[2])
            case OpenTemplate(name, module):
                template = self._at_server(lambda server: server.template(name, module))
                data = self._at_server(lambda server: server.client.template(template))
                return functools.partial(opening.imported, data, f"{name}.json", title=template.title)
            case OpenKept(id):
                return functools.partial(self._opened_kept, self._library.get(id))
            case Examine():
                workflow = opening.given(question)
                return lambda known: opening.opened(opening.converted(workflow, known), known)

    def _opened_kept(self, kept: Kept, known: Definitions | None) -> Imported:
        entry = kept.entry
        workflow = ImportedWorkflow(entry.name, entry.source, "", kept.ui, kept.api)
        workflow = opening.converted(workflow, known)
        if kept.api is None and workflow.api is not None:
            entry = self._library.keep_api(entry.id, workflow.api)
        return dataclasses.replace(opening.opened(workflow, known), entry=entry)

    def _checked(self, question: Check) -> Checked:
        if question.anew:
            return opening.checked(question, self._at_server(lambda server: server.definitions(anew=True)))
        known = self._known_definitions() or self._at_server(lambda server: server.definitions())
        checked = opening.checked(question, known)
        if _may_be_old(checked.problems, known):
            return opening.checked(question, self._known_definitions(anew=True) or known)
        return checked

    def _known_definitions(self, anew: bool = False) -> Definitions | None:
        """As new as can be had now; None where there never were any."""
        try:
            return self._at_server(lambda server: server.definitions(anew))
        except (ComfyError, WorkflowError) as error:
            log.info("no node classes: %s", error)
            supplies = self._supplies
            return supplies.last_definitions if supplies else None

    # ---- library

    def _changed(self, change: Change) -> tuple[Answer, ...]:
        match change:
            case Keep(workflow):
                return (KeptInLibrary(self._library.add(workflow)),)
            case Duplicate(id):
                return (KeptInLibrary(self._library.duplicate(id)),)
            case KeepApi(id, api):
                self._library.keep_api(id, api)
            case Rename(id, name):
                self._library.rename(id, name)
            case Delete(id):
                self._library.delete(id)
        return ()

    def _listed(self) -> LibraryListed:
        listing = self._library.entries()
        return LibraryListed(listing.entries, listing.problems)

    # ---- thumbnails

    def _thumbnail(self, wanted: WantTemplateThumbnail) -> TemplateThumbnail | NoTemplateThumbnail:
        name, module, side = wanted.name, wanted.module, wanted.side
        try:
            pixels = self._at_server(
                lambda server: self._pictures.pixels(
                    server.server, server.template(name, module), side, server.thumbnail
                )
            )
            if pixels is not None:
                return TemplateThumbnail(name, module, *pixels, side)
        except (ComfyError, OSError) as error:
            log.info("no thumbnail of %s: %s", name, error)
        return NoTemplateThumbnail(name, module, side)


def _may_be_old(problems: tuple[Problem, ...], known: Definitions | None) -> bool:
    """Whether something is missing that may have come to the server since its lists were read."""
    is_missing = any(problem.kind in _MISSING for problem in problems)
    return known is not None and is_missing and time.monotonic() - known.read > _FRESH


def _failure(question: Question, sentence: str) -> Answer:
    match question:
        case Import(path):
            return ImportFailed(sentence, path.name, question.tag)
        case ImportBytes(name) | OpenTemplate(name) | Examine(name) | OpenFromServer(name) | OpenKept(name):
            return ImportFailed(sentence, name, question.tag)
        case _:
            return Trouble(sentence, question, question.tag)
