"""Runs inside a Blender: what a Generate and the panels cost its main thread.

Arguments: server, slow server, rounds, the folder of a large history.

Timers do not fire without a window, so the tick is called here as the timer would call it.
"""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy

from benchmarks.timing import milliseconds, row

MODULE = "bl_ext.user_default.blender_comfyui"


def install() -> None:
    bpy.ops.extensions.package_install_files(
        filepath=os.environ["BLENDER_COMFYUI_ZIP"], repo="user_default", enable_on_install=True
    )


def module(name: str) -> Any:
    return importlib.import_module(f"{MODULE}.{name}")


def use(url: str) -> None:
    bpy.context.preferences.addons[MODULE].preferences.host = url
    session = module("blender.runtime").session()
    session.refresh()
    while not session.server.checkpoints and session.server.connection != "unreachable":
        time.sleep(0.01)


def add_button() -> None:
    """Without a window Blender runs `execute` where a button runs `invoke`: an operator that does as the button."""
    generate = module("blender.operators.generate").COMFYUI_OT_generate

    class Press(bpy.types.Operator):
        bl_idname = "comfyui.bench_press"
        bl_label = "Press Generate"
        _start = generate._start

        def execute(self, context: bpy.types.Context) -> set[str]:
            return generate.invoke(self, context, None)

    bpy.utils.register_class(Press)


def press_generate() -> float:
    """What a click on Generate costs the main thread, in milliseconds."""
    return milliseconds(bpy.ops.comfyui.bench_press)


def deliver(quiet: list[float], placing: list[float]) -> None:
    """Tick until the newest job is settled; a tick that placed a picture is counted apart."""
    delivery, runtime = module("blender.delivery"), module("blender.runtime")
    entries = list(runtime.jobs)
    while not all(entry.is_settled for entry in entries):
        placed = sum(len(entry.placed) for entry in entries)
        spent = milliseconds(delivery.tick)
        (placing if sum(len(entry.placed) for entry in entries) > placed else quiet).append(spent)
        time.sleep(0.005)


def bare_load() -> list[float]:
    """What Blender itself needs to load the same pictures and read their size."""
    times = []
    for image in list(bpy.data.images):
        path = bpy.path.abspath(image.filepath)
        if Path(path).is_file():
            times.append(milliseconds(lambda path=path: tuple(bpy.data.images.load(path).size)))
    return times


class Nowhere:
    """A layout that takes everything and does nothing: what is left is our own share of drawing."""

    def __getattr__(self, _name: str) -> Callable[..., Nowhere]:
        return self._take

    def _take(self, *_arguments: object, **_options: object) -> Nowhere:
        return self

    def panel(self, *_arguments: object, **_options: object) -> tuple[Nowhere, Nowhere]:
        return self, self


def drawn(panel: Any) -> float:
    region = SimpleNamespace(width=280)
    parts = {name: getattr(bpy.context, name) for name in ("scene", "preferences", "window_manager")}
    context = SimpleNamespace(region=region, **parts)
    return milliseconds(lambda: panel.draw(SimpleNamespace(layout=Nowhere()), context))


def take_history(folder: str) -> None:
    """Have the large history in the place of the user's."""
    session = Path(bpy.utils.extension_path_user(MODULE, path="session", create=True))
    shutil.copytree(folder, session, dirs_exist_ok=True)


def measure_panels(rounds: int) -> None:
    gallery, shelf = module("blender.gallery.panel").COMFYUI_PT_gallery_view3d, module("blender.gallery.reading").shelf
    while not shelf.page or not shelf.page.total:
        drawn(gallery)
        module("blender.delivery").tick()
        time.sleep(0.005)
    print(f"the gallery of {shelf.page.total:,} results, and the panel above it with {len(list(jobs()))} jobs")
    row("drawing the gallery", [drawn(gallery) for _ in range(rounds)], note="aim <= 2 ms")
    bpy.ops.comfyui.gallery_select(job_id=shelf.page.records[0].id)
    row("  with one selected", [drawn(gallery) for _ in range(rounds)], note="aim <= 2 ms")
    above = module("blender.panels").COMFYUI_PT_view3d
    row("drawing the panel above it", [drawn(above) for _ in range(rounds)], note="aim <= 2 ms")


def jobs() -> Any:
    return module("blender.runtime").jobs


def main() -> None:
    url, slow_url, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
    install()
    take_history(sys.argv[4])
    add_button()
    settings = bpy.context.scene.comfyui
    settings.prompt, settings.steps, settings.width, settings.height = "a lighthouse", 4, 512, 512
    use(url)
    calls: list[float] = []
    quiet: list[float] = []
    placing: list[float] = []
    for _ in range(3):  # Blender's very first picture costs it 50 to 80 ms for its colour management
        press_generate()
        deliver([], [])
    for _ in range(rounds):
        calls.append(press_generate())
        deliver(quiet, placing)
    version = bpy.app.version_string
    row(f"operator's call on the main thread (Blender {version})", calls, note="aim <= 5 ms")
    row("a tick with progress, previews or nothing", quiet, note="aim <= 5 ms")
    row("a tick that places a 512² picture", placing, note="aim <= 5 ms beyond the next row")
    row("Blender alone loading such a picture", bare_load())
    use(slow_url)
    row(
        "operator's call, server needs 3 s to answer the POST", [press_generate() for _ in range(5)], note="aim <= 5 ms"
    )
    measure_panels(rounds)
    module("blender.runtime").close()
    sys.stdout.flush()
    os._exit(0)  # some bpy builds crash while Python ends


if __name__ == "__main__":
    main()
