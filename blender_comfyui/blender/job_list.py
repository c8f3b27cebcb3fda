"""The jobs that the panel shows: running ones, failed ones, and results that wait for their .blend. No bpy here."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ..generation.events import Ended, Previewed, Returned, SessionEvent, Submitted
from ..generation.history import Placement, Record
from ..generation.job import Job
from ..generation.outcome import JobState, Outcome, Output, numbered

KEPT = 10  # ended jobs that stay listed
PART_OF_GRID = "GRID"
"""The sink of a picture that is shown only as a part of a grid: nothing is placed."""


class EarlierError(Exception):
    """What went wrong in an earlier run of Blender, as the history tells it."""

    def __init__(self, sentence: str, details: str) -> None:
        super().__init__(sentence)
        self.details = details


@dataclass(frozen=True)
class Making:
    """How results came about, whoever remembers it."""

    label: str
    seed: int | None
    parameters: Mapping[str, object]
    workflow: str
    server_version: str


@dataclass
class Result:
    """One file of a job, on its way into the .blend. `number` is its place among all of the job's files, from 1."""

    number: int
    output: Output
    placement: Placement = Placement.WAITING
    name: str = ""  # of the data-block that was made of it
    may_be_here: bool = False  # its file may hold it without a line; not where nobody has tried to place it yet


@dataclass
class Entry:
    """One job, from the click until its results are placed and the person has seen its errors.

    It has its Job while this Blender follows it, or else the history's Record.
    """

    source: Job | Record
    target: dict[str, str]  # where its results go: what the request's context says, unless the person chose anew
    preview: bytes = b""  # the newest picture on the way, encoded
    outcome: Outcome | None = None
    results: list[Result] = field(default_factory=list)  # the files that a sink can place
    obstacle: str = ""  # why those that wait are not placed; a sentence
    is_elsewhere: bool = False  # they wait for another .blend than the open one
    has_returned: bool = False  # an earlier run followed it before
    is_lent: bool = False  # they were put into another file
    aside: list[Result] = field(default_factory=list)  # those that stay in their own file meanwhile

    @classmethod
    def of_job(cls, job: Job) -> "Entry":
        return cls(job, dict(job.request.context))

    @classmethod
    def of_record(cls, record: Record) -> "Entry":
        """Make the entry of a job that ended before."""
        outputs = {f.number: Output(f.path, f.node_id, f.node_title, f.kind, f.type, f.number) for f in record.files}
        error = EarlierError(record.error, record.error_details) if record.error else None
        outcome = Outcome(record.state, tuple(outputs.values()), error, note=record.note)
        entry = cls(record, dict(record.target), outcome=outcome)
        wanted = frozenset(entry.worth_placing(outputs))
        entry.results = [
            Result(f.number, outputs[f.number], f.placement, f.placed_as, may_be_here=True)
            for f in record.files
            if f.number in wanted
        ]
        return entry

    @property
    def id(self) -> str:
        return self.source.id

    @property
    def job(self) -> Job | None:
        return self.source if isinstance(self.source, Job) else None

    @property
    def owner(self) -> str:
        """The Session that followed it, as the history says; '' where that is one of ours."""
        return self.source.owner if isinstance(self.source, Record) else ""

    @property
    def own_target(self) -> Mapping[str, str]:
        """Where it was asked from, wherever its results were put since."""
        return self.source.target if isinstance(self.source, Record) else self.source.request.context

    @property
    def making(self) -> Making:
        if isinstance(self.source, Record):
            known = self.source
            return Making(known.label, known.seed, known.parameters, known.workflow, known.server_version)
        asked = self.source.request
        return Making(asked.label, asked.seed, asked.parameters, asked.workflow_name, self.source.server_version)

    @property
    def is_part_of_grid(self) -> bool:
        return self.own_target.get("sink") == PART_OF_GRID

    @property
    def is_running(self) -> bool:
        return self.outcome is None

    @property
    def error(self) -> Exception | None:
        return self.outcome.error if self.outcome else None

    @property
    def note(self) -> str:
        """What is worth knowing of how an ended job went: a sentence, or ''."""
        return self.outcome.note if self.outcome else ""

    @property
    def waiting(self) -> list[Result]:
        return [result for result in self.results if result.placement is Placement.WAITING]

    @property
    def placed(self) -> list[str]:
        """What was made of the results, by name."""
        return [r.name for r in self.results if r.placement in (Placement.PLACED, Placement.KEPT)]

    @property
    def can_be_placed(self) -> bool:
        return not self.obstacle and bool(self.waiting)

    @property
    def is_settled(self) -> bool:
        """True when nothing more happens by itself."""
        return self.outcome is not None and not self.can_be_placed

    @property
    def returns(self) -> bool:
        """It ended here without its result, but will be looked for by itself."""
        return self.outcome is not None and self.outcome.stays_open

    @property
    def problem(self) -> str:
        """What the person should know of an ended job: a sentence, or ''."""
        return str(self.error) if self.error else self.obstacle

    @property
    def details(self) -> str:
        """The problem, and what a developer wants to see behind it."""
        behind = str(getattr(self.error, "details", ""))
        return f"{self.problem}\n\n{behind}" if behind else self.problem

    def end(self, outcome: Outcome) -> None:
        self.outcome, self.preview = outcome, b""
        outputs = numbered(outcome.outputs)
        self.results = [Result(n, outputs[n], may_be_here=self.has_returned) for n in self.worth_placing(outputs)]

    def worth_placing(self, outputs: Mapping[int, Output]) -> list[int]:
        """Return the numbers of the files that a sink shall take."""
        return [] if self.is_part_of_grid else _worth_placing(outputs)

    def lend(self, results: list[Result], target: Mapping[str, str]) -> None:
        """Have these results, and no others, go to another file than their own."""
        lent = {result.number for result in results}
        self.aside += [result for result in self.results if result.number not in lent]
        self.results, self.target, self.is_lent = results, {**self.target, **target}, True

    def take_back(self) -> None:
        """The other file was closed: what it has not kept is their own file's again."""
        if not self.is_lent:
            return
        lent = [result for result in self.results if result.placement is not Placement.KEPT]
        self.results = sorted(self.aside + lent, key=lambda result: result.number)
        self.aside, self.target, self.is_lent = [], dict(self.own_target), False


class JobList:
    """Entries in the order of their clicks.

    `version` grows with every change of which entries there are, which have ended, and where their results are.
    """

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self.version = 0

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries.values()))

    def get(self, job_id: str) -> Entry | None:
        return self._entries.get(job_id)

    def touch(self) -> None:
        """To be called by whoever changes where results are, or go."""
        self.version += 1

    def add(self, entry: Entry) -> Entry:
        """Append an entry; one of the same job, of an earlier run, goes."""
        self.touch()
        self._entries.pop(entry.id, None)
        self._entries[entry.id] = entry
        return entry

    def remove(self, job_id: str) -> None:
        self.touch()
        self._entries.pop(job_id, None)

    @property
    def running(self) -> list[Entry]:
        return [entry for entry in self if entry.is_running]

    @property
    def to_place(self) -> list[Entry]:
        return [entry for entry in self if entry.can_be_placed]

    def take(self, event: SessionEvent) -> None:
        """Note what happened to a job."""
        match event:
            case Submitted(job=job) if "sink" in job.request.context and self.get(job.id) is None:
                self.add(Entry.of_job(job))  # not of a click here: a storyboard's thread asked for it
            case Returned(job=job):
                self.add(Entry.of_job(job)).has_returned = True
            case Previewed(job_id=job_id, image=image) if entry := self.get(job_id):
                entry.preview = image
            case Ended(job_id=job_id, outcome=outcome) if entry := self.get(job_id):
                entry.end(outcome)
                self.touch()
                if outcome.state is JobState.CANCELLED or (entry.is_part_of_grid and not outcome.stays_open):
                    self.remove(job_id)  # how parts of a grid ended, the grid itself tells
                self._forget_old()
            case _:
                pass

    def _forget_old(self) -> None:
        """What this Blender has seen the end of stays listed for a while; nothing that waits is forgotten."""
        settled = [old for old in self if old.job and old.is_settled and not old.waiting]
        for old in settled[:-KEPT]:
            self.remove(old.id)


def unplaceable(numbers: Iterable[int], entry: Entry) -> list[int]:
    """Return those of a job's files that no sink takes."""
    return sorted(set(numbers) - {result.number for result in entry.results})


def _worth_placing(outputs: Mapping[int, Output]) -> list[int]:
    """Pictures and videos; what was only previewed on the server ('temp') counts where nothing was saved."""
    seen = [number for number, output in outputs.items() if output.kind in ("image", "video")]
    return [number for number in seen if outputs[number].type == "output"] or seen
