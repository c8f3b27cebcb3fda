"""What the verbs of the command line are as calls of a session: for pipelines that need neither Blender nor a shell.

`run` is `Session.submit` and `Session.run_task`, `storyboard` is `Session.storyboard`, `history` is `Session.history`,
`server` is `ask_server`; the other verbs are here. These calls
wait for the server or the disk, and none of them starts the session.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...comfy.address import ServerAddress
from ...comfy.client import ComfyClient
from ...comfy.models import Models
from ...workflow.missing_classes import packs_of
from ...workflow.node_types import NodeTypes
from ...workflow.preflight import preflight
from ...workflow.problems import Problem
from ..cancelling import cancel_prompt
from ..history import History, Record
from ..job import Job
from ..outcome import JobState, Outcome
from ..ownership import Ownership
from ..server_state import ServerState
from ..server_watch import ServerWatch
from ..stock import StockRoom
from ..tasks.status import UnknownJob
from .workflows import Source, convert, load


@dataclass(frozen=True)
class QueuedPrompt:
    """One prompt of a queue. `where` is running or pending on the server, or held here, unsent; `position` counts
    from 1 among those that are not running. `record` is None for other people's."""

    id: str
    where: str
    position: int = 0
    record: Record | None = None


@dataclass(frozen=True)
class Withdrawal:
    """What became of the wish to cancel a job: `was` is its state before. `reason` says why nothing was done, or ''."""

    id: str
    was: JobState
    reason: str = ""

    @property
    def is_done(self) -> bool:
        return not self.reason


class CommandCalls:
    """The part of a session that a command line has verbs for."""

    address: ServerAddress
    stock: StockRoom
    history: History
    data_dir: Path
    _client: ComfyClient
    _open_jobs: Mapping[str, Job]

    def ask_server(self) -> ServerState:
        """Ask the server who it is, and how long its queue is, now and in this thread. Raises ComfyError."""
        watch = self._new_watch()
        watch.ensure_reachable()
        watch.queue()
        return watch.state

    def models(self) -> Models:
        """Return the models that the server has. Raises ComfyError and NotNodeTypes."""
        return self.stock.read().models

    def convert(self, source: Source, node_types: NodeTypes | None = None) -> dict[str, Any]:
        """Return a workflow of the editor as the server takes it, by what the server says of its classes, or by
        `node_types`. Raises WorkflowError, of which UnknownClasses names what the server lacks, and ComfyError."""
        return convert(source, node_types or self.stock.read().node_types)

    def check(
        self,
        workflow: Source,
        *,
        files: Collection[str] | None = None,
        node_types: NodeTypes | None = None,
    ) -> tuple[Problem, ...]:
        """Return what keeps a workflow from running on this server, the gravest first; nothing is sent.

        `files` are names of input files that are, or will be, on the server; None where nobody knows.
        Raises WorkflowError and ComfyError.
        """
        known = node_types or self.stock.read().node_types
        loaded = load(workflow, lambda: known)
        offered = {} if node_types is not None else self._client.node_replacements()
        packs = packs_of(loaded.ui) if loaded.ui is not None else {}
        return preflight(loaded.workflow, known, files=files, packs=packs, replacements=offered)

    def look_at_queue(self) -> tuple[QueuedPrompt, ...]:
        """Return all that runs and waits: on the server, whosever it is, then what waits here and is ours.

        Raises ComfyError and HistoryUnavailable.
        """
        queue = self._client.queue()
        held = [record for record in self.history.open_jobs(str(self.address)) if record.id not in queue]
        running = [QueuedPrompt(id_, "running", 0, self.history.record(id_)) for id_ in queue.running]
        waiting = [
            *(("pending", id_, self.history.record(id_)) for id_ in queue.pending),
            *(("held", record.id, record) for record in held if record.sent is None),
        ]
        return (
            *running,
            *(QueuedPrompt(id_, where, number, record) for number, (where, id_, record) in enumerate(waiting, 1)),
        )

    def cancel(self, job_ids: Iterable[str]) -> tuple[Withdrawal, ...]:
        """Cancel jobs of ours, also of an earlier session or of another Blender: whatever the history knows.

        Raises UnknownJob before anything is done, ComfyError and HistoryUnavailable.
        """
        records = [self._known(job_id) for job_id in dict.fromkeys(job_ids)]
        return tuple(self._withdrawn(record) for record in records)

    def _known(self, job_id: str) -> Record:
        record = self.history.record(job_id)
        if record is None:
            raise UnknownJob(f"There is no job {job_id[:60]}. The history lists those that there are.")
        return record

    def _withdrawn(self, record: Record) -> Withdrawal:
        was = record.state
        if was.is_terminal:
            return Withdrawal(record.id, was, f"It has ended already: {was}.")
        if record.server != str(self.address):
            return Withdrawal(record.id, was, f"It is on another server, {record.server}. Name that one.")
        job = self._open_jobs.get(record.id)
        if job is not None:
            job.cancel()
            return Withdrawal(record.id, was)
        is_followed = Ownership(self.data_dir / "owners").is_held(record.owner)
        if record.sent is None and is_followed:
            return Withdrawal(record.id, was, "It waits in another Blender, and was not sent yet. Cancel it there.")
        if record.sent is not None:
            cancel_prompt(self._new_watch(), record.id)
        if not is_followed:
            self.history.end(record.id, Outcome(JobState.CANCELLED), time.time())
        return Withdrawal(record.id, was)

    def _new_watch(self) -> ServerWatch:
        return ServerWatch(self._client, changed=lambda _: None)
