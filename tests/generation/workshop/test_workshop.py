"""The workshop: questions about workflows from a thread that must not wait, answered by another, against a server."""

from __future__ import annotations

import dataclasses
import io
import json
import uuid
from array import array

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from blender_comfyui.comfy.address import ServerAddress
from blender_comfyui.comfy.client import ComfyClient
from blender_comfyui.comfy.errors import InvalidPrompt
from blender_comfyui.comfy.stream import StreamTimes
from blender_comfyui.generation.events import ServerChanged
from blender_comfyui.generation.server_state import ServerState
from blender_comfyui.generation.session import Session
from blender_comfyui.generation.workshop import (
    Check,
    Checked,
    Examine,
    Explain,
    Import,
    ImportBytes,
    Imported,
    ImportFailed,
    ListLibrary,
    ListServerWorkflows,
    ListTemplates,
    NodeTypesRead,
    NoTemplateThumbnail,
    OpenFromServer,
    OpenTemplate,
    ReadNodeTypes,
    TemplatesListed,
    TemplateThumbnail,
    Trouble,
    WantTemplateThumbnail,
    Workshop,
)
from blender_comfyui.generation.workshop import workshop as workshop_module
from blender_comfyui.workflow.problems import ProblemKind, apply
from tests import graphs
from tests.comfy_server.template_routes import replacement
from tests.conftest import SHARED
from tests.generation.workshop.conftest import LIMIT, put, ui_file

NOWHERE = "http://127.0.0.1:9"


def asked_for(server, route: str) -> int:
    return sum(request.route == route for request in server.requests)


def values(imported: Imported) -> dict:
    return {parameter.key: parameter.value for parameter in imported.parameters}


# ---- node types


def test_node_types_are_read_once_and_anew_when_asked(comfy_server, workshop):
    server = comfy_server(node_replacements={"Old": [replacement("EmptyImage", {})]})
    ours = workshop(server)
    first, second = ours.answer(ReadNodeTypes()), ours.answer(ReadNodeTypes())
    assert isinstance(first, NodeTypesRead)
    found = first.definitions
    assert (found.server, "KSampler" in found.node_types, list(found.replacements)) == (server.url, True, ["Old"])
    assert second.definitions is found
    assert asked_for(server, "/object_info") == 1
    server.checkpoints = ("new.safetensors",)
    third = ours.answer(ReadNodeTypes(anew=True, tag="t"))
    assert third.tag == "t"
    assert third.definitions.node_types["CheckpointLoaderSimple"].input("ckpt_name").choices == ("new.safetensors",)


def test_node_types_are_read_anew_after_the_server_was_away(comfy_server, workshop):
    server = comfy_server()
    ours = workshop(server)
    ours.answer(ReadNodeTypes())
    for connection, live in (("ready", False), ("unreachable", False), ("ready", False), ("ready", True)):
        ours.hear(ServerChanged(ServerState(connection, live)))
        ours.answer(ReadNodeTypes())
    assert asked_for(server, "/object_info") == 3
    ours.hear("anything else")


def test_a_session_tells_that_the_server_was_started_anew(comfy_server, workshop, tmp_path):
    server = comfy_server(checkpoints=("old",))
    ours = workshop(server)

    def hear_until(live: bool) -> None:
        while True:
            event = events._events.get(timeout=LIMIT)
            ours.hear(event)
            if isinstance(event, ServerChanged) and event.server.live == live and event.server.version:
                return

    times = StreamTimes(first_delay=0.01, longest_delay=0.05)
    with Session(server.url, tmp_path / "session", stream_times=times) as session:
        events = session.subscribe()
        session.start()
        hear_until(live=True)
        ours.answer(ReadNodeTypes())
        server.stop()
        hear_until(live=False)
        server.checkpoints = ("new",)
        server.start()
        hear_until(live=True)
        node_types = ours.answer(ReadNodeTypes()).definitions.node_types
    assert node_types["CheckpointLoaderSimple"].input("ckpt_name").choices == ("new",)


def test_a_server_that_names_no_node_classes(comfy_server, workshop):
    server = comfy_server()
    server.fail_next["GET /object_info"] = [(200, {"Content-Type": "application/json"}, b"{}"), (500, {}, "")]
    ours = workshop(server)
    trouble = ours.answer(ReadNodeTypes())
    assert "no node classes" in trouble.sentence
    assert trouble.question == ReadNodeTypes()
    assert "error of its own" in ours.answer(ReadNodeTypes()).sentence
    assert isinstance(ours.answer(ReadNodeTypes()), NodeTypesRead)


def test_replacements_are_an_extra(comfy_server, workshop):
    server = comfy_server()
    server.fail_next["GET /node_replacements"] = [(500, {}, "")]
    assert workshop(server).answer(ReadNodeTypes()).definitions.replacements == {}


# ---- importing


def test_a_file_of_the_editor_becomes_a_panel(comfy_server, workshop, tmp_path):
    path = put(tmp_path / "Red fox.json", ui_file(width=96))
    imported = workshop(comfy_server()).answer(Import(path, tag="here"))
    assert (imported.tag, imported.workflow.name, imported.notes, imported.entry) == ("here", "Red fox", (), None)
    assert imported.graph["1"]["inputs"]["width"] == 96
    assert values(imported)["1.width"] == 96
    assert imported.problems == ()


def test_a_picture_that_somebody_posted(comfy_server, workshop, tmp_path):
    server = comfy_server()
    graph = graphs.txt2img(checkpoint="dreamshaper.safetensors")
    info, picture = PngInfo(), io.BytesIO()
    info.add_text("prompt", json.dumps(graph))
    Image.new("RGB", (8, 8)).save(picture, "PNG", pnginfo=info)
    imported = workshop(server).answer(ImportBytes("fox.png", picture.getvalue()))
    assert (imported.workflow.name, imported.workflow.format) == ("fox", "PNG")
    assert values(imported)["2.text"] == "a red cube"
    (problem,) = imported.problems
    assert (problem.kind, problem.parameter) == (ProblemKind.MISSING_MODEL, "ckpt_name")
    assert "dreamshaper_8.safetensors" in problem.suggestions


def test_classes_that_the_server_lacks_show_in_the_panel_and_can_be_replaced(comfy_server, workshop):
    inputs = {name: name for name in ("width", "height", "batch_size", "color")}
    server = comfy_server(node_replacements={"OldImage": [replacement("EmptyImage", inputs, old="OldImage")]})
    ours = workshop(server)
    imported = ours.answer(ImportBytes("a.json", json.dumps(ui_file("OldImage")).encode()))
    assert imported.workflow.api is None
    assert imported.workflow.unconverted.classes == ("OldImage",)
    assert values(imported)["1.width"] == 64
    (problem,) = imported.problems
    assert problem.kind is ProblemKind.MISSING_CLASS
    checked = ours.answer(Check(apply(imported.graph, problem), imported.workflow.ui, tag="again"))
    assert checked == Checked((), ("2",), "again")
    assert server.posts == 0


def test_a_missing_class_names_its_node_pack(comfy_server, workshop):
    imported = workshop(comfy_server()).answer(ImportBytes("a.json", json.dumps(ui_file("Nobodys")).encode()))
    assert "“some-pack”" in imported.problems[0].sentence


@pytest.mark.parametrize("url", [None, NOWHERE])
def test_without_a_server_a_file_is_read_all_the_same(workshop, url):
    ours = workshop(url)
    imported = ours.answer(ImportBytes("a.json", json.dumps(ui_file()).encode()))
    assert (imported.graph, imported.parameters, imported.problems, imported.definitions) == (None, (), (), None)
    assert "when a server is connected" in imported.notes[0]
    imported = ours.answer(ImportBytes("b.json", json.dumps(graphs.empty_save()).encode()))
    assert imported.graph["2"]["class_type"] == "SaveImage"


def test_while_the_server_is_away_its_last_classes_serve(comfy_server, workshop):
    server = comfy_server()
    ours = workshop(server)
    ours.answer(ReadNodeTypes())
    server.stop()
    assert isinstance(ours.answer(ReadNodeTypes(anew=True)), Trouble)
    imported = ours.answer(ImportBytes("a.json", json.dumps(ui_file()).encode()))
    assert (values(imported)["1.width"], imported.definitions.server) == (64, server.url)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("cut.json", b'{"nodes": [{"id": 1'),
        ("types.json", b'{"nodes": 7, "links": "x"}'),
        ("empty.json", b""),
        ("other.json", b"[1, 2]"),
        ("deep.json", b"[" * 100_000),
        ("some.png", b"\x89PNG\r\n\x1a\n"),
    ],
)
def test_a_broken_file_is_one_sentence(comfy_server, workshop, name, data):
    failed = workshop(comfy_server()).answer(ImportBytes(name, data, tag="t"))
    assert isinstance(failed, ImportFailed)
    assert (failed.name, failed.tag) == (name, "t")
    assert name in failed.sentence
    assert "Traceback" not in failed.sentence


def test_a_file_that_is_not_there(workshop, tmp_path):
    failed = workshop().answer(Import(tmp_path / "gone.json"))
    assert (failed.name, "gone.json" in failed.sentence) == ("gone.json", True)


def test_graphs_of_a_blend_are_examined(comfy_server, workshop):
    ours = workshop(comfy_server())
    graph = graphs.txt2img(steps=7)
    imported = ours.answer(Examine("Fox", graph, tag="panel"))
    assert (imported.workflow.name, imported.tag, values(imported)["5.steps"]) == ("Fox", "panel", 7)
    assert ours.answer(Examine("Fox", None, ui_file(width=32))).graph["1"]["inputs"]["width"] == 32
    assert "“Fox” is empty" in ours.answer(Examine("Fox", None)).sentence
    assert isinstance(ours.answer(Examine("Fox", {"1": 7})), ImportFailed)
    assert isinstance(ours.answer(Examine("Fox", None, {"nodes": [7]})), ImportFailed)


def test_an_official_template_on_a_large_server(comfy_server, workshop, object_info):
    server = comfy_server()
    server.fail_next["GET /object_info"] = [(200, {"Content-Type": "application/json"}, object_info)]
    path = SHARED / "conversion" / "templates" / "image_qwen_image.ui.json"
    imported = workshop(server).answer(Import(path))
    roles = {parameter.role for parameter in imported.parameters if parameter.shown}
    assert {"prompt", "seed", "width", "height"} <= roles
    assert imported.workflow.unconverted is None


# ---- checking


def test_models_that_came_meanwhile_are_no_problem_once_the_list_is_read_anew(comfy_server, workshop):
    server = comfy_server()
    ours, graph = workshop(server), graphs.txt2img(checkpoint="flux.safetensors")
    assert [p.kind for p in ours.answer(Check(graph)).problems] == [ProblemKind.MISSING_MODEL]
    server.checkpoints = (*server.checkpoints, "flux.safetensors")
    assert ours.answer(Check(graph)).problems
    assert ours.answer(Check(graph, anew=True, tag="t")) == Checked((), ("7",), "t")
    assert server.posts == 0


def test_what_came_to_the_server_meanwhile_is_found_when_it_seems_missing(comfy_server, workshop, monkeypatch):
    monkeypatch.setattr(workshop_module, "_FRESH", 0.0)
    server = comfy_server()
    ours, graph = workshop(server), graphs.txt2img(checkpoint="flux.safetensors")
    assert ours.answer(Check(graph)).problems
    server.checkpoints = (*server.checkpoints, "flux.safetensors")
    assert ours.answer(Check(graph)).problems == ()
    before = asked_for(server, "/object_info")
    assert ours.answer(Check(graph)).problems == ()
    assert asked_for(server, "/object_info") == before
    other = graphs.txt2img(checkpoint="other.safetensors")
    server.checkpoints = (*server.checkpoints, "other.safetensors")
    assert ours.answer(Examine("Fox", other)).problems == ()


def test_outputs_that_still_give_something_are_named(comfy_server, workshop):
    graph = graphs.two_saves()
    graph["3"]["inputs"] = {}
    checked = workshop(comfy_server()).answer(Check(graph))
    assert [problem.node_id for problem in checked.problems] == ["3"]
    assert checked.outputs == ("2",)


@pytest.mark.parametrize("level", ["0.3.64", "0.27.0"])
def test_what_the_server_refuses_is_told_like_what_is_found_before(comfy_server, workshop, level):
    server = comfy_server(level)
    graph = graphs.txt2img(checkpoint="flux.safetensors")
    client = ComfyClient(ServerAddress.parse(server.url))
    with pytest.raises(InvalidPrompt) as refused:
        client.queue_prompt(graph, prompt_id=str(uuid.uuid4()), client_id="c")
    ours = workshop(server)
    (problem,) = ours.answer(Explain(refused.value.problems, graph, tag="t")).problems
    assert problem == ours.answer(Check(graph)).problems[0]
    graph = graphs.two_saves()
    graph["3"]["inputs"] = {}
    accepted = client.queue_prompt(graph, prompt_id=str(uuid.uuid4()), client_id="c")
    explained = ours.answer(Explain(accepted.problems, graph))
    assert [(each.node_id, each.parameter) for each in explained.problems] == [("3", "image")]
    assert explained.outputs == ("2",)
    server.checkpoints = ("flux.safetensors",)
    (gone,) = ours.answer(Explain(refused.value.problems, graphs.txt2img(checkpoint="flux.safetensors"))).problems
    assert "flux.safetensors" in gone.sentence


def test_what_cannot_be_checked_is_trouble(comfy_server, workshop):
    question = Check({"1": 7}, tag="t")
    trouble = workshop(comfy_server()).answer(question)
    assert trouble == Trouble(trouble.sentence, question, "t")
    assert "preferences" in workshop().answer(Check({})).sentence


# ---- from the server


def test_workflows_that_were_saved_on_the_server(comfy_server, workshop):
    server = comfy_server()
    ours = workshop(server)
    assert ours.answer(ListServerWorkflows()).names == ()
    put(server.folders.user / "workflows" / "mine" / "Fox.json", ui_file(width=80))
    assert ours.answer(ListServerWorkflows()).names == ("mine/Fox.json",)
    imported = ours.answer(OpenFromServer("mine/Fox.json", "t"))
    assert (imported.workflow.name, values(imported)["1.width"], imported.tag) == ("Fox", 80, "t")
    failed = ours.answer(OpenFromServer("mine/Gone.json", "t"))
    assert failed == ImportFailed(failed.sentence, "mine/Gone.json", "t")
    assert "no longer has" in failed.sentence


def with_templates(server) -> None:
    index = [{"title": "Images", "templates": [{"name": "fox", "title": "A fox", "mediaSubtype": "webp"}]}]
    put(server.folders.templates / "index.json", index)
    put(server.folders.templates / "fox.json", ui_file())
    Image.new("RGB", (600, 300), "red").save(server.folders.templates / "fox-1.webp")
    put(server.folders.custom_nodes / "Pack" / "example_workflows" / "own.json", graphs.empty_save())


def test_templates_of_the_server(comfy_server, workshop):
    server = comfy_server()
    with_templates(server)
    ours = workshop(server)
    listed = ours.answer(ListTemplates())
    assert isinstance(listed, TemplatesListed)
    assert [(each.name, each.module, each.category) for each in listed.templates] == [
        ("fox", "", "Images"),
        ("own", "Pack", "Pack"),
    ]
    assert [each.name for each in listed.found("FOX image")] == ["fox"]
    assert ours.answer(OpenTemplate("fox")).workflow.name == "A fox"
    assert ours.answer(OpenTemplate("own", "Pack", "t")).graph["1"]["class_type"] == "EmptyImage"
    assert "no longer has the template" in ours.answer(OpenTemplate("../index")).sentence


def test_thumbnails_come_as_pixels_and_last(comfy_server, workshop):
    server = comfy_server()
    with_templates(server)
    ours = workshop(server)
    ours._backlog.put(WantTemplateThumbnail("fox", side=64))
    ours._backlog.put(WantTemplateThumbnail("own", "Pack"))
    ours._backlog.put(ListTemplates())
    assert isinstance(ours.answer(WantTemplateThumbnail("gone")), TemplatesListed)
    shown = ours.next_answer()
    assert isinstance(shown, TemplateThumbnail)
    assert (shown.name, shown.width, shown.height, shown.side) == ("fox", 64, 32, 64)
    pixels = array("f", shown.pixels)
    assert len(pixels) == 64 * 32 * 4
    assert pixels[0] > 0.9
    assert pixels[1] < 0.1
    assert ours.next_answer() == NoTemplateThumbnail("own", "Pack")
    assert ours.next_answer() == NoTemplateThumbnail("gone", "")


@pytest.mark.parametrize("data", [b"", b"RIFF\xff\xff\xff\xffWEBPVP8 ", b"<html>", b"\x89PNG\r\n\x1a\n" * 9])
def test_a_thumbnail_that_is_none(comfy_server, workshop, data):
    server = comfy_server()
    with_templates(server)
    put(server.folders.templates / "fox-1.webp", data)
    assert workshop(server).answer(WantTemplateThumbnail("fox")) == NoTemplateThumbnail("fox", "")


# ---- servers come and go


def test_another_server_is_asked_from_now_on(comfy_server, workshop):
    old, new = comfy_server(checkpoints=("old",)), comfy_server("0.3.64", checkpoints=("new",))
    ours = workshop(old)
    assert ours.answer(ReadNodeTypes()).definitions.server == old.url
    ours.use(new.url)
    read = ours.answer(ReadNodeTypes()).definitions
    assert (read.server, read.replacements) == (new.url, {})
    assert read.node_types["CheckpointLoaderSimple"].input("ckpt_name").choices == ("new",)
    ours.use(None)
    assert "No server" in ours.answer(ListTemplates()).sentence


def test_what_waits_for_a_server_that_says_nothing_is_asked_of_the_next(comfy_server, workshop, silent_server):
    ours = workshop(silent_server.url)
    ours.ask(ReadNodeTypes())
    silent_server.wait_asked()
    new = comfy_server()
    ours.use(new.url)
    assert ours.next_answer().definitions.server == new.url


def test_closing_does_not_wait_for_the_server(workshop, silent_server):
    ours = workshop(silent_server.url)
    ours.ask(ListTemplates())
    ours.ask(ListServerWorkflows())
    silent_server.wait_asked()
    ours.close()
    ours.join(LIMIT)
    assert not ours._thread.is_alive()
    ours.ask(ListTemplates())
    assert [type(answer) for answer in ours.drain()] == [Trouble]


def test_making_one_and_closing_it_touches_nothing(tmp_path):
    ours = Workshop(tmp_path / "none", NOWHERE)
    assert ours.drain() == []
    ours.close()
    ours.ask(ListLibrary())
    assert ours._thread is None
    assert not (tmp_path / "none").exists()


def test_nothing_unforeseen_ends_the_thread(comfy_server, workshop, monkeypatch):
    ours = workshop(comfy_server())
    monkeypatch.setattr(ours._library, "entries", lambda: 1 / 0)
    assert "nobody foresaw" in ours.answer(ListLibrary()).sentence
    assert isinstance(ours.answer(ImportBytes("a.json", 7)), ImportFailed)  # type: ignore[arg-type]
    assert isinstance(ours.answer(ReadNodeTypes()), NodeTypesRead)


NASTY = [
    b"",
    b"7",
    b"[[[1]]]",
    b'{"KSampler": {"input": {"required": {"seed": [7, 7], "x": "y"}}, "output": {"a": 1}}}',
    b'[{"templates": [{"name": "../x", "title": 7}, 7, {"name": "fox"}]}, {"templates": {}}]',
    b'[{"path": "..\\\\x.json"}, {"path": 7}, ["a.json"], [[]]]',
    b"[" * 100_000,
    b"<html>",
]


@pytest.mark.parametrize("body", NASTY, ids=range(len(NASTY)))
@pytest.mark.parametrize("content_type", ["application/json", "text/html", "image/webp"])
def test_whatever_a_server_answers_every_question_has_an_answer(comfy_server, workshop, body, content_type):
    server = comfy_server()
    routes = ("object_info", "node_replacements", "userdata", "templates/index.json", "workflow_templates")
    arranged = [(200, {"Content-Type": content_type}, body)] * 20
    for route in (*routes, "userdata/{file}", "templates/{path}"):
        server.fail_next[f"GET /{route}"] = list(arranged)
    ours = workshop(server)
    questions = [
        ReadNodeTypes(),
        ListServerWorkflows(),
        ListTemplates(),
        OpenTemplate("fox"),
        OpenFromServer("a.json"),
        Check(graphs.txt2img()),
        Examine("Fox", graphs.txt2img()),
        ImportBytes("a.json", json.dumps(ui_file()).encode()),
        WantTemplateThumbnail("fox"),
    ]
    for question in questions:
        answer = ours.answer(dataclasses.replace(question, tag="t"))
        assert answer.tag == "t"
        assert "nobody foresaw" not in getattr(answer, "sentence", "")


def test_a_plain_picture_needs_no_server_to_be_refused(workshop, comfy_server, tmp_path):
    server = comfy_server()
    path = tmp_path / "plain.png"
    Image.new("RGB", (8, 8)).save(path)
    asked = workshop(server)
    for question in (Import(path), ImportBytes("plain.png", path.read_bytes())):
        answer = asked.answer(question)
        assert isinstance(answer, ImportFailed)
        assert "no ComfyUI workflow inside" in answer.sentence
    assert server.requests == []
