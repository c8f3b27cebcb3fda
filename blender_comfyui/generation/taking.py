"""What a run leaves on the server, brought here: fetched early where a node announces it, kept when all is whole."""

from __future__ import annotations

from pathlib import Path

from ..comfy.answers import HistoryEntry, NodeOutput, ServerFile
from ..comfy.errors import (
    CannotConnect,
    CredentialsRefused,
    ExecutionFailed,
    FileBroken,
    Interrupted,
    Lost,
    ServerFault,
    TimedOut,
)
from ..comfy.events import ExecutionErrored
from ..comfy.failures import execution_failed
from .job import Job
from .outcome import Output
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
)
from .pictures import check_picture


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
                self._fetches[file] = Fetch(self._job.id, file, part)
                self._downloads.fetch(self._fetches[file])

    def fetch_again(self, fetch: Fetch, delay: float) -> None:
        self._downloads.fetch(fetch, delay)

    def receive(self, node_id: str, image: bytes) -> None:
        """A picture came over the websocket: to the disk with it, there may be many."""
        part = self._folder / part_name(self._job.id, -1 - len(self._received))
        self._received.append((node_id, part))
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(image)
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

    def finish(self) -> tuple[tuple[Output, ...], tuple[str, ...], Exception | None]:
        """Files under their final names, texts, and what went wrong, if anything did."""
        assert self._entry is not None
        outputs: list[Output] = []
        error: Exception | None = self._failure()
        try:
            for file, node_id in self._final.items():
                arrival = self._arrivals[file]
                if arrival.error is None:
                    outputs.append(self._keep(arrival.fetch.part, node_id, file, len(outputs) + 1))
                else:
                    error = error or arrival.error
            if self._unsaved:
                raise self._unsaved
            for node_id, part in self._received:
                try:
                    outputs.append(self._keep_received(part, node_id, len(outputs) + 1))
                except FileBroken as cause:
                    error = error or cause
        except CannotSave as cause:
            error = cause
        if error is None and not outputs and self._went_unheard:
            error = Lost(
                "The picture went over the live connection while nobody listened, and the server keeps no copy. "
                "Run it again."
            )
        texts = tuple(text for output in self._entry.outputs for text in output.texts)
        return tuple(outputs), texts, error

    def clear(self) -> None:
        """Leave nothing temporary behind."""
        if len(self._arrivals) < len(self._fetches):
            self._downloads.drop(self._job.id)
        for part in (*(fetch.part for fetch in self._fetches.values()), *(part for _, part in self._received)):
            discard(part)

    def _keep(self, part: Path, node_id: str, file: ServerFile, number: int) -> Output:
        name = file_name(self._job.request.stem, self._job.id, number, file.filename)
        path = keep(part, self._folder, name)
        return Output(path, node_id, self._job.request.node_title(node_id), kind_of(name), file.type)

    def _keep_received(self, part: Path, node_id: str, number: int) -> Output:
        file = ServerFile("websocket.png", "", "output")
        try:
            check_picture(part, file.filename)
        except OSError as error:
            raise cannot_save(part, error) from error
        return self._keep(part, node_id, file, number)

    @property
    def _went_unheard(self) -> bool:
        request = self._job.request
        nodes = request.outputs or tuple(request.prompt)
        return any(request.node_class(node_id) == "SaveImageWebsocket" for node_id in nodes)

    def _failure(self) -> ExecutionFailed | Interrupted | None:
        assert self._entry is not None
        failure = self._entry.failure
        if failure is None:
            return None
        if isinstance(failure, ExecutionErrored):
            return execution_failed(failure, self._job.request.prompt)
        return Interrupted("The run was stopped on the server, in another window or by another person. Run it again.")
