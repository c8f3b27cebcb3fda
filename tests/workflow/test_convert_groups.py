"""Conversion: old group nodes."""

from __future__ import annotations

from typing import Any

import pytest

from blender_comfyui.workflow.errors import BrokenWorkflow, UnknownClasses
from tests.workflow.ui_graphs import Json, api, node, ui

# Two texts and a sampler; the sampler's model and latent come from outside, its seed has a control.
GROUP = {
    "nodes": [
        {"type": "Encode", "inputs": [{"name": "clip", "type": "CLIP", "link": None}], "widgets_values": ["own"]},
        {
            "type": "KSampler",
            "inputs": [{"name": name, "type": "*", "link": None} for name in ("model", "positive", "latent_image")],
            "widgets_values": [1, "fixed", 20, "euler"],
        },
    ],
    "links": [[0, 0, 1, 1, 5, "CONDITIONING"], [None, 0, 1, 0, 6, "MODEL"]],
    "external": [],
}


def grouped(
    values: Any, inputs: Any, links: Any = (), group: Json = GROUP, type_: str = "workflow>G", mode: int = 0
) -> Json:
    return ui(
        node(3, type_, values, inputs, mode),
        node(4, "Loader", ["m.safetensors"]),
        node(5, "Latent", [8, 8]),
        node(6, "Any", [], {"source": 9}),
        links=[[1, 4, 0, 3], [2, 4, 1, 3], [3, 5, 0, 3], [9, 3, 0, 6], *links],
        extra={"groupNodes": {"G": group}},
    )


INPUTS = {"clip": 2, "model": 1, "latent_image": 3}


@pytest.mark.parametrize("type_", ["workflow>G", "workflow/G"])
def test_a_group_opens_with_its_values_and_links(type_: str) -> None:
    made = api(grouped(["new", 7, "randomize", 30, "heun"], INPUTS, type_=type_))
    assert made["3:0"]["inputs"] == {"text": "new", "clip": ["4", 1]}
    assert made["3:1"]["inputs"] == {
        "seed": 7,
        "steps": 30,
        "sampler_name": "heun",
        "model": ["4", 0],
        "positive": ["3:0", 0],
        "latent_image": ["5", 0],
    }
    assert made["6"]["inputs"] == {"source": ["3:1", 0]}
    assert "3" not in made


def test_values_that_the_group_does_not_give_are_those_inside() -> None:
    made = api(grouped([], INPUTS))
    assert made["3:0"]["inputs"]["text"] == "own"
    assert made["3:1"]["inputs"]["steps"] == 20


def test_texts_of_a_group_are_treated_as_those_of_the_nodes() -> None:
    assert api(grouped(["{a|a} // c"], INPUTS))["3:0"]["inputs"]["text"] == "a "


def test_equal_names_are_told_apart() -> None:
    twice = {"nodes": [{"type": "Encode", "title": "Good"}, {"type": "Encode", "title": "Bad"}, {"type": "Encode"}]}
    made = api(grouped(["a", "b", "c"], {"clip": 2, "Bad clip": 1, "Encode clip": None}, group=twice))
    assert made["3:0"]["inputs"] == {"text": "a", "clip": ["4", 1]}
    assert made["3:1"]["inputs"] == {"text": "b", "clip": ["4", 0]}
    assert made["3:2"]["inputs"] == {"text": "c"}


def test_outputs_that_are_used_inside_are_none_of_the_group_unless_used_outside_too() -> None:
    one = {"nodes": [{"type": "Number"}, {"type": "Any", "inputs": [{"name": "source", "type": "*"}]}]}
    one["links"] = [[0, 0, 1, 0, 7, "INT"]]  # type: ignore[list-item]
    assert api(grouped([5], {}, group=one))["6"]["inputs"] == {"source": ["3:1", 0]}
    both = one | {"external": [[0, 0, "INT"]]}
    assert api(grouped([5], {}, group=both))["6"]["inputs"] == {"source": ["3:0", 0]}


def test_a_widget_that_was_made_an_input_comes_after_all_others() -> None:
    converted = {
        "nodes": [
            {"type": "Latent", "inputs": [{"name": "width", "type": "INT", "widget": {"name": "width"}}]},
            {"type": "Number"},
        ]
    }
    made = api(grouped([1, 2, 3], {"width*": 3}, group=converted))
    assert made["3:0"]["inputs"] == {"width": ["5", 0], "height": 1}
    assert made["3:1"]["inputs"] == {"value": 2}


def test_a_widget_that_was_made_an_input_and_is_linked_to_nothing_has_its_value_from_the_end() -> None:
    text = {"name": "text", "type": "STRING", "link": None, "widget": {"name": "text"}}
    nodes = [{**GROUP["nodes"][0], "inputs": [*GROUP["nodes"][0]["inputs"], text]}, GROUP["nodes"][1]]
    made = api(grouped([7, "fixed", 30, "heun", "last"], INPUTS | {"text*": None}, group={**GROUP, "nodes": nodes}))
    assert made["3:0"]["inputs"]["text"] == "last"
    assert made["3:1"]["inputs"]["seed"] == 7


def test_names_and_visibility_that_people_have_set() -> None:
    config = {"0": {"input": {"clip": {"name": "Text model"}}}, "1": {"input": {"model": {"visible": False}}}}
    made = api(grouped(["x"], {"Text model": 2, "model": 1, "latent_image": 3}, group=GROUP | {"config": config}))
    assert made["3:0"]["inputs"] == {"text": "x", "clip": ["4", 1]}
    assert "model" not in made["3:1"]["inputs"]


def test_a_primitive_in_a_group_gives_its_value() -> None:
    fed = {
        "nodes": [
            {"type": "PrimitiveNode", "title": "Size", "widgets_values": [64]},
            {"type": "Latent", "inputs": [{"name": "width", "type": "INT", "widget": {"name": "width"}}]},
        ],
        "links": [[0, 0, 1, 0, 7, "INT"]],
    }
    made = api(grouped([128, "fixed", 5], {}, group=fed))
    assert made["3:1"]["inputs"] == {"width": 128, "height": 5}
    assert api(grouped([], {}, group=fed))["3:1"]["inputs"] == {"width": 64, "height": 512}


def test_reroutes_in_a_group() -> None:
    rerouted = {
        "nodes": [
            {"type": "Reroute", "inputs": [{"name": "", "type": "*"}]},
            {"type": "Encode", "inputs": [{"name": "clip", "type": "CLIP"}]},
        ],
        "links": [[0, 0, 1, 0, 7, "CLIP"]],
    }
    assert api(grouped(["x"], {"CLIP": 2}, group=rerouted))["3:1"]["inputs"] == {"text": "x", "clip": ["4", 1]}


def test_a_bypassed_group_is_bypassed() -> None:
    made = api(grouped([], INPUTS, mode=4))
    assert "3:0" not in made
    assert made["6"]["inputs"] == {"source": ["4", 1]}


def test_a_group_that_the_file_does_not_describe_is_unknown() -> None:
    with pytest.raises(UnknownClasses, match="workflow>H"):
        api(grouped([], INPUTS, type_="workflow>H"))


def test_a_group_in_itself_is_told() -> None:
    with pytest.raises(BrokenWorkflow, match="contains itself"):
        api(grouped([], {}, group={"nodes": [{"type": "workflow>G"}]}))


@pytest.mark.parametrize("group", [{}, {"nodes": []}, {"nodes": None, "links": None}])
def test_an_empty_group_gives_nothing(group: Json) -> None:
    assert list(api(grouped([], {}, group=group))) == ["4", "5", "6"]


@pytest.mark.parametrize("group", [{"nodes": 5}, {"nodes": [5]}, {"nodes": [{}]}, {"nodes": [], "links": "x"}])
def test_a_malformed_group_is_told(group: Json) -> None:
    with pytest.raises(BrokenWorkflow):
        api(grouped([], {}, group=group))
