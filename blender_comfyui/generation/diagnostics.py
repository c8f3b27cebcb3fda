"""What "Copy Diagnostics" puts on the clipboard: facts for a bug report, no secrets, no home folders. No bpy here."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import metadata
from itertools import takewhile

from ..comfy.redaction import Redactor
from .job import Job
from .server_state import ServerState

LIBRARIES = (
    *("requests", "urllib3", "idna", "certifi", "charset-normalizer"),
    *("websocket-client", "PyYAML", "pillow", "filelock"),
)
LONGEST = 4000  # characters of one error or line
LOG = 60_000  # characters of the log, its newest lines
_GIGABYTE = 1024**3

Sections = Mapping[str, Sequence[str]]


def diagnostics(sections: Sections, redact: Redactor) -> str:
    """The text of all sections that have lines; what begins at the margin is a title."""
    parts = [time.strftime("Diagnostics of %Y-%m-%d %H:%M:%S %z")]
    parts += ["\n".join([title, *map(_shortened, lines)]).rstrip() for title, lines in sections.items() if lines]
    return "\n\n".join(redact(part).replace("\n", "\n    ") for part in parts) + "\n"


def machine() -> tuple[str, ...]:
    """Python, system and libraries. Reads from disk, and on some systems asks other programs."""
    system = f"{platform.system()} {platform.release()} {platform.version()} {platform.machine()}"
    return (f"Python {platform.python_version()}", _distribution(system), ", ".join(map(_library, LIBRARIES)))


def server_facts(address: str, state: ServerState) -> tuple[str, ...]:
    """The server as we know it. `address` is written without user and password."""
    facts = [
        f"{address}: {state.connection}, websocket {'open' if state.live else 'closed'}",
        f"ComfyUI {state.version or 'of unknown version'} on {state.device or 'an unknown device'}",
        f"{state.vram_free / _GIGABYTE:.1f} of {state.vram_total / _GIGABYTE:.1f} GB free",
        f"{state.queue_remaining} in its queue",
        f"{len(state.checkpoints)} checkpoints, {len(state.samplers)} samplers, {len(state.schedulers)} schedulers",
        *state.features,
    ]
    if state.error is not None:
        facts.append(f"{type(state.error).__name__}: {state.error}\n{state.error.details}".rstrip())
    return tuple(facts)


def job_facts(job: Job) -> str:
    """One job in a line; what it makes is nobody's business."""
    facts = [f"{job.id} {'held' if job.is_held else job.state} for {job.age:.0f} s", f"{float(job.progress):.0%}"]
    facts += [job.request.workflow_name or "a graph of its own", f"{len(job.request.prompt)} nodes"]
    if job.queue_position is not None:
        facts.append(f"number {job.queue_position} in the queue")
    return ", ".join([*facts, *([job.waiting_for] if job.waiting_for else [])])


def newest(lines: Sequence[str]) -> tuple[str, ...]:
    """The last of these lines, as many as a report has room for."""
    room = LOG

    def fits(line: str) -> bool:
        nonlocal room
        room -= len(line)
        return room >= 0

    return tuple(takewhile(fits, map(_shortened, reversed(lines))))[::-1]


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"


def _library(name: str) -> str:
    try:
        return f"{name} {metadata.version(name)}"
    except metadata.PackageNotFoundError:
        return f"{name} missing"


def _distribution(system: str) -> str:
    if sys.platform != "linux":
        return system
    try:
        return f"{system}, {platform.freedesktop_os_release()['PRETTY_NAME']}"
    except (OSError, KeyError):
        return system
