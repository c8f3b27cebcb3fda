"""Runs inside a Blender: what the panel of a storyboard of 200 panels costs its main thread, before, in the middle of
and after its run.

The layout here does nothing: Blender's own share is told by tests/gui/test_storyboard.py, in a window. Blender asks for
the rows of the table that are seen, 7 of them; all 200 are measured beside.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import bpy

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.panel_side import MODULE, NoLayout, module, row

COUNT = 200
SEEN = 7  # rows
PATIENCE = 300.0  # seconds


def project(path: Path) -> Path:
    """Write a storyboard of pictures that are no work for the server."""
    panels = [
        {"id": f"{number:03}", "prompt": f"shot {number} of the film, a fox in the snow, wide angle"}
        for number in range(COUNT)
    ]
    parameters = {"checkpoint": "random_sd15.safetensors", "width": 64, "height": 64, "steps": 8}
    told = {"id": "bench", "task": "image_generation", "tier": "low", "parameters": parameters, "panels": panels}
    path.write_text(json.dumps(told), encoding="utf-8")
    return path


def tick_until(holds: Callable[[], object]) -> list[float]:
    """Tick as Blender's timer would; return how much of the processor each tick took, in ms."""
    times, deadline = [], time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError("the storyboard is not where it should be")
        began = time.thread_time()  # other threads of ours work at the same time
        module("blender.delivery").tick()
        times.append((time.thread_time() - began) * 1000)
        time.sleep(0.005)
    return times


def measure(when: str) -> None:
    scene, board = bpy.context.scene, bpy.context.scene.comfyui_storyboard
    drawing, item = module("blender.storyboard.drawing"), module("blender.storyboard.table").COMFYUI_UL_storyboard
    itself = SimpleNamespace()

    def draw(rows: int) -> None:
        drawing.draw(NoLayout(), scene, 224)
        for number in range(rows):
            item.draw_item(itself, bpy.context, NoLayout(), board, board.panels[number], 0, board, "active")

    row(f"a storyboard of {COUNT} panels drawn, {when}, {SEEN} rows seen", lambda: draw(SEEN), "aim <= 2 ms")
    row("  the same with all rows", lambda: draw(COUNT))


def main() -> None:
    bpy.ops.extensions.package_install_files(
        filepath=os.environ["BLENDER_COMFYUI_ZIP"], repo="user_default", enable_on_install=True
    )
    bpy.context.preferences.addons[MODULE].preferences.host = sys.argv[1]
    running, scene = module("blender.storyboard.running"), bpy.context.scene
    with tempfile.TemporaryDirectory() as folder:
        bpy.ops.wm.save_as_mainfile(filepath=str(Path(folder) / "bench.blend"))
        bpy.ops.comfyui.storyboard_load(filepath=str(project(Path(folder) / "bench.json")))
        tick_until(lambda: running.look(bpy.context.scene))
        scene = bpy.context.scene
        measure("before its run")
        began = time.perf_counter()
        bpy.ops.comfyui.storyboard_run(which="ALL")
        clicked = (time.perf_counter() - began) * 1000
        half = tick_until(lambda: running.look(scene).done >= COUNT // 2)
        measure("in the middle of it")
        times = half + tick_until(lambda: running.look(scene).is_whole)
        measure("after it")
    print(f"{'  Run, the click alone':<58} {clicked:8.2f} ms")
    middle, most = statistics.median(times), max(times)
    print(f"{'  ticks of the run, of the processor':<58} {middle:8.2f} ms           max {most:8.2f}", flush=True)
    sys.stdout.flush()
    os._exit(0)  # some bpy builds crash while Python ends


if __name__ == "__main__":
    main()
