"""What a server would refuse, found beforehand, and mended by what each problem offers."""

from __future__ import annotations

import contextlib
import copy
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from blender_comfyui.workflow.convert import to_api
from blender_comfyui.workflow.errors import NotAWorkflow, UnknownParameter, WorkflowError
from blender_comfyui.workflow.graph import Workflow
from blender_comfyui.workflow.missing_classes import packs_of, with_stand_ins
from blender_comfyui.workflow.node_types import NodeTypes
from blender_comfyui.workflow.preflight import compatible, preflight, runnable_outputs
from blender_comfyui.workflow.problems import Problem, ProblemKind, RemoveNode, SetValue, apply
from tests.workflow.graphs import node
from tests.workflow.panel_nodes import NODES, TYPES
from tests.workflow.test_panel_parameters import broken, graphs
from tests.workflow.ui_graphs import Json, ui
from tests.workflow.ui_graphs import node as ui_node

K = ProblemKind


def good(**changed: Json) -> Json:
    graph = {
        "1": node("Loader", ckpt_name="m.safetensors"),
        "2": node("Encode", "What to see", text="a cat", clip=["1", 1]),
        "4": node("Latent", width=512, height=512),
        "5": node(
            "KSampler",
            model=["1", 0],
            seed=1,
            steps=20,
            sampler_name="euler",
            positive=["2", 0],
            latent_image=["4", 0],
        ),
        "6": node("Decode", samples=["5", 0]),
        "7": node("SaveImage", images=["6", 0], filename_prefix="x"),
    }
    return graph | {key.removeprefix("n"): value for key, value in changed.items()}


DEFINITIONS = NODES | {
    "Decode": {"input": {"required": {"samples": ["LATENT"]}}, "output": ["IMAGE"]},
    "Checked": {
        "input": {
            "required": {
                "image": ["IMAGE"],
                "count": ["INT", {"default": 4, "min": 1, "max": 10}],
                "factor": ["FLOAT", {"default": 1.0, "min": 0.5, "max": 2.0}],
                "text": ["STRING", {"default": "hello"}],
                "mode": [["soft", "hard"], {"default": "hard"}],
                "model": [["a/one.safetensors", "two.safetensors", "日本語モデル.safetensors"]],
            },
            "optional": {"mask": ["MASK"], "number": ["INT", {"forceInput": True}], "any": ["*"]},
        },
        "output": ["IMAGE"],
    },
}
SERVER = NodeTypes.from_object_info(DEFINITIONS)


def checked(**inputs: Any) -> Json:
    """A graph whose node 9 is all right but for these inputs; None takes one away."""
    fine = {
        "image": ["6", 0],
        "count": 4,
        "factor": 1.0,
        "text": "x",
        "mode": "soft",
        "model": "two.safetensors",
    } | inputs
    kept = {name: value for name, value in fine.items() if value is not None or name == "nothing"}
    return good(n9=node("Checked", "Check it", **kept), n7=node("SaveImage", images=["9", 0], filename_prefix="x"))


def only(graph: Json, **options: Any) -> Problem:
    (problem,) = preflight(graph, SERVER, **options)
    return problem


def mended(graph: Json, problem: Problem) -> Json:
    before = copy.deepcopy(graph)
    made = apply(graph, problem)
    assert graph == before
    assert preflight(made, SERVER) == ()
    return made


def test_a_good_workflow_has_no_problems() -> None:
    assert preflight(good(), SERVER) == ()
    assert preflight(checked(), SERVER) == ()


# --- values


@pytest.mark.parametrize(
    ("name", "value", "kind", "instead"),
    [
        ("count", 99, K.OUT_OF_RANGE, 10),
        ("count", -1, K.OUT_OF_RANGE, 1),
        ("factor", 0.1, K.OUT_OF_RANGE, 0.5),
        ("factor", "7", K.OUT_OF_RANGE, 2.0),
        ("count", "many", K.WRONG_TYPE, 4),
        ("count", "7.6", K.WRONG_TYPE, 8),
        ("count", {"x": 1}, K.WRONG_TYPE, 4),
        ("count", [1, 2, 3], K.WRONG_TYPE, 4),
        ("factor", "9" * 500, K.WRONG_TYPE, 1.0),
        ("text", {"x": 1}, K.WRONG_TYPE, "hello"),
        ("mode", "sofd", K.UNKNOWN_CHOICE, "soft"),
        ("mode", "liquid", K.UNKNOWN_CHOICE, "hard"),
        ("mode", 5, K.UNKNOWN_CHOICE, "hard"),
        ("model", "one.safetensors", K.MISSING_MODEL, "a/one.safetensors"),
        ("model", "TWO.ckpt", K.MISSING_MODEL, "two.safetensors"),
        ("model", "日本語モデル_v2.safetensors", K.MISSING_MODEL, "日本語モデル.safetensors"),
    ],
)
def test_a_value_that_the_server_refuses(name: str, value: Any, kind: ProblemKind, instead: Any) -> None:
    graph = checked(**{name: value})
    problem = only(graph)
    assert (problem.kind, problem.node_id, problem.node_title, problem.parameter) == (kind, "9", "Check it", name)
    assert problem.sentence.startswith("“Check it”")
    assert problem.action == SetValue(instead)
    assert problem.outputs == ("7",)
    made = mended(graph, problem)
    assert made["9"]["inputs"][name] == instead
    assert type(made["9"]["inputs"][name]) is type(instead)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", "7"),
        ("count", 4.0),
        ("count", True),
        ("factor", 1),
        ("text", 5),
        ("any", "x"),
        ("any", 1),
        ("mask", None),
    ],
)
def test_a_value_that_the_server_takes(name: str, value: Any) -> None:
    assert preflight(checked(**{name: value}), SERVER) == ()


def test_null_where_a_value_should_be() -> None:
    graph = checked()
    graph["9"]["inputs"]["text"] = None
    assert only(graph).action == SetValue("hello")


def test_a_model_in_a_folder_of_another_system_is_surely_the_same() -> None:
    problem = only(checked(model="a\\one.safetensors"))
    assert problem.action == SetValue("a/one.safetensors")
    assert problem.is_sure
    assert problem.suggestions == ("a/one.safetensors",)
    assert not only(checked(model="one.safetensors")).is_sure


def test_a_model_with_nothing_like_it_has_no_action() -> None:
    problem = only(checked(model="zzz.safetensors"))
    assert (problem.kind, problem.action, problem.suggestions) == (K.MISSING_MODEL, None, ())
    with pytest.raises(UnknownParameter, match="Check it"):
        apply(checked(), problem)


def test_another_suggestion_may_be_taken() -> None:
    graph = checked(model="one.safetensors")
    assert apply(graph, only(graph), SetValue("two.safetensors"))["9"]["inputs"]["model"] == "two.safetensors"


@pytest.mark.parametrize(
    ("name", "noun"),
    [("ckpt_name", "checkpoint"), ("clip_name2", "text encoder"), ("style_model_name", "style model"), ("x", "x")],
)
def test_models_are_called_by_their_kind(name: str, noun: str) -> None:
    types = NodeTypes.from_object_info({"A": {"input": {"required": {name: [["a.pt"]]}}, "output_node": True}})
    (problem,) = preflight({"1": node("A", **{name: "zzzzz.pt"})}, types)
    assert f"has no {noun} “zzzzz.pt”" in problem.sentence


def test_a_server_without_models_of_a_kind() -> None:
    graph = good(n8=node("EmptyMenus", name="x.safetensors"))
    types = NodeTypes.from_object_info(DEFINITIONS | {"EmptyMenus": NODES["EmptyMenus"] | {"output_node": True}})
    (problem,) = preflight(graph, types)
    assert problem.kind is K.MISSING_MODEL
    assert "none of this kind" in problem.sentence


def test_input_files_are_looked_for_where_they_are_known() -> None:
    graph = good(n7=node("SaveImage", images=["8", 0], filename_prefix="x"), n8=node("LoadImage", image="mine.png"))
    assert preflight(graph, SERVER) == ()
    assert preflight(graph, SERVER, files={"mine.png"}) == ()
    problem = only(graph, files={"sub/mine.png"})
    assert (problem.kind, problem.action) == (K.MISSING_FILE, SetValue("sub/mine.png"))
    graph["8"]["inputs"]["image"] = "mine.png [output]"
    assert preflight(graph, SERVER, files=()) == ()


# --- dynamic inputs


def test_dynamic_inputs_are_checked_as_the_menu_stands() -> None:
    def resized(**inputs: Any) -> Json:
        resize = node("Resize", input=["6", 0], **inputs)
        return good(n8=resize, n7=node("SaveImage", images=["8", 0], filename_prefix="x"))

    assert preflight(resized(resize="by size", **{"resize.width": 5}), SERVER) == ()
    assert preflight(resized(resize="by factor", **{"resize.factor": 1.0, "resize.width": 0}), SERVER) == ()
    assert only(resized(resize="by factor")).action == SetValue(2.0)
    assert only(resized(resize="by size", **{"resize.width": 0})).action == SetValue(1)
    assert only(resized(resize="by fact")).action == SetValue("by factor")


def test_the_first_rows_are_required() -> None:
    rows = good(
        n8=node("Rows"),
        n9=node(
            "Checked",
            image=["6", 0],
            number=["8", 0],
            count=4,
            factor=1,
            text="",
            mode="soft",
            model="two.safetensors",
        ),
    )
    rows["7"] = node("SaveImage", images=["9", 0], filename_prefix="x")
    assert only(rows).parameter == "values.v0"
    rows["8"]["inputs"] = {"values.v0": 1, "values.v3": 4}
    assert preflight(rows, SERVER) == ()


def test_rows_of_widgets_are_checked_where_they_are() -> None:
    group = ["COMFY_DYNAMICGROUP_V3", {"template": {"required": {"x": ["FLOAT", {"max": 1.0}]}}, "min": 0, "max": 5}]
    types = NodeTypes.from_object_info({"A": {"input": {"required": {"rows": group}}, "output_node": True}})
    assert preflight({"1": node("A")}, types) == ()
    (problem,) = preflight({"1": node("A", **{"rows.0.x": 0.5, "rows.1.x": 2.0})}, types)
    assert (problem.parameter, problem.action) == ("rows.1.x", SetValue(1.0))


def test_menus_of_several_choices() -> None:
    tags = ["COMBO", {"options": ["x", "y"], "multi_select": True}]
    types = NodeTypes.from_object_info({"A": {"input": {"required": {"tags": tags}}, "output_node": True}})
    assert preflight({"1": node("A", tags={"__value__": ["x", "y"]})}, types) == ()
    (problem,) = preflight({"1": node("A", tags={"__value__": ["x", "z"]})}, types)
    assert problem.kind is K.UNKNOWN_CHOICE


# --- links


def test_what_is_not_there() -> None:
    graph = checked(image=None)
    problem = only(graph)
    assert (problem.kind, problem.parameter, problem.action) == (K.MISSING_INPUT, "image", None)
    assert problem.sentence == "“Check it”: nothing is linked to “image” (IMAGE), which the server needs."
    graph = checked(count=None)
    assert only(graph).action == SetValue(4)
    mended(graph, only(graph))


@pytest.mark.parametrize(
    ("name", "link", "kind"),
    [
        ("image", ["99", 0], K.BROKEN_LINK),
        ("image", ["6", 7], K.BROKEN_LINK),
        ("image", ["6", -1], K.BROKEN_LINK),
        ("image", ["4", 0], K.WRONG_LINK),
        ("mask", ["6", 0], K.WRONG_LINK),
        ("mask", ["99", 0], K.BROKEN_LINK),
        ("image", "a.png", K.WRONG_TYPE),
    ],
)
def test_links(name: str, link: Any, kind: ProblemKind) -> None:
    graph = checked(**{name: link})
    problem = only(graph)
    assert (problem.kind, problem.parameter) == (kind, name)
    if name == "mask":
        mended(graph, problem)


def test_a_link_by_a_number() -> None:
    graph = checked()
    graph["9"]["inputs"]["image"] = [6, 0]
    assert mended(graph, only(graph))["9"]["inputs"]["image"] == ["6", 0]


@pytest.mark.parametrize(
    ("given_", "taken", "right"),
    [
        ("IMAGE", "IMAGE", True),
        ("IMAGE", "IMAGE,MASK", True),
        ("INT,FLOAT", "FLOAT", True),
        ("INT", "FLOAT", False),
        ("IMAGE", "*", True),
        ("*", "MASK", True),
        ("image", "IMAGE", False),
    ],
)
def test_types(given_: str, taken: str, right: bool) -> None:
    assert compatible(given_, taken) is right


def test_a_circle_is_named() -> None:
    graph = checked(image=["8", 0])
    graph["8"] = node("ScaleToPixels", "Around", image=["9", 0], megapixels=1)
    problem = only(graph)
    assert problem.kind is K.CYCLE
    assert "“Check it”" in problem.sentence
    assert "“Around”" in problem.sentence
    assert problem.outputs == ("7",)


# --- the whole


def test_no_output() -> None:
    graph = good()
    del graph["7"]
    problem = only(graph)
    assert (problem.kind, problem.node_id) == (K.NO_OUTPUT, "")
    assert runnable_outputs(Workflow.load(graph), SERVER, [problem]) == ()


def test_what_does_not_run_is_not_looked_at() -> None:
    graph = good(n8=node("Checked", count=-5))
    assert preflight(graph, SERVER) == ()


def test_other_outputs_run_all_the_same() -> None:
    graph = good(n8=node("SaveImage", "Lonely", filename_prefix="y"))
    problem = only(graph)
    assert (problem.kind, problem.outputs, problem.action) == (K.MISSING_INPUT, ("8",), RemoveNode())
    assert runnable_outputs(Workflow.load(graph), SERVER, [problem]) == ("7",)
    assert "8" not in mended(graph, problem)


def test_of_hundreds_of_outputs_none_is_promised_in_vain() -> None:
    graph = {str(n): node("SaveImage", images=["a", 0], filename_prefix="x") for n in range(300)}
    graph |= {"299": node("SaveImage", filename_prefix="x"), "a": node("LoadImage", image="a.png")}
    problems = preflight(graph, SERVER)
    assert len(problems) == 1
    left = runnable_outputs(Workflow.load(graph), SERVER, problems)
    assert "299" not in left
    assert "0" in left


def test_a_missing_class_stops_all_and_names_its_pack() -> None:
    graph = good(n6=node("Decodee", samples=["5", 0]))
    problem = only(graph, packs={"Decodee": "some-pack"})
    assert (problem.kind, problem.outputs) == (K.MISSING_CLASS, ("7",))
    assert "“some-pack”" in problem.sentence
    assert "Did you mean “Decode”" in problem.sentence
    graph["6"]["_meta"] = {"title": "Mine", "aux_id": "someone/their-nodes"}
    assert "“someone/their-nodes”" in only(graph).sentence


def test_a_missing_class_that_nothing_needs_can_go() -> None:
    graph = good(n8=node("Gone", image=["6", 0]))
    assert only(graph).action == RemoveNode()
    assert "8" not in mended(graph, only(graph))


REPLACEMENTS = {
    "OldDecode": [
        {"new_node_id": "Nowhere too"},
        {
            "old_node_id": "OldDecode",
            "new_node_id": "Checked",
            "old_widget_ids": ["n", "text"],
            "input_mapping": [
                {"new_id": "image", "old_id": "picture"},
                {"new_id": "count", "old_id": "n"},
                {"new_id": "mode", "set_value": "soft"},
                {"new_id": "text", "old_id": "text"},
                {"new_id": "factor", "set_value": 1.0},
                {"new_id": "model", "set_value": "two.safetensors"},
            ],
            "output_mapping": [{"new_idx": 0, "old_idx": 2}],
        },
    ]
}


def test_a_replacement_that_the_server_offers() -> None:
    graph = good(
        n8=node("OldDecode", picture=["6", 0], n=3, text="t", gone=1),
        n7=node("SaveImage", images=["8", 2], filename_prefix="x"),
    )
    problem = only(graph, replacements={"OldDecode": REPLACEMENTS["OldDecode"][1:]})
    assert problem.label == "Use “Checked”"
    made = mended(graph, problem)
    assert made["7"]["inputs"]["images"] == ["8", 0]
    assert made["8"]["inputs"] == {
        "image": ["6", 0],
        "count": 3,
        "text": "t",
        "mode": "soft",
        "factor": 1.0,
        "model": "two.safetensors",
    }


def test_the_first_replacement_that_the_server_has_is_taken() -> None:
    graph = good(n8=node("OldDecode", picture=["6", 0]), n7=node("SaveImage", images=["8", 2], filename_prefix="x"))
    assert only(graph, replacements=REPLACEMENTS).label == "Use “Checked”"
    assert only(graph, replacements={"OldDecode": [{"new_node_id": "Nowhere"}]}).action is None


@pytest.mark.parametrize("offered", [None, 5, [5], [{}], [{"new_node_id": 5}], {"new_node_id": "Decode"}])
def test_replacements_that_make_no_sense(offered: Any) -> None:
    graph = good(n6=node("OldDecode", samples=["5", 0]))
    preflight(graph, SERVER, replacements={"OldDecode": offered})


# --- files of the editor


def old_file(named: bool) -> Json:
    inputs = {"picture": 1, "n*": None, "text*": None} if named else {"picture": 1}
    old = ui_node(8, "OldDecode", [3, "t"], inputs, properties={"cnr_id": "old-pack"})
    old["outputs"] = [
        {"name": name, "type": type_, "links": []} for name, type_ in (("a", "INT"), ("b", "INT"), ("c", "IMAGE"))
    ]
    return ui(
        ui_node(6, "Image", ["a.png"]),
        old,
        ui_node(7, "SaveImage", ["x"], {"images": 2}),
        links=[[1, 6, 0, 8, 0], [2, 8, 2, 7, 0]],
    )


@pytest.mark.parametrize("named", [True, False])
def test_a_file_with_a_missing_class_is_converted_checked_and_mended(named: bool) -> None:
    file = old_file(named)
    before = copy.deepcopy(file)
    graph = to_api(file, with_stand_ins(file, SERVER, REPLACEMENTS))
    assert graph["8"]["inputs"] == {"picture": ["6", 0], "n": 3, "text": "t"}
    problem = only(graph, packs=packs_of(file), replacements=REPLACEMENTS)
    assert "“old-pack”" in problem.sentence
    assert mended(graph, problem)["8"]["class_type"] == "Checked"
    assert file == before


def test_what_controls_a_seed_is_no_widget() -> None:
    values = [5, "fixed", 0.5]
    named = ui(ui_node(1, "Gone", values, {"seed*": None, "x*": None}))
    for slot in named["nodes"][0]["inputs"]:
        slot["type"] = "INT" if slot["name"] == "seed" else "FLOAT"
    offered = {"Gone": [{"old_widget_ids": ["seed", "control_after_generate", "x"]}]}
    for file in (named, ui(ui_node(1, "Gone", values))):
        assert to_api(file, with_stand_ins(file, SERVER, offered))["1"]["inputs"] == {"seed": 5, "x": 0.5}


def test_a_subgraph_that_the_file_lacks_is_called_by_its_title() -> None:
    graph = good(n8=node("b0b0b0b0-1111-2222-3333-b0b0b0b0b0b0", "My Box"))
    assert only(graph).sentence == "“My Box” is a subgraph that the file lacks. Export the workflow again."


def test_without_missing_classes_the_servers_own_are_used() -> None:
    assert with_stand_ins(ui(ui_node(6, "Image", ["a.png"])), SERVER) is SERVER


def test_apply_needs_a_graph_with_the_node() -> None:
    problem = only(checked(count=99))
    with pytest.raises(UnknownParameter, match="no longer has the node “Check it”"):
        apply(good(), problem)
    with pytest.raises(NotAWorkflow):
        apply({}, problem)


# --- official templates

# What the templates ask of a newer server than the one whose definitions stand beside them, looked at one by one.
TOO_NEW = {
    "api_bytedance_seedance1_5_flf2v": {K.UNKNOWN_CHOICE},
    "api_bytedance_seedance1_5_text_to_video": {K.UNKNOWN_CHOICE},
    "api_kling_o3_flf2v": {K.UNKNOWN_CHOICE},
    "api_kling_o3_i2v": {K.UNKNOWN_CHOICE},
    "api_kling_o3_t2v": {K.UNKNOWN_CHOICE},
    "api_kling_v3_t2i": {K.UNKNOWN_CHOICE},
    "api_openai_chat": {K.UNKNOWN_CHOICE},
    "api_rodin_gen2": {K.BROKEN_LINK},
    "api_tripo3_0_text_to_model": {K.BROKEN_LINK},
    "api_tripo_multiview_to_model": {K.BROKEN_LINK},
    "image_moss_image_base_t2i": {K.UNKNOWN_CHOICE},
    "image_moss_image_t2i": {K.UNKNOWN_CHOICE},
    "templates_doc_workbox_poster_recreator": {K.UNKNOWN_CHOICE},
    # a node that saves a video, and that nothing is linked to
    "video_ltx2_i2v_lora": {K.MISSING_INPUT},
}


def test_official_templates_have_no_false_problems(templates: Path) -> None:
    object_info = json.loads((templates.parent / "object_info.json").read_text())
    node_types = NodeTypes.from_object_info(object_info)
    found = {}
    for path in sorted(templates.glob("*.ui.json")):
        problems = preflight(to_api(json.loads(path.read_text()), node_types), node_types)
        kinds = {problem.kind for problem in problems} - {K.MISSING_MODEL}
        if kinds:
            found[path.name.removesuffix(".ui.json")] = kinds
        assert all(problem.outputs for problem in problems)
    assert found == TOO_NEW


def test_models_of_official_templates_are_missing_only_where_the_server_lists_none(templates: Path) -> None:
    object_info = json.loads((templates.parent / "object_info.json").read_text())
    node_types = NodeTypes.from_object_info(object_info)
    for path in sorted(templates.glob("*.ui.json")):
        for problem in preflight(to_api(json.loads(path.read_text()), node_types), node_types):
            if problem.kind is K.MISSING_MODEL:
                graph = to_api(json.loads(path.read_text()), node_types)
                input_ = node_types[graph[problem.node_id]["class_type"]].input(problem.parameter)
                assert input_ is not None
                assert graph[problem.node_id]["inputs"][problem.parameter] not in input_.choices


# --- what real servers said


# Refused for what stands beside the prompt, or beside the point: other prompt ids, other targets, a bare NaN.
BESIDE = ("err_prompt_id", "err_front", "err_nan", "err_partial_targets", "err_extra_unknown")


def recorded(templates: Path) -> Iterator[tuple[str, Json, Json]]:
    folder = templates.parents[1] / "transcripts"
    if not folder.is_dir():
        pytest.skip(f"no recorded exchanges at {folder}")
    for path in sorted(folder.glob("0*/err_*.json")):
        if not path.name.startswith(BESIDE):
            exchange = json.loads(path.read_text())
            yield f"{path.parent.name}/{path.stem}", exchange["request"]["json"]["prompt"], exchange["body"]


def test_all_that_real_servers_refused_is_found(templates: Path) -> None:
    node_types = NodeTypes.from_object_info(json.loads((templates.parent / "object_info.json").read_text()))
    count = 0
    for name, prompt, answer in recorded(templates):
        count += 1
        try:
            found = {problem.node_id for problem in preflight(prompt, node_types, files=())}
        except NotAWorkflow:
            continue
        assert found, name
        blamed = {
            node_id
            for node_id, refused in answer["node_errors"].items()
            if not any(
                error["type"] in ("dependency_cycle", "exception_during_inner_validation")
                for error in refused["errors"]
            )
        }
        assert blamed <= found, name
    assert count > 20


def test_what_real_servers_ran_has_no_problems_but_models(templates: Path) -> None:
    node_types = NodeTypes.from_object_info(json.loads((templates.parent / "object_info.json").read_text()))
    for path in sorted(templates.parents[1].glob("transcripts/workflows/*.json")):
        if not path.name.startswith("video_mp4"):  # for servers from before 0.38, whose SaveVideo has other inputs
            kinds = {problem.kind for problem in preflight(json.loads(path.read_text()), node_types)}
            assert kinds <= {K.MISSING_MODEL}, path.name


# --- speed


def test_a_large_workflow_with_many_problems_is_checked_quickly() -> None:
    names = [f"folder {number % 70}/some long name {number}.safetensors" for number in range(5000)]
    load = {"input": {"required": {"lora_name": [names], "strength": ["FLOAT", {"max": 1}]}}, "output_node": True}
    types = NodeTypes.from_object_info({"A": load})
    graph = {str(n): node("A", lora_name=f"some long nome {n % 3}", strength=n) for n in range(300)}
    preflight(graph, types)
    started = time.process_time()
    assert len(preflight(graph, types)) == 300 + 298
    assert time.process_time() - started < 5  # of CPU; a tenth of it, but for slow machines


# --- whatever comes


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graph=graphs)
def test_every_graph_can_be_checked_and_every_action_done(graph: Json) -> None:
    before = copy.deepcopy(graph)
    for problem in preflight(graph, TYPES, files=()):
        assert problem.sentence.endswith((".", "?"))
        assert (problem.action is None) == (problem.label == "")
        if problem.action is not None:
            made = apply(graph, problem)
            assert (problem.kind, problem.node_id, problem.parameter, problem.sentence) not in {
                (again.kind, again.node_id, again.parameter, again.sentence)
                for again in preflight(made, TYPES, files=())
            }
    assert graph == before


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graph=graphs, definition=broken, options=broken, replacements=broken)
def test_broken_definitions_never_crash_a_check(graph: Json, definition: Any, options: Any, replacements: Any) -> None:
    spec = {"required": {"resize": ["COMFY_DYNAMICCOMBO_V3", options], "seed": ["INT", options], "text": [options]}}
    types = NodeTypes.from_object_info(
        NODES | {"Latent": definition, "Resize": {"input": spec, "output": options, "output_node": True}}
    )
    for problem in preflight(graph, types, replacements={"Nobody": replacements}):
        if problem.action is not None:
            apply(graph, problem)


@settings(max_examples=100, deadline=None)
@given(graph=broken)
def test_what_is_no_graph_raises_only_what_is_documented(graph: Any) -> None:
    for check in (preflight, with_stand_ins):
        with contextlib.suppress(WorkflowError):
            check(graph, TYPES)
    with contextlib.suppress(WorkflowError):
        packs_of(graph)
