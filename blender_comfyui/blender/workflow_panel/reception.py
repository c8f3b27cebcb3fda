"""The workflows' desk as the main thread has it: asked, never waited for, and whoever asked hears the answer."""

import itertools
import logging
import time
from collections.abc import Callable
from dataclasses import replace

from .. import runtime, settings
from .desk import Answer, Desk, Imported, Knowledge, Learned, Question, Server

log = logging.getLogger(__name__)

_PATIENCE = 120.0  # seconds after which no more answers are expected

Heard = Callable[[Answer], None]


class _Reception:
    def __init__(self) -> None:
        self.desk: Desk | None = None
        self.waiting: dict[str, Heard] = {}
        self.asked = float("-inf")  # monotonic
        self.knowledge: Knowledge | None = None


_current = _Reception()
_tags = itertools.count()


def ask(question: Question, heard: Heard) -> None:
    """Put a question; `heard` is called with the answer by a later tick."""
    if _current.desk is None:
        _current.desk = Desk()
    tag = str(next(_tags))
    _current.waiting[tag] = heard
    _current.asked = time.monotonic()
    _current.desk.ask(replace(question, tag=tag))


def tick() -> bool:
    """Hand out the answers that are here; return whether something shown has changed."""
    answers = _current.desk.drain() if _current.desk else []
    for answer in answers:
        if isinstance(answer, Learned | Imported) and answer.knowledge is not None:
            _current.knowledge = answer.knowledge
        heard = _current.waiting.pop(answer.tag, None)
        try:
            if heard is not None:
                heard(answer)
        except Exception:  # the others want their answers all the same
            log.exception("Taking an answer failed")
    return bool(answers)


def expects_answers() -> bool:
    """Whether the tick has something to come for."""
    return bool(_current.waiting) and time.monotonic() - _current.asked < _PATIENCE


def server() -> Server | None:
    """Return where the preferences say to ask; None where Blender may not."""
    if runtime.refusal() is not None:
        return None
    chosen = settings.server_settings()
    return Server(chosen.address, chosen.credentials)


def knowledge() -> Knowledge | None:
    """Return what was last learnt of the server of the preferences; never asks."""
    known = _current.knowledge
    return known if known is not None and known.server == server() else None


def close() -> None:
    """Part from the desk; its thread ends by itself."""
    if _current.desk is not None:
        _current.desk.close()
    _current.desk, _current.knowledge = None, None
    _current.waiting.clear()


def register() -> None:
    """Nothing is made before it is used."""


def unregister() -> None:
    close()
