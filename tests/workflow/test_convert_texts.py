"""Conversion: what is replaced in texts and file names."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_comfyui.workflow.conversion.texts import dynamic_prompt
from tests.workflow.ui_graphs import STOCK, Json, defined, inputs_of, node, subgraph, ui, widgets

NOW = datetime(2026, 3, 4, 15, 6, 7)


def first() -> float:
    return 0.0


def last() -> float:
    return 0.999999


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("a // b\nc", "a \nc"),
        ("a /* b\n */c", "a c"),
        ("/* // */x", "x"),
        ("{a|b}", "a"),
        ("{a|b} {c|d}", "a c"),
        ("{a {b|c}|d}", "a b"),
        ("{{a|b}|c}x", "ax"),
        ("{|b}", ""),
        ("{}", ""),
        ("{a|b", "a"),
        ("a}b|c", "a}b|c"),
        (r"\{a\|b\}", "{a|b}"),
        (r"{\{|b}", "{"),
        (r"a\nb\\", r"a\nb\\"),
        ("a\\", "a\\"),
        ("", ""),
    ],
)
def test_dynamic_prompts(text: str, expected: str) -> None:
    assert dynamic_prompt(text, first) == expected


def test_the_last_choice_and_one_out_of_the_middle() -> None:
    assert dynamic_prompt("{a|b|c}", last) == "c"
    assert dynamic_prompt("{a|{b|c}}", last) == "c"
    assert dynamic_prompt("{a|b|c}", lambda: 0.5) == "b"
    assert dynamic_prompt("{a|b|c}", lambda: 1.0) == "c"


def test_a_choice_is_made_only_where_it_is_reached() -> None:
    asked = []
    dynamic_prompt("{a|{b|c}} {d|e}", lambda: asked.append(1) or 0.0)  # type: ignore[func-returns-value]
    assert len(asked) == 2


@pytest.mark.parametrize("text", ["{" * 200_000, "{a|" * 50_000 + "}" * 50_000, "/*" * 100_000, "\\" * 100_001])
def test_long_texts_take_no_long_time(text: str) -> None:
    dynamic_prompt(text, first)


@given(text=st.text(alphabet="{}|\\/*ab\n", max_size=60), seed=st.integers())
def test_no_text_makes_it_crash(text: str, seed: int) -> None:
    assert isinstance(dynamic_prompt(text, random.Random(seed).random), str)


def test_the_given_generator_chooses() -> None:
    workflow = ui(node(1, "Encode", ["{a|b|c|d|e|f|g|h}" * 8]))
    one = inputs_of(workflow, rng=random.Random(1))
    assert one == inputs_of(workflow, rng=random.Random(1))
    assert one != inputs_of(workflow, rng=random.Random(2))


def test_only_texts_that_say_so_are_dynamic() -> None:
    assert widgets(["{a|b}"], defined({"t": ["STRING", {}]})) == {"t": "{a|b}"}
    assert widgets([5], defined({"t": ["STRING", {"dynamicPrompts": True}]})) == {"t": 5}


# File names.


def prefix(text: Any, *others: Json, class_type: str = "SaveImage", subgraphs: Any = ()) -> Any:
    definitions = {class_type: STOCK["SaveImage"]}
    workflow = ui(node(1, class_type, [text]), *others, subgraphs=subgraphs)
    return inputs_of(workflow, definitions=definitions, now=NOW)["filename_prefix"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%date:yyyy-MM-dd%", "2026-03-04"),
        ("%date:yy M d%", "26 3 4"),
        ("%date:hh.mm%", "%date:hh.mm%"),
        ("%date:hhmmss%", "150607"),
        ("%date:h m s yyy%", "15 6 7 yyy"),
        ("%date%", "%date%"),
        ("%width%", "%width%"),
        ("100%", "100%"),
        ("%Number.value%", "%Number.value%"),
    ],
)
def test_dates(text: str, expected: str) -> None:
    assert prefix(text) == expected


def test_the_search_name_goes_before_the_title() -> None:
    titled = node(2, "Number", [1], title="N", properties={"Node name for S&R": "M"})
    searched = node(3, "Number", [2], title="M", properties={"Node name for S&R": "N"})
    assert prefix("%N.value%", titled, searched) == "2"
    assert prefix("%N.value%", titled) == "1"


def test_a_node_without_a_search_name_is_found_by_its_class() -> None:
    assert prefix("%Number.value%", node(2, "Number", [5], title="x")) == "5"


@pytest.mark.parametrize(
    ("saved", "expected"),
    [
        (None, ""),
        (True, "true"),
        (2.0, "2"),
        (2.5, "2.5"),
        ('a/b?<>\\:*|"\x01', "a_b_________"),
        ([1, 2], "1,2"),
    ],
)
def test_values_are_written_as_javascript_writes_them(saved: Any, expected: str) -> None:
    assert prefix("%Number.value%", node(2, "Number", [saved])) == expected


def test_what_is_not_found_stays() -> None:
    assert prefix("%Number.nothing% %a.b.c%", node(2, "Number", [5])) == "%Number.nothing% %a.b.c%"


def test_nodes_inside_subgraphs_are_found() -> None:
    inside = subgraph("inside", node(7, "Number", [9]))
    assert prefix("%Number.value%", node(2, "inside"), subgraphs=[inside]) == "9"


def test_the_value_of_a_primitive_is_found_in_its_target() -> None:
    workflow = ui(
        node(1, "SaveImage", ["%Number.value%"]),
        node(2, "Number", [1], {"value*": 5}),
        node(3, "PrimitiveNode", [8]),
        links=[[5, 3, 0, 2]],
    )
    assert inputs_of(workflow)["filename_prefix"] == "8"


@pytest.mark.parametrize("class_type", ["SaveImage", "SaveVideo", "SaveAudioMP3", "CLIPSave", "LoraSave"])
def test_classes_that_save_replace(class_type: str) -> None:
    assert prefix("%date:yyyy%", class_type=class_type) == "2026"


def test_other_classes_do_not_and_only_the_prefix_counts() -> None:
    assert prefix("%date:yyyy%", class_type="PreviewImage") == "%date:yyyy%"
    definition = defined({"other": ["STRING"]})
    made = inputs_of(ui(node(1, "SaveOther", ["%date:yyyy%"])), definitions={"SaveOther": definition})
    assert made == {"other": "%date:yyyy%"}


def test_a_prefix_that_is_no_text_stays() -> None:
    assert prefix(5) == 5


def test_a_linked_prefix_stays_linked() -> None:
    workflow = ui(
        node(1, "SaveImage", ["%date:yyyy%"], {"filename_prefix*": 5}), node(2, "Words"), links=[[5, 2, 0, 1]]
    )
    assert inputs_of(workflow) == {"filename_prefix": ["2", 0]}
