"""From files to workflows that can be shown: which graph is taken, and one sentence for each thing that is wrong."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blender_comfyui.workflow.errors import (
    BrokenWorkflow,
    NotAWorkflow,
    NoWorkflowInside,
    TooLarge,
    UnknownClasses,
    UnreadableFile,
    WorkflowError,
)
from blender_comfyui.workflow.importing import ImportedWorkflow, checked_api, import_workflow
from blender_comfyui.workflow.node_types import NodeTypes
from tests.workflow.containers import API, PARAMETERS, TEXTS, UI, box, mp4, png, saved
from tests.workflow.graphs import node as api_node
from tests.workflow.ui_graphs import STOCK, api, node, subgraph, ui

TYPES = NodeTypes.from_object_info(STOCK)
STRANGE = ui(node(1, "Strange"), node(2, "SaveImage", ["x"], {"images": 1}), links=[[1, 1, 0, 2]])
CIRCLE = ui(
    node(1, "Invert", (), {"image": 2}), node(2, "Invert", (), {"image": 1}), links=[[1, 1, 0, 2], [2, 2, 0, 1]]
)


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def embedded(ui: Any, api: Any) -> bytes:
    return png({"prompt": json.dumps(api), "workflow": json.dumps(ui)})


class TestWhatIsTaken:
    def test_the_editors_workflow_is_converted(self, tmp_path: Path) -> None:
        path = tmp_path / "My castle.png"
        path.write_bytes(png())
        found = import_workflow(path, node_types=TYPES)
        assert found == ImportedWorkflow("My castle", "My castle.png", "PNG", UI, api(UI))

    def test_without_a_server_it_is_kept_beside_the_prompt_of_the_file(self) -> None:
        found = import_workflow(png(), "a.png")
        assert (found.ui, found.api) == (UI, API)
        assert found.notes == ("“a.png” will be converted when a server is connected.",)

    def test_without_a_server_and_without_a_prompt_there_is_none_yet(self) -> None:
        found = import_workflow(as_json(UI), "a.json")
        assert (found.ui, found.api, found.unconverted) == (UI, None, None)

    def test_a_prompt_alone(self) -> None:
        found = import_workflow(as_json(API), "folder\\a.json", TYPES)
        assert found == ImportedWorkflow("a", "folder\\a.json", "JSON", None, API)

    def test_missing_classes_are_told_and_the_workflow_is_kept(self) -> None:
        found = import_workflow(as_json(STRANGE), "a.json", TYPES)
        assert (found.ui, found.api) == (STRANGE, None)
        assert isinstance(found.unconverted, UnknownClasses)
        assert found.unconverted.classes == ("Strange",)
        assert found.notes == (str(found.unconverted),)

    def test_with_missing_classes_the_prompt_of_the_file_stands_in(self) -> None:
        found = import_workflow(embedded(STRANGE, API), "a.png", TYPES)
        assert (found.ui, found.api) == (STRANGE, API)
        assert found.unconverted is not None

    @pytest.mark.parametrize("broken", [CIRCLE, {"nodes": [5]}, {"nodes": []}, {"nodes": 5, "links": []}])
    def test_the_prompt_stands_in_for_a_broken_workflow(self, broken: Any) -> None:
        found = import_workflow(embedded(broken, API), "a.png", TYPES)
        assert (found.ui, found.api) == (None, API)
        assert found.notes[-1].endswith("The prompt that the file has beside it is used instead.")

    def test_a_broken_prompt_beside_a_good_workflow_does_no_harm(self) -> None:
        found = import_workflow(embedded(UI, {"1": api_node("A", image=["9", 0])}), "a.png", TYPES)
        assert (found.ui, found.api, found.notes) == (UI, api(UI), ())

    def test_both_broken(self) -> None:
        with pytest.raises(BrokenWorkflow, match="circle"):
            import_workflow(embedded(CIRCLE, {"1": api_node("A", image=["9", 0])}), "a.png", TYPES)

    def test_a_damaged_half_is_told(self) -> None:
        found = import_workflow(png({"prompt": TEXTS["prompt"], "workflow": "{"}), "a.png", TYPES)
        assert found.api == API
        assert found.notes == (
            "The workflow in “a.png” is cut: it ends in the middle. Copy, download or export it again.",
        )

    @pytest.mark.parametrize(
        ("file_name", "title", "name"),
        [
            ("C:\\x\\Häuser.v2.png", "", "Häuser.v2"),
            ("a/b/c.json", "", "c"),
            ("", "", "Workflow"),
            (".json", "", ".json"),
            ("a\nb\u202e.json", "", "a b"),
            ("x.json", "Text to Image", "Text to Image"),
            ("x" * 500 + ".json", "", "x" * 100),
        ],
    )
    def test_names(self, file_name: str, title: str, name: str) -> None:
        assert import_workflow(as_json(API), file_name, title=title).name == name

    def test_nothing_is_shared_with_the_next_import(self) -> None:
        first = import_workflow(as_json(API), "a.json")
        assert first.api is not None
        first.api["1"]["inputs"].clear()
        assert import_workflow(as_json(API), "a.json").api == API


def folder(place: Path) -> Path:
    return place


def large(place: Path) -> Path:
    path = place / "x.json"
    with path.open("wb") as file:
        file.truncate(100 << 20)
    return path


# What is broken, the error, and what its sentence says. With a server, and without.
BROKEN: Mapping[str, tuple[bytes | Callable[[Path], Path], type[WorkflowError], str]] = {
    "an empty file": (b"", NotAWorkflow, "is empty"),
    "blanks": (b" \n\t", NotAWorkflow, "is empty"),
    "no file": (lambda place: place / "x.json", UnreadableFile, "is not there"),
    "a folder": (folder, UnreadableFile, "is a folder"),
    "100 MB": (large, TooLarge, "has 100 MB"),
    "cut JSON": (as_json(API)[:-40], NotAWorkflow, "is cut"),
    "JSON cut in a string": (b'{"1": {"class_ty', NotAWorkflow, "is cut"),
    "JSON with a comment": (b'{"1": // first\n {}}', NotAWorkflow, "is damaged: Expecting value in line 1"),
    "two JSON files in one": (as_json(API) * 2, NotAWorkflow, "is damaged: Extra data"),
    "nested too deep": (b'{"a":' * 100_000, NotAWorkflow, "nested too deep"),
    "nested too deep, whole": (b'{"1": ' + b"[" * 5000 + b"]" * 5000 + b"}", NotAWorkflow, "nested too deep"),
    "a number of a million digits": (b'{"1": ' + b"9" * 10**6 + b"}", NotAWorkflow, "a number that is too long"),
    "NaN": (b'{"1": {"class_type": "A", "inputs": {"cfg": NaN}}}', NotAWorkflow, "nan is no number"),
    "the same id twice": (b'{"1": {"class_type": "A"}, "1": {"class_type": "B"}}', NotAWorkflow, "two nodes with the"),
    "a web page": (b"<!DOCTYPE html><html><body>404</body></html>", NotAWorkflow, "is a web page"),
    "a text": (b"How I made this picture", NotAWorkflow, "is a text"),
    "not UTF-8": (b'{"1": "\xff\xff"}', NotAWorkflow, "is neither a text nor a picture"),
    "half of UTF-16": (as_json(API).decode().encode("utf-16")[:-1], NotAWorkflow, "is neither a text nor"),
    "a program": (b"\x7fELF" + bytes(range(256)), NotAWorkflow, "is neither a text nor a picture"),
    "an archive": (b"PK\3\4" + bytes(100), NotAWorkflow, "is a ZIP archive. Unpack it"),
    "a list": (b"[1, 2]", NotAWorkflow, "it is a list"),
    "a list of nodes": (as_json([{"id": 1, "type": "A"}]), NotAWorkflow, "it is a list"),
    "a number": (b"5", NotAWorkflow, "it is a single value"),
    "nothing": (b"null", NotAWorkflow, "it is a single value"),
    "no nodes": (b"{}", NotAWorkflow, "it has no nodes"),
    "settings": (b'{"Comfy.Locale": "en"}', NotAWorkflow, "JSON of another kind"),
    "node templates": (as_json({"templates": [{"name": "x", "data": "{}"}]}), NotAWorkflow, "node templates"),
    "the list of node classes": (as_json({"A": {"output_node": True}}), NotAWorkflow, "list of node classes"),
    "a node without class": (as_json({"1": {"inputs": {}}, "2": api_node("A")}), NotAWorkflow, "“1” has no class_type"),
    "no node with a class": (as_json({"1": {"inputs": {}}}), NotAWorkflow, "“1” has no class_type"),
    "a class of a wrong type": (as_json({"1": {"class_type": 5, "inputs": {}}}), NotAWorkflow, "“1” has no class_type"),
    "inputs of a wrong type": (as_json({"1": {"class_type": "A", "inputs": []}}), NotAWorkflow, "are not named"),
    "a node of a wrong type": (as_json({"1": api_node("A"), "2": "x"}), NotAWorkflow, "“2” has no class_type"),
    "a link to nothing": (as_json({"1": api_node("A", image=["9", 0])}), BrokenWorkflow, "node “1” (“A”) is linked"),
    "a circle": (
        as_json({"1": api_node("A", x=["2", 0]), "2": api_node("B", x=["1", 0]), "3": api_node("C", x=["1", 0])}),
        BrokenWorkflow,
        "in a circle: “2” (“B”), “1” (“A”)",
    ),
    "a node that feeds itself": (as_json({"1": api_node("A", x=["1", 0])}), BrokenWorkflow, "in a circle: “1” (“A”)"),
    "the editor's, without nodes": (as_json({"nodes": [], "links": []}), BrokenWorkflow, "It has no nodes"),
    "the editor's, nodes of a wrong type": (as_json({"nodes": "x", "links": []}), BrokenWorkflow, "no list of nodes"),
    "the editor's, a node of a wrong type": (as_json({"nodes": [5]}), BrokenWorkflow, "Node number 1"),
    "the editor's, a node without id": (as_json({"nodes": [{"type": "A"}]}), BrokenWorkflow, "has no id"),
    "the editor's, a node without class": (as_json({"nodes": [{"id": 1}]}), BrokenWorkflow, "has no class"),
    "the editor's, links of a wrong type": (as_json(UI | {"links": 5}), BrokenWorkflow, "links of the workflow are no"),
    "the editor's, inputs of a wrong type": (as_json(ui(node(1, "A") | {"inputs": 5})), BrokenWorkflow, "are no list"),
    "the editor's, a subgraph without id": (as_json(ui(node(1, "A"), subgraphs=[{}])), BrokenWorkflow, "has no id"),
    "a PNG without metadata": (png({}), NoWorkflowInside, "(PNG) has no ComfyUI workflow inside"),
    "a JPEG without metadata": (saved("JPEG"), NoWorkflowInside, "(JPEG) has no ComfyUI workflow inside"),
    "a GIF": (saved("GIF"), NoWorkflowInside, "(GIF) has no ComfyUI workflow inside"),
    "a video without metadata": (mp4(box(b"moov", bytes(99))), NoWorkflowInside, "(MP4) has no ComfyUI workflow"),
    "a PNG by another program": (png({"parameters": PARAMETERS}), NoWorkflowInside, "another program, Automatic1111"),
    "a cut PNG": (png()[:100], NotAWorkflow, "is cut"),
    "a PNG of five bytes": (b"\x89PNG\r", NotAWorkflow, "is neither a text nor a picture"),
    "a PNG with cut JSON": (png({"prompt": TEXTS["prompt"][:-9]}), NotAWorkflow, "The workflow in “x.json” is cut"),
    "a PNG with deep JSON": (png({"workflow": "[" * 10**5}), NotAWorkflow, "is nested too deep"),
    "a PNG with a broken workflow": (png({"workflow": '{"nodes": [5]}'}), BrokenWorkflow, "Node number 1"),
}  # fmt: skip
# What only shows when it is converted.
BROKEN_AT_CONVERSION: Mapping[str, tuple[bytes, str]] = {
    "a circle of the editor's": (as_json(CIRCLE), "in a circle"),
    "only notes": (as_json(ui(node(1, "Note", ["x"]))), "Nothing in it runs"),
    "all muted": (as_json(ui(node(1, "Image", ["a.png"], mode=2))), "Nothing in it runs"),
    "a subgraph in itself": (as_json(ui(node(1, "a"), subgraphs=[subgraph("a", node(2, "a"))])), "contains itself"),
    "a number that is too long": (
        b'{"nodes": [{"id": 1, "type": "Number", "widgets_values": [' + b"9" * 2000 + b"]}]}",
        "too long a number",
    ),
}


def refusal(source: Path | bytes, kind: type[WorkflowError], types: NodeTypes | None) -> str:
    with pytest.raises(kind) as caught:
        import_workflow(source, "x.json", types)
    return str(caught.value)


@pytest.mark.parametrize("types", [None, TYPES], ids=["alone", "with a server"])
@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_each_give_a_sentence(tmp_path: Path, name: str, types: NodeTypes | None) -> None:
    source, kind, part = BROKEN[name]
    sentence = refusal(source if isinstance(source, bytes) else source(tmp_path), kind, types)
    assert part in sentence
    assert "“x.json”" in sentence[:40]  # which file
    assert sentence.endswith(".")
    assert sentence.isprintable()
    assert len(sentence) < 300
    assert sentence.count(". ") >= 1  # what to do


@pytest.mark.parametrize("name", BROKEN_AT_CONVERSION)
def test_what_shows_at_the_conversion(name: str) -> None:
    data, part = BROKEN_AT_CONVERSION[name]
    sentence = refusal(data, BrokenWorkflow, TYPES)
    assert sentence.startswith("“x.json”")
    assert part in sentence


def test_links_to_nothing_are_left_out_by_the_editor_and_so_by_us() -> None:
    loose = ui(node(1, "Image", ["a.png"]), node(2, "SaveImage", ["x"], {"images": 7}))
    assert import_workflow(as_json(loose), "x.json", TYPES).api == api(loose)


def test_long_circles_are_shown_in_part_and_found_at_once() -> None:
    graph = {str(i): api_node("A", x=[str((i + 1) % 3000), 0]) for i in range(3000)}
    with pytest.raises(BrokenWorkflow) as caught:
        checked_api(graph, "It")
    assert len(str(caught.value)) < 300


def test_many_links_to_one_node_are_no_circle() -> None:
    graph = {"1": api_node("A"), "2": api_node("B", a=["1", 0], b=["1", 1], c=["1", 0]), "3": api_node("C", a=["2", 0])}
    assert checked_api(graph, "It") == graph


def test_the_official_templates(templates: Path) -> None:
    types = NodeTypes.from_object_info(json.loads((templates.parent / "object_info.json").read_text(encoding="utf-8")))
    for path in sorted(templates.glob("*.ui.json")):
        found = import_workflow(path, node_types=types)
        assert found.api is not None, path.name
        assert found.notes == (), path.name


def test_the_recorded_prompts(transcripts: Path) -> None:
    for path in sorted((transcripts / "workflows").glob("*.json")):
        assert import_workflow(path).api == json.loads(path.read_text(encoding="utf-8")), path.name


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
links = st.tuples(st.sampled_from("123"), st.integers(-1, 3)).map(list)
api_like = st.dictionaries(
    st.sampled_from("123") | st.text(max_size=3),
    st.fixed_dictionaries(
        {"class_type": st.sampled_from(["A", "Image"]) | json_like},
        optional={"inputs": st.dictionaries(st.text(max_size=3), links | json_like, max_size=3) | json_like},
    ),
    max_size=4,
)
wrapped = st.dictionaries(
    st.sampled_from(["prompt", "workflow", "output", "extra_data", "extra_pnginfo", "nodes", "links", "asset", "ui"]),
    api_like | json_like | st.just(UI) | api_like.map(json.dumps),
    max_size=3,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(api_like | wrapped | json_like, st.sampled_from([None, TYPES]))
def test_any_json_is_imported_or_refused(value: Any, types: NodeTypes | None) -> None:
    for data in (as_json(value), png({"prompt": json.dumps(value), "workflow": json.dumps(value)})):
        try:
            found = import_workflow(data, "x.json", types)
        except WorkflowError as error:
            assert "“x.json”" in str(error)  # noqa: PT017
            assert str(error).isprintable()  # noqa: PT017
        else:
            assert found.ui is not None or found.api is not None
            assert found.api is None or checked_api(copy.deepcopy(found.api), "It") == found.api
            json.dumps([found.ui, found.api], allow_nan=False)


@settings(deadline=None, max_examples=200)
@given(st.integers(0, len(as_json(UI))), st.integers(0, 255), st.integers(0, len(as_json(UI)) - 1))
def test_cut_and_changed_workflows(length: int, byte: int, place: int) -> None:
    content = bytearray(as_json(UI))
    content[place] = byte
    try:
        import_workflow(bytes(content[:length]), "x.json", TYPES)
    except WorkflowError as error:
        assert "“x.json”" in str(error)  # noqa: PT017
