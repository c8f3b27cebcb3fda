"""The life of one Generate click, from any thread, for any caller: Blender, a script, a notebook. No bpy here.

::

    with Session("http://127.0.0.1:8188", data_dir=folder) as session:
        job = session.submit("sd_basic", {"prompt": "a red fox", "seed": 7})
        outcome = job.wait(timeout=60)
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import uuid
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..comfy.address import ServerAddress
from ..comfy.client import ComfyClient
from ..comfy.credentials import Credentials
from ..comfy.stream import EventStream, StreamTimes
from ..comfy.transport import Timeouts
from ..workflow.errors import WorkflowError
from ..workflow.graph import Workflow
from ..workflow.parameters import find_place, set_parameters
from ..workflow.roles import find_roles
from .choices import SERVERS_FIRST
from .closed import SessionClosed as SessionClosed
from .commands.calls import CommandCalls
from .drawings import Drawing
from .events import ServerChanged, SessionEvent, StockChanged, Submitted
from .feed import Feed, Subscription
from .grids.calls import GridCalls
from .history import History
from .intake import Intake
from .job import Job
from .messages import BringIn, Cancel, Close, ListForeign, Move, Pause, Recover, Refresh, Submit, Unprepared
from .outcome import JobState, Outcome, Output
from .ownership import Ownership
from .patience import Patience
from .progress import Progress
from .request import OpenChoice, Request, Upload
from .retry import Retry
from .returns import Registry
from .server_state import ServerState
from .server_watch import ServerWatch
from .stock import StockRoom
from .storyboard.calls import StoryboardCalls
from .tasks.book import FILE, LISTS, TaskBook
from .tasks.counter import Counter
from .tasks.preparing import Prepared
from .tasks.status import EndedJobs
from .uploads import server_name
from .worker import Worker

log = logging.getLogger(__name__)


class Session(StoryboardCalls, GridCalls, CommandCalls):
    """One server, one worker, one data folder. Every method may be called from any thread.

    `headers` go with every request and the websocket, to this server only. No method but `close`, the waiting of a job
    itself and those of CommandCalls blocks; nothing is sent before `start` or the first `submit`.
    """

    def __init__(
        self,
        url: str | ServerAddress,
        data_dir: Path | str,
        headers: Mapping[str, str] | None = None,
        *,
        credentials: Credentials | None = None,
        retry: Retry = Retry(),
        patience: Patience = Patience(),
        timeouts: Timeouts = Timeouts(),
        stream_times: StreamTimes = StreamTimes(),
        task_book: TaskBook | None = None,
    ) -> None:
        """Raises InvalidAddress or InvalidCredentials."""
        self.address = url if isinstance(url, ServerAddress) else ServerAddress.parse(url)
        self.data_dir = Path(data_dir)
        credentials = credentials or Credentials.free(headers or {})
        self._client = ComfyClient(self.address, credentials, timeouts)
        self._feed: Feed[SessionEvent] = Feed()
        self.stock = StockRoom(self._client, lambda stock: self._feed.publish(StockChanged(stock), passing=True))
        self._watch = ServerWatch(self._client, self._server_changed)
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._state = "new"
        self.history = History(self.data_dir)
        self.task_book = task_book or TaskBook(self.data_dir / FILE, lists=self.data_dir / LISTS)
        counter = Counter(self.task_book, self.stock, self.history, str(self.address))
        super().__init__(counter, EndedJobs(), self._jobs)
        self._grids = weakref.WeakSet()
        self._ownership = ownership = Ownership(self.data_dir / "owners")
        self._worker = Worker(
            self._watch,
            lambda deliver: EventStream(self.address, credentials, deliver, stream_times),
            Registry(self._jobs, self._make_job, self._follow, self._forget, self._feed.publish),
            self.history,
            ownership,
            retry,
            patience,
        )
        self._intake = Intake(
            self.history, self.data_dir / "inputs", str(self.address), ownership, self._worker.inbox.put
        )

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def submit(
        self,
        workflow: Mapping[str, object] | Path | str,
        parameters: Mapping[str, object] | None = None,
        outputs: Sequence[str] = (),
        *,
        folder: Path | None = None,
        stem: str = "",
        label: str = "",
        workflow_name: str = "",
        recorded: Mapping[str, object] | None = None,
        task: str = "",
        tier: str = "",
        context: Mapping[str, str] | None = None,
        pays: bool = False,
    ) -> Job:
        """Start a generation and return at once; the server need not be up yet.

        `workflow` is an API-format graph, a file of one, or the name of a bundled one; `parameters` are set on a
        copy, by role or by "node id or title.input", and a role can be left to the server by SERVERS_FIRST; a Path is
        the file that an input shall load, a Drawing one that is made first, and both are sent to the server;
        `outputs` names the output nodes to run, by id or title; with `pays` partner nodes get the credentials' account.
        Raises WorkflowError for what cannot be right whatever the server says, SessionClosed after `close`.
        """
        given = {name: value for name, value in (parameters or {}).items() if value is not SERVERS_FIRST}
        files = {name: value for name, value in given.items() if isinstance(value, Path | Drawing)}
        values = given | {name: server_name(_path(file)) for name, file in files.items()}
        asked = Request(
            prompt={},
            parameters=values if recorded is None else recorded,
            workflow_name=workflow_name or _named(workflow),
            task=task,
            tier=tier,
            label=label or str(values.get("prompt", "")),
            folder=folder,
            stem=stem,
            context=dict(context or {}),
            pays=pays,
        )
        try:
            graph = set_parameters(Workflow.load(workflow), values)
            request = dataclasses.replace(
                asked,
                prompt=graph.api(),
                open_choices=_open_choices(graph, set(parameters or {}) - set(values)),
                outputs=tuple(graph.node_id(name) for name in outputs),
                uploads=tuple(_upload(graph, name, file) for name, file in files.items()),
            )
        except WorkflowError as error:
            self._unprepared(asked, error)
            raise
        return self.run(request)

    def run(self, request: Request) -> Job:
        """Start a request as it is, for instance one that ran before. Raises SessionClosed after `close`."""
        if request.folder is None:
            request = dataclasses.replace(request, folder=self.data_dir / "outputs")
        job = self._make_job(str(uuid.uuid4()), request)
        self.start()
        with self._lock:  # a close comes wholly before or after: no job falls between
            if self._state == "closed":
                raise SessionClosed("This session is closed. Open a new one.")
            self._jobs[job.id] = job
            log.info("job %s: submitted, %s", job.id, request.workflow_name or "a graph of its own")
            self._feed.publish(Submitted(job.id, job))
            self._intake.put(Submit(job))
        return job

    def bring(self, request: Request, outputs: tuple[Output, ...]) -> Job:
        """Take in what was made here of other results, such as a grid: the history has it, and it is told like any job.

        Waits for the disk. Raises HistoryUnavailable, and SessionClosed after `close`.
        """
        self.start()
        job = self._make_job(str(uuid.uuid4()), request)
        outcome = Outcome(JobState.FINISHED, outputs)
        self.history.add(job.id, request, str(self.address), self._ownership.id, job.created, outcome=outcome)
        self._feed.publish(Submitted(job.id, job))
        job.end(outcome, Progress())
        self._ended.keep(job)
        return job

    def run_next(self, job_id: str) -> None:
        """Put a job that waits in our own queue at its front."""
        self._intake.put(Move(job_id, None))

    def move(self, job_id: str, by: int) -> None:
        """Put a job that waits in our own queue so many places later; earlier where `by` is negative."""
        self._intake.put(Move(job_id, by))

    def pause(self) -> None:
        """Send nothing more until `resume`. What is on the server goes on."""
        self._intake.put(Pause(True))

    def resume(self) -> None:
        self._intake.put(Pause(False))

    @property
    def paused(self) -> bool:
        return self._worker.queue.paused

    @property
    def queue(self) -> tuple[Job, ...]:
        """The jobs that wait in our own queue, in the order in which they will be sent."""
        jobs = (self._jobs.get(job_id) for job_id in self._worker.queue.order)
        return tuple(job for job in jobs if job is not None)

    def recover(self, job_id: str) -> None:
        """Look for the result of a job that ended without it once more; it comes back as `Returned`."""
        self.start()
        self._intake.put(Recover(job_id))

    def give_up(self, job_id: str) -> None:
        """End a job that waits for its server to be back as cancelled, and ask the server to stop it once it is.

        A job that is followed is cancelled as by its own `cancel`.
        """
        self.start()
        self._intake.put(Cancel(job_id))

    def list_foreign(self) -> None:
        """Have the results read that other clients left on the server; they come as `ForeignListed`."""
        self.start()
        self._intake.put(ListForeign())

    def bring_in(self, prompt_id: str, folder: Path | None = None, context: Mapping[str, str] | None = None) -> None:
        """Fetch a result of another client; it comes as `Returned`, like a job of ours."""
        self.start()
        self._intake.put(BringIn(prompt_id, folder or self.data_dir / "outputs", dict(context or {})))

    def start(self) -> None:
        """Begin to watch the server. Raises SessionClosed after `close`."""
        with self._lock:
            if self._state == "closed":
                raise SessionClosed("This session is closed. Open a new one.")
            if self._state == "open":
                return
            self._state = "open"
            log.info("session with %s", self.address)
            self._worker.start()
            self._intake.start()
        self._intake.put(Refresh())

    def close(self, wait: bool = True) -> None:
        """End the threads. Jobs that are still open fail with SessionClosed; on the server they go on, and the
        next Session with this data folder and server fetches them.

        With `wait` False this returns at once, and the threads end by themselves.
        """
        with self._lock:
            was, self._state = self._state, "closed"
        self._end_productions()
        self._end_grids()
        self._client.abort()  # whatever the threads wait for, they wait no longer
        self.stock.close()
        if was == "open":
            self._intake.put(Close(SessionClosed("The session was closed before the result was here.")))
            if wait:
                self._intake.join(timeout=10.0)
                self._worker.join(timeout=10.0)
                self.stock.join(timeout=10.0)
        elif was == "new":
            self._client.close()
            # somebody may have read it; the disk is not waited for on Blender's main thread
            closing = threading.Thread(target=self.history.close, name="comfyui-history", daemon=True)
            closing.start()
            if wait:
                closing.join(timeout=10.0)

    @property
    def server(self) -> ServerState:
        """What is known of the server now."""
        return self._watch.state

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Those that have not ended, oldest first."""
        return tuple(self._jobs.copy().values())

    def refresh(self) -> None:
        """Have the server's state read anew, in the background."""
        self.start()
        self._intake.put(Refresh())

    def subscribe(self) -> Subscription[SessionEvent]:
        """Everything that happens in this session from now on; its `drain` never blocks."""
        return self._feed.subscribe()

    def _make_job(self, job_id: str, request: Request, created: float | None = None) -> Job:
        return Job(job_id, request, lambda job_id: self._intake.put(Cancel(job_id)), self._feed, created)

    def _server_changed(self, state: ServerState) -> None:
        self._feed.publish(ServerChanged(state), passing=True)
        self.stock.hear(state)

    def _send(self, ready: Prepared, folder: Path | None, stem: str, context: Mapping[str, str]) -> Job:
        return self.submit(
            ready.workflow.api(),
            ready.parameters,
            folder=folder,
            stem=stem,
            label=ready.label,
            workflow_name=ready.workflow_name,
            recorded=ready.recorded,
            task=ready.task.name,
            tier=ready.tier.name,
            context=context,
            pays=self._has_partners(ready.workflow),
        )

    def _has_partners(self, workflow: Workflow) -> bool:
        """Tell whether a workflow that took a task's place has nodes that an account pays for."""
        known = self.stock.last.node_types if self.stock.last is not None else {}
        classes = {node.class_type for node in workflow.nodes.values()}
        return any(known[name].api_node for name in classes if name in known)

    def _unprepared(self, asked: Request, error: Exception) -> None:
        self.start()
        self._intake.put(Unprepared(asked, error))

    def _follow(self, job: Job) -> None:
        self._jobs[job.id] = job

    def _forget(self, job: Job) -> None:
        self._ended.keep(job)
        self._jobs.pop(job.id, None)


def _named(workflow: object) -> str:
    return workflow if isinstance(workflow, str) and not workflow.lstrip().startswith("{") else ""


def _path(file: Path | Drawing) -> Path:
    return Path(f"{file.name}.png") if isinstance(file, Drawing) else file


def _upload(graph: Workflow, name: str, file: Path | Drawing) -> Upload:
    place = find_place(graph, name)
    drawing = file if isinstance(file, Drawing) else None
    return Upload(_path(file), ((place.node_id, place.input_name),), drawing=drawing)


def _open_choices(graph: Workflow, roles: set[str]) -> tuple[OpenChoice, ...]:
    found = find_roles(graph) if roles else {}
    return tuple(OpenChoice(role, *place) for role in sorted(roles) for place in found.get(role, ()))
