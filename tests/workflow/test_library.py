"""The workflows that a person has imported: kept whole, found again, under names that every file system takes."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from blender_comfyui.workflow import library_files
from blender_comfyui.workflow.errors import (
    BrokenWorkflow,
    CannotKeep,
    NotConverted,
    NotInLibrary,
    WorkflowError,
)
from blender_comfyui.workflow.importing import ImportedWorkflow, import_workflow
from blender_comfyui.workflow.library import Entry, Library
from blender_comfyui.workflow.library_files import safe_name, written
from blender_comfyui.workflow.node_types import NodeTypes
from blender_comfyui.workflow.png_chunks import check_chunks
from tests.workflow.containers import API, TEXTS, UI, png
from tests.workflow.ui_graphs import STOCK, api

TYPES = NodeTypes.from_object_info(STOCK)
CASTLE = ImportedWorkflow("Castle", "castle.png", "PNG", UI, API)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "user" / "workflows")


def folder_of(tmp_path: Path) -> Path:
    return tmp_path / "user" / "workflows"


def names(library: Library) -> list[str]:
    return [entry.name for entry in library.entries().entries]


def files(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in folder_of(tmp_path).iterdir())


def test_an_empty_library_makes_no_folder(library: Library, tmp_path: Path) -> None:
    assert library.entries().entries == ()
    assert library.entries().problems == ()
    assert list(tmp_path.iterdir()) == []


def test_what_is_added_comes_back(library: Library, tmp_path: Path) -> None:
    entry = library.add(CASTLE)
    assert entry == Entry(entry.id, "Castle", "castle.png", entry.imported, has_ui=True, has_api=True)
    assert abs(entry.imported - datetime.now(UTC)) < timedelta(minutes=1)
    for again in (library, Library(folder_of(tmp_path))):
        assert again.entries().entries == (entry,)
        kept = again.get(entry.id)
        assert (kept.entry, kept.ui, kept.api) == (entry, UI, API)
    assert files(tmp_path) == [f"Castle.{entry.id}.json"]


def test_what_is_given_out_is_the_callers(library: Library) -> None:
    entry = library.add(CASTLE)
    kept = library.get(entry.id)
    assert kept.api is not None
    kept.api.clear()
    assert library.get(entry.id).api == API


def test_entries_are_sorted_as_people_do(library: Library) -> None:
    for name in ("beta", "Alpha", "alpha b", "Gamma"):
        library.add(replace(CASTLE, name=name))
    assert names(library) == ["Alpha", "alpha b", "beta", "Gamma"]


def test_equal_names_get_numbers_whatever_their_case(library: Library, tmp_path: Path) -> None:
    for name in ("Castle", "castle", "CASTLE", "Castle 2", "Häuser", "HÄUSER"):
        library.add(replace(CASTLE, name=name))
    assert names(library) == ["Castle", "castle 2", "CASTLE 3", "Castle 4", "Häuser", "HÄUSER 2"]
    assert len({name.casefold() for name in files(tmp_path)}) == 6


def test_renaming(library: Library, tmp_path: Path) -> None:
    entry = library.add(CASTLE)
    other = library.add(replace(CASTLE, name="Other"))
    renamed = library.rename(entry.id, "  A/B: \u202e*?  ")
    assert renamed == replace(entry, name="A/B: *?")
    assert library.get(entry.id).entry == renamed
    assert files(tmp_path) == [f"A_B_ __.{entry.id}.json", f"Other.{other.id}.json"]
    assert library.rename(entry.id, "other").name == "other 2"
    assert library.rename(entry.id, "OTHER 2").name == "OTHER 2"  # its own old name is free
    assert library.rename(entry.id, "\n").name == "Workflow"


def test_duplicating(library: Library) -> None:
    entry = library.add(CASTLE)
    copy = library.duplicate(entry.id)
    assert copy == replace(entry, id=copy.id, name="Castle 2")
    assert copy.id != entry.id
    assert library.duplicate(copy.id).name == "Castle 3"
    library.delete(entry.id)
    assert library.get(copy.id).api == API


def test_deleting(library: Library, tmp_path: Path) -> None:
    entry = library.add(CASTLE)
    library.delete(entry.id)
    assert library.entries().entries == ()
    assert files(tmp_path) == []
    for act in (library.get, library.delete, library.duplicate, lambda id: library.rename(id, "x")):
        with pytest.raises(NotInLibrary, match="not in the library any more") as caught:
            act(entry.id)
        assert caught.value.id == entry.id


@pytest.mark.parametrize("id", ["", "*", "../../x", "0" * 12, "g" * 12, "\0"])
def test_ids_of_nothing(library: Library, id: str) -> None:
    library.add(CASTLE)
    with pytest.raises(NotInLibrary):
        library.get(id)


def test_a_workflow_is_converted_later(library: Library) -> None:
    entry = library.add(replace(CASTLE, api=None))
    assert not entry.has_api
    converted = library.keep_api(entry.id, api(UI))
    assert converted == replace(entry, has_api=True)
    assert library.get(entry.id).api == api(UI)
    with pytest.raises(BrokenWorkflow, match="“Castle” is not whole"):
        library.keep_api(entry.id, {"1": {"class_type": "A", "inputs": {"x": ["2", 0]}}})


class TestExport:
    def test_as_api(self, library: Library, tmp_path: Path) -> None:
        entry = library.add(CASTLE)
        library.export_api(entry.id, tmp_path / "out.json")
        assert import_workflow(tmp_path / "out.json").api == API

    def test_as_api_needs_a_conversion(self, library: Library, tmp_path: Path) -> None:
        entry = library.add(replace(CASTLE, api=None))
        with pytest.raises(NotConverted, match="“Castle” has not been converted"):
            library.export_api(entry.id, tmp_path / "out.json")
        assert not (tmp_path / "out.json").exists()

    @pytest.mark.parametrize("before", [{}, TEXTS, {"prompt": "old", "Title": "Häuser ☂"}])
    def test_as_png(self, library: Library, tmp_path: Path, before: dict[str, str]) -> None:
        picture, target = tmp_path / "in.png", tmp_path / "out.png"
        picture.write_bytes(png(before, international=True))
        entry = library.add(CASTLE)
        library.export_png(entry.id, target, picture)
        check_chunks(target)
        with Image.open(target) as made, Image.open(picture) as given:
            assert made.text["prompt"] == json.dumps(API)  # type: ignore[attr-defined]
            assert made.text.get("Title") == before.get("Title")  # type: ignore[attr-defined]
            assert made.tobytes() == given.tobytes()
        found = import_workflow(target, node_types=TYPES)
        assert (found.ui, found.api) == (UI, api(UI))

    def test_as_png_into_the_picture_itself(self, library: Library, tmp_path: Path) -> None:
        picture = tmp_path / "in.png"
        picture.write_bytes(png({}))
        library.export_png(library.add(replace(CASTLE, ui=None)).id, picture, picture)
        assert import_workflow(picture).api == API

    @pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", png({})[:60]])
    def test_into_no_png(self, library: Library, tmp_path: Path, data: bytes) -> None:
        picture, target = tmp_path / "in.png", tmp_path / "out.png"
        picture.write_bytes(data)
        target.write_bytes(b"old")
        with pytest.raises(CannotKeep, match=r"“in\.png” is no whole PNG"):
            library.export_png(library.add(CASTLE).id, target, picture)
        assert target.read_bytes() == b"old"
        assert not list(tmp_path.glob(".*"))

    def test_to_nowhere(self, library: Library, tmp_path: Path) -> None:
        entry = library.add(CASTLE)
        with pytest.raises(CannotKeep, match="cannot be read or written: No such file"):
            library.export_api(entry.id, tmp_path / "gone" / "out.json")
        with pytest.raises(CannotKeep, match="cannot be read or written"):
            library.export_png(entry.id, tmp_path / "out.png", tmp_path / "gone.png")


def record(**changed: Any) -> bytes:
    entry = {"version": 1, "name": "x", "source": "", "imported": "2026-01-01T00:00:00+00:00", "ui": None, "api": API}
    return json.dumps(entry | changed).encode()


DAMAGED = {
    "empty": (b"", "is empty"),
    "cut": (record()[:-9], "is cut"),
    "a page": (b"<html>", "is a web page"),
    "a list": (b"[]", "is damaged. Delete it"),
    "without graphs": (record(api=None), "is damaged"),
    "a wrong type": (record(ui=5), "is damaged"),
    "another wrong type": (record(name=5), "is damaged"),
    "no graph": (record(api={}), "is empty: it has no nodes"),
    "a broken graph": (record(api={"1": {"class_type": "A", "inputs": {"x": ["2", 0]}}}), "is not whole"),
    "newer": (record(version=2), "newer version of this extension"),
    "bytes": (b"\xff\xfe\xff", "is neither a text"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_are_told_and_the_others_stay(library: Library, tmp_path: Path, name: str) -> None:
    data, part = DAMAGED[name]
    entry = library.add(CASTLE)
    (folder_of(tmp_path) / "x.0123456789ab.json").write_bytes(data)
    for _ in range(2):  # read, and remembered
        listing = library.entries()
        assert listing.entries == (entry,)
        (problem,) = listing.problems
        assert problem.startswith("“x.0123456789ab.json” in the library")
        assert part in problem
    with pytest.raises(NotInLibrary, match="in the library"):
        library.get("0123456789ab")
    library.delete("0123456789ab")
    assert library.entries().problems == ()


def test_files_of_others_are_told(library: Library, tmp_path: Path) -> None:
    library.add(CASTLE)
    (folder_of(tmp_path) / "mine.json").write_text(json.dumps(API))
    (folder_of(tmp_path) / ".DS_Store").write_bytes(b"x")
    assert library.entries().problems == ("“mine.json” in the library is none of its files. Import it to use it.",)


def test_a_strange_time_is_no_damage(library: Library, tmp_path: Path) -> None:
    library.add(CASTLE)
    for id, time in (("0" * 12, "yesterday"), ("1" * 12, "2026-01-01T00:00:00")):
        (folder_of(tmp_path) / f"x.{id}.json").write_bytes(record(name=id, imported=time))
    assert [entry.imported.year for entry in library.entries().entries[:2]] == [1970, 2026]


def test_changes_by_another_blender_are_seen(library: Library, tmp_path: Path) -> None:
    other = Library(folder_of(tmp_path))
    entry = library.add(CASTLE)
    assert names(other) == ["Castle"]
    library.rename(entry.id, "Tower")
    assert names(other) == ["Tower"]
    other.delete(entry.id)
    assert names(library) == []


def test_a_file_that_goes_while_it_is_looked_at(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = library.add(CASTLE)

    def gone(path: Path) -> bytes:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(Path, "read_bytes", gone)
    with pytest.raises(NotInLibrary, match="any more"):
        library.get(entry.id)
    assert library.entries().entries == ()
    assert library.entries().problems == ()


def test_unchanged_files_are_not_read_again(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    library.add(CASTLE)
    before = library.entries()
    monkeypatch.setattr(Path, "read_bytes", None)
    assert library.entries() == before


def test_a_failing_disk_changes_nothing(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = library.add(CASTLE)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(library_files.os, "fsync", full)
        for act in (lambda: library.add(CASTLE), lambda: library.rename(entry.id, "x")):
            with pytest.raises(CannotKeep, match=r"No space left on device\. Check the disk"):
                act()
    assert library.entries().entries == (entry,)
    assert files(tmp_path) == [f"Castle.{entry.id}.json"]


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    assert Library(tmp_path / "x").entries().entries == ()
    with pytest.raises(CannotKeep):
        Library(tmp_path / "x").add(CASTLE)


def test_many_threads_at_once(library: Library, tmp_path: Path) -> None:
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for _ in range(5):
                entry = library.add(CASTLE)
                library.rename(entry.id, f"Castle {number}")
                library.entries()
                library.delete(library.duplicate(entry.id).id)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len({name.casefold() for name in names(library)}) == 30
    assert library.entries().problems == ()
    assert len(files(tmp_path)) == 30


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("Castle", "Castle"),
        ("a/b\\c:d", "a_b_c_d"),
        ("..", "workflow"),
        (".hidden", "hidden"),
        ("trailing. ", "trailing"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("com¹", "_com¹"),
        ("console", "console"),
        ("A\u0308", "Ä"),
        ("\ud800", "_"),
        ("☂" * 100, "☂" * 40),
    ],
)
def test_names_of_files(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@given(st.text())
def test_any_name_is_safe(name: str) -> None:
    safe = safe_name(name)
    assert safe
    assert len(safe.encode()) <= 121
    assert not set(safe) & set('<>:"/\\|?*\0\n')
    assert safe == safe.strip(". ")


def test_a_part_is_never_seen(tmp_path: Path) -> None:
    path = tmp_path / "x"

    def cut(file: BinaryIO) -> None:
        file.write(b"half")
        assert not path.exists()
        raise WorkflowError

    with pytest.raises(WorkflowError), written(path) as file:
        cut(file)
    assert list(tmp_path.iterdir()) == []
    with written(path) as file:
        file.write(b"whole")
    assert path.read_bytes() == b"whole"
