"""What the history tells and is asked: frozen values that may cross threads.

Times are unix seconds (``time.time()``), durations seconds, sizes bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from ..outcome import JobState
from ..request import Request


class Placement(StrEnum):
    """Where one file is on its way into its .blend."""

    WAITING = "waiting"  # not there yet
    PLACED = "placed"  # in Blender's memory
    KEPT = "kept"  # the .blend was saved since
    DISMISSED = "dismissed"  # the person does not want it


@dataclass(frozen=True)
class FileRecord:
    """One file of a result. `number` counts from 1; `placed_as` is the data-block's name, or ''."""

    number: int
    path: Path
    node_id: str
    node_title: str
    kind: str
    type: str
    bytes: int
    placement: Placement = Placement.WAITING
    placed_as: str = ""


@dataclass(frozen=True)
class Record:
    """One request and all that became of it.

    `request` is None in pages, and where it could not be read after damage. `target` is the request's context,
    `rank` the place in the local queue (smaller is sooner), `owner` the process that looks after the job while it is
    open, `sent` the moment before it first went to the server (None: it certainly never did). `error_kind` is the
    name of the error's class; `problems` are outputs that the server refused while it ran the others, as sentences.
    `recoverable`: it failed, but the server may still have its result. `imported` results were made by another
    client of the server. `seconds` counts from submit to the end. `note` says what is worth knowing of how it went.
    """

    id: str
    state: JobState
    request: Request | None = None
    label: str = ""
    task: str = ""
    tier: str = ""
    workflow: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)
    seed: int | None = None
    target: Mapping[str, str] = field(default_factory=dict)
    blend_id: str = ""
    blend_path: str = ""
    server: str = ""
    server_version: str = ""
    owner: str = ""
    created: float = 0.0
    sent: float | None = None
    started: float | None = None
    ended: float | None = None
    seconds: float = 0.0
    error: str = ""
    error_details: str = ""
    error_kind: str = ""
    favourite: bool = False
    imported: bool = False
    rank: float = 0.0
    files: tuple[FileRecord, ...] = ()
    texts: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    note: str = ""
    recoverable: bool = False


@dataclass(frozen=True)
class Filter:
    """Which records: all of what is given has to hold.

    `text` is anywhere in the prompt, in any case of any script; spaces at its ends do not count. `states` empty
    means all of them. `since` is included, `until` is not; both are about when it was asked for. `unplaced`: with a
    file that waits to be placed. `unfollowed` leaves out open jobs that a running Blender looks after. `project` is
    the id of a storyboard or a grid, which a job's context names as such.
    """

    text: str = ""
    task: str = ""
    tier: str = ""
    states: frozenset[JobState] = frozenset()
    since: float | None = None
    until: float | None = None
    favourite: bool | None = None
    blend_id: str = ""
    blend_path: str = ""
    server: str = ""
    unplaced: bool = False
    imported: bool | None = None
    unfollowed: bool = False
    project: str = ""


EVERYTHING = Filter()


class Sort(StrEnum):
    NEWEST = "newest"
    OLDEST = "oldest"
    LONGEST = "longest"  # the time it took
    PROMPT = "prompt"  # by the alphabet


@dataclass(frozen=True)
class Page:
    """`size` records from the `offset`-th of the `total` that the filter lets through. The records lack requests."""

    records: tuple[Record, ...]
    total: int
    offset: int
    size: int


@dataclass(frozen=True)
class CleanUp:
    """What may go: whatever any given limit excludes, oldest first.

    Never favourites, never jobs that are open, never results that wait to be placed (nor, for 30 days, those that
    are only in Blender's memory). `max_bytes` counts the files of all records together.
    """

    older_than_days: float | None = None
    keep_newest: int | None = None
    max_bytes: int | None = None
    with_files: bool = False


@dataclass(frozen=True)
class CleanUpPlan:
    """What a clean-up would remove, or did: records, files on disk (none without `with_files`), and their bytes."""

    ids: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    bytes: int = 0


@dataclass(frozen=True)
class Figures:
    """How jobs of one kind fared. `success_rate` is finished / (finished + failed + lost), None without any such;
    `median_seconds` is of the finished ones, without the queue before them, and without those that nobody watched for
    a while, as Blender was closed or the server away; None without any."""

    count: int
    finished: int
    failed: int
    cancelled: int
    lost: int
    success_rate: float | None
    median_seconds: float | None


@dataclass(frozen=True)
class Durations:
    """How long `count` finished jobs of one kind took; counted as `Figures.median_seconds` is."""

    count: int
    median_seconds: float


@dataclass(frozen=True)
class Statistics:
    """Figures of all jobs that we asked for (imported ones are not counted), and by (task, tier)."""

    total: Figures
    by_kind: Mapping[tuple[str, str], Figures] = field(default_factory=dict)
