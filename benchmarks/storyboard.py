"""Two hundred panels that are no work for the server, beside a raw client with the same graphs: time and memory.

`build_addon.py bench` runs it, alone in its process; the stand-in serves in a process of its own.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.bench import server
from benchmarks.raw import RawClient
from blender_comfyui.generation.events import Ended
from blender_comfyui.generation.session import Session
from blender_comfyui.generation.storyboard.model import Panel, Storyboard
from blender_comfyui.generation.storyboard.production import Production

AIM = 20.0  # ms a panel beyond the raw client's own
FLAT = 2.0  # MB that the last half of the panels may add
SIDE = 64  # pixels
WORKFLOW = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": SIDE, "height": SIDE, "batch_size": 1, "color": 0}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "bench"}},
}
TASKS = """\
tasks:
  nothing:
    title: Nothing
    tiers:
      low: {description: A colour., workflow: nothing, seconds: 1, parameters: {batch_size: 1}}
"""


def storyboard(name: str, panels: int, first: int) -> Storyboard:
    """Panels in colours that no cache knows, from the number `first` on."""
    told = tuple(
        Panel(f"p{number:03}", f"panel {number}", parameters={"color": first + number}) for number in range(panels)
    )
    return Storyboard(name, task="nothing", tier="low", panels=told)


def raw(client: RawClient, panels: int, first: int) -> float:
    """Seconds for the same pictures, one after the other."""
    began = time.perf_counter()
    for number in range(panels):
        graph = json.loads(json.dumps(WORKFLOW))
        graph["1"]["inputs"]["color"] = first + number
        client.generate(graph)
    return time.perf_counter() - began


def resident() -> float:
    """MB of this process."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def ours(session: Session, told: Storyboard) -> tuple[float, list[float]]:
    """Seconds from the click to the last checked file, and the memory at each tenth of the panels."""
    events = session.subscribe()
    held: list[float] = []
    began = time.perf_counter()
    measuring = 0.0
    production = Production(session, told)
    production.run_all()
    for number in range(1, len(told.panels) + 1):
        while not isinstance(events.get(), Ended):
            pass
        if number % max(1, len(told.panels) // 10) == 0:
            paused = time.perf_counter()
            held.append(resident())
            measuring += time.perf_counter() - paused
    progress = production.wait(60)
    seconds = time.perf_counter() - began - measuring
    assert progress.is_whole, (progress.problem, progress.failures[:1], progress.findings)
    production.close()
    events.close()
    return seconds, held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--panels", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    panels, colours = options.panels, int(time.time()) & 0x7FFF00
    beyond: list[float] = []
    with server() as url, tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "quality_mappings.yaml").write_text(TASKS)
        (Path(folder) / "nothing.json").write_text(json.dumps(WORKFLOW))
        client = RawClient(url)
        with Session(url, data_dir=folder) as session:
            raw(client, 10, colours)
            ours(session, storyboard("warm", 10, colours + 10))
            for number in range(options.rounds):
                colours += 2 * panels + 20
                bare = raw(client, panels, colours)
                seconds, held = ours(session, storyboard(f"bench {number}", panels, colours + panels))
                beyond.append((seconds - bare) / panels * 1000)
                grown = held[-1] - held[len(held) // 2 - 1]
                print(
                    f"{panels} panels: raw {bare / panels * 1000:5.1f} ms each, ours {seconds / panels * 1000:5.1f}; "
                    f"resident {held[0]:.1f} … {held[-1]:.1f} MB, over the last half {grown:+.2f} MB (aim < {FLAT:g})",
                    flush=True,
                )
        client.close()
    print(f"time beyond the raw client's own: {statistics.median(beyond):.1f} ms a panel (aim <= {AIM:g} ms)")


if __name__ == "__main__":
    main()
