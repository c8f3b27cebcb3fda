"""A thousand jobs through bad luck on every route: none lost in silence, doubled or wrong, nothing left open."""

from __future__ import annotations

import gc
import os
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from blender_comfyui.comfy.stream import StreamTimes
from blender_comfyui.comfy.transport import Timeouts
from blender_comfyui.generation.job import Job
from blender_comfyui.generation.patience import Patience
from blender_comfyui.generation.retry import Retry
from blender_comfyui.generation.session import Session
from tests import graphs
from tests.comfy_server import ComfyServer
from tests.fault_proxy import FaultProxy
from tests.fault_proxy.chaos import Chaos

from .fault_scene import check_sentence

JOBS = 1000
SESSIONS = 8
BUNCH = 5  # jobs that a session has at a time
CANCELLED = 0.06  # share of the jobs that are cancelled, sooner or later
SEED = int(os.environ.get("THOUSAND_JOBS_SEED", "20260401"))
LIMIT = 120.0  # seconds for one job: far beyond all its patience
OPTIONS = {
    "patience": Patience(unsent=30, outage=30, absence=0.3, absence_behind_proxy=1.5, look=0.3, look_blind=0.1),
    "timeouts": Timeouts(connect=2.0, read=1.0, total=1.5),
    "stream_times": StreamTimes(connect=0.5, ping_after=0.3, first_delay=0.02, longest_delay=0.1, message=1.0),
    "retry": Retry(tries=4, first=0.02),
}


@dataclass(frozen=True)
class Sent:
    number: int
    job: Job
    cancelled: bool


def test_a_thousand_jobs_through_random_faults(tmp_path):
    _run(tmp_path / "warm", jobs=16, seed=1)  # whatever is opened once and for all is open now
    before = _open_things()
    try:
        _run(tmp_path / "hot", JOBS, SEED)
        assert _open_things() == before
    except BaseException:
        print(f"\nTHOUSAND_JOBS_SEED={SEED}")
        raise


def _run(folder: Path, jobs: int, seed: int) -> None:
    with ComfyServer() as server, FaultProxy(server) as proxy:
        chaos = Chaos(seed, share=0.12, slow_share=0.08)
        chaos.set_on(proxy)
        shares = [range(first, jobs, SESSIONS) for first in range(SESSIONS)]
        with ThreadPoolExecutor(SESSIONS) as pool:
            sessions = [
                pool.submit(_session, proxy.url, folder / str(n), share, seed) for n, share in enumerate(shares)
            ]
            sent = [one for session in sessions for one in session.result()]
        assert len(sent) == jobs
        tally: Counter[str] = Counter()
        for one in sent:
            tally[_judge(one, server)] += 1
        print(f"\n{dict(tally)}\n{sum(chaos.met.values())} faults: {dict(chaos.met.most_common())}")
        assert set(server.executions.values()) == {1}, "executed twice"
        assert tally["finished"] >= 0.85 * jobs
        assert sum(chaos.met.values()) >= jobs / 4
        kept = {path for one in sent for path in one.job.outcome.files}
        assert {path for path in folder.glob("*/outputs/*") if path.is_file()} == kept


def _session(url: str, folder: Path, numbers: range, seed: int) -> list[Sent]:
    rng = random.Random(f"{seed}/{numbers.start}")
    sent: list[Sent] = []
    with Session(url, data_dir=folder, headers={"X-Caller": str(numbers.start)}, **OPTIONS) as session:
        for first in range(0, len(numbers), BUNCH):
            bunch = [_submit(session, number, rng) for number in numbers[first : first + BUNCH]]
            bunch[0].job.wait(LIMIT)
            for one in bunch:
                if one.cancelled:  # by now it waits, runs, is fetched, or has ended
                    one.job.cancel()
            for one in bunch:
                one.job.wait(LIMIT)
            sent += bunch
    return sent


def _submit(session: Session, number: int, rng: random.Random) -> Sent:
    job = session.submit(graphs.empty_save(16, colour=0x010000 + number, prefix=f"n{number}"))
    when = rng.random() / CANCELLED
    if when < 0.3:
        job.cancel()  # at once
    return Sent(number, job, cancelled=when < 1.0)


def _judge(one: Sent, server: ComfyServer) -> str:
    """How it ended, once that is found to be right."""
    outcome = one.job.outcome
    made = list((server.folders.root / "output").glob(f"n{one.number}_*"))
    assert len(made) <= 1, "made twice"
    if outcome.state == "finished":
        assert [path.read_bytes() for path in outcome.files] == [path.read_bytes() for path in made]
        assert len(made) == 1
    elif outcome.state == "cancelled":
        assert one.cancelled
        assert outcome.files == []
    else:
        check_sentence(outcome.error)
        assert outcome.state == "failed", f"the server forgot nothing: {outcome.error}"
        return f"failed: {type(outcome.error).__name__}"
    return str(outcome.state)


def _open_things() -> dict[str, object]:
    """Threads by name; open files, and how many of them are sockets."""
    gc.collect()  # what an earlier test left to the collector is not ours
    names = (thread.name for thread in threading.enumerate())
    threads = Counter(name for name in names if not name.startswith("asyncio_"))  # the stand-in's own
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("no /proc/self/fd on this system: open files cannot be counted")
    kinds: Counter[str] = Counter()
    for entry in folder.iterdir():
        try:
            target = str(entry.readlink())
        except OSError:  # the folder's own
            continue
        kinds["sockets" if target.startswith("socket:") else "files"] += 1
    return {"threads": threads, **kinds}
