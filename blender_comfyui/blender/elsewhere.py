"""What is ready for another .blend than the open one: one sentence a file."""

from dataclasses import dataclass, field
from pathlib import PurePath

from ..generation.history import Placement
from . import blend_file, runtime
from .job_list import Entry, Result

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


def groups() -> list[Group]:
    """Return the other files for which there is anything, the one with the newest job last."""
    found: dict[str, Group] = {}
    for entry in runtime.jobs:
        if entry.is_running or blend_file.is_open(entry.target) is not False:
            continue
        key = entry.target.get("blend") or NEVER_SAVED
        ready, failed = len(ready_results(entry)), entry.error is not None
        if ready or failed:
            group = found.setdefault(key, Group(key))
            group.entries.append(entry)
            group.results += ready
            group.failed += failed
    return list(found.values())


def ready_results(entry: Entry) -> list[Result]:
    """Results that nobody has seen in their file.

    Those that were placed in a file and lost with it are offered when it is opened again. One that was never saved is
    not; so what is written down as placed there went with a crash.
    """
    unnamed = not entry.target.get("blend")
    lost = (Placement.WAITING, Placement.PLACED) if unnamed else (Placement.WAITING,)
    return [result for result in entry.results if result.placement in lost]


def chosen(job_id: str, key: str) -> list[Entry]:
    """Return what an operator was called for: one job, or all of one other file."""
    if job_id:
        entry = runtime.jobs.get(job_id)
        return [entry] if entry is not None and not entry.is_running else []
    return next((group.entries for group in groups() if group.key == key), [])
