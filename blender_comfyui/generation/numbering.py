"""Which place each job has in the queue: what runs, what waits on the server, and behind that our own queue."""

from __future__ import annotations

from collections.abc import Sequence

from ..comfy.answers import Queue
from .job import Job
from .outcome import JobState


def number_jobs(sent: Sequence[Job], held: Sequence[Job], queue: Queue) -> None:
    """Set `queue_position` and `foreign_before` of each job; `queue` is the server's, as it was last read."""
    ours = {job.id for job in sent}
    last = 0
    for job in sent:
        if job.state is JobState.QUEUED and job.id in queue.pending:
            place = queue.pending.index(job.id)
            job.queue_position = place + 1
            before = (*queue.running, *queue.pending[:place])
            job.foreign_before = sum(prompt_id not in ours for prompt_id in before)
            last = max(last, job.queue_position)
        elif job.state is not JobState.QUEUED:
            job.queue_position, job.foreign_before = None, 0
    last = last or len(queue.pending)
    foreign = sum(prompt_id not in ours for prompt_id in (*queue.running, *queue.pending[:last]))
    for place, job in enumerate(held, 1):
        job.queue_position, job.foreign_before = last + place, foreign
