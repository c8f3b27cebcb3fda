"""The workshop as the main thread has it: one that is asked and never waited for; whoever asked hears the answer."""

import itertools
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import bpy

from ...comfy.offers import SavedWorkflow, Template
from ...generation.workshop import (
    Answer,
    Definitions,
    Imported,
    KeptInLibrary,
    LibraryListed,
    ListLibrary,
    ListServerWorkflows,
    ListTemplates,
    NodeTypesRead,
    Question,
    ServerWorkflows,
    TemplatesListed,
    Trouble,
    Workshop,
)
from ...workflow.library import Entry
from .. import runtime, settings

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import IconItems

log = logging.getLogger(__name__)

PATIENCE = 120.0  # seconds after which no more answers are expected
_LISTS_AGE = 20.0  # seconds after which somebody who looks for a workflow wants the lists anew
_BUDGET = 0.001  # seconds of a tick for taking answers; one that is begun may take longer

Heard = Callable[[Answer], None]


class _Reception:
    def __init__(self) -> None:
        self.workshop: Workshop | None = None
        self.server: settings.ServerSettings | None = None
        self.waiting: dict[str, Heard] = {}
        self.asked = float("-inf")  # monotonic
        self.listed = float("-inf")  # monotonic
        self.library_listed = float("-inf")  # … the library alone
        self.put_off: list[tuple[Answer, Heard]] = []
        self.definitions: Definitions | None = None
        self.library: tuple[Entry, ...] = ()
        self.library_problems: tuple[str, ...] = ()
        self.on_server: tuple[SavedWorkflow, ...] = ()
        self.templates: tuple[Template, ...] = ()

    def made(self) -> Workshop:
        """Return the workshop, with the server of the preferences."""
        server = _server_settings()
        if self.workshop is None:
            pictures = settings.user_path("template-pictures")
            self.workshop = Workshop(settings.user_folder("workflows"), pictures=pictures)
        if server != self.server:
            self.server = server
            self.definitions, self.on_server, self.templates = None, (), ()
            self.listed = float("-inf")
            if server is None:
                self.workshop.use(None)
            else:
                self.workshop.use(server.address, server.credentials)
        return self.workshop

    def note(self, answer: Answer) -> None:
        match answer:
            case NodeTypesRead(definitions) | Imported(definitions=Definitions() as definitions):
                self.definitions = definitions
            case LibraryListed(entries, problems):
                self.library, self.library_problems = entries, problems
            case ServerWorkflows(workflows):
                self.on_server = workflows
            case TemplatesListed(templates):
                self.templates = templates

    def hearer(self, answer: Answer) -> Heard | None:
        """Return who asked. What was kept is followed by the library's new list."""
        if isinstance(answer, KeptInLibrary):
            return self.waiting.get(answer.tag)
        return self.waiting.pop(answer.tag, None)


_current = _Reception()
_tags = itertools.count()


def ask(question: Question, heard: Heard = lambda _: None) -> None:
    """Put a question; `heard` is called with each answer by a later tick."""
    workshop = _current.made()
    tag = str(next(_tags))
    _current.waiting[tag] = heard
    _current.asked = time.monotonic()
    workshop.ask(replace(question, tag=tag))


def tick() -> bool:
    """Hand out the answers that are here; return whether something shown has changed."""
    deadline = time.monotonic() + _BUDGET
    put_off, _current.put_off = _current.put_off, []
    for answer, heard in put_off:
        _tell(answer, heard)
    changed = len(put_off) > len(_current.put_off)
    while _current.workshop and time.monotonic() < deadline and (answers := _current.workshop.drain(1)):
        changed = True
        _current.note(answers[0])
        _tell(answers[0], _current.hearer(answers[0]))
    return changed


def put_off(answer: Answer, heard: Heard) -> None:
    """Have this heard by the next tick: Blender is in the middle of something now."""
    _current.put_off.append((answer, heard))


def hear(event: object) -> None:
    """Hear what a Session tells: once the server is back, it may have other nodes."""
    if _current.workshop is not None:
        _current.workshop.hear(event)


def expects_answers() -> bool:
    """Whether the tick has something to come for."""
    return bool(_current.put_off) or (bool(_current.waiting) and time.monotonic() - _current.asked < PATIENCE)


def definitions() -> Definitions | None:
    """Return what was last read of the server of the preferences; never asks."""
    known, server = _current.definitions, _server_settings()
    return known if known is not None and server is not None and known.server == str(server.address) else None


def want_lists() -> None:
    """Have the library, the server's workflows and its templates listed, unless they were a moment ago."""
    _current.made()  # another server has other lists
    if time.monotonic() - _current.listed < _LISTS_AGE:
        return
    _current.listed = time.monotonic()
    ask(ListLibrary())
    if _server_settings() is not None:
        ask(ListServerWorkflows())
        ask(ListTemplates())


def want_library() -> None:
    """Have the library listed, unless it was a moment ago; for whoever shows the name of one of its workflows."""
    now = time.monotonic()
    if _current.library or now - max(_current.listed, _current.library_listed) < _LISTS_AGE:
        return
    _current.library_listed = now
    ask(ListLibrary())


def server_name() -> str:
    """Return the address of the server that questions go to, '' where there is none."""
    server = _server_settings()
    return str(server.address) if server is not None else ""


def library() -> tuple[Entry, ...]:
    return _current.library


def library_problems() -> tuple[str, ...]:
    """Return a sentence for each file in the library's folder that cannot be used."""
    return _current.library_problems


def on_server() -> tuple[SavedWorkflow, ...]:
    return _current.on_server


def templates() -> tuple[Template, ...]:
    return _current.templates


def say(sentence: str, icon: "IconItems") -> None:
    """Tell a person what came of something, who is looking elsewhere by now."""
    if bpy.app.background:
        log.info("%s", sentence)
        return

    def draw(popup: bpy.types.UIPopupMenu, _context: bpy.types.Context) -> None:
        popup.layout.label(text=sentence)

    bpy.context.window_manager.popup_menu(draw, title="ComfyUI Workflows", icon=icon)


def say_trouble(answer: Answer) -> None:
    """Tell a person why a question could not be answered."""
    if isinstance(answer, Trouble):
        say(answer.sentence, "ERROR")


def close() -> None:
    """Part from the workshop; its thread ends by itself."""
    global _current
    if _current.workshop is not None:
        _current.workshop.close()
    _current = _Reception()


def _tell(answer: Answer, heard: Heard | None) -> None:
    try:
        if heard is not None:
            heard(answer)
    except Exception:  # the others want their answers all the same
        log.exception("Taking an answer failed")


def _server_settings() -> settings.ServerSettings | None:
    """Return where the preferences say to ask; None where Blender may not."""
    return settings.server_settings() if runtime.refusal() is None else None


def register() -> None:
    """Nothing is made before it is used."""


def unregister() -> None:
    close()
