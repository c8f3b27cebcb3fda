"""Ours beside a raw client, in one run against one server. `build_addon.py bench` runs it.

Figures are medians in milliseconds; what counts are the ratios, for both sides share the machine and its noise.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import history
from benchmarks.raw import BareClient, RawClient, SafeClient
from benchmarks.timing import milliseconds, row
from blender_comfyui.generation.events import StateChanged
from blender_comfyui.generation.outcome import JobState
from blender_comfyui.generation.session import Session

ROOT = Path(__file__).resolve().parents[1]
SIZE = 512  # pixels of a side of the picture
_colours = itertools.count(int(time.time()) & 0xFFFF00)


def graph() -> dict[str, Any]:
    """EmptyImage → SaveImage in a colour that no cache knows."""
    colour = next(_colours) & 0xFFFFFF
    return {
        "1": {"class_type": "EmptyImage", "inputs": {"width": SIZE, "height": SIZE, "batch_size": 1, "color": colour}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "bench"}},
    }


@contextmanager
def server(*options: str) -> Iterator[str]:
    """The server named by COMFYUI_URL, or the stand-in in a process of its own."""
    if url := os.environ.get("COMFYUI_URL"):
        yield url.rstrip("/")
        return
    with stand_in(*options) as url:
        yield url


@contextmanager
def stand_in(*options: str) -> Iterator[str]:
    """The stand-in in a process of its own."""
    command = [sys.executable, "-m", "tests.comfy_server", "--port", "0", *options]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


def accepted(session: Session) -> None:
    """From submit to the server's yes."""
    subscription = session.subscribe()
    job = session.submit(graph())
    while True:
        event = subscription.get()
        if isinstance(event, StateChanged) and event.job_id == job.id and event.state is not JobState.WAITING:
            break
    subscription.close()


def client_rows(url: str, rounds: int) -> None:
    """Raw, bare and ours take turns, so that all see the same machine."""
    times: dict[str, list[float]] = {
        name: [] for name in ("raw post", "bare post", "safe post", "accepted", "raw", "bare", "safe", "outcome")
    }
    with tempfile.TemporaryDirectory() as folder, Session(url, data_dir=folder) as session:
        clients = {"raw": RawClient(url), "bare": BareClient(url), "safe": SafeClient(url, Path(folder))}
        for _ in range(5):  # connections, caches, and the first reading of the server's state
            for client in clients.values():
                client.generate(graph())
            session.submit(graph()).wait(60)
        for _ in range(rounds):
            for name, client in clients.items():
                times[f"{name} post"].append(posting(client))
                times[name].append(milliseconds(lambda client=client: client.generate(graph())))
            times["accepted"].append(milliseconds(lambda: accepted(session)))
            for job in session.jobs:
                job.wait(60)
            times["outcome"].append(milliseconds(lambda: session.submit(graph()).wait(60)))
    for client in clients.values():
        client.close()
    row("raw keep-alive POST /prompt (requests)", times["raw post"])
    row("  the same on bare http.client", times["bare post"], times["raw post"])
    row("  with the job on the disk itself before", times["safe post"], times["raw post"])
    row("submit to accepted", times["accepted"], times["raw post"], "aim < 100 ms")
    row("  beside the raw POST with the job on disk", times["accepted"], times["safe post"], "aim <= 1.3 x")
    row("raw POST + socket + /view to bytes (requests)", times["raw"])
    row("  the same on bare http.client", times["bare"], times["raw"])
    row("  with job and picture on the disk itself, checked", times["safe"], times["raw"])
    row("submit to Outcome (file on disk)", times["outcome"], times["raw"])
    row("  beside the raw client with both on disk", times["outcome"], times["safe"], "aim <= 1.1 x")


def posting(client: RawClient) -> float:
    posted: list[str] = []
    spent = milliseconds(lambda: posted.append(client.post(graph())))
    client.wait(posted[0])
    return spent


def blender_rows(url: str, slow_url: str, rounds: int, large_history: str) -> None:
    """The main thread's share, measured inside a real Blender's Python by blender_side.py."""
    python = os.environ.get("BLENDER_COMFYUI_BPY")
    if not python:
        print("(the operator and the tick are measured by `build_addon.py bench`, which brings a Blender)")
        return
    command = [python, "-m", "benchmarks.blender_side", url, slow_url, str(rounds), large_history]
    subprocess.run(command, cwd=ROOT, check=True)
    for side in ("panel_side.py", "storyboard_side.py"):
        subprocess.run([python, str(ROOT / "benchmarks" / side), url], cwd=ROOT, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    rounds = parser.parse_args().rounds
    with (
        tempfile.TemporaryDirectory() as folder,
        server() as url,
        server("--post-delay", "3") as slow_url,
    ):
        history.measure(Path(folder))
        named = "COMFYUI_URL" if os.environ.get("COMFYUI_URL") else "the stand-in"
        print(f"{rounds} rounds of EmptyImage {SIZE}² -> SaveImage against {named} at {url}")
        client_rows(url, rounds)
        blender_rows(url, slow_url, rounds, folder)
    for alone in ("benchmarks.storyboard", "benchmarks.soak"):  # each in a process of its own
        subprocess.run([sys.executable, "-m", alone], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
