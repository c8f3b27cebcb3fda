"""The jobs that the panel shows: running ones, failed ones, and results that wait for their .blend. No bpy here."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..generation.events import Ended, JobEvent, Previewed
from ..generation.job import Job
from ..generation.outcome import JobState, Outcome, Output

KEPT = 10  # ended jobs that stay listed


@dataclass
class Entry:
    """One job, from the click until its results are placed and the person has seen its errors."""

    job: Job
    target: dict[str, str]  # where its results go: what the request's context says, unless the person chose anew
    preview: bytes = b""  # the newest picture on the way, encoded
    outcome: Outcome | None = None
    waiting: list[Output] = field(default_factory=list)  # outputs that are not in Blender yet
    placed: list[str] = field(default_factory=list)  # what was made of the others, by name
    obstacle: str = ""  # why those that wait are not placed; a sentence

    @property
    def id(self) -> str:
        return self.job.id

    @property
    def is_running(self) -> bool:
        return self.outcome is None

    @property
    def error(self) -> Exception | None:
        return self.outcome.error if self.outcome else None

    @property
    def can_be_placed(self) -> bool:
        return bool(self.waiting) and not self.obstacle

    @property
    def is_settled(self) -> bool:
        """True when nothing more happens by itself."""
        return self.outcome is not None and not self.can_be_placed

    @property
    def problem(self) -> str:
        """What the person should know of an ended job: a sentence, or ''."""
        return str(self.error) if self.error else self.obstacle

    @property
    def details(self) -> str:
        """The problem, and what a developer wants to see behind it."""
        behind = str(getattr(self.error, "details", ""))
        return f"{self.problem}\n\n{behind}" if behind else self.problem


class JobList:
    """Entries in the order of their clicks."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries.values()))

    def get(self, job_id: str) -> Entry | None:
        return self._entries.get(job_id)

    def add(self, job: Job) -> Entry:
        entry = self._entries[job.id] = Entry(job, dict(job.request.context))
        return entry

    def remove(self, job_id: str) -> None:
        self._entries.pop(job_id, None)

    @property
    def running(self) -> list[Entry]:
        return [entry for entry in self if entry.is_running]

    @property
    def to_place(self) -> list[Entry]:
        return [entry for entry in self if entry.can_be_placed]

    def take(self, event: JobEvent) -> None:
        """Note what happened to a job."""
        entry = self._entries.get(event.job_id)
        match event:
            case Previewed(image=image) if entry:
                entry.preview = image
            case Ended(outcome=outcome) if entry:
                self._end(entry, outcome)
            case _:
                pass

    def _end(self, entry: Entry, outcome: Outcome) -> None:
        entry.outcome = outcome
        entry.preview = b""
        entry.waiting = _worth_placing(outcome)
        if outcome.state is JobState.CANCELLED:
            self.remove(entry.id)
        settled = [old for old in self if old.is_settled and not old.waiting]
        for old in settled[:-KEPT]:
            self.remove(old.id)


def _worth_placing(outcome: Outcome) -> list[Output]:
    """Pictures and videos; what was only previewed on the server ('temp') counts where nothing was saved."""
    seen = [output for output in outcome.outputs if output.kind in ("image", "video")]
    return [output for output in seen if output.type == "output"] or seen
