"""Conversion: where inputs lead back to, through virtual, muted and bypassed nodes."""

from __future__ import annotations

from typing import Any

import pytest

from blender_comfyui.workflow.conversion.routes import compatible
from blender_comfyui.workflow.errors import BrokenWorkflow
from tests.workflow.ui_graphs import Json, api, defined, inputs_of, node, ui


def slot(name: str, type_: str, link: Any = None) -> Json:
    return {"name": name, "type": type_, "link": link}


# The file.


def test_inputs_are_found_by_name_and_the_target_slot_is_ignored() -> None:
    workflow = ui(node(1, "SaveImage", ["x"], {"images": 5}), node(2, "Image", ["a.png"]), links=[[5, 2, 0, 1, 44]])
    assert inputs_of(workflow) == {"filename_prefix": "x", "images": ["2", 0]}


def test_links_may_be_objects() -> None:
    workflow = ui(node(1, "Any", [], {"source": 5}), node(2, "Image", ["a.png"]))
    link = {"id": 5, "origin_id": 2, "origin_slot": 1, "target_id": 1, "target_slot": 0, "type": "MASK", "parentId": 3}
    for links in ([link], {"5": link}):
        assert inputs_of(workflow | {"links": links}) == {"source": ["2", 1]}


def test_ids_may_be_texts_and_slots_too() -> None:
    workflow = ui(node("1", "Any", [], {"source": "5"}), node(2, "Image", ["a.png"]), links=[[5, "2", "1", "1", "0"]])
    assert inputs_of(workflow) == {"source": ["2", 1]}


def test_native_reroutes_and_floating_links_are_only_drawn() -> None:
    workflow = ui(
        node(1, "Any", [], {"source": 5}),
        node(2, "Image", ["a.png"]),
        links=[[5, 2, 0, 1, 0]],
        extra={"reroutes": [{"id": 1, "pos": [0, 0], "linkIds": [5]}], "linkExtensions": [{"id": 5, "parentId": 1}]},
        floatingLinks=[{"id": 9, "origin_id": 2, "origin_slot": 0, "target_id": -1, "target_slot": -1}],
    )
    assert inputs_of(workflow) == {"source": ["2", 0]}


def test_unlinked_required_inputs_are_left_to_the_server() -> None:
    assert inputs_of(ui(node(1, "SaveImage", ["x"]))) == {"filename_prefix": "x"}


@pytest.mark.parametrize("links", [[], [[6, 2, 0, 1, 0]], [[5, 99, 0, 1, 0]], [5], [None], [[5]], [[5, None, 0, 1, 0]]])
def test_links_to_nothing_are_none(links: list[Any]) -> None:
    workflow = ui(node(1, "Any", [], {"source": 5}), node(2, "Image", ["a.png"])) | {"links": links}
    assert inputs_of(workflow) == {}


def test_extra_inputs_are_sent_where_they_are_linked() -> None:
    inputs = {"source": None, "more": 5, "idle": None, "gone*": 6}
    workflow = ui(node(1, "Any", [], inputs), node(2, "Image"), links=[[5, 2, 0, 1, 1], [6, 2, 0, 1, 3]])
    assert inputs_of(workflow) == {"more": ["2", 0]}


def test_the_second_of_two_equal_ids_gets_another() -> None:
    made = api(ui(node(1, "Number", [1]), node(1, "Number", [2]), node(2, "Number", [3])))
    assert {id_: each["inputs"]["value"] for id_, each in made.items()} == {"1": 1, "2": 3, "3": 2}


# Virtual nodes.


def test_notes_vanish() -> None:
    assert list(api(ui(node(1, "Note", ["x"]), node(2, "MarkdownNote", ["x"]), node(3, "Number", [1])))) == ["3"]


@pytest.mark.parametrize("type_", ["Reroute", "Reroute (rgthree)"])
def test_reroutes_are_passed_through(type_: str) -> None:
    workflow = ui(
        node(1, "Any", [], {"source": 5}),
        node(2, type_, None, {"": 6}),
        node(3, type_, None, {"": 7}),
        node(4, "Image", ["a.png"]),
        links=[[5, 2, 0, 1], [6, 3, 0, 2], [7, 4, 1, 3]],
    )
    assert api(workflow)["1"]["inputs"] == {"source": ["4", 1]}
    assert list(api(workflow)) == ["1", "4"]


def test_a_reroute_has_one_way_for_each_index() -> None:
    workflow = ui(
        node(1, "Any", [], {"source": 5}),
        node(2, "Reroute", None, {"a": 6, "b": 7}),
        node(3, "Image", ["a.png"]),
        links=[[5, 2, 1, 1], [6, 3, 0, 2], [7, 3, 1, 2]],
    )
    assert inputs_of(workflow) == {"source": ["3", 1]}


def test_ornaments_of_extensions_vanish_but_a_class_that_the_server_knows_stays() -> None:
    workflow = ui(node(1, "Label (rgthree)"), node(2, "Number", [1]))
    assert list(api(workflow)) == ["2"]
    assert list(api(workflow, {"Label (rgthree)": defined()})) == ["1", "2"]


# Primitives.


def primitive(*targets: Json, value: Any = 640, mode: int = 0, **more: Any) -> Json:
    return ui(
        node(9, "PrimitiveNode", [value, "fixed"], mode=mode, **more), *targets, links=[[5, 9, 0, 1], [6, 9, 0, 1]]
    )


@pytest.mark.parametrize("mode", [0, 2, 4])
def test_a_primitive_copies_its_value_into_all_its_widgets_even_when_muted(mode: int) -> None:
    made = api(primitive(node(1, "Latent", [1, 2], {"width*": 5, "height*": 6}), mode=mode))
    assert made == {
        "1": {"class_type": "Latent", "inputs": {"width": 640, "height": 640}, "_meta": {"title": "Latent"}}
    }


def test_a_primitive_leaves_sockets_alone() -> None:
    assert inputs_of(primitive(node(1, "Any", [], {"source": 5}))) == {}


def test_a_primitive_without_a_value_changes_nothing() -> None:
    workflow = primitive(node(1, "Latent", [1, 2], {"width*": 5}))
    workflow["nodes"][0]["widgets_values"] = []
    assert inputs_of(workflow) == {"width": 1, "height": 2}


def test_a_primitives_text_is_treated_as_the_widgets() -> None:
    made = inputs_of(primitive(node(1, "Encode", ["x"], {"text*": 5}), value="a {b|b} // c"))
    assert made == {"text": "a b "}


def test_a_primitives_number_is_text_in_a_field_of_several_lines() -> None:
    workflow = ui(
        node(1, "Encode", ["own"], {"text*": 1}),
        node(2, "PrimitiveNode", [5]),
        node(3, "Encode", ["own"], {"text*": 3}),
        node(4, "Reroute", None, {"": 2}),
        links=[[1, 2, 0, 1], [2, 2, 0, 4], [3, 4, 0, 3]],
    )
    made = api(workflow)
    assert made["1"]["inputs"] == made["3"]["inputs"] == {"text": "5"}


def test_a_primitive_reaches_through_reroutes() -> None:
    workflow = ui(
        node(1, "Latent", [1, 2], {"width*": 5}),
        node(2, "Reroute", None, {"": 6}),
        node(3, "PrimitiveNode", [640]),
        links=[[5, 2, 0, 1], [6, 3, 0, 2]],
    )
    assert inputs_of(workflow) == {"width": 640, "height": 2}


@pytest.mark.parametrize(("asked", "expected"), [(True, "7 %date%"), (False, "%Number.value% %date%")])
def test_a_primitive_replaces_where_it_is_asked_to(asked: bool, expected: str) -> None:
    workflow = ui(
        node(1, "Words", ["x"], {"value*": 5}),
        node(2, "Number", [7]),
        node(9, "PrimitiveNode", ["%Number.value% %date%"], properties={"Run widget replace on values": asked}),
        links=[[5, 9, 0, 1]],
    )
    assert inputs_of(workflow) == {"value": expected}


# Get and Set.


def test_get_and_set_are_paired_by_name() -> None:
    workflow = ui(
        node(1, "Any", [], {"source": 5}),
        node(2, "GetNode", ["pic"]),
        node(3, "SetNode", ["other"], {"*": 6}),
        node(4, "SetNode", ["pic"], {"*": 7}),
        node(6, "Image", ["a.png"]),
        links=[[5, 2, 0, 1], [6, 6, 0, 3], [7, 6, 1, 4]],
    )
    assert api(workflow)["1"]["inputs"] == {"source": ["6", 1]}
    workflow["nodes"][1]["widgets_values"] = ["nothing"]
    assert inputs_of(workflow) == {}
    workflow["nodes"][1]["widgets_values"] = None
    assert inputs_of(workflow) == {}


def test_a_set_node_passes_on() -> None:
    workflow = ui(
        node(1, "Any", [], {"source": 5}),
        node(2, "SetNode", ["pic"], {"*": 6}),
        node(3, "Image", ["a.png"]),
        links=[[5, 2, 0, 1], [6, 3, 0, 2]],
    )
    assert inputs_of(workflow) == {"source": ["3", 0]}


# Modes.


@pytest.mark.parametrize("mode", [1, 3])
def test_other_modes_run(mode: int) -> None:
    assert list(api(ui(node(1, "Number", [1], mode=mode)))) == ["1"]


def test_a_muted_node_cuts() -> None:
    workflow = ui(node(1, "Any", [], {"source": 5}), node(2, "Number", [1], mode=2), links=[[5, 2, 0, 1]])
    assert api(workflow) == {"1": {"class_type": "Any", "inputs": {}, "_meta": {"title": "Any"}}}


def test_a_muted_node_lets_the_widget_have_its_value() -> None:
    workflow = ui(node(1, "Latent", [1, 2], {"width*": 5}), node(2, "Number", [3], mode=2), links=[[5, 2, 0, 1]])
    assert inputs_of(workflow) == {"width": 1, "height": 2}


def test_a_muted_reroute_cuts() -> None:
    workflow = ui(
        node(1, "Any", [], {"source": 5}),
        node(2, "Reroute", None, {"": 6}, mode=2),
        node(3, "Number", [1]),
        links=[[5, 2, 0, 1], [6, 3, 0, 2]],
    )
    assert inputs_of(workflow) == {}


def bypassed(definition: Json, wanted: str, slot_index: int = 0) -> Any:
    """Return which of two sources, images 11 and masks 12, gets through a bypassed node to an input of a type."""
    workflow = ui(
        node(1, "Wants", [], {"x": 5}),
        node(2, "Passed", [], {"i": 6, "m": 7, "w*": 8, "more": 9}, mode=4),
        *(node(id_, "Any") for id_ in (11, 12, 13, 14)),
        links=[[5, 2, slot_index, 1], [6, 11, 0, 2], [7, 12, 0, 2], [8, 13, 0, 2], [9, 14, 0, 2]],
    )
    definitions = {"Wants": defined({"x": [wanted]}), "Passed": definition}
    found = api(workflow, definitions)["1"]["inputs"].get("x")
    return found and found[0]


BOTH = {"i": ["IMAGE"], "m": ["MASK"]}


def test_a_bypass_to_anything_takes_the_same_index_or_the_first() -> None:
    definition = defined(BOTH, output=["IMAGE", "MASK", "A", "B", "C"])
    assert bypassed(definition, "*") == "11"
    assert bypassed(definition, "*", 1) == "12"
    assert bypassed(definition, "*", 4) == "11"


def test_a_bypass_prefers_the_same_index() -> None:
    assert bypassed(defined({"m": ["MASK"], "i": ["*"]}, output=["IMAGE", "MASK"]), "MASK", 1) == "11"


def test_a_bypass_takes_the_first_exact_type_before_the_first_compatible() -> None:
    definition = defined({"w": ["INT"], "i": ["IMAGE,MASK"], "m": ["MASK"]}, output=["MASK", "MASK", "MASK"])
    assert bypassed(definition, "MASK", 2) == "12"
    assert bypassed(definition, "mask", 2) == "11"


def test_a_bypass_without_a_fitting_input_cuts() -> None:
    workflow = ui(
        node(1, "Wants", [], {"x": 5}),
        node(2, "Passed", [], {"i": 6}, mode=4),
        node(3, "Image", ["a.png"]),
        links=[[5, 2, 0, 1], [6, 3, 0, 2]],
    )
    passed = defined({"i": ["IMAGE"]}, output=["LATENT"])
    assert inputs_of(workflow, definitions={"Wants": defined({"x": ["LATENT"]}), "Passed": passed}) == {}
    workflow["nodes"][1]["inputs"] = []
    assert inputs_of(workflow, definitions={"Wants": defined({"x": ["*"]}), "Passed": defined()}) == {}


def test_the_inputs_of_a_bypass_are_sockets_then_widgets_then_extras() -> None:
    definition = defined({"w": ["INT"], "i": ["IMAGE"]}, output=["IMAGE", "INT", "*"])
    assert bypassed(definition, "*", 0) == "11"
    assert bypassed(definition, "*", 1) == "13"
    assert bypassed(definition, "*", 2) == "12"  # the first of the extras, in the order of the file


def test_the_outputs_own_type_counts_too() -> None:
    definition = defined({"i": ["MASK,LATENT"], "m": ["IMAGE,MASK"]}, output=["IMAGE"])
    assert bypassed(definition, "MASK") == "12"
    assert bypassed(defined({"i": ["IMAGE,MASK"], "m": ["MASK"]}, output=["IMAGE"]), "MASK") == "11"


def test_after_a_bypass_the_bypassed_input_is_what_is_wanted() -> None:
    workflow = ui(
        node(1, "Any", [], {"source": 5}),
        node(2, "Gray", [], {"m": 6}, mode=4),
        node(3, "Split", [], {"i": 7, "m": 8}, mode=4),
        node(11, "Image", ["a.png"]),
        node(12, "Image", ["a.png"]),
        links=[[5, 2, 0, 1], [6, 3, 0, 2], [7, 11, 0, 3], [8, 12, 1, 3]],
    )
    definitions = {"Gray": defined({"m": ["MASK"]}, output=["IMAGE"]), "Split": defined(BOTH, output=["*"])}
    assert inputs_of(workflow, definitions=definitions) == {"source": ["12", 1]}


def test_what_is_wanted_stays_so_through_reroutes() -> None:
    workflow = ui(
        node(1, "SaveImage", ["x"], {"images": 5}),
        node(2, "Reroute", None, {"": 6}),
        node(3, "Split", [], {"m": 7, "i": 8}, mode=4),
        node(11, "Image", ["a.png"]),
        links=[[5, 2, 0, 1], [6, 3, 0, 2], [7, 11, 1, 3], [8, 11, 0, 3]],
    )
    definitions = {"Split": defined({"m": ["MASK"], "i": ["IMAGE"]}, output=["*"])}
    assert inputs_of(workflow, definitions=definitions)["images"] == ["11", 0]


def test_a_bypassed_node_of_an_unknown_class_has_the_inputs_of_the_file() -> None:
    unknown = node(2, "Nobody knows", [1], mode=4) | {
        "inputs": [slot("m", "MASK", 6), slot("i", "IMAGE", 7)],
        "outputs": [{"name": "i", "type": "IMAGE", "links": [5]}],
    }
    workflow = ui(
        node(1, "SaveImage", ["x"], {"images": 5}),
        unknown,
        node(3, "Image"),
        links=[[5, 2, 0, 1], [6, 3, 1, 2], [7, 3, 0, 2]],
    )
    assert inputs_of(workflow)["images"] == ["3", 0]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("IMAGE", "image", True),
        ("IMAGE", "MASK", False),
        ("IMAGE,MASK", "LATENT,mask", True),
        ("IMAGE,MASK", "LATENT", False),
        ("*", "LATENT", True),
        ("LATENT", "", True),
        ("INT,*", "LATENT", True),
    ],
)
def test_compatible_types(one: str, other: str, expected: bool) -> None:
    assert compatible(one, other) is expected
    assert compatible(other, one) is expected


# Circles.


@pytest.mark.parametrize(("type_", "mode"), [("Reroute", 0), ("Invert", 4)])
def test_links_in_a_circle_are_told(type_: str, mode: int) -> None:
    workflow = ui(
        node(1, "SaveImage", ["x"], {"images": 5}),
        node(2, type_, None, {"image": 6}, mode),
        node(3, type_, None, {"image": 7}, mode),
        links=[[5, 2, 0, 1], [6, 3, 0, 2], [7, 2, 0, 3]],
    )
    with pytest.raises(BrokenWorkflow, match="circle"):
        api(workflow)


def test_a_circle_of_get_and_set_is_told() -> None:
    workflow = ui(
        node(1, "Any", [], {"source": 5}),
        node(2, "GetNode", ["a"]),
        node(3, "SetNode", ["a"], {"x": 6}),
        links=[[5, 2, 0, 1], [6, 2, 0, 3]],
    )
    with pytest.raises(BrokenWorkflow, match="circle"):
        api(workflow)


def test_nodes_that_run_may_be_in_a_circle() -> None:
    workflow = ui(node(1, "Invert", [], {"image": 5}), links=[[5, 1, 0, 1]])
    assert inputs_of(workflow) == {"image": ["1", 0]}


def test_a_long_chain_of_reroutes_with_many_ends_is_quick() -> None:
    chain = [node(100 + at, "Reroute", None, {"": 100 + at}) for at in range(3000)]
    ends = [node(10_000 + at, "Any", [], {"source": 10_000 + at}) for at in range(3000)]
    links = [[100 + at, 99 + at, 0, 100 + at] for at in range(1, 3000)]
    links += [[10_000 + at, 3099, 0, 10_000 + at] for at in range(3000)]
    made = api(ui(*chain, *ends, node(1, "Image", ["a.png"]), links=[*links, [100, 1, 0, 100]]))
    assert made["12999"]["inputs"] == {"source": ["1", 0]}
    assert len(made) == 3001
