import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from blender_comfyui.workflow.errors import NotAWorkflow, WorkflowError
from blender_comfyui.workflow.graph import Workflow
from tests.workflow.graphs import node, txt2img


def refusal(source: Any) -> str:
    with pytest.raises(NotAWorkflow) as caught:
        Workflow.load(source)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert sentence.isprintable()
    return sentence


def test_a_mapping_is_copied() -> None:
    graph = txt2img()
    before = copy.deepcopy(graph)
    workflow = Workflow.load(graph)
    graph["5"]["inputs"]["model"][0] = "9"
    graph["2"]["inputs"]["text"] = "changed"
    assert workflow.api() == before


def test_what_it_gives_out_is_a_copy() -> None:
    workflow = Workflow.load(txt2img())
    given_out = workflow.api()
    given_out["5"]["inputs"]["model"].append("x")
    del given_out["1"]
    assert workflow.api() == txt2img()


def test_the_view_cannot_be_changed() -> None:
    workflow = Workflow.load(txt2img())
    with pytest.raises(TypeError):
        workflow.nodes["1"] = workflow.nodes["2"]  # type: ignore[index]
    with pytest.raises(TypeError):
        workflow.nodes["1"].inputs["ckpt_name"] = "x"  # type: ignore[index]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_files(tmp_path: Path, encoding: str) -> None:
    graph = txt2img(n2=node("CLIPTextEncode", text="Häuser ☂", clip=["1", 1]))
    path = tmp_path / "größe.json"
    path.write_text(json.dumps(graph, ensure_ascii=False), encoding=encoding)
    assert Workflow.load(path).api() == graph
    assert Workflow.load(str(path)).api() == graph


def test_json_text() -> None:
    assert Workflow.load("\ufeff \n" + json.dumps(txt2img())).api() == txt2img()


def test_a_bundled_name() -> None:
    assert Workflow.load("sd_basic").nodes["5"].class_type == "KSampler"


def test_the_recorded_prompts(transcripts: Path) -> None:
    for path in sorted((transcripts / "workflows").glob("*.json")):
        graph = json.loads(path.read_text(encoding="utf-8"))
        assert Workflow.load(path).api() == graph, path.name


def test_integer_ids_become_strings_as_in_json() -> None:
    graph = {
        1: node("EmptyImage", width=8, height=8, batch_size=1, color=0),
        2: node("SaveImage", images=(1, 0), size=[512, 512]),
    }
    workflow = Workflow.load(graph)
    assert list(workflow.nodes) == ["1", "2"]
    assert workflow.api()["2"]["inputs"] == {"images": ["1", 0], "size": [512, 512]}


def test_lists_of_numbers_are_no_links_where_ids_are_strings() -> None:
    graph = {"1": node("A", size=[1, 0])}
    assert Workflow.load(graph).api() == graph


def test_what_else_a_node_holds_is_kept() -> None:
    graph = {"1": {**node("A", "Title"), "is_changed": ["x"], "_meta": {"title": "Title", "ver": 2}}}
    assert Workflow.load(graph).api() == graph


def test_missing_inputs_are_none() -> None:
    assert Workflow.load({"1": {"class_type": "A"}}).api() == {"1": {"class_type": "A", "inputs": {}}}


def test_the_editor_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"nodes": [{"id": 1, "type": "KSampler"}], "links": [], "version": 0.4}))
    sentence = refusal(path)
    assert "“mine.json”" in sentence
    assert "Export (API)" in sentence
    assert "Save (API Format)" in sentence


def test_the_templates_in_editor_format_are_refused(templates: Path) -> None:
    paths = sorted(templates.glob("*.ui.json"))
    assert paths
    for path in paths:
        assert "Export (API)" in refusal(path)


@pytest.mark.parametrize(
    ("graph", "part"),
    [
        ({}, "is empty"),
        ({"1": {"inputs": {}}}, "node “1” has no class_type"),
        ({"1": node("A"), "x": 5}, "node “x” has no class_type"),
        ({"1": {"class_type": "", "inputs": {}}}, "node “1” has no class_type"),
        ({"1": {"class_type": 5, "inputs": {}}}, "node “1” has no class_type"),
        ({"1": {"class_type": "A", "inputs": []}}, "inputs of node “1” are not named"),
        ({"1": node("A"), 1: node("B")}, "two nodes with the id 1"),
        ({None: node("A")}, "bad node id"),
        ({True: node("A")}, "bad node id"),
        ({"7": node("A", x=float("nan"))}, "node “7” (A): nan is no number"),
        ({"7": node("A", x=[float("inf")])}, "node “7” (A): inf is no number"),
        ({"7": node("A", x={1, 2})}, "node “7” (A): a set is no JSON"),
        ({"7": node("A", x={(): 1})}, "node “7” (A): a tuple is no name"),
        ({"7": node("A", x=10**5000)}, "node “7” (A): it is too long a number"),
        ({10**5000: node("A")}, "bad node id"),
    ],
)
def test_bad_graphs(graph: Any, part: str) -> None:
    assert part in refusal(graph)


def test_circles_and_depth() -> None:
    circle: list[Any] = []
    circle.append(circle)
    assert "node “7” (A): it is nested too deep" in refusal({"7": node("A", x=circle)})
    assert "nested too deep" in refusal('{"1":' * 200_000)
    assert "nested too deep" in refusal('{"7": {"class_type": "A", "inputs": {"x":' + "[" * 500 + "]" * 500 + "}}}")


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b'{"1": {"class_type": "A", "in', "is cut"),
        (b'{"1": {"class_type": A}}', "is damaged"),
        (b'{"1": "\xff"}', "is neither a text nor"),
        (b"\x89PNG\r\n\x1a\n", "is neither a text nor"),
        (b"[1, 2]", "holds no nodes"),
        (b"null", "holds no nodes"),
        (b'"x"', "holds no nodes"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"1": ' + b"9" * 5000 + b"}", "number that is too long"),
        (b'{"1": {"class_type": "A", "inputs": {"x": NaN}}}', "nan is no number"),
    ],
)
def test_bad_files(tmp_path: Path, content: bytes, part: str) -> None:
    path = tmp_path / "mine.json"
    path.write_bytes(content)
    sentence = refusal(path)
    assert sentence.startswith("“mine.json”")
    assert part in sentence


@pytest.mark.parametrize("name", ["", "nowhere", "nowhere.json", "a/b/c.json", "[1]", "\0", "x" * 5000, "\ud800"])
def test_files_that_are_not_there(name: str) -> None:
    assert "Check the path." in refusal(name)


def test_a_folder_and_a_file_as_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert "Check the path." in refusal(tmp_path)
    assert "Check the path." in refusal(tmp_path / "file" / "x.json")


@pytest.mark.parametrize("source", [None, 5, b"{}", ["x"]])
def test_other_kinds(source: Any) -> None:
    assert "not a " in refusal(source)


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
nodes = st.fixed_dictionaries(
    {"class_type": st.sampled_from(["A", "KSampler"]) | json_like},
    optional={"inputs": st.dictionaries(st.text(max_size=5), json_like, max_size=3) | json_like, "_meta": json_like},
)
sources = st.dictionaries(st.text(max_size=3) | st.integers(), nodes | json_like, max_size=4)


@given(sources)
@example({"1": {"class_type": "A", "_meta": []}})
@example({"1": {"class_type": "A", "_meta": {"title": 5}}})
def test_any_mapping_loads_or_is_refused_and_stays_as_it_is(source: dict[Any, Any]) -> None:
    before = copy.deepcopy(source)
    try:
        workflow = Workflow.load(source)
    except WorkflowError as error:
        assert str(error)  # noqa: PT017
    else:
        assert json.loads(json.dumps(workflow.api(), allow_nan=False)) == workflow.api()
        assert Workflow.load(workflow.api()) == workflow
        assert all(isinstance(entry.title, str) and entry.title for entry in workflow.nodes.values())
    assert repr(source) == repr(before)


@given(st.text() | json_like.map(json.dumps) | st.text().map("{".__add__))
def test_any_text_loads_or_is_refused(source: str) -> None:
    try:
        Workflow.load(source)
    except WorkflowError as error:
        str(error).encode()
