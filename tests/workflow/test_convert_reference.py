"""Conversion held against the official front end's, on its templates and on edge cases."""

from __future__ import annotations

import collections
import json
import random
import time
from pathlib import Path
from typing import Any

import pytest

from blender_comfyui.workflow.convert import to_api
from blender_comfyui.workflow.graph import Workflow
from blender_comfyui.workflow.node_types import NodeTypes

CASES = Path(__file__).resolve().parents[3] / "shared" / "conversion"
# What only the browser makes, from its own drawing; the server ignores it.
OF_THE_BROWSER = {("Preview3D", "image"), ("SaveGLB", "image"), ("Save3DAdvanced", "viewport_state")}
MEAN = 0.003  # seconds
FILES = [path for folder in ("templates", "edge_cases") for path in sorted((CASES / folder).glob("*.ui.json"))]


class First(random.Random):
    """The references were made with a generator that only knows zero."""

    def random(self) -> float:
        return 0.0


@pytest.fixture(scope="module")
def node_types() -> NodeTypes:
    if not FILES:
        pytest.skip(f"no cases at {CASES}")
    return NodeTypes.from_object_info(json.loads((CASES / "object_info.json").read_text(encoding="utf-8")))


def described(graph: Any) -> collections.Counter[str]:
    """Describe every node by its class, values and all that feeds it, whatever its id."""
    known: dict[str, str] = {}

    def of(id_: str, around: tuple[str, ...] = ()) -> str:
        if id_ in around:
            return "circle"
        if id_ not in known:
            node = graph[id_]
            parts = []
            for name, value in sorted(node["inputs"].items()):
                if (node["class_type"], name) in OF_THE_BROWSER:
                    continue
                if isinstance(value, list):
                    parts.append(f"{name}<{of(value[0], (*around, id_))}>{value[1]}")
                elif isinstance(value, int | float) and not isinstance(value, bool):
                    parts.append(f"{name}={float(value)}")
                else:
                    parts.append(f"{name}={json.dumps(value, sort_keys=True)}")
            # short, or what many share would be written out for each of them
            known[id_] = str(hash((node["class_type"], *parts)))
        return known[id_]

    return collections.Counter(of(id_) for id_ in graph)


@pytest.mark.parametrize("path", FILES or [None], ids=lambda path: path.name.removesuffix(".ui.json") if path else "")
def test_every_case_is_what_the_front_end_makes_of_it(path: Path, node_types: NodeTypes) -> None:
    ui = json.loads(path.read_text(encoding="utf-8"))
    reference = json.loads(path.with_name(path.name.replace(".ui.", ".api.")).read_text(encoding="utf-8"))
    made = to_api(ui, node_types, rng=First())
    assert described(made) == described(reference)
    assert len(Workflow.load(made).nodes) == len(reference)


@pytest.mark.no_cover  # it would take twice as long
def test_a_case_takes_no_more_than_three_milliseconds(node_types: NodeTypes) -> None:
    took = {}
    for path in FILES:
        ui = json.loads(path.read_text(encoding="utf-8"))
        took[path.name] = min(_seconds(ui, node_types) for _ in range(3))  # the first one may be slower
    slowest = max(took, key=lambda name: took[name])
    mean = sum(took.values()) / len(took)
    print(f"{1000 * mean:.2f} ms a case; the slowest is {slowest}, {1000 * took[slowest]:.2f} ms")
    assert mean < MEAN


def _seconds(ui: Any, node_types: NodeTypes) -> float:
    """CPU of this thread: others may use the machine."""
    started = time.thread_time()
    to_api(ui, node_types)
    return time.thread_time() - started
