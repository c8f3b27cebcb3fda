"""A job whose batch overflows the server's memory, run in parts. Belongs to the worker thread.

The first part has half of the batch, or the next smaller power of two; where it overflows again, half of that, down
to one picture. What fits is kept to for the rest of the job. Every part is a prompt of its own under an id that
follows from the job's: after a crash each is found again on the server, and nothing runs twice. The files wait under
temporary names until all are here, and then become the job's own, numbered as those of the whole batch.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..comfy.errors import ComfyError, OutOfMemory
from ..workflow.batch import Batch, parts, power_of_two
from .events import JobEvent, Previewed, Progressed, StateChanged
from .outcome import JobState, Outcome, Output
from .outputs import CannotSave, file_name, keep
from .overflow import ran_in_parts, running_in_parts, too_large
from .part_run import Listener, Part, PartRun, Taken
from .progress import Progress
from .server_watch import ServerWatch

if TYPE_CHECKING:
    from .job_run import JobRun

log = logging.getLogger(__name__)


class Division:
    """Follows one part after the other, and at last ends the run of the job."""

    def __init__(
        self, run: JobRun, batch: Batch, watch: ServerWatch, launch: Callable[[Part, Listener, bool], PartRun]
    ) -> None:
        self._run = run
        self._batch = batch
        self._watch = watch
        self._launch = launch
        self._limit = power_of_two(batch.size - 1)
        self._under_way: PartRun | None = None
        self._ended: list[PartRun] = []  # with their files
        self._made = 0  # pictures
        self._best = run.job.progress

    def begin(self, look_first: bool) -> None:
        """With `look_first`, an earlier run of ours may have sent parts already."""
        self._make_room()
        self._go_on(look_first)

    def cancel(self) -> None:
        if self._under_way is not None:
            self._under_way.cancel()

    # What happens to the part under way

    def heard(self, event: JobEvent) -> None:
        job = self._run.job
        match event:
            case StateChanged(state=state, waiting_for=waiting_for):
                job.move(JobState.RUNNING if state is JobState.RUNNING else job.state, waiting_for)
            case Progressed(progress=progress):
                job.report(self._of_the_whole(progress))
            case Previewed(image=image, format=format, node_title=node_title):
                job.preview(image, format, node_title)
            case _:
                pass

    def ended(self, run: PartRun, outcome: Outcome) -> None:
        count = run.part.count
        if self._run.ended:
            self._ended.append(run)
            self._forget_files()
        elif isinstance(outcome.error, OutOfMemory) and count > 1:
            self._limit = count // 2
            self._make_room()
            self._go_on(look_first=not run.was_sent)
        else:
            self._ended.append(run)
            self._made += count if outcome.error is None else 0
            if outcome.state is not JobState.FINISHED:
                self._end_early(outcome)
            elif self._made < self._batch.size:
                self._go_on(look_first=not run.was_sent)
            else:
                self._end(outcome)

    def _go_on(self, look_first: bool) -> None:
        first, count = next(parts(self._made, self._batch.size, self._limit))
        self._run.job.remark(running_in_parts(count, self._batch.size))
        part = Part(self._run.job, self._batch, first, count)
        log.info("job %s: %d pictures from %d on are job %s", self._run.job.id, count, first, part.id)
        self._under_way = self._launch(part, self, look_first)

    def _make_room(self) -> None:
        """What earlier runs left in the server's memory is of no use now."""
        try:
            self._watch.client.free()
        except ComfyError as error:  # it helps, but it is not needed: a proxy may forbid it
            log.info("job %s: no memory freed: %s", self._run.job.id, error)

    def _of_the_whole(self, progress: Progress) -> Progress:
        count = self._under_way.part.count if self._under_way else 0
        fraction = (self._made + count * progress.fraction) / self._batch.size
        self._best = dataclasses.replace(progress, fraction=max(self._best.fraction, min(fraction, 0.999)))
        return self._best

    # The end of the job

    def _end_early(self, outcome: Outcome) -> None:
        if outcome.stays_open or outcome.state is JobState.CANCELLED:
            self._forget_files()  # it will be found again, or nobody wants it
        elif isinstance(outcome.error, OutOfMemory):
            self._watch.refresh()  # how much memory is free now
            error = too_large(outcome.error, self._run.job.request, self._watch.state)
            outcome = dataclasses.replace(outcome, error=error)
        self._end(outcome)

    def _end(self, outcome: Outcome) -> None:
        outputs, trouble = self._kept()
        if outcome.error is None and trouble is not None:
            outcome = Outcome(JobState.FAILED, error=trouble, recoverable=True, stays_open=True)
        texts = tuple(text for run in self._ended for text in run.texts)
        note = ran_in_parts(self._limit, self._batch.difference) if self._made else ""
        self._run.end(dataclasses.replace(outcome, outputs=outputs, texts=texts, note=note))

    def _kept(self) -> tuple[tuple[Output, ...], CannotSave | None]:
        """Give the files that came the names that a whole batch's would have."""
        job = self._run.job
        outputs: list[Output] = []
        for taken in self._in_order():
            name = file_name(job.request.stem, job.id, len(outputs) + 1, taken.file.filename)
            try:
                path = keep(taken.output.path, taken.output.path.parent, name)
            except CannotSave as trouble:
                self._forget_files()
                return tuple(outputs), trouble
            outputs.append(dataclasses.replace(taken.output, path=path))
        return tuple(outputs), None

    def _in_order(self) -> list[Taken]:
        """Node by node, and of each node picture by picture."""
        nodes = dict.fromkeys(taken.output.node_id for run in self._ended for taken in run.taken)
        places = {node_id: place for place, node_id in enumerate(nodes)}
        found = [taken for run in self._ended for taken in run.taken]
        return sorted(found, key=lambda taken: places[taken.output.node_id])

    def _forget_files(self) -> None:
        for run in self._ended:
            run.forget_files()
