"""A result goes into its own .blend, once, whatever is opened, saved, copied, undone or disabled in between."""

import importlib
import shutil
from pathlib import Path

import addon_utils
import bpy
import pytest

from tests.blender.waiting import wait_until

# Not as an argument: pytest would look at it when a test fails, after the extension was disabled, and crash.
pytestmark = pytest.mark.usefixtures("comfyui")


def chosen():
    return bpy.context.scene.comfyui


def images():
    return [image for image in bpy.data.images if image.get("comfyui")]


def lines():
    return [line.name for scene in bpy.data.scenes for line in scene.comfyui.results]


def new_file():
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    chosen().checkpoint = "random_sd15.safetensors"


def save(path):
    bpy.ops.wm.save_as_mainfile(filepath=str(path))


def open_file(path):
    bpy.ops.wm.open_mainfile(filepath=str(path))


def running(entry):
    return lambda: entry.job.state == "running"


# Which file


def test_each_file_has_an_id_of_its_own_in_all_its_scenes(server, saved, click, tmp_path):
    bpy.data.scenes.new("other")
    click()
    ids = {scene.comfyui.blend_id for scene in bpy.data.scenes}
    assert len(ids) == 1
    bpy.data.scenes.new("later")
    bpy.ops.wm.save_mainfile()
    open_file(saved)
    assert {scene.comfyui.blend_id for scene in bpy.data.scenes} == ids
    new_file()
    save(tmp_path / "second.blend")
    assert {scene.comfyui.blend_id for scene in bpy.data.scenes}.isdisjoint(ids | {""})


def test_an_id_that_undo_takes_away_comes_back(server, saved, click, module):
    blend_file = module("blender.blend_file")
    first = blend_file.mark()["blend_id"]
    bpy.context.scene.comfyui.property_unset("blend_id")  # as undo leaves it
    assert blend_file.mark()["blend_id"] == first == bpy.context.scene.comfyui.blend_id


def test_the_startup_file_gives_no_id_to_those_that_begin_with_it(server, click):
    click()
    bpy.ops.wm.save_homefile()
    asked = bpy.context.scene.comfyui.blend_id
    bpy.ops.wm.read_homefile()
    assert asked
    assert bpy.context.scene.comfyui.blend_id == ""
    Path(bpy.utils.user_resource("CONFIG"), "startup.blend").unlink()


def test_a_result_follows_its_file_to_another_name(slow, saved, click, until, tmp_path):
    entry = click()
    until(running(entry))
    bpy.ops.wm.save_mainfile()
    new_file()
    slow.control(call="release")
    until(lambda: entry.is_settled)
    moved = saved.rename(tmp_path / "moved.blend")
    open_file(moved)
    until(lambda: len(images()) == 1)


def test_a_copy_is_another_file_as_long_as_the_first_is_there(slow, saved, click, until, tmp_path):
    entry = click()
    until(running(entry))
    bpy.ops.wm.save_mainfile()
    new_file()
    slow.control(call="release")
    until(lambda: entry.is_settled)
    open_file(shutil.copy(saved, tmp_path / "copy.blend"))
    until(lambda: entry.is_elsewhere)
    assert images() == []
    open_file(saved)
    until(lambda: len(images()) == 1)


def test_after_save_as_the_result_comes_into_the_open_file(slow, saved, click, until, tmp_path):
    entry = click()
    until(running(entry))
    save(tmp_path / "second.blend")
    slow.control(call="release")
    until(lambda: entry.placed)
    assert len(images()) == 1
    bpy.ops.wm.save_mainfile()
    open_file(saved)
    for _ in range(5):
        until(lambda: True)
    assert images() == []


def test_a_file_of_another_scene_or_folder_keeps_its_own_results(slow, saved, click, until, tmp_path):
    first = click()
    save(tmp_path / "second.blend")
    new_file()
    save(tmp_path / "third.blend")
    chosen().prompt = "third"
    third = click()
    slow.control(call="release")
    until(lambda: third.placed and first.is_settled)
    assert [image.name.split()[0] for image in images()] == ["third"]


# Placing once


def test_what_is_placed_is_written_down_in_file_and_history(server, saved, click, until, placements_of):
    chosen().batch_size = 2
    entry = click()
    until(lambda: len(entry.placed) == 2)
    assert lines() == [f"{entry.id}/1", f"{entry.id}/2"]
    until(lambda: placements_of() == ["placed", "placed"])
    bpy.ops.wm.save_mainfile()
    until(lambda: placements_of() == ["kept", "kept"])


def test_strips_are_written_down_too(server, saved, click, until, placements_of):
    chosen().sink = "SEQUENCER"
    entry = click()
    until(lambda: entry.placed)
    assert lines() == [f"{entry.id}/1"]
    until(lambda: placements_of() == ["placed"])


def test_a_saved_copy_is_no_saved_file(server, saved, click, until, tick, placements_of, tmp_path):
    entry = click()
    until(lambda: placements_of() == ["placed"])
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "copy.blend"), copy=True)
    bpy.ops.wm.save_homefile()
    Path(bpy.utils.user_resource("CONFIG"), "startup.blend").unlink()
    for _ in range(5):
        tick()
    assert placements_of() == ["placed"]
    assert entry.placed


def test_a_file_that_holds_the_result_gets_it_no_second_time(
    server, saved, click, until, forget, records, package, placements_of, jobs
):
    """Blender died after saving, before the history knew of the placing."""
    click()
    until(lambda: placements_of() == ["placed"])
    bpy.ops.wm.save_mainfile()
    until(lambda: placements_of() == ["kept"])
    _tell(package, records()[0].id, "waiting")
    forget()
    open_file(saved)
    until(lambda: placements_of() == ["kept"])
    assert len(images()) == len(lines()) == 1


@pytest.mark.parametrize("left", ["the line", "the image"])
def test_line_or_image_alone_say_that_it_was_placed(
    server, saved, click, until, forget, records, package, placements_of, left
):
    click()
    until(lambda: placements_of() == ["placed"])
    if left == "the line":
        bpy.data.images.remove(images()[0])
    else:
        chosen().results.clear()
        images()[0].use_fake_user = True
    bpy.ops.wm.save_mainfile()
    until(lambda: placements_of() != ["placed"])
    _tell(package, records()[0].id, "waiting")
    forget()
    open_file(saved)
    until(lambda: placements_of() == ["kept"])
    assert (len(lines()), len(images())) == ((1, 0) if left == "the line" else (1, 1))


def test_releasing_keeps_the_line(server, saved, click, until):
    entry = click()
    until(lambda: entry.placed)
    bpy.ops.comfyui.release_results()
    assert lines() == [f"{entry.id}/1"]
    assert chosen().results[0].image is None


def test_files_that_no_sink_takes_wait_for_nothing(server, saved, click, until, placements_of, tmp_path):
    """A picture that was only shown, beside one that was saved."""
    import json

    workflows = Path(__file__).resolve().parents[2] / "workflows"
    graph = json.loads((workflows / "sd_basic.json").read_text(encoding="utf-8"))
    graph["20"] = {"class_type": "PreviewImage", "inputs": {"images": ["6", 0]}}
    path = tmp_path / "two.json"
    path.write_text(json.dumps(graph), encoding="utf-8")
    chosen().workflow = str(path)
    entry = click()
    until(lambda: entry.placed)
    until(lambda: sorted(placements_of()) == ["dismissed", "placed"])


# Lost with the file that was not saved


def test_a_result_lost_with_an_unsaved_file_is_offered_and_placed_on_a_click(
    server, saved, click, until, forget, draw, jobs, placements_of
):
    click()
    until(lambda: placements_of() == ["placed"])
    forget()
    open_file(saved)
    until(lambda: list(jobs()))
    [entry] = jobs()
    assert images() == []
    assert "is not in the file now" in draw().text
    assert "comfyui.place_again" in draw().operators
    bpy.ops.comfyui.place_again(job_id=entry.id)
    until(lambda: len(images()) == 1)
    assert "is not in the file now" not in draw().text
    bpy.ops.wm.save_mainfile()
    until(lambda: placements_of() == ["kept"])


def test_what_is_dismissed_does_not_come_back(server, saved, click, until, forget, draw, jobs, placements_of, tick):
    click()
    until(lambda: placements_of() == ["placed"])
    open_file(saved)
    assert "is not in the file now" in draw().text
    [entry] = jobs()
    bpy.ops.comfyui.dismiss(job_id=entry.id)
    until(lambda: placements_of() == ["dismissed"])
    forget()
    open_file(saved)
    for _ in range(20):
        tick()
    assert list(jobs()) == []
    assert images() == []


def test_a_result_that_was_taken_back_is_offered_until_it_is_dismissed(
    server, saved, click, until, draw, forget, jobs, placements_of
):
    """Blender's Adjust Last Operation takes back what a sink did meanwhile, without a word."""
    entry = click()
    until(lambda: placements_of() == ["placed"])
    _take_back()
    assert entry.placed[0] not in draw().text
    bpy.ops.wm.save_mainfile()
    assert "is not in the file now" in draw().text
    assert "comfyui.place_again" in draw().operators
    forget()
    open_file(saved)
    until(lambda: list(jobs()))
    assert placements_of() == ["placed"]
    assert images() == []
    assert "is not in the file now" in draw().text
    bpy.ops.comfyui.dismiss(job_id=entry.id)
    until(lambda: placements_of() == ["dismissed"])
    assert "is not in the file now" not in draw().text


def test_what_comes_back_by_redo_is_kept_by_the_next_save(server, saved, click, until, draw, placements_of):
    entry = click()
    until(lambda: placements_of() == ["placed"])
    _take_back()
    bpy.ops.wm.save_mainfile()
    _line_again(entry)
    assert "is not in the file now" not in draw().text
    bpy.ops.wm.save_mainfile()
    until(lambda: placements_of() == ["kept"])


def test_what_was_saved_and_then_taken_back_is_not_taken_for_kept(server, saved, click, until, placements_of):
    click()
    until(lambda: placements_of() == ["placed"])
    bpy.ops.wm.save_mainfile()
    until(lambda: placements_of() == ["kept"])
    _take_back()
    bpy.ops.wm.save_mainfile()
    until(lambda: placements_of() == ["placed"])


def test_rows_are_of_the_open_file(server, saved, click, until, draw, tmp_path):
    entry = click()
    until(lambda: entry.placed)
    bpy.ops.wm.save_mainfile()
    assert entry.placed[0] in draw().text
    new_file()
    assert entry.placed[0] not in draw().text
    open_file(saved)
    assert entry.placed[0] in draw().text
    bpy.data.images.remove(images()[0])
    assert entry.placed[0] not in draw().text


# Other files


def test_one_line_for_each_other_file(slow, saved, click, until, draw, placements_of):
    chosen().batch_size = 2
    entry = click()
    new_file()
    chosen().prompt = "unsaved"
    nameless = click()
    new_file()
    slow.control(call="release")
    until(lambda: entry.is_settled and nameless.is_settled)
    text = draw().text
    assert "2 results wait for “scene.blend”." in text
    assert "1 result waits for a .blend that was never saved." in text
    places = [drawn.arguments["properties"].blend for drawn in draw().drawn if drawn.name == "comfyui.place_here"]
    assert places == [str(saved), "?"]
    bpy.ops.comfyui.place_here(blend="?")
    until(lambda: nameless.placed)
    bpy.ops.comfyui.dismiss(blend=str(saved))
    until(lambda: sorted(placements_of()) == ["dismissed", "dismissed", "placed"])
    assert "wait" not in draw().text


def test_a_failure_in_another_file_is_told(server, saved, click, until, draw):
    server.control(call="hold")
    chosen().checkpoint = "gone.safetensors"
    entry = click()
    new_file()
    until(lambda: entry.is_settled)
    assert "1 job for “scene.blend” failed." in draw().text
    open_file(saved)
    assert "gone.safetensors" in draw().text


# In the middle of a job


def test_to_and_fro_while_it_runs(slow, saved, click, until, tmp_path, placements_of):
    entry = click()
    until(running(entry))
    bpy.ops.wm.save_mainfile()
    new_file()
    save(tmp_path / "other.blend")
    open_file(saved)
    slow.control(call="release")
    until(lambda: entry.placed)
    assert len(images()) == 1
    until(lambda: placements_of() == ["placed"])


def test_reverted_while_it_runs(slow, saved, click, until):
    entry = click()
    until(running(entry))
    bpy.ops.wm.revert_mainfile()
    slow.control(call="release")
    until(lambda: entry.placed)
    assert len(images()) == 1


def test_reverted_and_asked_again_it_is_still_the_same_file(slow, saved, click, until):
    first = click()
    bpy.ops.wm.revert_mainfile()
    second = click()
    slow.control(call="release")
    until(lambda: first.placed and second.placed)


@pytest.mark.parametrize("is_saved", [True, False], ids=["saved", "never saved"])
def test_disabled_and_enabled_while_it_runs_the_result_comes(
    slow, tmp_path, click, until, forget, jobs, placements_of, is_saved
):
    if is_saved:
        save(tmp_path / "scene.blend")
    entry = click()
    until(running(entry))
    forget()
    slow.control(call="release")
    until(lambda: len(images()) == 1)
    assert sum(slow.control()["executions"].values()) == 1
    until(lambda: placements_of() == ["placed"])


def test_disabled_while_it_runs_it_comes_though_the_server_ended_meanwhile(
    slow, saved, click, until, package, placements_of
):
    entry = click()
    until(running(entry))
    addon_utils.disable(package)
    slow.control(call="release")
    wait_until(lambda: slow.control()["finished"])
    addon_utils.enable(package)
    until(lambda: len(images()) == 1)
    assert sum(slow.control()["executions"].values()) == 1


def test_enabled_again_what_is_in_memory_is_not_taken_for_saved(
    server, saved, click, until, forget, jobs, placements_of
):
    click()
    until(lambda: placements_of() == ["placed"])
    forget()
    until(lambda: list(jobs()))
    assert placements_of() == ["placed"]
    bpy.ops.wm.save_mainfile()
    until(lambda: placements_of() == ["kept"])


def test_a_file_that_was_never_saved_and_is_closed_lets_go_of_what_was_seen(server, click, until, draw, placements_of):
    click()
    until(lambda: placements_of() == ["placed"])
    new_file()
    until(lambda: placements_of() == ["dismissed"])
    assert "never saved" not in draw().text


def test_a_session_begins_by_itself_only_where_there_is_something_to_follow(server, saved, forget, tick, package):
    archive = importlib.import_module(f"{package}.blender.archive")
    forget()
    tick()
    wait_until(lambda: not archive.expects_answers() or tick())
    assert importlib.import_module(f"{package}.blender.runtime")._connections == []


def test_the_history_of_an_earlier_run_brings_what_waits(slow, saved, click, until, forget, jobs, draw, placements_of):
    """Arrived while another file was open; then Blender was closed."""
    entry = click()
    new_file()
    slow.control(call="release")
    until(lambda: entry.is_settled)
    forget()
    until(lambda: "1 result waits for “scene.blend”." in draw().text)
    assert images() == []
    open_file(saved)
    until(lambda: len(images()) == 1)
    until(lambda: placements_of() == ["placed"])


def _tell(package, job_id, placement):
    """Write a placement into the history, as if later news of it had never reached the disk."""
    history = importlib.import_module(f"{package}.generation.history")
    opened = history.History(Path(bpy.utils.extension_path_user(package, path="session")))
    opened.place(job_id, 1, history.Placement(placement))
    opened.close()


def _take_back():
    """As undo leaves it."""
    bpy.data.images.remove(images()[0])
    chosen().results.clear()


def _line_again(entry):
    bpy.context.scene.comfyui.results.add().name = f"{entry.id}/1"
