"""The library of imported workflows, as the workshop keeps it."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from blender_comfyui.generation.workshop import (
    Delete,
    Duplicate,
    ExportApi,
    Exported,
    ExportPng,
    Import,
    ImportBytes,
    Imported,
    ImportFailed,
    Keep,
    KeepApi,
    KeptInLibrary,
    LibraryListed,
    ListLibrary,
    OpenKept,
    Rename,
    Trouble,
)
from tests import graphs
from tests.generation.workshop.conftest import LIMIT, put, ui_file


def kept(ours, graph: object, name: str = "Fox.json") -> KeptInLibrary:
    imported = ours.answer(ImportBytes(name, json.dumps(graph).encode()))
    answer = ours.answer(Keep(imported.workflow, "t"))
    assert isinstance(ours.next_answer(), LibraryListed)
    return answer


def names(listed: LibraryListed) -> list[str]:
    return [entry.name for entry in listed.entries]


def test_workflows_are_kept_renamed_duplicated_and_deleted(workshop):
    ours = workshop()
    assert ours.answer(ListLibrary()) == LibraryListed((), ())
    fox = kept(ours, graphs.empty_save())
    assert (fox.entry.name, fox.tag) == ("Fox", "t")
    assert names(ours.answer(Rename(fox.entry.id, "Wolf"))) == ["Wolf"]
    copy = ours.answer(Duplicate(fox.entry.id, "copy"))
    assert (copy.entry.name, copy.tag) == ("Wolf 2", "copy")
    assert names(ours.next_answer()) == ["Wolf", "Wolf 2"]
    assert names(ours.answer(Delete(fox.entry.id))) == ["Wolf 2"]
    assert ours.answer(ListLibrary("t")) == LibraryListed((copy.entry,), (), "t")


def test_a_kept_workflow_is_opened_with_its_panel(comfy_server, workshop):
    ours = workshop(comfy_server())
    fox = kept(ours, ui_file(width=72))
    opened = ours.answer(OpenKept(fox.entry.id, "t"))
    assert isinstance(opened, Imported)
    assert (opened.entry, opened.tag, opened.workflow.name) == (fox.entry, "t", "Fox")
    assert opened.graph["1"]["inputs"]["width"] == 72
    assert "1.width" in [parameter.key for parameter in opened.parameters]


def test_what_was_kept_without_a_server_is_converted_once_there_is_one(comfy_server, workshop):
    ours = workshop()
    fox = kept(ours, ui_file())
    assert (fox.entry.has_ui, fox.entry.has_api) == (True, False)
    assert isinstance(ours.answer(ExportApi(fox.entry.id, ours._library._folder / "x.json")), Trouble)
    assert ours.answer(OpenKept(fox.entry.id)).graph is None
    ours.use(comfy_server().url)
    opened = ours.answer(OpenKept(fox.entry.id))
    assert opened.entry.has_api
    ours.use(None)
    assert ours.answer(OpenKept(fox.entry.id)).graph == opened.graph


def test_what_a_server_lacks_stays_unconverted(comfy_server, workshop):
    ours = workshop(comfy_server())
    fox = kept(ours, ui_file("Nobodys"))
    opened = ours.answer(OpenKept(fox.entry.id))
    assert (fox.entry.has_api, opened.entry.has_api, opened.workflow.api) == (False, False, None)
    assert opened.graph["1"]["class_type"] == "Nobodys"
    assert len(opened.problems) == 1
    assert "Nobodys" in opened.notes[0]


def test_a_mended_graph_is_kept(comfy_server, workshop):
    ours = workshop(comfy_server())
    fox = kept(ours, ui_file())
    assert names(ours.answer(KeepApi(fox.entry.id, graphs.txt2img(steps=9)))) == ["Fox"]
    assert ours.answer(OpenKept(fox.entry.id)).graph["5"]["inputs"]["steps"] == 9
    assert isinstance(ours.answer(KeepApi(fox.entry.id, {"1": 7})), Trouble)


def test_exports(comfy_server, workshop, tmp_path):
    ours = workshop(comfy_server())
    fox = kept(ours, ui_file(width=40))
    api, png, picture = tmp_path / "fox.json", tmp_path / "fox.png", tmp_path / "picture.png"
    Image.new("RGB", (8, 8)).save(picture)
    assert ours.answer(ExportApi(fox.entry.id, api)) == Exported(api)
    assert ours.answer(ExportPng(fox.entry.id, png, picture)) == Exported(png)
    for path in (api, png):
        assert ours.answer(Import(path)).graph["1"]["inputs"]["width"] == 40
    trouble = ours.answer(ExportPng(fox.entry.id, png, api))
    assert "no whole PNG" in trouble.sentence


def test_what_is_not_there_any_more(workshop):
    ours = workshop()
    gone = "0123456789ab"
    assert isinstance(ours.answer(OpenKept(gone, "t")), ImportFailed)
    for question in (Rename(gone, "x"), Duplicate(gone), KeepApi(gone, graphs.empty_save())):
        assert "not in the library any more" in ours.answer(question).sentence


def test_damaged_files_are_told_with_the_others(workshop):
    ours = workshop()
    fox = kept(ours, graphs.empty_save())
    put(ours._library._folder / "Bad.0123456789ab.json", b"{")
    listed = ours.answer(ListLibrary())
    assert listed.entries == (fox.entry,)
    assert "Bad" in listed.problems[0]


@pytest.mark.parametrize("busy", [True, False])
def test_changes_asked_for_before_it_is_closed_are_made(workshop, silent_server, tmp_path, busy):
    ours = workshop()
    fox = kept(ours, graphs.empty_save())
    if busy:
        ours.use(silent_server.url)
        ours.ask(ImportBytes("a.json", json.dumps(ui_file()).encode()))
        silent_server.wait_asked()
    ours.ask(Rename(fox.entry.id, "Wolf"))
    ours.ask(ExportApi(fox.entry.id, tmp_path / "wolf.json"))
    ours.close()
    ours.join(LIMIT)
    assert json.loads((tmp_path / "wolf.json").read_text())["2"]["class_type"] == "SaveImage"
    assert names(workshop().answer(ListLibrary())) == ["Wolf"]
