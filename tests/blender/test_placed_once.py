"""A result that is put into another file than its own, that was taken back, or whose scene is gone, is not lost."""

import importlib
from pathlib import Path

import bpy
import pytest

from tests.blender.test_placing import chosen, images, lines, new_file, open_file, running, save

pytestmark = pytest.mark.usefixtures("comfyui")


@pytest.fixture
def waits(slow, saved, click, until):
    """The entry of a result that waits for scene.blend, while a file that was never saved is open."""
    entry = click()
    until(running(entry))
    bpy.ops.wm.save_mainfile()
    new_file()
    slow.control(call="release")
    until(lambda: entry.is_elsewhere)
    return entry


@pytest.fixture
def place_by(module, saved, waits, until):
    """``place_by("panel")`` or ``place_by("gallery")`` puts what waits into the open file."""

    def place(way):
        if way == "panel":
            bpy.ops.comfyui.place_here(blend=str(saved))
        else:
            shelf = module("blender.gallery.reading").shelf
            shelf.__init__()
            until(lambda: [shelf.look("")] and shelf.on_page(waits.id))
            bpy.ops.comfyui.gallery_select(job_id=waits.id)
            bpy.ops.comfyui.gallery_place()
        until(images)

    return place


@pytest.fixture
def listed(module):
    """``listed(100, "placed", 3, blend="/x/y.blend")`` lists 100 jobs with 3 results each."""
    job_list, history, outcome = (module(f) for f in ("blender.job_list", "generation.history", "generation.outcome"))

    def make(count, placement, files=1, **target):
        state = history.Placement(placement)
        for i in range(count):
            records = tuple(
                history.FileRecord(n, Path(f"/x/{n}.png"), "9", "", "image", "output", 1, state, f"{i} {n}")
                for n in range(1, files + 1)
            )
            record = history.Record(f"job{i}", outcome.JobState.FINISHED, target=target, files=records)
            module("blender.runtime").jobs.add(job_list.Entry.of_record(record))

    return make


def blender(package, name):
    """A module of the extension as it is now."""
    return importlib.import_module(f"{package}.blender.{name}")


# Looked at in another file


@pytest.mark.parametrize("way", ["panel", "gallery"])
def test_looked_at_in_a_scratch_file_it_still_comes_into_its_own(waits, place_by, saved, until, placements_of, way):
    place_by(way)
    until(lambda: placements_of() == ["placed"])
    open_file(saved)
    until(lambda: placements_of() == ["placed"] and len(images()) == 1)
    bpy.ops.wm.save_mainfile()
    until(lambda: placements_of() == ["kept"])


@pytest.mark.parametrize("is_saved", [True, False], ids=["a saved one", "a scratch file"])
def test_looked_at_in_another_file_it_waits_again_when_blender_quits(
    waits, place_by, until, placements_of, forget, draw, tmp_path, is_saved
):
    if is_saved:
        save(tmp_path / "other.blend")
    place_by("panel")
    until(lambda: placements_of() == ["placed"])
    forget()
    until(lambda: placements_of() == ["waiting"])
    new_file()
    until(lambda: "1 result waits for “scene.blend”." in draw().text)


def test_what_another_file_has_kept_waits_no_more(waits, place_by, saved, until, tick, placements_of, tmp_path):
    place_by("panel")
    save(tmp_path / "other.blend")
    until(lambda: placements_of() == ["kept"])
    open_file(saved)
    for _ in range(10):
        tick()
    assert images() == []
    assert placements_of() == ["kept"]


def test_dismissed_in_a_scratch_file_it_stays_so(waits, place_by, saved, until, tick, placements_of):
    place_by("panel")
    until(lambda: placements_of() == ["placed"])
    bpy.data.images.remove(images()[0])  # as undo leaves it
    chosen().results.clear()
    bpy.ops.comfyui.dismiss(job_id=waits.id)
    open_file(saved)
    for _ in range(10):
        tick()
    assert images() == []
    assert placements_of() == ["dismissed"]


# Its scene is gone


@pytest.fixture
def bereft(server, saved, click, until, placements_of):
    """The entry of a result whose scene was deleted, while a texture has its picture."""
    bpy.data.scenes.new("Other")
    entry = click()
    until(lambda: placements_of() == ["placed"])
    texture = bpy.data.textures.new("t", "IMAGE")
    texture.image, texture.use_fake_user = images()[0], True
    bpy.data.scenes.remove(bpy.data.scenes["Scene"])
    return entry


def test_a_picture_that_outlived_its_scene_is_found(bereft, draw, until):
    assert "It was placed in the scene “Scene”, which is not in the file now." in draw().text
    bpy.ops.comfyui.place_again(job_id=bereft.id)
    until(lambda: lines() == [f"{bereft.id}/1"])
    assert "not in the file" not in draw().text
    assert len(images()) == 1


def test_a_picture_that_outlived_its_scene_is_kept_when_saved(bereft, saved, draw, until, placements_of):
    save(saved)
    until(lambda: placements_of() == ["kept"])
    assert lines() == [f"{bereft.id}/1"]
    assert "not in the file" not in draw().text


def test_recipes_that_are_none_are_passed_over(bereft):
    for text in ("[]", "{", '{"prompt_id": [1], "number": {}}', f'{{"prompt_id": "{bereft.id}", "number": []}}'):
        bpy.data.images.new("odd", 1, 1)["comfyui"] = text
    bpy.data.images.new("odd", 1, 1)["comfyui"] = 5
    bpy.ops.wm.save_mainfile()
    assert lines() == [f"{bereft.id}/1"]


# As much as is said


@pytest.fixture
def half(server, saved, click, until, module):
    """The entry of a batch of four, two of which are saved in scene.blend; another file is open."""
    chosen().batch_size = 4
    entry = click()
    until(lambda: len(entry.placed) == 2)
    bpy.ops.wm.save_mainfile()
    new_file()
    until(lambda: entry.is_elsewhere)
    assert [group.sentence for group in module("blender.elsewhere").groups()] == ["2 results wait for “scene.blend”."]
    return entry


def test_as_many_are_placed_here_as_are_announced(half, saved, until, draw, placements_of):
    bpy.ops.comfyui.place_here(blend=str(saved))
    until(lambda: sorted(placements_of()) == ["kept", "kept", "placed", "placed"])
    until(lambda: not half.can_be_placed)
    assert len(images()) == 2
    assert "not in the file" not in draw().text
    open_file(saved)
    until(lambda: len(half.placed) == 4)
    assert len(images()) == 4
    assert "not in the file" not in draw().text


def test_as_many_are_dismissed_as_are_announced(half, saved, until, placements_of):
    bpy.ops.comfyui.dismiss(blend=str(saved))
    until(lambda: sorted(placements_of()) == ["dismissed", "dismissed", "kept", "kept"])


# Alive in another Blender


def test_what_another_blender_has_in_a_file_that_was_never_saved_is_not_lost(
    server, saved, module, until, forget, package
):
    """A second Blender with the same user folder."""
    folder = Path(bpy.utils.extension_path_user(package, path="session", create=True))
    other = module("generation.ownership").Ownership(folder / "owners")
    other.take()
    _place_in_history(module, folder, other.id)
    forget()
    until(lambda: list(blender(package, "runtime").jobs))
    assert blender(package, "elsewhere").groups() == []
    other.release()  # it has crashed
    open_file(saved)
    until(lambda: blender(package, "elsewhere").groups())
    [group] = blender(package, "elsewhere").groups()
    assert group.sentence == "1 result waits for a .blend that was never saved."


def _place_in_history(module, folder, owner):
    history, outcome = module("generation.history"), module("generation.outcome")
    request = module("generation.request").Request(
        {"1": {"class_type": "X", "inputs": {}}}, folder=folder, context={"blend": "", "blend_id": "other"}
    )
    opened = history.History(folder)
    opened.add("0b7f1cf0-0000-4000-8000-000000000001", request, "http://127.0.0.1:1", owner, 1.0)
    output = outcome.Output(folder / "a.png", "9", "Save", "image", "output")
    job_id = "0b7f1cf0-0000-4000-8000-000000000001"
    opened.end(job_id, outcome.Outcome(outcome.JobState.FINISHED, (output,)), 2.0)
    opened.place(job_id, 1, history.Placement.PLACED, "a")
    opened.close()


# Drawing and placing much


def test_drawing_looks_at_no_more_than_it_shows(saved, listed, module, draw, monkeypatch):
    elsewhere, ledger, blend_file = (module(f"blender.{n}") for n in ("elsewhere", "sinks.ledger", "blend_file"))
    listed(6, "placed", 20, **blend_file.mark())
    for i in range(6):
        for n in range(1, 21):
            image = bpy.data.images.new(f"{i} {n}", 1, 1) if i < 5 else None
            ledger.enter(bpy.context.scene, f"job{i}", n, image)
    drawn = draw().text
    assert [f"{i} 1" in drawn for i in range(6)] == [False, False, True, True, True, False]
    asked = _counted(monkeypatch, ledger.Present, "first_name")
    sorted_out = _counted(monkeypatch, elsewhere, "_sort")
    draw()
    assert (len(asked), len(sorted_out)) == (3, 0)


def test_the_other_files_are_sorted_out_once(saved, listed, module, draw, monkeypatch, tmp_path):
    elsewhere, runtime = module("blender.elsewhere"), module("blender.runtime")
    listed(30, "waiting", blend="/other/x.blend", blend_id="other")
    sorted_out = _counted(monkeypatch, elsewhere, "_sort")
    assert "30 results wait for “x.blend”." in draw().text
    draw()
    assert len(sorted_out) == 1
    runtime.jobs.remove("job7")
    assert "29 results wait for “x.blend”." in draw().text
    save(tmp_path / "other.blend")
    draw()
    assert len(sorted_out) == 3


def test_what_has_just_come_is_not_looked_for_in_the_file(server, saved, click, until, module, monkeypatch):
    searched = _counted(monkeypatch, module("blender.sinks.ledger"), "_made_images")
    entry = click()
    until(lambda: entry.placed)
    assert searched == []


def test_a_result_of_the_history_is_looked_for_once_with_its_sisters(
    slow, saved, click, until, forget, package, monkeypatch
):
    chosen().batch_size = 3
    entry = click()
    new_file()
    slow.control(call="release")
    until(lambda: entry.is_settled)
    forget()
    searched = _counted(monkeypatch, blender(package, "sinks.ledger"), "_made_images")
    open_file(saved)
    until(lambda: len(images()) == 3)
    assert len(searched) == 1


def test_an_entry_of_the_history_is_made_in_one_go(module, listed, monkeypatch):
    chosen_once = _counted(monkeypatch, module("blender.job_list"), "_worth_placing")
    listed(1, "waiting", 50)
    assert len(chosen_once) == 1


def _counted(monkeypatch, module, name):
    """A list that grows with every call of this function."""
    calls, real = [], getattr(module, name)
    monkeypatch.setattr(module, name, lambda *given: (calls.append(given), real(*given))[1])
    return calls
