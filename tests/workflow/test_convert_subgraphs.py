"""Conversion: subgraphs opened up, and the values that their instances give to the widgets inside."""

from __future__ import annotations

import json
from typing import Any

import pytest

from blender_comfyui.workflow.errors import BrokenWorkflow
from tests.workflow.ui_graphs import Json, api, defined, node, subgraph, ui

# A subgraph of one number, the value of which is its input.
BOX = subgraph(
    "box",
    node(7, "Number", [1], {"value*": 1}),
    inputs={"v": ("INT", [1])},
    outputs={"n": ("INT", [2])},
    links=[[1, -10, 0, 7], [2, 7, 0, -20]],
)
# One round it.
CRATE = subgraph(
    "crate",
    node(9, "box", [2], {"v*": 1}),
    inputs={"w": ("INT", [1])},
    outputs={"n": ("INT", [2])},
    links=[[1, -10, 0, 9], [2, 9, 0, -20]],
)


def value(workflow: Json, id_: str, name: str = "value", **options: Any) -> Any:
    return api(workflow, **options)[id_]["inputs"].get(name, "none")


def test_ids_are_the_path_of_the_instances() -> None:
    workflow = ui(node(3, "crate"), node(4, "box"), subgraphs=[BOX, CRATE])
    assert list(api(workflow)) == ["4:7", "3:9:7"]


def test_definitions_may_stand_inside_definitions() -> None:
    crate = CRATE | {"definitions": {"subgraphs": [BOX]}}
    assert list(api(ui(node(3, "crate"), subgraphs=[crate]))) == ["3:9:7"]


def test_outputs_lead_inside() -> None:
    workflow = ui(
        node(1, "Any", [], {"source": 1}),
        node(2, "Any", [], {"source": 2}),
        node(3, "crate"),
        node(4, "box"),
        links=[[1, 3, 0, 1], [2, 4, 0, 2]],
        subgraphs=[BOX, CRATE],
    )
    made = api(workflow)
    assert made["1"]["inputs"] == {"source": ["3:9:7", 0]}
    assert made["2"]["inputs"] == {"source": ["4:7", 0]}


def test_an_output_without_a_link_inside_gives_nothing() -> None:
    empty = subgraph("empty", outputs={"n": ("INT", [])})
    for slot in (0, 5):
        workflow = ui(node(1, "Any", [], {"source": 1}), node(4, "empty"), links=[[1, 4, slot, 1]], subgraphs=[empty])
        assert value(workflow, "1", "source") == "none"


def test_links_are_found_where_the_definition_does_not_list_them() -> None:
    box = json.loads(json.dumps(BOX))
    box["inputs"][0]["linkIds"] = box["outputs"][0]["linkIds"] = None
    workflow = ui(node(1, "Any", [], {"source": 1}), node(4, "box", [5]), links=[[1, 4, 0, 1]], subgraphs=[box])
    assert value(workflow, "1", "source") == ["4:7", 0]
    assert value(workflow, "4:7") == 5


def test_an_input_may_lead_straight_to_an_output() -> None:
    through = subgraph("through", inputs={"i": ("*", [1])}, outputs={"o": ("*", [1])}, links=[[1, -10, 0, -20]])
    workflow = ui(
        node(1, "Any", [], {"source": 1}),
        node(4, "through", [], {"i": 2}),
        node(5, "Number", [1]),
        links=[[1, 4, 0, 1], [2, 5, 0, 4]],
        subgraphs=[through],
    )
    assert value(workflow, "1", "source") == ["5", 0]


def test_a_linked_instance_goes_on_outside() -> None:
    workflow = ui(
        node(3, "crate", [5], {"w*": 1}), node(5, "Number", [1]), links=[[1, 5, 0, 3]], subgraphs=[BOX, CRATE]
    )
    assert value(workflow, "3:9:7") == ["5", 0]


def test_what_a_linked_instance_does_not_get_the_widget_keeps() -> None:
    workflow = ui(node(3, "box", [5], {"v*": 1}), node(5, "Number", [1], mode=2), links=[[1, 5, 0, 3]], subgraphs=[BOX])
    assert value(workflow, "3:7") == 1


def test_an_instance_may_leave_inputs_out_and_order_them_otherwise() -> None:
    two = subgraph(
        "two",
        node(7, "Latent", [1, 2], {"width*": 1, "height*": 2}),
        inputs={"a": ("INT", [1]), "b": ("INT", [2])},
        links=[[1, -10, 0, 7], [2, -10, 1, 7]],
    )
    workflow = ui(node(3, "two", [10, 20], {"b*": 1}), node(5, "Number"), links=[[1, 5, 0, 3]], subgraphs=[two])
    assert api(workflow)["3:7"]["inputs"] == {"width": 10, "height": ["5", 0]}


# Values.


@pytest.mark.parametrize(
    ("outer", "inner", "own", "expected"),
    [([8], [2], 1, 8), ([], [2], 1, 2), (None, [2], 1, 2), ([], [], 1, 1), (None, None, 1, 1), ([None], [2], 1, None)],
)
def test_the_outermost_value_counts(outer: Any, inner: Any, own: Any, expected: Any) -> None:
    box = BOX | {"nodes": [node(7, "Number", [own], {"value*": 1})]}
    crate = CRATE | {"nodes": [node(9, "box", inner, {"v*": 1})]}
    assert value(ui(node(3, "crate", outer), subgraphs=[box, crate]), "3:9:7") == expected


def test_each_instance_has_its_own_value() -> None:
    workflow = ui(node(3, "box", [5]), node(4, "box", [6]), node(5, "box"), subgraphs=[BOX])
    assert [value(workflow, id_) for id_ in ("3:7", "4:7", "5:7")] == [5, 6, 1]


def test_only_promoted_inputs_take_values() -> None:
    mixed = subgraph(
        "mixed",
        node(6, "Any", [], {"source": 1}),
        node(7, "Latent", [1, 2], {"width*": 2, "height*": 3}),
        inputs={"plain": ("*", [1]), "a": ("INT", [2]), "dead": ("INT", [99]), "b": ("INT", [3])},
        links=[[1, -10, 0, 6], [2, -10, 1, 7], [3, -10, 3, 7]],
    )
    made = api(ui(node(3, "mixed", [10, 20]), subgraphs=[mixed]))
    assert made["3:7"]["inputs"] == {"width": 10, "height": 20}
    assert made["3:6"]["inputs"] == {}


def test_the_first_link_that_leads_to_a_widget_promotes_and_all_get_the_value() -> None:
    shared = subgraph(
        "shared",
        node(6, "Any", [], {"source": 2}),
        node(7, "Number", [1], {"value*": 3}),
        node(8, "Number", [2], {"value*": 4}),
        inputs={"a": ("INT", [9, 2, 3, 4])},
        links=[[2, -10, 0, 6], [3, -10, 0, 7], [4, -10, 0, 8]],
    )
    made = api(ui(node(3, "shared"), subgraphs=[shared]))
    assert [made[id_]["inputs"] for id_ in ("3:6", "3:7", "3:8")] == [{"source": 1}, {"value": 1}, {"value": 1}]


def test_a_promoted_value_gets_through_reroutes() -> None:
    rerouted = subgraph(
        "rerouted",
        node(6, "Reroute", None, {"": 2}),
        node(7, "Number", [1], {"value*": 1}),
        node(8, "Number", [2], {"value*": 3}),
        inputs={"a": ("INT", [1, 2])},
        links=[[1, -10, 0, 7], [2, -10, 0, 6], [3, 6, 0, 8]],
    )
    made = api(ui(node(3, "rerouted", [5]), subgraphs=[rerouted]))
    assert [made[id_]["inputs"] for id_ in ("3:7", "3:8")] == [{"value": 5}, {"value": 5}]


def test_promoted_values_are_sent_as_they_are() -> None:
    definition = defined({"text": ["STRING", {"dynamicPrompts": True}], "curve": ["CURVE"], "colors": ["COLORS"]})
    raw = subgraph(
        "raw",
        node(7, "Mix", ["x", {}, []], {"text*": 1, "curve*": 2, "colors*": 3}),
        inputs={"t": ("STRING", [1]), "c": ("CURVE", [2]), "l": ("COLORS", [3])},
        links=[[1, -10, 0, 7], [2, -10, 1, 7], [3, -10, 2, 7]],
    )
    made = api(ui(node(3, "raw", ["{a|b} // c", {"p": 1}, ["#fff"]]), subgraphs=[raw]), {"Mix": definition})
    assert made["3:7"]["inputs"] == {"text": "{a|b} // c", "curve": {"p": 1}, "colors": {"__value__": ["#fff"]}}


def test_a_primitives_value_gets_into_a_subgraph() -> None:
    workflow = ui(
        node(3, "crate", [5], {"w*": 1}), node(9, "PrimitiveNode", [64]), links=[[1, 9, 0, 3]], subgraphs=[BOX, CRATE]
    )
    assert value(workflow, "3:9:7") == 64


def test_a_get_node_finds_a_set_node_outside() -> None:
    getter = subgraph("getter", node(7, "Any", [], {"source": 1}), node(8, "GetNode", ["a"]), links=[[1, 8, 0, 7]])
    workflow = ui(
        node(3, "getter"),
        node(4, "SetNode", ["a"], {"x": 1}),
        node(5, "Number"),
        links=[[1, 5, 0, 4]],
        subgraphs=[getter],
    )
    assert value(workflow, "3:7", "source") == ["5", 0]


def test_a_custom_choice_from_outside_has_its_own_index() -> None:
    chooser = subgraph(
        "chooser",
        node(7, "CustomCombo", ["a", 0, "a", "b", ""], {"choice*": 1}),
        inputs={"c": ("COMBO", [1])},
        links=[[1, -10, 0, 7]],
    )
    made = api(ui(node(3, "chooser", ["b"]), subgraphs=[chooser]), {"CustomCombo": defined({"choice": ["COMBO", {}]})})
    assert made["3:7"]["inputs"]["index"] == 1


# Modes.


def in_a_row(mode: int, inner_mode: int = 0) -> Json:
    """Number 5 → instance 3 of the crate → 1."""
    crate = CRATE | {"nodes": [node(9, "box", [2], {"v*": 1}, mode=inner_mode)]}
    return ui(
        node(1, "Any", [], {"source": 1}),
        node(3, "crate", [8], {"w*": 2}, mode=mode),
        node(5, "Number", [1]),
        links=[[1, 3, 0, 1], [2, 5, 0, 3]],
        subgraphs=[BOX, crate],
    )


def test_a_muted_instance_in_the_workflow_is_not_opened() -> None:
    made = api(in_a_row(2))
    assert list(made) == ["1", "5"]
    assert made["1"]["inputs"] == {}


def test_a_bypassed_instance_in_the_workflow_is_not_opened_but_bypassed() -> None:
    made = api(in_a_row(4))
    assert list(made) == ["1", "5"]
    assert made["1"]["inputs"] == {"source": ["5", 0]}


def test_a_muted_instance_inside_is_opened_but_cut() -> None:
    made = api(in_a_row(0, 2))
    assert list(made) == ["1", "5", "3:9:7"]
    assert made["1"]["inputs"] == {}


def test_a_bypassed_instance_inside_is_opened_but_bypassed() -> None:
    made = api(in_a_row(0, 4))
    assert list(made) == ["1", "5", "3:9:7"]
    assert made["1"]["inputs"] == {"source": ["5", 0]}


# The old proxyWidgets.


def proxied(entries: Any, values: Any, *, instance: str = "bag", subgraphs: list[Json] | None = None) -> Json:
    bag = subgraph("bag", node(7, "Latent", [1, 2]), node(8, "Number", [3]))
    return ui(node(3, instance, values, properties={"proxyWidgets": entries}), subgraphs=subgraphs or [bag, BOX, CRATE])


def test_old_entries_give_values_by_their_index() -> None:
    made = api(proxied([["8", "value"], [7, "height"], ["7", "width"]], [30, 20]))
    assert made["3:8"]["inputs"] == {"value": 30}
    assert made["3:7"]["inputs"] == {"width": 1, "height": 20}


def test_old_entries_may_be_a_text() -> None:
    assert value(proxied('[["8", "value"]]', [30]), "3:8") == 30
    assert value(proxied('[["8", "val', [30]), "3:8") == 3


@pytest.mark.parametrize("values", [None, [], {}])
def test_old_entries_without_values_change_nothing(values: Any) -> None:
    assert value(proxied([["8", "value"]], values), "3:8") == 3


def test_entries_that_mean_nothing_keep_their_place() -> None:
    entries = [
        ["-1", "value"],
        ["8", "$$canvas"],
        ["8", "control_after_generate"],
        None,
        ["99", "x"],
        ["8", "no"],
        ["8", "value"],
    ]
    assert value(proxied(entries, [1, 2, 3, 4, 5, 6, 70]), "3:8") == 70


def test_an_entry_for_what_is_linked_goes_to_that_input_by_its_own_index() -> None:
    assert value(proxied([["8", "x"], ["7", "value"]], [5, 6], instance="box"), "3:7") == 6


def test_an_entry_for_a_primitive_goes_to_its_targets_in_this_instance() -> None:
    fed = subgraph(
        "fed",
        node(7, "Latent", [1, 2], {"width*": 1, "height*": 2}),
        node(8, "PrimitiveNode", [5]),
        links=[[1, 8, 0, 7], [2, 8, 0, 7]],
    )
    workflow = proxied([["8", "value"]], [64], instance="fed", subgraphs=[fed])
    workflow["nodes"].append(node(4, "fed"))
    made = api(workflow)
    assert made["3:7"]["inputs"] == {"width": 64, "height": 64}
    assert made["4:7"]["inputs"] == {"width": 5, "height": 5}


@pytest.mark.parametrize("name", ["v", "7: value", "9: 7: value"])
def test_an_entry_for_a_nested_instance_goes_to_its_input(name: str) -> None:
    holder = subgraph("holder", node(9, "box", [2]))
    workflow = proxied([["9", name]], [64], instance="holder", subgraphs=[BOX, holder])
    assert value(workflow, "3:9:7") == 64


def test_the_third_part_tells_nested_widgets_of_one_name_apart() -> None:
    twins = subgraph(
        "twins",
        node(6, "Number", [1], {"value*": 1}),
        node(7, "Number", [1], {"value*": 2}),
        inputs={"a": ("INT", [1]), "b": ("INT", [2])},
        links=[[1, -10, 0, 6], [2, -10, 1, 7]],
    )
    holder = subgraph("holder", node(9, "twins"))
    workflow = proxied([["9", "value", "7"]], [64], instance="holder", subgraphs=[twins, holder])
    assert (value(workflow, "3:9:6"), value(workflow, "3:9:7")) == (1, 64)


def test_an_entry_for_a_nested_instances_own_entry_goes_to_its_widget() -> None:
    bag = subgraph("bag", node(8, "Number", [3]))
    holder = subgraph("holder", node(9, "bag", [4], properties={"proxyWidgets": [["8", "value"]]}))
    workflow = proxied([["9", "value"]], [64], instance="holder", subgraphs=[bag, holder])
    assert value(workflow, "3:9:8") == 64
    workflow["nodes"].append(node(4, "holder"))
    assert value(workflow, "4:9:8") == 4


def test_an_entry_for_the_instance_goes_to_its_input_by_name() -> None:
    workflow = proxied([["-1", "none"], ["-1", "v"]], [5, 64], instance="box")
    assert value(workflow, "3:7") == 64
    assert value(proxied([["-1", "v"]], [], instance="box"), "3:7") == 1


def test_null_for_a_promoted_menu_is_its_first_choice() -> None:
    menu = defined({"choice": [["a", "b"], {"default": "b"}]})
    inside = subgraph(
        "menu", node(7, "Menu", ["b"], {"choice*": 1}), inputs={"c": ("COMBO", [1])}, links=[[1, -10, 0, 7]]
    )
    around = subgraph("around", node(9, "menu", [], {"c*": 1}), inputs={"d": ("COMBO", [1])}, links=[[1, -10, 0, 9]])
    workflow = ui(node(3, "menu", [None]), node(4, "around", [None]), subgraphs=[inside, around])
    made = api(workflow, {"Menu": menu})
    assert made["3:7"]["inputs"] == made["4:9:7"]["inputs"] == {"choice": "a"}
    assert value(ui(node(3, "box", [None]), subgraphs=[BOX]), "3:7") is None


def test_values_that_were_set_aside_count_by_name_before_those_by_place() -> None:
    aside = [
        {"originalEntry": ["-1", "v"], "hostValue": 32},
        {"originalEntry": ["-1", "v"], "hostValue": 33},
        {"originalEntry": ["7", "v"], "hostValue": 34},
        {"originalEntry": ["-1", "v"]},
        {"originalEntry": 5},
        5,
    ]
    properties = {"proxyWidgetErrorQuarantine": aside}
    workflow = ui(node(3, "box", [64], properties=properties), subgraphs=[BOX])
    assert value(workflow, "3:7") == 32
    properties["proxyWidgets"] = [["-1", "v"]]
    assert value(workflow, "3:7") == 64


# What cannot be opened.


def test_a_subgraph_that_contains_itself_is_told() -> None:
    with pytest.raises(BrokenWorkflow, match="“loop” contains itself"):
        api(ui(node(1, "loop"), subgraphs=[subgraph("loop", node(1, "loop"))]))


def test_two_subgraphs_that_contain_each_other_are_told() -> None:
    with pytest.raises(BrokenWorkflow, match="contains itself"):
        api(ui(node(1, "a"), subgraphs=[subgraph("a", node(1, "b")), subgraph("b", node(1, "a"))]))


@pytest.mark.parametrize("width", [1, 2, 50])
def test_bombs_of_subgraphs_are_told(width: int) -> None:
    levels = [subgraph(f"s{at}", *(node(each, f"s{at + 1}") for each in range(width))) for at in range(200)]
    with pytest.raises(BrokenWorkflow, match=r"levels deep|more than 20,000 nodes"):
        api(ui(node(1, "s0"), subgraphs=[*levels, subgraph("s200")]))


def test_ninety_levels_are_fine() -> None:
    levels = [
        subgraph(f"s{at}", node(1, f"s{at + 1}", None, {"v*": 1}), inputs={"v": ("INT", [1])}, links=[[1, -10, 0, 1]])
        for at in range(90)
    ]
    made = api(ui(node(1, "s0", [5]), subgraphs=[*levels, BOX | {"id": "s90"}]))
    (only,) = made.values()
    assert only["inputs"] == {"value": 5}
