"""Official templates with anything in any place: a sentence or a result, never another error, and nothing changed."""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blender_comfyui.workflow.convert import to_api
from blender_comfyui.workflow.errors import WorkflowError
from blender_comfyui.workflow.graph import Workflow
from blender_comfyui.workflow.missing_classes import packs_of, with_stand_ins
from blender_comfyui.workflow.node_types import NodeTypes
from blender_comfyui.workflow.panel_parameters import panel_parameters
from blender_comfyui.workflow.panel_values import with_panel_values
from blender_comfyui.workflow.preflight import preflight, runnable_outputs
from blender_comfyui.workflow.problems import apply
from blender_comfyui.workflow.roles import find_roles

CASES = Path(__file__).resolve().parents[3] / "shared" / "conversion"
NAMES = (
    "image_qwen_image_edit_2511",  # a subgraph, old proxyWidgets
    "video_ltx2_i2v_lora",  # values set aside
    "api_kling_omni_image",  # dynamic inputs, a partner's node
    "flux_fill_inpaint_example",
    "utility_seedvr2_3b_int8_upscale_image",
)
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="there are no official templates beside the project")
REMOVED = object()
DRAWN = frozenset("pos size flags color bgcolor bounding groups ds localized_name order config".split())
# Each is right somewhere in a file, and wrong in most places.
VALUES: list[Any] = [
    *(REMOVED, None, True, 0, 1, 2, 4, -1, -10, -20, 5.5, 2**64, 10**30, 1e308, float("nan"), "", "x", "-1", "1: text"),
    *("*", "IMAGE", "KSampler", "PrimitiveNode", "Reroute", "{a|b", "%date:%", "\ud800", [], {}, [[]], [None]),
    *({"name": "x"}, {"__value__": [1]}, ["1", 0], [1, 2, 3, 4, 5, 6]),
]
Place = tuple[Any, ...]


@cache
def node_types() -> NodeTypes:
    return NodeTypes.from_object_info(json.loads((CASES / "object_info.json").read_text(encoding="utf-8")))


@cache
def case(name: str) -> tuple[Any, tuple[Place, ...]]:
    """Return a case and the places of all that it consists of."""
    value = json.loads((CASES / "templates" / name).read_text(encoding="utf-8"))
    found: list[Place] = [()]
    for place in found:
        at = inside(value, place)
        keys: Any = at.keys() - DRAWN if isinstance(at, dict) else range(len(at)) if isinstance(at, list) else ()
        found.extend((*place, key) for key in sorted(keys))
    return value, tuple(found[1:])


def inside(value: Any, place: Place) -> Any:
    for key in place:
        value = value[key]
    return value


@st.composite
def mutated(draw: st.DrawFn, ending: str) -> Any:
    value, places = case(f"{draw(st.sampled_from(NAMES))}.{ending}")
    value = copy.deepcopy(value)
    for place in draw(st.lists(st.sampled_from(places), min_size=1, max_size=5)):
        put = draw(st.sampled_from(VALUES) | st.sampled_from(places))
        try:
            parent = inside(value, place[:-1])
            if put is REMOVED:
                del parent[place[-1]]
            else:
                parent[place[-1]] = copy.deepcopy(inside(value, put) if isinstance(put, tuple) else put)
        except (KeyError, IndexError, TypeError):  # an earlier change has taken the place away
            pass
    return value


def told(function: Any, *given_: Any) -> Any:
    """Return what a function makes, None where it tells what is wrong in one sentence."""
    before = repr(given_[0])
    made, sentence = None, ""
    try:
        made = function(*given_)
    except WorkflowError as error:
        sentence = str(error)
    assert "\n" not in sentence
    assert repr(given_[0]) == before
    return made


def used(workflow: Workflow, ui: Any = None) -> None:
    """Do with a graph all that a panel does."""
    find_roles(workflow)
    parameters = told(panel_parameters, workflow, node_types(), ui)
    if parameters:
        with_panel_values(workflow, parameters, {})
    problems = preflight(workflow, node_types(), files=[])
    runnable_outputs(workflow, node_types(), problems)
    for problem in problems[:5]:
        if problem.action is not None:
            told(apply, workflow.api(), problem)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(ui=mutated("ui.json"))
def test_a_file_of_the_editor(ui: Any) -> None:
    told(packs_of, ui)
    types = told(with_stand_ins, ui, node_types())
    api = told(to_api, ui, types or node_types())
    workflow = told(Workflow.load, api) if api else None
    if workflow:
        used(workflow, ui)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(api=mutated("api.json"))
def test_a_graph_of_the_api(api: Any) -> None:
    workflow = told(Workflow.load, api)
    if workflow:
        before = workflow.api()
        used(workflow)
        assert workflow.api() == before
