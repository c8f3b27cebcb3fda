"""One part of a job's batch on the server: a run like any other, but its news and its files are the job's."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..comfy.answers import ServerFile
from ..comfy.errors import TimedOut
from ..workflow.batch import Batch
from .events import JobEvent
from .feed import Feed
from .job import Job
from .outcome import JobState, Outcome, Output
from .outputs import Downloads, discard, discard_all, keep, kind_of, part_name
from .recording import Recording
from .request import Request
from .run import Run
from .sending import Means
from .taking import Taking


@dataclass(frozen=True)
class Part:
    """`count` pictures of the batch of `job`, from the place `first` on."""

    job: Job
    batch: Batch
    first: int
    count: int

    @property
    def id(self) -> str:
        """The same part of the same job always has the same, so that it can be found again on the server."""
        return str(uuid.uuid5(uuid.UUID(self.job.id), f"{self.first}+{self.count}"))

    @property
    def folder(self) -> Path:
        assert self.job.request.folder is not None
        return self.job.request.folder

    def request(self) -> Request:
        graph = self.batch.part(self.first, self.count).api()
        for node_id in graph.keys() - self.job.request.prompt.keys():
            graph[node_id]["_meta"][_MARK] = self.job.id
        return dataclasses.replace(self.job.request, prompt=graph, uploads=())  # their files are there

    def brings(self, node_id: str) -> bool:
        """Whether what a node leaves is a part of the whole. If not, every part leaves the same, and one is enough."""
        return self.first == 0 or node_id in self.batch.members or node_id not in self.batch.workflow.nodes


_MARK = "part_of"


def job_of(graph: Mapping[str, object]) -> str:
    """Return the id of the job that a graph on the server is a part of; '' for any other graph."""
    for node in graph.values():
        meta = node.get("_meta") if isinstance(node, Mapping) else None
        if isinstance(meta, Mapping) and isinstance(meta.get(_MARK), str):
            return str(meta[_MARK])
    return ""


@dataclass(frozen=True)
class Taken:
    """A file that is here under a temporary name, and what the server called it."""

    output: Output
    file: ServerFile


class Listener(Protocol):
    """Follows a part."""

    def heard(self, event: JobEvent) -> None: ...

    def ended(self, run: PartRun, outcome: Outcome) -> None: ...


class PartRun(Run):
    """The run of one part. Its end is told after everything else is done."""

    def __init__(self, part: Part, listener: Listener, means: Means) -> None:
        job = _PartJob(part, listener)
        super().__init__(job, _Unrecorded(), means)
        self.part = part
        self._taking = self._files = _PartTaking(job, part, means.downloads)
        self._listener = listener

    @property
    def taken(self) -> list[Taken]:
        return self._files.taken

    @property
    def texts(self) -> tuple[str, ...]:
        return self._files.texts

    @property
    def was_sent(self) -> bool:
        """It was not on the server before."""
        return self._client_id is not None

    def start(self, look_first: bool) -> None:
        """Send it. With `look_first`, an earlier run of ours may have sent it already."""
        self.hold()  # for a server that is away it waits as patiently as what stands in line
        if look_first:
            discard_all(self.part.folder, self.job.id)
            self.job.is_held = False
            self._unclear = TimedOut("It may have been sent before Blender was closed.", sent=True)
            self._then(self._look, 0.0)
        else:
            self.release()

    def forget_files(self) -> None:
        for taken in self.taken:
            discard(taken.output.path)
        self.taken.clear()

    def _end(self, state: JobState, error: Exception | None = None, outcome: Outcome | None = None) -> None:
        super()._end(state, error, outcome)
        assert self.job.outcome is not None
        self._listener.ended(self, self.job.outcome)


class _PartJob(Job):
    """What happens to it is told to the listener alone: to everybody else there is one job."""

    def __init__(self, part: Part, listener: Listener) -> None:
        super().__init__(part.id, part.request(), lambda _: None, Feed())
        self._listener = listener

    def _publish(self, event: JobEvent, passing: bool = False) -> None:
        del passing
        self._listener.heard(event)


class _PartTaking(Taking):
    """Keeps files under temporary names: what they will be called depends on the parts before."""

    def __init__(self, job: Job, part: Part, downloads: Downloads) -> None:
        super().__init__(job, downloads)
        self.taken: list[Taken] = []
        self._part = part

    @property
    def texts(self) -> tuple[str, ...]:
        outputs = self._entry.outputs if self._entry else ()
        return tuple(text for output in outputs if self._part.brings(output.node_id) for text in output.texts)

    def _keep(self, part: Path, node_id: str, file: ServerFile, number: int) -> Output:
        path = keep(part, self._part.folder, part_name(f"{self._part.job.id}-{self._part.first}", number))
        title = self._job.request.node_title(node_id)
        output = Output(path, node_id, title, kind_of(file.filename), file.type)
        if self._part.brings(node_id):
            self.taken.append(Taken(output, file))
        else:
            discard(path)
        return output


class _Unrecorded(Recording):
    """The history knows the job alone."""

    def __init__(self) -> None:
        pass

    def sent(self, request: Request | None) -> None:
        pass

    def moved(self, state: JobState, server_version: str) -> None:
        pass

    def ended(self, outcome: Outcome) -> None:
        pass
