"""Many short jobs in one Session: what stays in memory, and what else stays. `build_addon.py bench` runs it.

Alone in its process, so that all it measures is the client; the stand-in serves in a process of its own.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import stand_in
from blender_comfyui.generation.job import Job
from blender_comfyui.generation.logbook import Logbook
from blender_comfyui.generation.outcome import JobState
from blender_comfyui.generation.session import Session
from tests.graphs import empty_save, raising, txt2img

AHEAD = 20  # jobs that are open at a time
LIMIT = 10.0  # MB that the second half of the jobs may add


@dataclass(frozen=True)
class Holding:
    """What the process has used and holds: CPU seconds, resident MB, blocks of Python's memory, threads, open files."""

    cpu: float
    megabytes: float
    blocks: int
    threads: int
    files: int

    @classmethod
    def now(cls) -> Holding:
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        resident = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
        files = len([*Path("/proc/self/fd").iterdir()])
        return cls(time.process_time(), resident, sys.getallocatedblocks(), threading.active_count(), files)

    def __str__(self) -> str:
        return (
            f"{self.megabytes:7.1f} MB {self.blocks:8d} blocks {self.threads:3d} threads {self.files:3d} files "
            f"{self.cpu:6.1f} s CPU"
        )


class Soak:
    """Runs jobs through one Session with its history, and the log, and reads their events, as Blender does.

    Most make a picture; some show previews, some fail, some are cancelled. Nothing is kept of them here.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self.session = Session(url, data_dir=folder)
        self.ended: dict[JobState, int] = dict.fromkeys(JobState, 0)
        self._events = self.session.subscribe()
        self._logbook = Logbook("blender_comfyui", folder / "logs" / "log.log")
        self._logbook.start()
        self._number = 0

    def run(self, jobs: int) -> Holding:
        """Run so many more. Gives what is held after them."""
        open_jobs: deque[Job] = deque()
        for _ in range(jobs):
            open_jobs.append(self._submit())
            if len(open_jobs) >= AHEAD:
                self._end(open_jobs.popleft())
        while open_jobs:
            self._end(open_jobs.popleft())
        while self._events.drain():
            pass
        return Holding.now()

    def close(self) -> None:
        self.session.close()
        self._logbook.stop()

    def _submit(self) -> Job:
        self._number += 1
        match self._number % 50:
            case 0 | 10 | 20 | 30 | 40:
                return self.session.submit(txt2img(steps=2, size=64))
            case 5:
                return self.session.submit(raising())
            case 15:
                job = self.session.submit(empty_save(size=16))
                job.cancel()
                return job
            case _:
                return self.session.submit(empty_save(size=16))

    def _end(self, job: Job) -> None:
        outcome = job.wait(60)
        self.ended[outcome.state] += 1
        assert all(path.stat().st_size for path in outcome.files)
        self._events.drain()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    jobs = parser.parse_args().jobs
    with stand_in() as url, tempfile.TemporaryDirectory() as folder:
        soak = Soak(url, Path(folder))
        began = time.monotonic()
        held = []
        for tenth in range(1, 11):
            held.append(soak.run(jobs // 10))
            print(f"after {tenth * jobs // 10:6d} jobs {held[-1]}", flush=True)
        seconds = time.monotonic() - began
        soak.close()
        size = sum(path.stat().st_size for path in Path(folder).glob("history.sqlite*"))
    growth = held[-1].megabytes - held[4].megabytes
    ended = ", ".join(f"{count} {state}" for state, count in soak.ended.items() if count)
    print(f"{ended} in one session, {seconds / jobs * 1000:.1f} ms each, history of {size / 1e6:.1f} MB")
    print(f"resident memory after the last {jobs // 2} jobs: {growth:+.1f} MB (aim < {LIMIT:.0f} MB)")


if __name__ == "__main__":
    main()
