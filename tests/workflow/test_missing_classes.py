"""Files with classes that the server lacks: converted as far as they tell, never with wrong values."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from blender_comfyui.workflow.convert import to_api
from blender_comfyui.workflow.graph import Workflow
from blender_comfyui.workflow.missing_classes import packs_of, with_stand_ins
from blender_comfyui.workflow.node_types import NodeTypes
from blender_comfyui.workflow.panel_parameters import panel_parameters
from blender_comfyui.workflow.preflight import preflight
from blender_comfyui.workflow.problems import ProblemKind, apply


@pytest.fixture(scope="module")
def object_info(templates: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((templates.parent / "object_info.json").read_text())
    return found


def test_no_value_is_wrong_whichever_class_is_missing(templates: Path, object_info: dict[str, Any]) -> None:
    whole = NodeTypes.from_object_info(object_info)
    for number, path in enumerate(sorted(templates.glob("*.ui.json"))):
        ui = json.loads(path.read_text())
        right = to_api(ui, whole, rng=Random(1))
        classes = sorted({node["class_type"] for node in right.values()})
        missing = classes[number % len(classes)]
        node_types = NodeTypes.from_object_info({name: raw for name, raw in object_info.items() if name != missing})
        types = with_stand_ins(ui, node_types)
        made = to_api(ui, types, rng=Random(1))
        assert made.keys() == right.keys()
        for node_id, node in made.items():
            for name, value in node["inputs"].items():
                assert right[node_id]["inputs"].get(name, value) == value, (path.name, missing, node_id, name)
        found = {
            problem.node_id for problem in preflight(made, node_types) if problem.kind is ProblemKind.MISSING_CLASS
        }
        assert found == {node_id for node_id, node in right.items() if node["class_type"] == missing}
        assert panel_parameters(Workflow(made), types, ui)


def test_a_template_with_three_problems_is_mended_by_what_they_offer(
    templates: Path, object_info: dict[str, Any]
) -> None:
    ui = json.loads((templates / "sdxlturbo_example.ui.json").read_text())
    scheduler = object_info["SDTurboScheduler"]
    server = object_info | {
        "TurboScheduler": scheduler,
        "CheckpointLoaderSimple": {
            **object_info["CheckpointLoaderSimple"],
            "input": {"required": {"ckpt_name": [["other.safetensors", "sdxl/sd_xl_turbo_1.0_fp16.safetensors"]]}},
        },
    }
    del server["SDTurboScheduler"]
    replacements = {
        "SDTurboScheduler": [
            {
                "new_node_id": "TurboScheduler",
                "old_node_id": "SDTurboScheduler",
                "old_widget_ids": ["steps", "denoise"],
                "input_mapping": [{"new_id": name, "old_id": name} for name in ("model", "steps", "denoise")],
                "output_mapping": [{"new_idx": 0, "old_idx": 0}],
            }
        ]
    }
    node_types = NodeTypes.from_object_info(server)
    right = to_api(ui, NodeTypes.from_object_info(object_info))
    graph = to_api(ui, with_stand_ins(ui, node_types, replacements))
    (latent,) = [node for node in graph.values() if node["class_type"] == "EmptyLatentImage"]
    latent["inputs"]["width"] = 100_000
    kinds = []
    while problems := preflight(graph, node_types, packs=packs_of(ui), replacements=replacements):
        kinds.append(problems[0].kind)
        graph = apply(graph, problems[0])
    assert sorted(kinds) == [ProblemKind.MISSING_CLASS, ProblemKind.MISSING_MODEL, ProblemKind.OUT_OF_RANGE]
    for node_id, node in graph.items():
        changed = {name for name, value in node["inputs"].items() if right[node_id]["inputs"][name] != value}
        assert changed <= {"width", "ckpt_name"}
