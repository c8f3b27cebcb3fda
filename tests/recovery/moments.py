"""Moments of a job's life at which Blender dies, as events: the k-th time that something is about to happen, or has.

Read by the test and, inside Blender, by life.py: so nothing is imported here but the standard library.
"""

from dataclasses import dataclass

# What can be waited for: a function of the extension (module, name), and which of its calls count.
POINTS = {
    "write down": ("generation.history.history", "History.add", ""),
    "note": ("generation.history.history", "History.update", ""),
    "note queued": ("generation.history.history", "History.update", "state=queued"),
    "note running": ("generation.history.history", "History.update", "state=running"),
    "note rank": ("generation.history.history", "History.update", "rank"),
    "mark as sent": ("generation.recording", "Recording.sent", ""),
    "post": ("comfy.client", "ComfyClient.queue_prompt", ""),
    "fetch": ("comfy.client", "ComfyClient.download", ""),
    "check": ("generation.pictures", "check_picture", ""),
    "keep": ("generation.outputs", "keep", ""),
    "end": ("generation.history.history", "History.end", ""),
    "adopt": ("generation.history.history", "History.adopt", ""),
    "ask what waits": ("generation.history.history", "History.waiting", ""),
    "hear queued": ("blender.job_list", "JobList.take", "StateChanged:queued"),
    "hear progress": ("blender.job_list", "JobList.take", "Progressed"),
    "hear preview": ("blender.job_list", "JobList.take", "Previewed"),
    "hear queue": ("blender.job_list", "JobList.take", "QueueChanged"),
    "hear end": ("blender.job_list", "JobList.take", "Ended"),
    "hear return": ("blender.job_list", "JobList.take", "Returned"),
    "place": ("blender.sinks", "place", ""),
    "ask to mark": ("blender.archive", "ask", "MarkPlaced"),
    "mark": ("generation.history.history", "History.place", ""),
    "mark kept": ("generation.history.history", "History.place", "kept"),
    "save": ("life", "save", ""),
}


@dataclass(frozen=True)
class Moment:
    """Before or after the `count`-th time of `point`; with `chunk`, at that chunk of its file.

    `stage` says whether Blender dies while it works on new `jobs` of `batch` pictures, or recovers older ones.
    `hold`: the server waits in the middle of the job; "return" until a Blender follows the job again, "death" until
    Blender is dead: then it ends while nobody looks. `unnamed`: in a file that was never saved. `strip`: the results
    are strips. `action`: what is done with the queue.
    """

    when: str
    point: str
    count: int = 1
    chunk: int = 0
    stage: str = "work"
    jobs: int = 1
    batch: int = 1
    hold: str = ""
    stranger: bool = False
    unnamed: bool = False
    strip: bool = False
    action: str = ""
    vram: int = 0

    @property
    def is_news_of_a_step(self) -> bool:
        """Of those that come quickly after each other only the newest is told."""
        return self.point in ("hear progress", "hear preview")

    @property
    def is_in_post(self) -> bool:
        """The server has the prompt and the answer is on its way: that is seen from the server alone."""
        return (self.when, self.point) == ("during", "post")

    def __str__(self) -> str:
        place = f"chunk {self.chunk} of {self.point}" if self.chunk else f"{self.when} {self.point}"
        words = [f"{place} {self.count}", *(["recovering"] if self.stage == "recover" else [])]
        words += [f"{self.jobs} jobs"] if self.jobs > 1 else []
        words += [f"held until {self.hold}"] if self.hold else []
        words += [word for word in ("stranger", "unnamed", "strip") if getattr(self, word)]
        return ", ".join([*words, *([self.action] if self.action else []), *(["in parts"] if self.vram else [])])


def recovering(when: str, point: str, count: int = 1) -> Moment:
    return Moment(when, point, count, stage="recover")


SUBMITTING = (
    Moment("before", "write down"),
    Moment("after", "write down"),
    Moment("before", "mark as sent"),
    Moment("after", "mark as sent"),
    Moment("during", "post"),
    Moment("after", "post"),
    Moment("before", "note queued"),
    Moment("after", "note queued"),
)
QUEUED = (
    Moment("after", "hear queued", stranger=True, hold="return"),
    Moment("after", "hear queued", stranger=True, hold="death"),
    Moment("after", "hear queue", jobs=3, stranger=True, hold="return"),
    Moment("after", "hear queue", 2, jobs=4, stranger=True, hold="death"),
    Moment("after", "note rank", jobs=4, stranger=True, hold="return", action="run next"),
    Moment("after", "hear queue", 3, jobs=3, stranger=True, hold="return", action="pause"),
)
RUNNING = (
    Moment("after", "note running", hold="return"),
    Moment("after", "hear progress", 1, hold="return"),
    Moment("after", "hear progress", 3, batch=2),
    Moment("after", "hear progress", 5),
    Moment("after", "hear preview", 1),
    Moment("after", "hear preview", 2, batch=2),
    Moment("after", "note running", hold="death"),
    Moment("after", "note running", jobs=2, hold="return"),
    Moment("after", "post", 2, batch=4, vram=2),
    Moment("after", "keep", 2, batch=4, vram=2),
)
DOWNLOADING = (
    Moment("before", "fetch"),
    Moment("during", "fetch", chunk=1),
    Moment("during", "fetch", chunk=2),
    Moment("after", "fetch"),
    Moment("during", "fetch", 2, chunk=1, batch=3),
    Moment("after", "fetch", 3, batch=3),
    Moment("before", "check", 2, batch=3),
    Moment("before", "keep"),
    Moment("after", "keep", 2, batch=3),
    Moment("after", "keep", 3, batch=3),
    Moment("before", "end", batch=2),
)
PLACING = (
    Moment("after", "end"),
    Moment("before", "hear end", batch=2),
    Moment("before", "place"),
    Moment("after", "place"),
    Moment("after", "ask to mark"),
    Moment("after", "mark"),
    Moment("before", "place", 2, batch=3),
    Moment("after", "mark", 2, batch=3),
    Moment("after", "place", 3, batch=3),
    Moment("after", "place", strip=True),
    Moment("after", "mark", 2, batch=3, strip=True),
    Moment("before", "save", batch=2),
    Moment("after", "save", batch=2),
    Moment("after", "mark kept", 1, batch=3),
    Moment("after", "place", unnamed=True, batch=2),
    Moment("after", "mark", 2, unnamed=True, batch=2),
    Moment("after", "note running", unnamed=True, hold="return"),
)
# Each after one that leaves something to recover: they die in the middle of that.
AGAIN = (
    Moment("after", "note running", hold="return"),
    recovering("before", "adopt"),
    recovering("after", "adopt"),
    recovering("after", "hear return"),
    recovering("during", "fetch"),
    recovering("before", "end"),
    recovering("before", "place"),
    recovering("after", "place"),
    recovering("before", "mark"),
    recovering("after", "mark"),
    recovering("after", "ask what waits"),
)
MOMENTS = SUBMITTING + QUEUED + RUNNING + DOWNLOADING + PLACING + AGAIN
