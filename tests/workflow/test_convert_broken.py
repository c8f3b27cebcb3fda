"""Conversion of files that are broken, or of classes that nobody knows: a sentence, never a traceback."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from blender_comfyui.workflow.convert import to_api
from blender_comfyui.workflow.errors import BrokenWorkflow, NotAWorkflow, UnknownClasses, WorkflowError
from blender_comfyui.workflow.node_types import NodeTypes
from tests.workflow.test_convert_groups import GROUP as GROUP_NODE
from tests.workflow.test_convert_subgraphs import BOX, CRATE
from tests.workflow.test_convert_widgets import GROUP as DYNAMIC_GROUP
from tests.workflow.test_convert_widgets import RESIZE
from tests.workflow.ui_graphs import STOCK, Json, api, node, subgraph, ui

TYPES = NodeTypes.from_object_info(STOCK | {"Resize": RESIZE, "Rows": DYNAMIC_GROUP})


@pytest.mark.parametrize("given_", [None, 5, "x", [], {}, {"nodes": None}, {"nodes": {}}, {"1": {"class_type": "A"}}])
def test_what_is_no_workflow_of_the_editor(given_: Any) -> None:
    with pytest.raises(NotAWorkflow, match="editor"):
        to_api(given_, TYPES)


def test_an_empty_workflow_makes_an_empty_prompt() -> None:
    assert api({"nodes": []}) == {}


@pytest.mark.parametrize(
    "workflow",
    [
        {"nodes": [5]},
        {"nodes": [None]},
        {"nodes": [{}]},
        {"nodes": [{"id": 1}]},
        {"nodes": [{"type": "Number"}]},
        {"nodes": [{"id": 1, "type": 5}]},
        {"nodes": [{"id": None, "type": "Number"}]},
        {"nodes": [{"id": True, "type": "Number"}]},
        {"nodes": [{"id": 1.5, "type": "Number"}]},
        {"nodes": [{"id": 2**70, "type": "Number"}]},
        {"nodes": [{"id": 1, "type": "Number", "inputs": 5}]},
        {"nodes": [{"id": 1, "type": "Number", "inputs": [5]}]},
        {"nodes": [{"id": 1, "type": "Number", "outputs": "x"}]},
        {"nodes": [], "links": 5},
        {"nodes": [], "definitions": 5},
        {"nodes": [], "definitions": {"subgraphs": 5}},
        {"nodes": [], "definitions": {"subgraphs": [5]}},
        {"nodes": [], "definitions": {"subgraphs": [{}]}},
        {"nodes": [], "definitions": {"subgraphs": [{"id": "a", "nodes": 5}]}},
        {"nodes": [], "definitions": {"subgraphs": [{"id": "a", "inputs": 5}]}},
        {"nodes": [], "definitions": {"subgraphs": [{"id": "a", "outputs": [None]}]}},
    ],
)
def test_wrong_types_are_told(workflow: Json) -> None:
    with pytest.raises(BrokenWorkflow) as caught:
        to_api(workflow, TYPES)
    assert str(caught.value).endswith("ComfyUI.")


@pytest.mark.parametrize(
    "more",
    [
        {"mode": "muted"},
        {"mode": None},
        {"title": 5},
        {"properties": []},
        {"widgets_values": 5},
        {"inputs": None, "outputs": None},
        {"inputs": [{}]},
        {"inputs": [{"name": 5, "type": 5, "link": {}, "widget": 5}]},
        {"properties": {"proxyWidgets": 5, "Node name for S&R": 5}},
    ],
)
def test_what_does_not_matter_may_be_wrong(more: Json) -> None:
    made = to_api({"nodes": [{"id": 1, "type": "Number"} | more], "extra": 5, "links": None}, TYPES)
    assert made["1"]["inputs"] == {"value": 7}


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("value", [math.nan, math.inf, nested(150), nested(50_000), 10**400, object(), {5: object()}])
def test_values_that_cannot_be_sent_are_told(value: Any) -> None:
    with pytest.raises(BrokenWorkflow, match=r"A value of node “Mine” \(id 1\) cannot be sent"):
        to_api(ui(node(1, "Number", [value], title="Mine")), TYPES)


def test_definitions_nested_without_end_are_told() -> None:
    workflow: Json = {"nodes": []}
    for level in range(2000):
        workflow = {"id": f"s{level}", "nodes": [], "definitions": {"subgraphs": [workflow | {"id": f"t{level}"}]}}
    with pytest.raises(BrokenWorkflow, match="nested too deep"):
        to_api(workflow, TYPES)


# Unknown classes.


def test_all_unknown_classes_are_named_once_with_their_packs() -> None:
    workflow = ui(
        node(1, "A", properties={"cnr_id": "pack-a"}),
        node(2, "Number", [1]),
        node(3, "B", properties={"aux_id": "someone/pack-b"}),
        node(4, "A"),
        node(5, "C", properties={"cnr_id": 5}),
        node(6, "inside"),
        subgraphs=[subgraph("inside", node(7, "D"))],
    )
    with pytest.raises(UnknownClasses) as caught:
        to_api(workflow, TYPES)
    assert caught.value.classes == ("A", "B", "C", "D")
    assert caught.value.packs == {"A": "pack-a", "B": "someone/pack-b"}
    sentence = str(caught.value)
    assert (
        "4 node classes: “A” (of the node pack “pack-a”), “B” (of the node pack “someone/pack-b”), “C”, “D”."
        in sentence
    )
    assert "\n" not in sentence


def test_a_single_unknown_class() -> None:
    with pytest.raises(UnknownClasses, match="does not know the node class “A”"):
        to_api(ui(node(1, "A")), TYPES)


def test_a_subgraph_that_the_file_lacks_is_called_by_its_title() -> None:
    id_ = "4bcd228a-38fb-5c7c-88aa-7b16e0cc8a36"
    with pytest.raises(UnknownClasses, match=r"“Upscale” \(a subgraph that the file lacks\)") as caught:
        to_api(ui(node(1, id_, title="Upscale")), TYPES)
    assert caught.value.classes == (id_,)


@pytest.mark.parametrize("mode", [2, 4])
def test_an_unknown_class_that_does_not_run_is_no_matter(mode: int) -> None:
    assert to_api(ui(node(1, "A", mode=mode)), TYPES) == {}


def test_what_is_behind_a_closed_instance_is_no_matter() -> None:
    workflow = ui(node(6, "inside", mode=4), subgraphs=[subgraph("inside", node(7, "D"))])
    assert to_api(workflow, TYPES) == {}


# Anything.

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-30, 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
KEYS = (
    "nodes links definitions subgraphs id type mode inputs outputs widgets_values properties extra groupNodes name "
    "link linkIds origin_id origin_slot target_id target_slot proxyWidgets widget title external config"
).split()
WORDS = (
    "Number Image Latent Any KSampler Reroute PrimitiveNode SetNode GetNode box crate workflow>G Resize Rows".split()
)
LIKELY = st.recursive(
    st.none() | st.integers(-20, 10) | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=30,
)
WORKFLOW = ui(
    node(1, "KSampler", [5, "fixed", 20, "euler"], {"model": 1, "positive": 2, "latent_image": 3, "seed*": 4}),
    node(2, "Loader", ["m.safetensors"]),
    node(3, "Encode", ["{a|b} // c"], {"clip": 5}),
    node(4, "crate", [64], {"w*": 6}, properties={"proxyWidgets": [["9", "v"], ["9", "7: value"]]}),
    node(5, "Latent", [64, 32], {"width*": 7}),
    node(6, "Reroute", None, {"": 8}),
    node(7, "PrimitiveNode", [3], properties={"Run widget replace on values": True}),
    node(8, "Invert", [], {"image": 9}, 4),
    node(9, "Image", ["a.png", "image"]),
    node(10, "SaveImage", ["%date:yyyy% %Latent.width%"], {"images": 10}),
    node(11, "GetNode", ["x"]),
    node(12, "SetNode", ["x"], {"a": 11}),
    node(13, "workflow>G", ["text"], {"clip": 12, "model": 13}),
    node(14, "Resize", ["size", 1, 2, "a"], {"input": 14}),
    node(15, "Rows", [2, "a", 1, "b", 2, 3]),
    links=[
        [1, 2, 0, 1],
        [2, 3, 0, 1],
        [3, 6, 0, 1],
        [4, 7, 0, 1],
        [5, 2, 1, 3],
        [6, 7, 0, 4],
        [7, 4, 0, 5],
        [8, 5, 0, 6],
        [9, 9, 0, 8],
        [10, 8, 0, 10],
        [11, 9, 1, 12],
        [12, 2, 1, 13],
        [13, 2, 0, 13],
        [14, 11, 0, 14],
    ],
    subgraphs=[BOX, CRATE],
    extra={"groupNodes": {"G": GROUP_NODE}},
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all that a JSON value consists of."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(inner for key, child in children for inner in places(child, (*path, key)))]


PLACES = [place for place in places(WORKFLOW) if place]


def changed(workflow: Json, place: tuple[Any, ...], value: Any, remove: bool) -> None:
    """Put a value in a place, or take it away; do nothing where an earlier change has removed the place."""
    at: Any = workflow
    try:
        for key in place[:-1]:
            at = at[key]
        if remove:
            del at[place[-1]]
        else:
            at[place[-1]] = value
    except (KeyError, IndexError, TypeError):
        pass


def convert(workflow: Any) -> None:
    before = repr(workflow)
    made, sentence = {}, "Converted."
    try:
        made = to_api(workflow, TYPES)
    except WorkflowError as error:
        sentence = str(error)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    if made:
        links = [v for each in made.values() for v in each["inputs"].values() if isinstance(v, list)]
        assert all(link[0] in made and isinstance(link[1], int) for link in links)
    assert repr(workflow) == before


def test_the_workflow_that_is_mutated_is_right() -> None:
    made = api(WORKFLOW, {"Resize": RESIZE, "Rows": DYNAMIC_GROUP})
    assert made["1"]["inputs"]["latent_image"] == ["5", 0]
    assert made["5"]["inputs"]["width"] == ["4:9:7", 0]
    assert made["4:9:7"]["inputs"] == {"value": 3}
    assert made["14"]["inputs"]["input"] == ["9", 1]
    assert made["13:1"]["inputs"]["model"] == ["2", 0]


@given(workflow=JSON | LIKELY)
def test_any_json(workflow: Any) -> None:
    convert(workflow)


@given(nodes=st.lists(LIKELY, max_size=5), links=LIKELY, definitions=LIKELY, extra=LIKELY)
def test_any_json_in_the_right_places(nodes: Any, links: Any, definitions: Any, extra: Any) -> None:
    convert({"nodes": nodes, "links": links, "definitions": definitions, "extra": {"groupNodes": {"G": extra}}})


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(
    mutations=st.lists(
        st.tuples(st.sampled_from(PLACES), st.integers(-20, 20) | LIKELY | JSON, st.booleans()), min_size=1, max_size=6
    )
)
@example(mutations=[(("links", 5, 4), -1, False), (("definitions", "subgraphs", 1, "inputs"), 0, True)])
def test_mutations_of_a_workflow(mutations: Any) -> None:
    workflow = copy.deepcopy(WORKFLOW)
    for place, value, remove in mutations:
        changed(workflow, place, value, remove)
    convert(workflow)


@settings(max_examples=200)
@given(
    swaps=st.lists(
        st.tuples(st.sampled_from([p for p in PLACES if len(p) < 6]), st.sampled_from(PLACES)), min_size=1, max_size=4
    )
)
def test_parts_of_a_workflow_in_the_place_of_others(swaps: Any) -> None:
    workflow = copy.deepcopy(WORKFLOW)
    for place, source in swaps:
        value: Any = WORKFLOW
        for key in source:
            value = value[key]
        changed(workflow, place, copy.deepcopy(value), False)
    convert(workflow)
