"""What servers refused, as problems; real answers among them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blender_comfyui.workflow.errors import NotAWorkflow
from blender_comfyui.workflow.graph import Workflow
from blender_comfyui.workflow.node_types import NodeTypes
from blender_comfyui.workflow.problems import ProblemKind, SetValue
from blender_comfyui.workflow.refusals import refused_problems
from tests.workflow.test_panel_parameters import broken
from tests.workflow.test_preflight import SERVER, checked, recorded


def answer(**error: Any) -> dict[str, Any]:
    return {"9": {"errors": [error], "dependent_outputs": ["7"], "class_type": "Checked"}}


def test_what_was_known_beforehand_keeps_its_action() -> None:
    error = {"type": "value_bigger_than_max", "message": "Too big", "extra_info": {"input_name": "count"}}
    (problem,) = refused_problems(answer(**error), Workflow.load(checked(count=99)), SERVER)
    assert problem.action == SetValue(10)


def test_what_only_the_server_knows_is_told_in_its_words() -> None:
    error = {"type": "custom_validation_failed", "message": "Custom validation failed", "details": "image - no picture"}
    (problem,) = refused_problems(answer(**error, extra_info={"input_name": "image"}), Workflow.load(checked()), SERVER)
    assert problem.sentence == "“Check it”: Custom validation failed: image - no picture."
    assert (problem.kind, problem.parameter, problem.outputs) == (ProblemKind.REFUSED, "image", ("7",))


def test_every_node_that_a_real_server_blamed_is_named(templates: Path) -> None:
    node_types = NodeTypes.from_object_info(json.loads((templates.parent / "object_info.json").read_text()))
    for name, prompt, body in recorded(templates):
        try:
            workflow = Workflow.load(prompt)
        except NotAWorkflow:
            continue
        found = refused_problems(body["node_errors"], workflow, node_types)
        assert {problem.node_id for problem in found} == set(body["node_errors"]), name
        assert all(problem.sentence.startswith(("“", "The links")) for problem in found)


@pytest.mark.parametrize("raw", [None, 5, [], {"1": None}, {"1": {"errors": 5}}, {"1": {"errors": [None]}}, {5: {}}])
def test_answers_that_make_no_sense(raw: Any) -> None:
    assert refused_problems(raw, Workflow.load(checked()), SERVER) == ()


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["9", "7", "x"]),
        st.dictionaries(
            st.sampled_from(["errors", "dependent_outputs", "class_type"]),
            st.lists(broken, max_size=3) | broken,
            max_size=3,
        ),
    )
)
def test_any_answer(raw: Any) -> None:
    for problem in refused_problems(raw, Workflow.load(checked()), SERVER):
        assert problem.sentence.endswith(".")
