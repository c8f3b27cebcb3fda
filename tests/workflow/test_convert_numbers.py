"""Conversion: numbers that primitives give to widgets, which the editor's fields keep to limits and round."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_comfyui.workflow.conversion.numbers import held_by_primitive, held_by_widget
from blender_comfyui.workflow.convert import to_api
from blender_comfyui.workflow.node_inputs import input_type
from blender_comfyui.workflow.node_types import NodeTypes
from tests.workflow.ui_graphs import Json, defined, node, ui

SIDE = ["INT", {"default": 512, "min": 16, "max": 16384, "step": 8}]
SEED = ["INT", {"default": 0, "min": 0, "max": 2**64 - 1, "control_after_generate": True}]
CFG = ["FLOAT", {"default": 8.0, "min": 0.0, "max": 100.0, "step": 0.1, "round": 0.01}]
STRENGTH = ["FLOAT", {"default": 1.0, "min": -10.0, "max": 10.0, "step": 0.01}]
WHOLE = ["FLOAT", {"default": 1.0, "min": 0.0, "max": 10.0, "step": 1.0}]
TYPES = NodeTypes.from_object_info(
    {
        "Latent": defined({"width": SIDE, "height": SIDE}),
        "Fine": defined({"count": ["INT", {"default": 1, "min": 1, "max": 100}], "side": SIDE}),
        "Odd": defined({"frames": ["INT", {"default": 81, "min": 1, "max": 1000, "step": 4}]}),
        "Sampler": defined({"seed": SEED, "cfg": CFG}),
        "Lora": defined({"strength": STRENGTH}),
        "Gauge": defined({"value": WHOLE}),
        "Named": defined({"choice": [["a", "b"]], "text": ["STRING", {}]}),
    }
)


def fed(value: Any, *widgets: str) -> list[Any]:
    """Return what arrives at widgets, given as ``Class.widget``, that one primitive feeds."""
    targets: list[Json] = []
    links = []
    for id_, widget in enumerate(widgets, 1):
        class_type, name = widget.split(".")
        targets.append(node(id_, class_type, [], {f"{name}*": id_}))
        links.append([id_, 99, 0, id_, 0])
    graph = to_api(ui(*targets, node(99, "PrimitiveNode", [value, "fixed"]), links=links), TYPES)
    return [graph[str(id_)]["inputs"][widget.split(".")[1]] for id_, widget in enumerate(widgets, 1)]


@pytest.mark.parametrize(
    ("value", "expected"), [(645, 648), (640.4, 640), (2.5, 16), (-1, 16), (100_000, 16384), ("640", 640), (None, 0)]
)
def test_whole_numbers_keep_to_steps_and_limits(value: Any, expected: int) -> None:
    assert fed(value, "Latent.width") == [expected]


def test_steps_are_counted_from_the_smallest_value() -> None:
    assert fed(84, "Odd.frames") == [85]
    assert fed(82, "Odd.frames") == [81]


@pytest.mark.parametrize(("value", "expected"), [(8.123456, 8.1), (101, 100), (-5, 0), ("7", 7), (True, 1)])
def test_other_numbers_have_the_places_of_their_step(value: Any, expected: float) -> None:
    assert fed(value, "Sampler.cfg") == [expected]


def test_without_rounding_a_number_has_the_places_of_its_step() -> None:
    assert fed(0.12345, "Lora.strength") == [0.12]
    assert fed(-0.126, "Lora.strength") == [-0.13]


def test_whole_steps_do_not_round() -> None:
    assert fed(0.7, "Gauge.value") == [0.7]


@pytest.mark.parametrize("seed", [2**53 + 1, 2**63 + 3, 2**64 - 1])
def test_large_seeds_stay_exact(seed: int) -> None:
    assert fed(seed, "Sampler.seed") == [seed]


def test_a_primitive_keeps_to_the_limits_of_all_that_it_feeds() -> None:
    assert fed(645, "Latent.width", "Latent.height") == [648, 648]
    for widgets in itertools.permutations(("Fine.count", "Latent.width")):
        assert fed(50, *widgets) == [48, 48]
        assert fed(3, *widgets) == [16, 16]


def test_widgets_that_cannot_share_a_field_round_by_themselves() -> None:
    assert fed(0.123456, "Lora.strength", "Sampler.cfg") == [0.12, 0.1]


ODD = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from([0, 1, -1, 5e-324, 1e-200, 1e299, 1e308])
)


@given(
    st.sampled_from(["INT", "FLOAT"]),
    st.lists(st.fixed_dictionaries(dict.fromkeys(("min", "max", "step", "round"), ODD)), min_size=1, max_size=3),
    ODD | st.text(max_size=5) | st.lists(st.integers(), max_size=2),
)
def test_no_field_and_no_value_is_too_odd(kind: str, fields: list[Json], value: Any) -> None:
    inputs = [input_type("value", [kind, field], True) for field in fields]
    held = held_by_primitive(value, inputs)
    for input_ in inputs:
        assert input_ is not None
        held_by_widget(held, input_)


def test_what_is_no_number_stays() -> None:
    assert fed("many", "Latent.width") == ["many"]
    assert fed("b", "Named.choice") == ["b"]
    assert fed(5, "Named.text") == [5]


def test_a_number_of_the_file_stays_as_it_is() -> None:
    graph = to_api(ui(node(1, "Latent", [645, -3]), node(2, "Sampler", [5, "fixed", 8.123456])), TYPES)
    assert graph["1"]["inputs"] == {"width": 645, "height": -3}
    assert graph["2"]["inputs"] == {"seed": 5, "cfg": 8.123456}


def test_a_primitive_through_a_reroute_is_rounded_too() -> None:
    workflow = ui(
        node(1, "Latent", [], {"width*": 1}),
        node(2, "Reroute", None, {"": 2}),
        node(3, "PrimitiveNode", [645]),
        links=[[1, 2, 0, 1], [2, 3, 0, 2]],
    )
    assert to_api(workflow, TYPES)["1"]["inputs"]["width"] == 648
