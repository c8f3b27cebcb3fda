"""Runs inside a Blender: what the panel of a large workflow costs its main thread.

The layout here does nothing: Blender's own share is told by tests/gui/test_workflow_panel.py, in a window.
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import sys
import time
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import bpy

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.blender.workflow_graphs import classic, large

MODULE = "bl_ext.user_default.blender_comfyui"
MODELS = 5000
NODES = 67  # with six widgets each
ROUNDS = 20
CACHES = ("building", "state", "lines", "shown")


class NoLayout:
    """Takes whatever is drawn."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_arguments, **_options: NoLayout()

    def __setattr__(self, name: str, value: object) -> None:
        pass

    def panel(self, _name: str, **_options: object) -> tuple[Any, Any]:
        return NoLayout(), NoLayout()


def module(name: str) -> Any:
    return importlib.import_module(f"{MODULE}.{name}")


def panel(name: str) -> Any:
    return module(f"blender.workflow_panel.{name}")


def row(name: str, act: Callable[[], object], note: str = "") -> None:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        act()
        times.append((time.perf_counter() - began) * 1000)
    print(f"{name:<58} {statistics.median(times):8.2f} ms           max {max(times):8.2f}  {note}", flush=True)


def contents(url: str, graph: dict[str, Any], models: int) -> Any:
    with urllib.request.urlopen(f"{url}/object_info", timeout=30) as answer:
        definitions = json.load(answer)
    names = [f"a folder/model number {number}.safetensors" for number in range(models)]
    if names:
        definitions["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0] = names
    used = {node["class_type"] for node in graph.values()}
    return panel("contents").Contents("bench", None, graph, {name: definitions[name] for name in used})


def forget() -> None:
    """As after opening a file."""
    for name in CACHES:
        panel(name)._known.clear()


def measure_large(url: str) -> None:
    scene, chosen = bpy.context.scene, bpy.context.scene.comfyui
    held = contents(url, large(NODES), 0)
    panel("adopting").take(scene, held)
    built = panel("building").built(chosen.imported)
    widgets = len(built.parameters)

    def build() -> None:
        forget()
        panel("adopting").take(scene, held)

    def reopen() -> None:
        forget()
        panel("lines").table(chosen.imported, chosen.values, panel("building").built(chosen.imported))

    row(f"a panel of {widgets} widgets made of its workflow", build, "aim <= 50 ms")
    for name in built.parameters:
        bpy.ops.comfyui.show_value(name=name)
    row("  the same again after opening a file, all of them shown", reopen, "aim <= 50 ms")
    draw = partial(panel("drawing").draw, draw_action=lambda: None)
    row(
        "  drawn, all groups open, all of them shown",
        lambda: draw(NoLayout(), chosen.imported, chosen.values, 224),
    )
    row("  read on a click on Generate", lambda: panel("checking").graph(chosen.values, built))


def measure_models(url: str) -> None:
    scene, chosen = bpy.context.scene, bpy.context.scene.comfyui
    held = contents(url, classic(), MODELS)
    row(
        f"a panel with a list of {MODELS} models",
        lambda: (forget(), panel("adopting").take(scene, held)),
        "aim <= 50 ms",
    )
    draw = partial(panel("drawing").draw, draw_action=lambda: None)
    row("  drawn", lambda: draw(NoLayout(), chosen.imported, chosen.values, 224), "aim <= 2 ms")
    search = module("blender.operators.workflow_values")
    asked = type("Asked", (), {"name": "4.ckpt_name"})()
    row("  its search opened", lambda: search._choices(asked, bpy.context), "aim: no visible pause")


def main() -> None:
    bpy.ops.extensions.package_install_files(
        filepath=os.environ["BLENDER_COMFYUI_ZIP"], repo="user_default", enable_on_install=True
    )
    measure_large(sys.argv[1])
    measure_models(sys.argv[1])
    sys.stdout.flush()
    os._exit(0)  # some bpy builds crash while Python ends


if __name__ == "__main__":
    main()
