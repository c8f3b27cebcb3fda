"""What happens to a job, as its readers hear of it. Frozen: these cross threads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from .outcome import JobState, Outcome
from .progress import Progress
from .server_state import ServerState

if TYPE_CHECKING:
    from .job import Job
    from .stock import Stock


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
class Submitted:
    """A job was given to the session, by whoever: its first event. Only subscribers of the session hear it."""

    job_id: str
    job: Job


@dataclass(frozen=True)
class Returned:
    """A job of an earlier run, or a result of another client, is followed from now on; its other events come after."""

    job_id: str
    job: Job


@dataclass(frozen=True)
class QueueChanged:
    """Our own queue: the ids of the jobs that wait in it, in order, and whether it is paused."""

    order: tuple[str, ...]
    paused: bool


@dataclass(frozen=True)
class ForeignResult:
    """What another client left on the server. `label` is its text prompt, `when` seconds since 1970 where known."""

    prompt_id: str
    label: str
    files: int
    failed: bool
    when: float | None


@dataclass(frozen=True)
class ForeignListed:
    """The newest results of other clients, newest first; `error` is a sentence where they could not be read."""

    results: tuple[ForeignResult, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class HistoryNotice:
    """What a person should know, as a sentence: the history was damaged and rebuilt, a job is of another server."""

    text: str


@dataclass(frozen=True)
class ServerChanged:
    """The server's state was read anew; only subscribers of the session hear it."""

    server: ServerState


@dataclass(frozen=True)
class StockChanged:
    """What the server has was read anew, because somebody wanted it; only subscribers of the session hear it."""

    stock: Stock


JobEvent: TypeAlias = StateChanged | Progressed | Previewed | Ended
SessionEvent: TypeAlias = (
    JobEvent | Submitted | Returned | QueueChanged | ForeignListed | HistoryNotice | ServerChanged | StockChanged
)
