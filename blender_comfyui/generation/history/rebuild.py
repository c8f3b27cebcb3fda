"""Entries out of the files themselves: ComfyUI writes the prompt into every picture, and we a job's mark into its name.

What is not in a file cannot come back: where it was meant to go, how long it took, what failed. Such results count as
settled, because nobody can tell whether they were placed.
"""

from __future__ import annotations

import re
import sqlite3
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ...workflow.errors import WorkflowError
from ...workflow.graph import Workflow
from ...workflow.parameters import read_parameters
from ..outcome import JobState, Outcome, Output
from ..outputs import kind_of
from ..pictures import embedded_prompt
from ..request import Request
from . import rows, writing
from .records import Placement

# as outputs.file_name makes them: stem, six letters of the job's id, which of its files, which of that name
_NAME = re.compile(r"(?P<stem>[^.].*)_(?P<mark>[0-9a-f]{6})(?:_(?P<number>\d{1,6}))?(?:-\d{1,6})?\.[a-z0-9.]+")
_KINSHIP = uuid.UUID("a2d1c0de-31c9-4e0b-9f3c-0b6a54c1e7d2")  # whose children the ids made here are


@dataclass(frozen=True)
class _Group:
    """The files of one job, each with its number among them."""

    folder: Path
    stem: str
    mark: str
    files: tuple[tuple[int, Path], ...]
    time: float

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(path for _, path in self.files)

    @property
    def id(self) -> str:
        return str(uuid.uuid5(_KINSHIP, f"{self.folder}\n{self.stem}\n{self.mark}"))


def named_folders(connection: sqlite3.Connection) -> list[Path]:
    """The folders of all files that the history knows."""
    paths = connection.execute("SELECT path FROM files").fetchall()
    return list(dict.fromkeys(Path(rows.restored(path)).parent for (path,) in paths))


def add_from_files(connection: sqlite3.Connection, folders: Iterable[Path]) -> int:
    """Add an entry for each result in `folders` that the history does not know; their number. Inside a transaction
    of the caller's."""
    known = {Path(rows.restored(path)) for (path,) in connection.execute("SELECT path FROM files")}
    groups = [group for folder in folders for group in _groups(folder) if known.isdisjoint(group.paths)]
    return sum(_add(connection, group) for group in sorted(groups, key=lambda group: group.time))


def _groups(folder: Path) -> Iterator[_Group]:
    found: dict[tuple[str, str], list[tuple[int, Path, float]]] = {}
    try:
        for path in folder.iterdir():
            name = _NAME.fullmatch(path.name)
            if name and path.is_file():
                entry = (int(name["number"] or 1), path, path.stat().st_mtime)
                found.setdefault((name["stem"], name["mark"]), []).append(entry)
    except (OSError, ValueError):  # the name of a folder may be damaged, too
        return
    for (stem, mark), entries in found.items():
        entries.sort()
        files = tuple((number, path) for number, path, _ in entries)
        yield _Group(folder, stem, mark, files, min(time for _, _, time in entries))


def _add(connection: sqlite3.Connection, group: _Group) -> bool:
    outputs = [Output(path, "", "", kind_of(path.name), "output", number) for number, path in group.files]
    number = _without_files(connection, group)
    if number is not None:
        writing.add_files(connection, number, outputs, Placement.KEPT)
        return True
    graph = next((graph for path in group.paths if (graph := embedded_prompt(path))), None)
    if graph is None:
        return False
    given = {"server": "", "owner": "", "created": group.time, "rank": group.time, "state": JobState.WAITING}
    number = writing.insert_job(connection, group.id, _request(graph, group), given)
    if number is None:
        return False
    writing.end_job(connection, number, Outcome(JobState.FINISHED), group.time)
    writing.add_files(connection, number, outputs, Placement.KEPT)
    return True


def _without_files(connection: sqlite3.Connection, group: _Group) -> int | None:
    """The job that the files are of, if it has lost them."""
    found = connection.execute(
        "SELECT number, body FROM jobs JOIN requests ON job = number WHERE id >= ? AND id < ? AND state = 'finished'"
        " AND number NOT IN (SELECT job FROM files)",
        (group.mark, f"{group.mark}g"),
    )
    for number, body in found.fetchall():
        request = rows.unpacked(body)
        if request is not None and request.folder == group.folder and (request.stem in ("", group.stem)):
            return int(number)
    return None


def _request(graph: object, group: _Group) -> Request:
    assert isinstance(graph, dict)
    try:
        parameters = read_parameters(Workflow.load(graph))
    except WorkflowError:
        parameters = {}
    label = str(parameters.get("prompt", "")) or group.stem
    return Request(graph, parameters, label=label, folder=group.folder, stem=group.stem)
