"""What a run leaves on the server, brought here: fetched early where a node announces it, kept when all is whole."""

from __future__ import annotations

import threading
from pathlib import Path

from ..comfy.answers import HistoryEntry, NodeOutput, ServerFile
from ..comfy.errors import (
    CannotConnect,
    CredentialsRefused,
    ExecutionFailed,
    FileBroken,
    FileMissing,
    Interrupted,
    Lost,
    NodeProblem,
    ServerFault,
    TimedOut,
)
from ..comfy.events import ExecutionErrored
from ..comfy.failures import execution_failed
from .job import Job
from .outcome import JobState, Outcome, Output
from .outputs import (
    Arrival,
    CannotSave,
    Downloads,
    Fetch,
    cannot_save,
    discard,
    file_name,
    keep,
    kind_of,
    part_name,
    settle,
)
from .pictures import check_picture

_UNHEARD = (
    "Pictures went over the live connection while nobody listened, and the server keeps no copy of them. Run it again."
)


def is_outage(error: Exception | None) -> bool:
    """Whether the server is away for a while: then asking again is all that it takes."""
    return isinstance(error, CannotConnect | TimedOut) or (isinstance(error, ServerFault) and error.transient)


def may_come_later(error: Exception | None) -> bool:
    """Whether it is not the file's fault that it is not here: an outage, a log-in that expired, our disk is full."""
    return is_outage(error) or isinstance(error, CannotSave | CredentialsRefused)


class Taking:
    """The files of one job. Belongs to the worker thread."""

    def __init__(self, job: Job, downloads: Downloads) -> None:
        assert job.request.folder is not None
        self._job = job
        self._folder: Path = job.request.folder
        self._downloads = downloads
        self._fetches: dict[ServerFile, Fetch] = {}
        self._unwanted = threading.Event()  # from now on, whatever is on the way
        self._arrivals: dict[ServerFile, Arrival] = {}
        self._entry: HistoryEntry | None = None
        self._final: dict[ServerFile, str] = {}  # the node that left it, as the history says
        self._received: list[tuple[str, Path]] = []  # from SaveImageWebsocket, which leaves nothing on the server
        self._unsaved: CannotSave | None = None

    @property
    def begun(self) -> bool:
        """The history has spoken: we know what there is to take."""
        return self._entry is not None

    @property
    def failed(self) -> bool:
        return self._entry is not None and self._entry.failure is not None

    @property
    def wanted(self) -> int:
        return len(self._final)

    @property
    def here(self) -> int:
        return sum(file in self._arrivals for file in self._final)

    @property
    def complete(self) -> bool:
        return self.begun and self.here == self.wanted

    def expect(self, output: NodeOutput) -> None:
        """A node says that it is done: its files can come while the rest still runs."""
        for file in output.files:
            if file not in self._fetches:
                part = self._folder / part_name(self._job.id, len(self._fetches) + 1)
                self._fetches[file] = Fetch(self._job.id, file, part, self._unwanted)
                self._downloads.fetch(self._fetches[file])

    def awaits(self, fetch: Fetch) -> bool:
        """Whether it is ours, and not one of an earlier run of the same job."""
        return fetch.unwanted is self._unwanted

    def fetch_again(self, fetch: Fetch, delay: float) -> None:
        self._downloads.fetch(fetch, delay)

    def receive(self, node_id: str, image: bytes) -> None:
        """A picture came over the websocket: to the disk with it, there may be many."""
        part = self._folder / part_name(self._job.id, -1 - len(self._received))
        self._received.append((node_id, part))
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(image)
            settle(part)
        except OSError as error:
            self._unsaved = self._unsaved or cannot_save(part, error)

    def begin(self, entry: HistoryEntry) -> None:
        """The run has ended: the history alone says which files count."""
        self._entry = entry
        for output in entry.outputs:
            self.expect(output)
            self._final.update(dict.fromkeys(output.files, output.node_id))

    def arrived(self, arrival: Arrival) -> None:
        self._arrivals[arrival.fetch.file] = arrival

    def outcome(self, problems: tuple[NodeProblem, ...], is_whole: bool = True) -> Outcome:
        """Files under their final names, texts, and what went wrong, if anything did. With `is_whole` False, pictures
        may have gone over the websocket while we did not listen."""
        assert self._entry is not None
        outputs, trouble = self._kept()
        if trouble is None and self.comes_over_socket(problems) and not (is_whole and self._received):
            trouble = Lost(_UNHEARD)
        error = self._failure() or trouble
        state = JobState.FINISHED if error is None else JobState.LOST if isinstance(error, Lost) else JobState.FAILED
        texts = tuple(text for output in self._entry.outputs for text in output.texts)
        may_come = error is not None and not self.failed
        recoverable = may_come and not isinstance(error, FileMissing | Lost)
        return Outcome(state, outputs, error, texts, problems, recoverable, may_come and may_come_later(error))

    def _kept(self) -> tuple[tuple[Output, ...], Exception | None]:
        """What came, each under the number that it has also where others did not come."""
        outputs: list[Output] = []
        error: Exception | None = self._unsaved
        for number, (file, node_id) in enumerate(self._final.items(), 1):
            arrival = self._arrivals[file]
            error = error or arrival.error
            try:
                if arrival.error is None:
                    outputs.append(self._keep(arrival.fetch.part, node_id, file, number))
            except CannotSave as cause:
                error = error or cause
        for number, (node_id, part) in enumerate(self._received, len(self._final) + 1):
            try:
                outputs.append(self._keep_received(part, node_id, number))
            except (FileBroken, CannotSave) as cause:
                error = error or cause
        return tuple(outputs), error

    def clear(self) -> None:
        """Leave nothing temporary behind."""
        self._unwanted.set()
        for part in (*(fetch.part for fetch in self._fetches.values()), *(part for _, part in self._received)):
            discard(part)

    def _keep(self, part: Path, node_id: str, file: ServerFile, number: int) -> Output:
        name = file_name(self._job.request.stem, self._job.id, number, file.filename)
        path = keep(part, self._folder, name)
        return Output(path, node_id, self._job.request.node_title(node_id), kind_of(name), file.type, number)

    def _keep_received(self, part: Path, node_id: str, number: int) -> Output:
        file = ServerFile("websocket.png", "", "output")
        try:
            check_picture(part, file.filename)
        except OSError as error:
            raise cannot_save(part, error) from error
        return self._keep(part, node_id, file, number)

    def comes_over_socket(self, problems: tuple[NodeProblem, ...] = ()) -> bool:
        """Whether some of it comes over the websocket alone, and the server keeps no copy."""
        request = self._job.request
        nodes = set(request.outputs or request.prompt) - {problem.node_id for problem in problems}
        return any(request.node_class(node_id) == "SaveImageWebsocket" for node_id in nodes)

    def _failure(self) -> ExecutionFailed | Interrupted | None:
        assert self._entry is not None
        failure = self._entry.failure
        if failure is None:
            return None
        if isinstance(failure, ExecutionErrored):
            return execution_failed(failure, self._job.request.prompt)
        return Interrupted("The run was stopped on the server, in another window or by another person. Run it again.")
