"""Values of a panel back in its workflow, with inputs that come and go."""

from __future__ import annotations

from typing import Any

import pytest

from blender_comfyui.workflow.errors import InvalidValue, UnknownParameter
from blender_comfyui.workflow.graph import Workflow
from blender_comfyui.workflow.panel_parameters import panel_parameters
from blender_comfyui.workflow.panel_values import with_panel_values
from tests.workflow.graphs import node
from tests.workflow.panel_nodes import TYPES
from tests.workflow.test_panel_parameters import UI_TYPES, boxed, to_api


def set_in(graph: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    workflow = Workflow.load(graph)
    changed = with_panel_values(workflow, panel_parameters(workflow, TYPES), values)
    assert workflow == Workflow.load(graph)
    return changed.api()


def test_a_value_is_set() -> None:
    made = set_in({"1": node("Everything", count=1, seed=3)}, {"1.seed": 2**64 - 1})
    assert made["1"]["inputs"] == {"count": 1, "seed": 2**64 - 1}


def test_nothing_changes_without_values() -> None:
    graph = {"1": node("Resize", resize="by factor", **{"resize.factor": 3.0, "input": ["2", 0]})}
    assert set_in(graph, {}) == graph


def test_a_menu_brings_its_inputs_and_takes_those_of_its_other_choices() -> None:
    graph = {"1": node("Resize", resize="by size", **{"resize.width": 640, "input": ["2", 0]})}
    made = set_in(graph, {"1.resize": "by factor and crop", "1.resize.crop": "side", "1.resize.crop.side": "right"})
    assert made["1"]["inputs"] == {
        "resize": "by factor and crop",
        "resize.factor": 2.0,
        "resize.crop": "side",
        "resize.crop.side": "right",
        "input": ["2", 0],
    }
    back = set_in(made, {"1.resize": "by size"})
    assert back["1"]["inputs"] == {"resize": "by size", "resize.width": 512, "input": ["2", 0]}


def test_what_is_tied_together_is_set_together() -> None:
    file = boxed()
    workflow = Workflow(to_api(file, UI_TYPES))
    changed = with_panel_values(workflow, panel_parameters(workflow, UI_TYPES, file), {"7:2.seed": 77}).api()
    assert [changed[node_id]["inputs"]["seed"] for node_id in ("7:2", "7:3")] == [77, 77]


def test_lists_are_wrapped() -> None:
    assert set_in({"1": node("Everything")}, {"1.tags": ["x", "y"]})["1"]["inputs"]["tags"] == {"__value__": ["x", "y"]}


def test_a_key_that_no_parameter_has() -> None:
    with pytest.raises(UnknownParameter, match=r"“1\.cuont”.*“1\.count”"):
        set_in({"1": node("Everything")}, {"1.cuont": 1})


@pytest.mark.parametrize("value", [float("nan"), object(), {1.5: 2}])
def test_a_value_that_cannot_be_sent(value: Any) -> None:
    with pytest.raises(InvalidValue, match="count"):
        set_in({"1": node("Everything")}, {"1.count": value})
