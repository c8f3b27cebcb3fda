"""Which ended jobs are of the open .blend, and what is ready for others: one sentence a file."""

from collections.abc import Container
from dataclasses import dataclass, field
from pathlib import PurePath

import bpy

from ..generation.history import Placement
from . import blend_file, placements, runtime
from .job_list import Entry, Result
from .sinks import ledger

NEVER_SAVED = "?"  # no path: the group of all files that have none


@dataclass
class Group:
    """The jobs of one other file. `key` names it to operators: its path, or NEVER_SAVED."""

    key: str
    entries: list[Entry] = field(default_factory=list)
    results: int = 0
    failed: int = 0

    @property
    def sentence(self) -> str:
        name = "a .blend that was never saved" if self.key == NEVER_SAVED else f"“{PurePath(self.key).name}”"
        failed = f"{self.failed} {'job' if self.failed == 1 else 'jobs'}"
        if not self.results:
            return f"{failed} for {name} failed."
        ready = f"{self.results} result{'s wait' if self.results > 1 else ' waits'} for {name}"
        return f"{ready}, and {failed} failed." if self.failed else f"{ready}."


@dataclass
class Overview:
    """All ended jobs, sorted by whether they are of the open file."""

    here: list[Entry] = field(default_factory=list)  # the newest first
    missing: set[str] = field(default_factory=set)  # jobs here of which something is not in the file
    lost: set[str] = field(default_factory=set)  # those of them of which something was placed
    nameless: set[str] = field(default_factory=set)  # jobs here of which the panel found nothing in the file
    groups: dict[str, Group] = field(default_factory=dict)


@dataclass
class _Kept:
    """The overview, until jobs, placements, the ledger's lines or the file are others: thousands may be listed."""

    key: tuple[object, ...] | None = None
    overview: Overview = field(default_factory=Overview)


_kept = _Kept()


def overview() -> Overview:
    """Return what there is now, for drawing."""
    key = (runtime.jobs.version, bpy.data.filepath, blend_file.identity(), ledger.readings())
    if key != _kept.key:
        _kept.overview, is_sure = _sort()
        _kept.key = key if is_sure else None
    return _kept.overview


def groups() -> list[Group]:
    """Return the other files for which there is anything, the one with the newest job last."""
    return list(overview().groups.values())


def _sort() -> tuple[Overview, bool]:
    """Return the overview, and whether it is known of all jobs which file they are of."""
    found, held = Overview(), ledger.lines()
    known: dict[tuple[str | None, ...], bool | None] = {}  # asked once a file: most jobs share theirs
    for entry in runtime.jobs:
        if entry.is_running:
            continue
        target = entry.target
        file = (target.get("blend"), target.get("blend_id"), target.get("opened"))
        if file not in known:
            known[file] = blend_file.is_open(target)
        if known[file]:
            _add_here(found, entry, held)
        elif known[file] is False:
            _add_to_group(found.groups, entry)
    found.here.reverse()
    return found, None not in known.values()


def _add_here(found: Overview, entry: Entry, held: Container[str]) -> None:
    found.here.append(entry)
    if placements.missing(entry, held):
        found.missing.add(entry.id)
        if entry.placed:
            found.lost.add(entry.id)


def _add_to_group(found: dict[str, Group], entry: Entry) -> None:
    ready, failed = len(ready_results(entry)), entry.error is not None
    if ready or failed:
        key = entry.target.get("blend") or NEVER_SAVED
        group = found.setdefault(key, Group(key))
        group.entries.append(entry)
        group.results += ready
        group.failed += failed


def ready_results(entry: Entry) -> list[Result]:
    """Results that nobody has seen in their file.

    Those that were placed in a file and lost with it are offered when it is opened again. One that was never saved is
    not, so they are offered at once.
    """
    return [r for r in entry.results if r.placement is Placement.WAITING or placements.is_lost(entry, r)]


def concerned(entry: Entry) -> list[Result]:
    """Return what Place and Dismiss are about: what the panel says of this job, and nothing else."""
    return ready_results(entry) if is_elsewheres(entry) else placements.missing(entry)


def is_elsewheres(entry: Entry) -> bool:
    """Whether this job is another file's."""
    return blend_file.is_open(entry.target) is False


def chosen(job_id: str, key: str) -> list[Entry]:
    """Return what an operator was called for: one job, or all of one other file."""
    if job_id:
        entry = runtime.jobs.get(job_id)
        return [entry] if entry is not None and not entry.is_running else []
    return next((group.entries for group in groups() if group.key == key), [])
