"""A stack of LoRAs in every official template: what the server would say of it is what it said before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from blender_comfyui.workflow.graph import Node, Workflow
from blender_comfyui.workflow.loras import Lora, with_loras
from blender_comfyui.workflow.node_types import NodeTypes
from blender_comfyui.workflow.preflight import preflight

STACK = (Lora("first.safetensors", 0.5), Lora("second.safetensors", 1.0, 0.0))
NAMES = [lora.name for lora in STACK]


@pytest.fixture(scope="module")
def node_types(templates: Path) -> NodeTypes:
    return NodeTypes.from_object_info(json.loads((templates.parent / "object_info.json").read_text("utf-8")))


def graphs(templates: Path) -> Iterator[tuple[str, Workflow]]:
    for path in sorted(templates.glob("*.api.json")):
        graph = json.loads(path.read_text("utf-8"))
        if graph:
            yield path.name, Workflow.load(graph)


def problems(workflow: Workflow, node_types: NodeTypes) -> set[tuple[str, str, str]]:
    found = preflight(workflow, node_types)
    return {(problem.kind, problem.node_id, problem.parameter) for problem in found if problem.parameter != "lora_name"}


def loaders_above(workflow: Workflow, types: dict[str, tuple[str, ...]], node: Node) -> list[list[str]]:
    """Names of LoRAs on all ways that a model comes to a node."""
    ways: list[list[str]] = []
    for link in node.links().values():
        giver = workflow.nodes.get(link.node_id)
        if giver is None:
            continue
        if giver.class_type == "ComfySwitchNode":
            ways += loaders_above(workflow, types, giver)
        elif types[giver.class_type][link.slot : link.slot + 1] == ("MODEL",):
            own = [giver.inputs["lora_name"]] if giver.inputs.get("lora_name") in NAMES else []
            ways += [way + own for way in loaders_above(workflow, types, giver) or [[]]]
    return ways


def test_no_template_comes_to_harm(templates: Path, node_types: NodeTypes) -> None:
    types = {name: tuple(output.type for output in node_types[name].outputs) for name in node_types}
    changed = 0
    for name, workflow in graphs(templates):
        result = with_loras(workflow, STACK, types)
        assert problems(result, node_types) == problems(workflow, node_types), name
        samplers = [node for node in result.nodes.values() if "steps" in node.inputs or "guider" in node.class_type]
        for node in samplers:
            assert all(way == NAMES for way in loaders_above(result, types, node)), (name, node.id)
        changed += result is not workflow
    assert changed > 50


def test_it_is_the_same_without_the_servers_word_for_stock_loaders(templates: Path, node_types: NodeTypes) -> None:
    types = {name: tuple(output.type for output in node_types[name].outputs) for name in node_types}
    different = [
        name
        for name, workflow in graphs(templates)
        if with_loras(workflow, STACK) != with_loras(workflow, STACK, types)
    ]
    assert different == []
