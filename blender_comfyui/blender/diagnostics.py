"""What a bug report needs, gathered from all that is at hand: nothing is asked for, read or waited for."""

from collections.abc import Iterable, Iterator

import bpy
from bpy.types import AddonPreferences

from ..generation.diagnostics import diagnostics, job_facts, newest, server_facts
from ..generation.events import HistoryNotice
from ..generation.history import Question, StatisticsFound, Trouble
from . import archive, logbook, runtime, settings

_PERSONAL = frozenset({"user", "name"})  # besides what Blender itself shows as dots


class _History:
    """What was last heard of the history."""

    def __init__(self) -> None:
        self.lines: dict[str, str] = {}

    def questions(self) -> Iterable[Question]:
        return ()

    def take(self, news: object) -> bool:
        match news:
            case HistoryNotice(text=text):
                self.lines["notice"] = text
            case Trouble(sentence=sentence):
                self.lines["trouble"] = sentence
            case StatisticsFound(statistics=statistics):
                self.lines["statistics"] = str(statistics.total)
        return False


_history = _History()


def text() -> str:
    """The whole report, without secrets and home folders."""
    logbook.protect()
    book = logbook.book
    return diagnostics(
        {
            "Versions": book.opening.splitlines(),
            "Server": _server(),
            "Preferences": tuple(_preferences(settings.preferences())),
            "Jobs": [job_facts(entry.job) for entry in runtime.jobs.running if entry.job is not None],
            "History": tuple(_history.lines.values()),
            "Problems that the panel shows": [entry.details for entry in runtime.jobs if entry.problem],
            "Last errors": book.troubles,
            "Last lines of the log": (*newest(book.lines), *([book.problem] if book.problem else [])),
        },
        book.redactor,
    )


def clean(text: str) -> str:
    """Return `text` as it may leave this computer: without secrets and home folders."""
    logbook.protect()
    return logbook.book.redactor(text)


def _server() -> tuple[str, ...]:
    refusal = runtime.refusal()
    if refusal is not None:
        return (f"{type(refusal).__name__}: {refusal}",)
    return server_facts(str(settings.server_settings().address), runtime.server_state())


def _preferences(chosen: AddonPreferences) -> Iterator[str]:
    """All values but secrets and what is a list."""
    for prop in chosen.bl_rna.properties:
        if prop.type in ("COLLECTION", "POINTER") or prop.subtype == "PASSWORD" or prop.identifier in _PERSONAL:
            continue
        if not prop.identifier.startswith("bl_"):
            yield f"{prop.identifier}: {getattr(chosen, prop.identifier)}"
    yield f"online access: {bpy.app.online_access}"


def register() -> None:
    archive.readers.append(_history)


def unregister() -> None:
    archive.readers.remove(_history)
    _history.lines.clear()
