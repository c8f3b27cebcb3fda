"""Conversion: what the table of links says where the inputs of the nodes say something else, or nothing."""

from __future__ import annotations

from typing import Any

from tests.workflow.ui_graphs import Json, api, inputs_of, node, subgraph, ui

IMAGE = {"name": "IMAGE", "type": "IMAGE"}


def source(links: Any, id_: int = 2) -> Json:
    return node(id_, "Image", ["a.png"], outputs=[IMAGE | {"links": links}])


def test_a_link_that_its_input_forgot_is_one() -> None:
    workflow = ui(node(1, "SaveImage", ["x"], {"images": None}), source([5]), links=[[5, 2, 0, 1, 0]])
    assert inputs_of(workflow) == {"filename_prefix": "x", "images": ["2", 0]}


def test_a_link_that_both_ends_forgot_is_none() -> None:
    for links in ([], None):
        workflow = ui(node(1, "SaveImage", ["x"], {"images": None}), source(links), links=[[5, 2, 0, 1, 0]])
        assert inputs_of(workflow) == {"filename_prefix": "x"}


def test_a_link_gives_way_to_what_the_input_says() -> None:
    workflow = ui(node(1, "SaveImage", ["x"], {"images": 77}), source([5]), links=[[5, 2, 0, 1, 0]])
    assert inputs_of(workflow) == {"filename_prefix": "x"}


def test_an_input_left_out_is_found_by_its_place_beside_others_that_are_linked() -> None:
    encode = node(1, "KSampler", [1, "fixed", 20, "euler"], {"model": 5})
    workflow = ui(encode, node(3, "Latent", [8, 8], outputs=[{"name": "LATENT", "type": "LATENT", "links": [6]}]))
    workflow["nodes"].append(node(4, "Loader", ["m.safetensors"]))
    workflow["links"] = [[5, 4, 0, 1, 0, "MODEL"], [6, 3, 0, 1, 2, "LATENT"]]
    made = inputs_of(workflow)
    assert made["model"] == ["4", 0]
    assert made["latent_image"] == ["3", 0]


def test_a_link_belongs_to_the_node_that_it_says() -> None:
    nodes = [node(1, "Any", [], {"source": 5}), node(3, "Any", [], {"source": 5}), source([5])]
    made = api(ui(*nodes, links=[[5, 2, 0, 1, 0]]))
    assert made["1"]["inputs"] == {"source": ["2", 0]}
    assert made["3"]["inputs"] == {}


def test_of_two_inputs_with_one_link_the_one_in_its_place_has_it() -> None:
    inputs = {"source": 5, "more": 5}
    for place, name in ((0, "source"), (1, "more"), (9, "source")):
        workflow = ui(node(1, "Any", [], inputs), source([5]), links=[[5, 2, 0, 1, place]])
        assert inputs_of(workflow) == {name: ["2", 0]}


def test_inside_a_subgraph_the_table_stands_alone() -> None:
    save = node(1, "SaveImage", ["x"])
    del save["inputs"]
    inner = subgraph("s", save, source(None), links=[[5, 2, 0, 1, 0]])
    made = api(ui(node(9, "s"), subgraphs=[inner]))
    assert made["9:1"]["inputs"] == {"filename_prefix": "x", "images": ["9:2", 0]}


def test_an_instances_forgotten_link_is_found_by_its_place() -> None:
    inner = subgraph(
        "s", node(1, "Invert", [], {"image": 1}), inputs={"picture": ("IMAGE", [1])}, links=[[1, -10, 0, 1, 0]]
    )
    host = node(9, "s", [], {"picture": None})
    made = api(ui(host, source([5]), links=[[5, 2, 0, 9, 0]], subgraphs=[inner]))
    assert made["9:1"]["inputs"] == {"image": ["2", 0]}


def test_the_table_has_the_last_word_where_a_node_is_too_mixed_up_to_mend() -> None:
    latent = {"name": "LATENT", "type": "LATENT"}
    nodes = [
        node(1, "KSampler", [1, "fixed", 20, "euler"], {"model": 5, "latent_image": 7}),  # positive is left out
        node(2, "Encode", ["x"], outputs=[{"name": "CONDITIONING", "type": "CONDITIONING", "links": [6]}]),
        node(3, "Latent", [8, 8], outputs=[latent | {"links": [7]}]),
        node(4, "Loader", ["m.safetensors"], outputs=[{"name": "MODEL", "type": "MODEL", "links": [5]}]),
    ]
    made = inputs_of(ui(*nodes, links=[[5, 4, 0, 1, 0], [6, 2, 0, 1, 1], [7, 3, 0, 1, 2]]))
    assert made["model"] == ["4", 0]
    assert made["positive"] == ["2", 0]
    assert made["latent_image"] == ["3", 0]
