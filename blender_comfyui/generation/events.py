"""What happens to a job, as its readers hear of it. Frozen: these cross threads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from .outcome import JobState, Outcome
from .progress import Progress
from .server_state import ServerState


@dataclass(frozen=True)
class StateChanged:
    """`waiting_for` says why a job does not go on; '' while it does."""

    job_id: str
    state: JobState
    waiting_for: str = ""


@dataclass(frozen=True)
class Progressed:
    job_id: str
    progress: Progress


@dataclass(frozen=True)
class Previewed:
    """A picture on the way, encoded as `format` says."""

    job_id: str
    image: bytes
    format: Literal["jpeg", "png"]
    node_title: str


@dataclass(frozen=True)
class Ended:
    """The last event of every job, exactly once."""

    job_id: str
    outcome: Outcome


@dataclass(frozen=True)
class ServerChanged:
    """The server's state was read anew; only subscribers of the session hear it."""

    server: ServerState


JobEvent: TypeAlias = StateChanged | Progressed | Previewed | Ended
SessionEvent: TypeAlias = JobEvent | ServerChanged
