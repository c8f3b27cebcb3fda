"""Conversion: classes and kinds of widgets that the editor treats in ways of their own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflow.ui_graphs import api, defined, inputs_of, node, subgraph, ui, widgets

WIDTH = ["INT", {"default": 1024}]


def test_a_mesh_to_load_has_three_buttons_before_its_view() -> None:
    definition = defined({"model_file": [["none", "m.glb"]], "image": ["LOAD_3D", {}], "width": WIDTH})
    made = widgets(["m.glb", "a", "b", "c", "", 512], definition)
    assert made["model_file"] == "m.glb"
    assert made["width"] == 512
    assert (made["upload 3d model"], made["upload extra resources"], made["clear"]) == ("a", "b", "c")
    assert widgets([], definition)["clear"] == "clear"


def test_a_view_without_a_mesh_to_load_has_no_buttons() -> None:
    assert widgets(["", 512], defined({"image": ["LOAD_3D", {}], "width": WIDTH}))["width"] == 512
    advanced = defined({"model_file": [["m.glb"]], "viewport_state": ["LOAD_3D", {}], "width": WIDTH})
    assert widgets(["m.glb", "", 512], advanced)["width"] == 512


def test_an_animated_view_is_a_socket_now() -> None:
    assert widgets([512], defined({"image": ["LOAD_3D_ANIMATION", {}], "width": WIDTH})) == {"width": 512}


@pytest.mark.parametrize("values", [[], ["old.wav"]])
def test_a_recording_is_empty(values: Any) -> None:
    assert widgets(values, defined({"audio": ["AUDIO_RECORD", {}]})) == {"audio": ""}


def test_file_names_are_replaced_by_the_classes_of_the_editor_only() -> None:
    definitions = {name: defined({"filename_prefix": ["STRING", {}]}) for name in ("SaveLatent", "SaveText")}
    made = api(ui(node(1, "SaveLatent", ["%2.x%"]), node(2, "SaveText", ["%SaveLatent.x%"])), definitions)
    assert made["2"]["inputs"] == {"filename_prefix": "%SaveLatent.x%"}
    numbered = ui(node(1, "SaveLatent", ["%Number.value%"]), node(2, "SaveText", ["%Number.value%"]), node(3, "Number"))
    made = api(numbered, definitions)
    assert made["1"]["inputs"] == {"filename_prefix": "7"}
    assert made["2"]["inputs"] == {"filename_prefix": "%Number.value%"}


def test_a_mapping_may_have_a_place_for_the_button_of_a_file() -> None:
    definition = defined({"image": [["a.png"], {"image_upload": True}]})
    assert widgets({"image": "x.png", "upload": "image"}, definition) == {"image": "x.png"}
    assert widgets({"image": "x.png"}, definition) == {"image": "a.png"}


def test_numbered_keys_of_a_mapping_come_first() -> None:
    definition = defined({"a": ["INT"], "b": ["INT"], "c": ["INT"]})
    assert widgets({"x": 1, "2": 2, "10": 3}, definition) == {"a": 2, "b": 3, "c": 1}


def test_links_of_a_choice_that_is_not_made_are_left_out() -> None:
    options = [
        {"key": "one", "inputs": {"required": {"first": ["IMAGE"]}}},
        {"key": "two", "inputs": {"required": {"second": ["IMAGE"]}}},
    ]
    definition = defined({"mode": ["COMFY_DYNAMICCOMBO_V3", {"options": options}]})
    inputs = {"mode.first": 5, "mode.second": 6, "mode.third": 7, "more": 8}
    made = widgets(["two"], definition, inputs, links=[[link, 2, 0, 1, link - 4] for link in (5, 6, 7, 8)])
    assert made == {"mode": "two", "mode.second": ["2", 0], "more": ["2", 0]}


def test_the_second_of_two_equal_ids_inside_a_subgraph_is_left_out() -> None:
    inner = subgraph("s", node(1, "Number", [1]), node(1, "Number", [2]))
    assert inputs_of(ui(node(9, "s"), subgraphs=[inner]), "9:1") == {"value": 1}
    assert list(api(ui(node(9, "s"), subgraphs=[inner]))) == ["9:1"]
