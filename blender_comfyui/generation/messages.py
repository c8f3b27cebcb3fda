"""What a Session asks of its worker. Frozen: these cross threads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from .job import Job
from .request import Request


@dataclass(frozen=True)
class Submit:
    """`rank` says where it stands in our own queue."""

    job: Job
    rank: float = 0.0


@dataclass(frozen=True)
class Unprepared:
    """What was asked for cannot be made a prompt of: it is written down, and that is all."""

    request: Request
    error: Exception


@dataclass(frozen=True)
class Refused:
    """A job that could not be written down: it is not sent."""

    job: Job
    error: Exception


@dataclass(frozen=True)
class Cancel:
    """End this job; one that nobody follows is given up."""

    job_id: str


@dataclass(frozen=True)
class Move:
    """Put a job that is still held at another place of our own queue; -1 is one earlier, None the front."""

    job_id: str
    by: int | None


@dataclass(frozen=True)
class Pause:
    """Send nothing more, or go on. What is on the server already is not touched."""

    paused: bool


@dataclass(frozen=True)
class Refresh:
    """Read the server's state anew; the first one begins to watch it."""


@dataclass(frozen=True)
class Recover:
    """Look for this job on the server once more."""

    job_id: str


@dataclass(frozen=True)
class ListForeign:
    """Read which results other clients left on the server."""


@dataclass(frozen=True)
class BringIn:
    """Fetch a result that another client left."""

    prompt_id: str
    folder: Path
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Close:
    """End the thread; what is still open ends here with `error`, and can be followed again later."""

    error: Exception


BringBack: TypeAlias = Recover | ListForeign | BringIn
Order: TypeAlias = Submit | Refused | Cancel | Move | Pause | Refresh | BringBack | Close
