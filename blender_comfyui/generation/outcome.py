"""How a job ended, and what it brought."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from ..comfy.errors import NodeProblem


class JobState(StrEnum):
    """Where a job is in its life; it only moves down this list, and ends in exactly one of the last four."""

    WAITING = "waiting"  # not on the server yet
    QUEUED = "queued"
    RUNNING = "running"
    DOWNLOADING = "downloading"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"  # the server forgot it

    @property
    def is_terminal(self) -> bool:
        return self in _TERMINAL

    def may_become(self, state: JobState) -> bool:
        return not self.is_terminal and _RANK[state] > _RANK[self]


_RANK = {state: rank for rank, state in enumerate(JobState)}
_TERMINAL = frozenset({JobState.FINISHED, JobState.FAILED, JobState.CANCELLED, JobState.LOST})


@dataclass(frozen=True)
class Output:
    """One file that arrived. `kind` is image, video, audio, model, text or other; `type` is output or temp.

    `number` is its place among all files of the job, from 1, also when others of them did not come; 0 when that is
    not known: then they count in the order in which they are given.
    """

    path: Path
    node_id: str
    node_title: str
    kind: str
    type: str
    number: int = 0


def numbered(outputs: Iterable[Output]) -> dict[int, Output]:
    """Files by their numbers. No number is given twice: the next free one takes its place."""
    found: dict[int, Output] = {}
    for count, output in enumerate(outputs, 1):
        number = output.number or count
        while number in found:
            number += 1
        found[number] = output
    return found


@dataclass(frozen=True)
class Outcome:
    """The end of a job. `error` is None exactly when it finished; `seconds` counts from submit.

    `outputs` can hold files also after a failure: what was made before it is kept. `problems` are outputs that the
    server refused while it ran the others; `texts` what text nodes showed. `recoverable`: the server may still have
    the result, so that looking for it once more can help; `stays_open`: that will happen by itself. `note` says what
    is worth knowing of how it went, as a sentence, or ''.
    """

    state: JobState
    outputs: tuple[Output, ...] = ()
    error: Exception | None = None
    texts: tuple[str, ...] = ()
    problems: tuple[NodeProblem, ...] = ()
    recoverable: bool = False
    stays_open: bool = False
    note: str = ""
    seconds: float = field(default=0.0, compare=False)

    @property
    def is_trouble(self) -> bool:
        """It went wrong, and not because somebody wanted it to end, or closed the session."""
        return self.state in (JobState.FAILED, JobState.LOST) and not self.stays_open

    def __str__(self) -> str:
        """The end in a line, and below it what is behind an error."""
        told = f"{self.state} after {self.seconds:.1f} s, {len(self.outputs)} files"
        if self.error is None:
            return told
        return f"{told}. {type(self.error).__name__}: {self.error}\n{getattr(self.error, 'details', '')}".rstrip()

    @property
    def files(self) -> list[Path]:
        return [output.path for output in self.outputs]
