"""The life of one Generate click, from any thread, for any caller: Blender, a script, a notebook. No bpy here.

::

    with Session("http://127.0.0.1:8188", data_dir=folder) as session:
        job = session.submit("sd_basic", {"prompt": "a red fox", "seed": 7})
        outcome = job.wait(timeout=60)
"""

from __future__ import annotations

import dataclasses
import threading
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..comfy.address import ServerAddress
from ..comfy.client import ComfyClient
from ..comfy.credentials import Credentials
from ..comfy.stream import EventStream, StreamTimes
from ..comfy.transport import Timeouts
from ..workflow.graph import Workflow
from ..workflow.parameters import set_parameters
from ..workflow.roles import find_roles
from .choices import SERVERS_FIRST
from .events import ServerChanged, SessionEvent
from .feed import Feed, Subscription
from .job import Job
from .request import OpenChoice, Request
from .retry import Retry
from .run import Patience
from .server_state import ServerState
from .server_watch import ServerWatch
from .worker import Cancel, Close, Refresh, Submit, Worker


class SessionClosed(Exception):
    """The session was closed before the job ended; the server may still be running it."""


class Session:
    """One server, one worker, one data folder. Every method may be called from any thread.

    `headers` go with every request and the websocket, to this server only. No method but `check`, `close` and the
    waiting of a job itself blocks; nothing is sent before `start` or the first `submit`.
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
    ) -> None:
        """Raises InvalidAddress or InvalidCredentials."""
        self.address = url if isinstance(url, ServerAddress) else ServerAddress.parse(url)
        self.data_dir = Path(data_dir)
        credentials = credentials or Credentials.free(headers or {})
        self._client = ComfyClient(self.address, credentials, timeouts)
        self._feed: Feed[SessionEvent] = Feed()
        self._watch = ServerWatch(self._client, lambda state: self._feed.publish(ServerChanged(state), passing=True))
        self._worker = Worker(
            self._watch,
            lambda deliver: EventStream(self.address, credentials, deliver, stream_times),
            self._forget,
            retry,
            patience,
        )
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._state = "new"

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
        task: str = "",
        tier: str = "",
        context: Mapping[str, str] | None = None,
    ) -> Job:
        """Start a generation and return at once; the server need not be up yet.

        `workflow` is an API-format graph, a file of one, or the name of a bundled one; `parameters` are set on a
        copy, by role or by "node id or title.input", and a role can be left to the server by SERVERS_FIRST;
        `outputs` names the output nodes to run, by id or title.
        Raises WorkflowError for what cannot be right whatever the server says, SessionClosed after `close`.
        """
        values = {name: value for name, value in (parameters or {}).items() if value is not SERVERS_FIRST}
        graph = set_parameters(Workflow.load(workflow), values)
        request = Request(
            prompt=graph.api(),
            parameters=values,
            open_choices=_open_choices(graph, set(parameters or {}) - set(values)),
            outputs=tuple(graph.node_id(name) for name in outputs),
            workflow_name=workflow if isinstance(workflow, str) and not workflow.lstrip().startswith("{") else "",
            task=task,
            tier=tier,
            label=label or str(values.get("prompt", "")),
            folder=folder,
            stem=stem,
            context=dict(context or {}),
        )
        return self.run(request)

    def run(self, request: Request) -> Job:
        """Start a request as it is, for instance one that ran before. Raises SessionClosed after `close`."""
        if request.folder is None:
            request = dataclasses.replace(request, folder=self.data_dir / "outputs")
        job = Job(str(uuid.uuid4()), request, lambda job_id: self._worker.inbox.put(Cancel(job_id)), self._feed)
        self.start()
        with self._lock:  # a close comes wholly before or after: no job falls between
            if self._state == "closed":
                raise SessionClosed("This session is closed. Open a new one.")
            self._jobs[job.id] = job
            self._worker.inbox.put(Submit(job))
        return job

    def start(self) -> None:
        """Begin to watch the server. Raises SessionClosed after `close`."""
        with self._lock:
            if self._state == "closed":
                raise SessionClosed("This session is closed. Open a new one.")
            if self._state == "open":
                return
            self._state = "open"
            self._worker.start()
        self._worker.inbox.put(Refresh())

    def close(self, wait: bool = True) -> None:
        """End the threads. Jobs that are still open fail with SessionClosed; on the server they go on.

        With `wait` False this returns at once, and the threads end by themselves.
        """
        with self._lock:
            was, self._state = self._state, "closed"
        self._client.abort()  # whatever the threads wait for, they wait no longer
        if was == "open":
            self._worker.inbox.put(Close(SessionClosed("The session was closed before the result was here.")))
            if wait:
                self._worker.join(timeout=10.0)
        elif was == "new":
            self._client.close()

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
        self._worker.inbox.put(Refresh())

    def check(self) -> ServerState:
        """Ask the server who it is, now and in this thread. Raises ComfyError."""
        watch = ServerWatch(self._client, changed=lambda _: None)
        watch.ensure_reachable()
        return watch.state

    def subscribe(self) -> Subscription[SessionEvent]:
        """Everything that happens in this session from now on; its `drain` never blocks."""
        return self._feed.subscribe()

    def _forget(self, job: Job) -> None:
        self._jobs.pop(job.id, None)


def _open_choices(graph: Workflow, roles: set[str]) -> tuple[OpenChoice, ...]:
    found = find_roles(graph) if roles else {}
    return tuple(OpenChoice(role, *place) for role in sorted(roles) for place in found.get(role, ()))
