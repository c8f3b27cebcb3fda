"""The gallery: what it shows of the history, and what its buttons do with a result."""

import json
import time
from pathlib import Path
from types import SimpleNamespace

import blf
import bpy
import pytest

from tests.blender.shelves import Shelves, _context, write_picture
from tests.blender.waiting import wait_until


@pytest.fixture
def gallery(module, deliver, comfyui, saved, tmp_path):
    """An empty history beside an open, saved file, and the gallery that shows it."""
    folder = tmp_path / "files"
    folder.mkdir()
    shelves = Shelves(module, deliver, folder)
    yield shelves
    shelves.history.close()
    reading = module("blender.gallery.reading")
    reading.shelf.__init__()
    reading.thumbnails.forget()
    reading.large.forget()
    reading.foreign.__init__()
    reading.dialogs.answers.__init__()
    reading.notices.newest.__init__()


@pytest.fixture
def settings():
    return bpy.context.window_manager.comfyui_gallery


def images():
    return [image for image in bpy.data.images if "comfyui" in image]


# -- what it shows ------------------------------------------------------------------------------------------------


def test_an_empty_history_says_how_it_fills(gallery):
    assert "Opening the history" in gallery.draw().text
    assert "What you generate is kept here" in gallery.wait().text


@pytest.mark.parametrize("space", ["VIEW_3D", "IMAGE_EDITOR", "SEQUENCE_EDITOR"])
def test_every_editor_has_it_closed_at_first(gallery, space, module):
    gallery.keep("a red fox")
    gallery.look()
    assert "comfyui.gallery_select" in gallery.draw(space=space).operators
    assert "DEFAULT_CLOSED" in module("blender.gallery.panel").COMFYUI_PT_gallery_view3d.bl_options


def test_drawing_alone_asks_and_never_waits(gallery, module):
    archive = module("blender.archive")
    gallery.keep()
    archive.close()
    for _ in range(3):
        gallery.draw()
    assert archive._current.desk is None  # the tick asks
    assert bpy.app.timers.is_registered(module("blender.delivery").tick)
    assert "1 result" in gallery.wait().text


def test_the_newest_come_first_in_pages_of_twelve(gallery, settings):
    ids = [gallery.keep(f"number {n}") for n in range(30)]
    assert "1–12 of 30" in gallery.look().text
    assert gallery.ids == ids[:17:-1]
    for offset, said in ((12, "13–24 of 30"), (24, "25–30 of 30"), (29, "25–30 of 30"), (-5, "1–12 of 30")):
        bpy.ops.comfyui.gallery_turn(offset=offset)
        assert said in gallery.wait().text
    settings.sort = "OLDEST"
    gallery.wait()
    assert gallery.ids == ids[:12]


def test_a_page_whose_results_were_deleted_gives_way_to_the_one_before(gallery):
    for n in range(13):
        gallery.keep(f"number {n}")
    gallery.look()
    bpy.ops.comfyui.gallery_turn(offset=12)
    gallery.wait()
    gallery.history.delete(gallery.ids, with_files=False)
    assert "12 results" in gallery.look().text
    assert len(gallery.ids) == 12


def test_search_favourites_and_state_narrow_it_and_one_click_widens_it(gallery, settings):
    fox, lake, failed = (
        gallery.keep("a red fox"),
        gallery.keep("A quiet lake"),
        gallery.keep("a fox on fire", "failed", (), error=ValueError("No fire.")),
    )
    gallery.history.favourite(lake, True)
    gallery.look()
    settings.text = "FOX"
    gallery.wait()
    assert gallery.ids == [failed, fox]
    settings.kind = "FAILED"
    gallery.wait()
    assert gallery.ids == [failed]
    settings.favourites = True
    assert "comfyui.gallery_show_all" in gallery.wait().operators
    bpy.ops.comfyui.gallery_show_all()
    gallery.wait()
    assert gallery.ids == [failed, lake, fox]
    settings.favourites = True
    gallery.wait()
    assert gallery.ids == [lake]


def test_only_the_open_files_results(gallery, settings, module):
    mine = gallery.keep(context=module("blender.blend_file").mark())
    other = gallery.keep(context={"blend_id": "another", "blend": "/another.blend"})
    gallery.look()
    assert gallery.ids == [other, mine]
    settings.this_file = True
    gallery.wait()
    assert gallery.ids == [mine]
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    gallery.wait()
    assert gallery.ids == []  # a new file has asked for nothing


def test_a_file_that_has_no_id_is_known_by_its_path(gallery, saved, module):
    """As one that was saved before the extension was installed, and was not saved since."""
    forget_id = bpy.context.scene.comfyui.property_unset
    forget_id("blend_id")
    bpy.app.handlers.save_pre.remove(module("blender.blend_file")._on_save)
    bpy.ops.wm.save_mainfile()
    bpy.app.handlers.save_pre.append(module("blender.blend_file")._on_save)
    mine = gallery.keep(context=module("blender.blend_file").mark())
    gallery.keep(context={"blend_id": "another", "blend": "/another.blend"})
    bpy.ops.wm.open_mainfile(filepath=str(saved))
    assert bpy.context.scene.comfyui.blend_id == ""
    settings_of().this_file = True
    gallery.look()
    assert gallery.ids == [mine]


def test_what_is_searched_for_is_in_no_blend(gallery, settings, saved):
    settings.text = "a secret plan"
    settings.favourites = True
    bpy.ops.wm.save_mainfile(compress=False)
    assert b"a secret plan" not in saved.read_bytes()
    bpy.ops.wm.open_mainfile(filepath=str(saved))
    assert settings_of().text == "a secret plan"  # and another file does not end the search


def settings_of():
    return bpy.context.window_manager.comfyui_gallery


@pytest.fixture
def owner(module):
    """A Blender that is running."""
    owner = module("generation.ownership").Ownership(module("blender.settings").user_folder("session") / "owners")
    owner.take()
    yield owner.id
    owner.release()


def begin(gallery, module, owner):
    """A job that has not ended; its id."""
    request = module("generation.request").Request({}, label="a fox on its way")
    gallery.history.add("1f6e5f0a-0000-4000-8000-000000000001", request, "http://old:8188", owner, 0.0, sent=1.0)
    return "1f6e5f0a-0000-4000-8000-000000000001"


def test_running_jobs_are_not_in_it(gallery, module, owner):
    begin(gallery, module, owner)
    assert "What you generate is kept here" in gallery.look().text


def test_a_job_that_no_blender_looks_after_waits_in_it_and_can_be_deleted(gallery, module):
    job_id = begin(gallery, module, "gone")
    layout = gallery.look()
    assert gallery.ids == [job_id]
    assert "SORTTIME" in [drawn.icon for drawn in layout.drawn if drawn.name == "comfyui.gallery_select"]
    assert "Waits for http://old:8188" in gallery.select(job_id).text
    dialogs = module("blender.gallery.dialogs")
    assert "not be fetched" in " ".join(dialogs.warnings(gallery.shelf.record, with_files=False))
    bpy.ops.comfyui.gallery_delete()
    gallery.wait()
    assert gallery.ids == []
    assert gallery.history.record(job_id) is None


def test_a_job_that_is_followed_again_leaves_it(gallery, module, owner):
    job_id = begin(gallery, module, "gone")
    gallery.look()
    assert gallery.ids == [job_id]
    gallery.history.adopt(job_id, "gone", owner)
    module("blender.archive").tell(module("generation.events").Returned(job_id, None))
    gallery.wait()
    assert gallery.ids == []


@pytest.mark.parametrize(
    ("state", "icon"), [("failed", "ERROR"), ("cancelled", "CANCEL"), ("lost", "QUESTION")], ids=lambda value: value
)
def test_what_did_not_end_well_is_there_with_its_reason(gallery, state, icon):
    job_id = gallery.keep("a fox", state, (), error=ValueError("The fox ran away. Try again."))
    layout = gallery.look()
    assert icon in [drawn.icon for drawn in layout.drawn if drawn.name == "comfyui.gallery_select"]
    layout = gallery.select(job_id)
    assert "The fox ran away. Try again." in layout.text
    assert {"comfyui.gallery_run_again", "comfyui.gallery_copy_details"} <= set(layout.operators)
    assert "comfyui.gallery_place" not in layout.operators
    bpy.ops.comfyui.gallery_copy_details()


@pytest.mark.parametrize(
    ("name", "icon"),
    [("a.mp4", "FILE_MOVIE"), ("a.wav", "FILE_SOUND"), ("a.glb", "MESH_DATA"), ("a.txt", "FILE_TEXT"), ("a", "FILE")],
)
def test_what_is_no_picture_has_an_icon(gallery, module, name, icon):
    gallery.keep(files=(name,))
    gallery.look()
    number = module("blender.gallery.grid").icon_number(icon)
    assert [d.arguments["icon"] for d in gallery.draw().drawn if d.kind == "template_icon"] == [number]


def test_a_picture_whose_file_is_gone_says_so_by_its_icon(gallery, module):
    job_id = gallery.keep()
    gallery.history.record(job_id).files[0].path.unlink()
    gallery.look()
    number = module("blender.gallery.grid").icon_number("LIBRARY_DATA_BROKEN")
    assert [d.arguments["icon"] for d in gallery.draw().drawn if d.kind == "template_icon"] == [number]


def test_a_batch_says_how_many_and_can_be_leafed_through(gallery):
    job_id = gallery.keep("a long prompt about a red fox in the snow", files=("a.png", "b.png", "c.png"))
    gallery.look()
    assert gallery.captions[0].endswith("… ×3")
    assert "Picture 1 of 3" in gallery.select(job_id).text
    for by, said in ((1, "Picture 2 of 3"), (1, "Picture 3 of 3"), (1, "Picture 1 of 3"), (-1, "Picture 3 of 3")):
        bpy.ops.comfyui.gallery_step(by=by)
        assert said in gallery.wait().text
    assert gallery.shelf.file.path.name.endswith("c.png")


@pytest.mark.parametrize("width", [280, 220, 500, 900])
def test_no_line_is_wider_than_the_panel(gallery, module, width):
    long = "a-very-long-word-without-any-space " * 4 + "and several short ones for the lines to break at " * 3
    ids = [gallery.keep(long, error=ValueError("It is " + long), state="failed"), gallery.keep(long)]
    gallery.look()
    content = module("blender.panels").content_width(_context(width))
    for job_id in ids:
        gallery.select(job_id)
        blf.size(0, bpy.context.preferences.ui_styles[0].widget.points)
        layout = gallery.draw(width)
        lines = [drawn.text for drawn in layout.drawn if drawn.kind == "label"]
        assert all(blf.dimensions(0, line)[0] <= content for line in lines)
        columns = max(2, content // 100)
        captions = [d for d in layout.drawn if d.name == "comfyui.gallery_select"]
        rooms = [content // columns - 16 - (20 if d.icon != "NONE" else 0) for d in captions]
        assert all(blf.dimensions(0, d.text)[0] <= room for d, room in zip(captions, rooms, strict=True))


def test_a_history_that_cannot_be_opened_says_so_and_can_be_tried_again(gallery, module):
    gallery.wait()
    gallery.shelf.take(module("generation.history").Trouble("The history cannot be opened: the disk is away."))
    layout = gallery.draw()
    assert "the disk is away" in layout.text
    assert "comfyui.gallery_refresh" in layout.operators
    bpy.ops.comfyui.gallery_refresh()
    assert "What you generate is kept here" in gallery.wait().text


def test_a_damaged_history_is_told_until_it_was_read(gallery, module):
    gallery.wait()
    module("blender.archive").tell(
        module("generation.history").Notice("The history was damaged; 41 entries were rebuilt.")
    )
    assert "41 entries were rebuilt" in gallery.look().text
    bpy.ops.comfyui.gallery_dismiss_notice()
    assert "41 entries" not in gallery.draw().text


def test_an_answer_that_is_late_does_not_replace_a_newer_one(gallery, settings, module):
    gallery.keep("a red fox")
    gallery.look()
    page = gallery.shelf.page
    settings.text = "lake"
    gallery.wait()
    gallery.shelf.take(module("generation.history").Found(page, "1"))
    assert gallery.ids == []


def test_a_finished_job_shows_up_by_itself(server, gallery, comfyui, click, deliver):
    gallery.wait()
    entry = click()
    deliver(lambda: entry.is_settled)
    gallery.wait()
    assert gallery.ids == [entry.id]
    assert gallery.history.record(entry.id).task == "image_generation"


# -- pictures -----------------------------------------------------------------------------------------------------


def test_pictures_are_asked_for_once_and_kept_in_bounded_number(gallery, module):
    history = module("generation.history")
    pictures = module("blender.gallery.thumbnails").Thumbnails(kept=3)
    file = history.FileRecord(1, Path("a.png"), "", "", "image", "output", 1)
    asked = []
    for n in range(5):
        assert pictures.icon_of(str(n), file) == 0
        asked += pictures.questions()
        assert pictures.icon_of(str(n), file) == 0
        assert pictures.questions() == []
        pictures.take(history.Thumbnail(str(n), 1, 2, 1, b"\0\0\x80\x3f" * 8))
    assert [question.job_id for question in asked] == ["0", "1", "2", "3", "4"]
    assert len(pictures._icons) == 3
    assert tuple(next(iter(pictures._icons.values())).image_size) == (2, 1)
    pictures.icon_of("2", file)  # seen last: it stays
    pictures.take(history.Thumbnail("5", 1, 2, 1, b"\0\0\x80\x3f" * 8))
    assert [key for key, _ in pictures._slots] == ["4", "2", "5"]
    pictures.forget()
    assert pictures._icons is None


def test_the_page_gets_its_pictures(gallery, module):
    for n in range(3):
        gallery.keep(f"number {n}")
    gallery.look()
    assert len(gallery.thumbnails._slots) == 3
    icon = next(iter(gallery.thumbnails._icons.values()))
    assert tuple(icon.image_size) == (8, 8)
    colour = [round(value * 255) for value in icon.image_pixels_float[:3]]
    assert all(abs(a - b) < 12 for a, b in zip(colour, (200, 30, 30), strict=True))  # WebP loses a little


def test_the_selected_result_gets_a_larger_picture_too(gallery, module):
    job_id = gallery.keep(files=("a.png", "b.png"))
    write_picture(gallery.history.record(job_id).files[1].path, side=800)
    gallery.look()
    gallery.select(job_id)
    sizes = {key: tuple(gallery.large._icons[slot].image_size) for key, slot in gallery.large._slots.items()}
    assert sizes == {(job_id, 1): (8, 8), (job_id, 2): (640, 640)}  # the next one is there before the step
    assert max(gallery.thumbnails._icons["0"].image_size) <= 256


# -- the buttons --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["view", "show", "place", "open_folder", "copy_prompt", "reuse", "run_again", "favourite", "delete", "step"]
)
def test_without_a_selection_buttons_say_so(gallery, name):
    with pytest.raises(RuntimeError, match="Select a result in the gallery first"):
        getattr(bpy.ops.comfyui, f"gallery_{name}")()


def test_a_second_click_on_the_same_result_hides_its_buttons(gallery):
    job_id = gallery.keep()
    gallery.look()
    assert "comfyui.gallery_place" in gallery.select(job_id).operators
    assert "comfyui.gallery_place" not in gallery.select(job_id).operators


def test_placing_puts_it_into_the_open_file(gallery, comfyui):
    job_id = gallery.keep("a red fox")
    gallery.look()
    gallery.select(job_id)
    assert bpy.ops.comfyui.gallery_place() == {"FINISHED"}
    [image] = images()
    assert image.name == "a red fox 7"
    recipe = json.loads(image["comfyui"])
    assert {"prompt": "a red fox", "seed": 7, "prompt_id": job_id, "server_version": "0.27.0"}.items() <= recipe.items()
    assert [line.image for line in comfyui.results] == [image]


def test_placing_twice_is_a_second_image_and_says_so(gallery, module, monkeypatch):
    job_id = gallery.keep("a red fox")
    gallery.look()
    said = [d.text for d in gallery.select(job_id).drawn if d.name == "comfyui.gallery_place"]
    assert said == ["Place"]
    bpy.ops.comfyui.gallery_place()
    said = [d.text for d in gallery.draw().drawn if d.name == "comfyui.gallery_place"]
    assert said == ["Place Again"]
    bpy.ops.comfyui.gallery_place()
    assert sorted(image.name for image in images()) == ["a red fox 7", "a red fox 7.001"]


def test_a_result_that_waits_is_placed_by_hand_and_not_once_more_by_itself(
    server, gallery, comfyui, click, deliver, module, saved
):
    """It was asked for in another file, and waits for that one."""
    entry = click()
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    deliver(lambda: entry.outcome is not None and entry.obstacle)
    gallery.look()
    assert "Waits for “scene.blend”" in gallery.select(entry.id).text.replace("\n", " ")
    bpy.ops.comfyui.gallery_place()
    assert len(images()) == 1
    for _ in range(5):
        module("blender.delivery").tick()
    assert len(images()) == 1
    assert not entry.waiting
    assert "Waits for" not in gallery.wait().text
    [file] = gallery.history.record(entry.id).files
    assert file.placement == "placed"


def test_it_can_be_placed_as_a_strip(gallery, comfyui):
    job_id = gallery.keep("a red fox")
    comfyui.sink = "SEQUENCER"
    bpy.context.scene.frame_current = 40
    gallery.look()
    gallery.select(job_id)
    bpy.ops.comfyui.gallery_place()
    [strip] = strips()
    assert strip.name == "a red fox 7"
    assert "Place Again" in [drawn.text for drawn in gallery.draw().drawn]
    bpy.context.scene.frame_current = 1
    assert bpy.ops.comfyui.gallery_show() == {"FINISHED"}
    assert bpy.context.scene.frame_current == 40
    assert bpy.context.scene.sequence_editor.active_strip.name == strip.name


def strips():
    editor = bpy.context.scene.sequence_editor
    return list(editor.strips if hasattr(editor, "strips") else editor.sequences)


@pytest.mark.parametrize("name", ["place", "show"])
def test_what_blender_cannot_show_is_refused_with_a_way_out(gallery, name):
    job_id = gallery.keep(files=("sound.wav",))
    gallery.look()
    gallery.select(job_id)
    with pytest.raises(RuntimeError, match="neither a picture nor a video: open its folder"):
        getattr(bpy.ops.comfyui, f"gallery_{name}")()


@pytest.mark.parametrize("name", ["place", "show"])
def test_a_file_that_was_moved_leaves_a_sentence(gallery, name):
    job_id = gallery.keep()
    gallery.history.record(job_id).files[0].path.unlink()
    gallery.look()
    gallery.select(job_id)
    with pytest.raises(RuntimeError, match=r"cannot be read from .*: it was moved"):
        getattr(bpy.ops.comfyui, f"gallery_{name}")()
    assert images() == []


def test_showing_uses_an_image_editor_and_does_not_place(gallery, comfyui):
    area = bpy.context.window_manager.windows[0].screen.areas[0]
    area.ui_type = "IMAGE_EDITOR"
    job_id = gallery.keep()
    gallery.look()
    gallery.select(job_id)
    assert bpy.ops.comfyui.gallery_show() == {"FINISHED"}
    shown = area.spaces.active.image
    assert Path(bpy.path.abspath(shown.filepath)) == gallery.shelf.file.path
    assert len(comfyui.results) == 0
    bpy.ops.comfyui.gallery_place()
    [placed] = images()
    bpy.ops.comfyui.gallery_show()
    assert area.spaces.active.image == placed
    assert len(bpy.data.images) == 2


def test_the_folder_of_a_file_that_is_gone_is_an_error(gallery, tmp_path):
    job_id = gallery.keep()
    gallery.look()
    gallery.select(job_id)
    gallery.folder.rename(tmp_path / "moved")
    with pytest.raises(RuntimeError, match="is not there"):
        bpy.ops.comfyui.gallery_open_folder()


def test_settings_are_reused_wholly(gallery, comfyui):
    parameters = {
        "seed": 2**64 - 1,
        "negative_prompt": "blurry",
        "width": 640,
        "height": 384,
        "steps": 33,
        "cfg": 4.5,
        "denoise": 0.5,
        "batch_size": 3,
        "sampler_name": "dpmpp_2m",
        "checkpoint": "x.safetensors",
    }
    job_id = gallery.keep("a quiet lake", parameters=parameters)
    comfyui.size_source, comfyui.seed_mode, comfyui.scheduler = "RENDER", "RANDOM", "karras"
    gallery.look()
    gallery.select(job_id)
    assert bpy.ops.comfyui.gallery_reuse(only_seed=False) == {"FINISHED"}
    assert (comfyui.prompt, comfyui.negative_prompt) == ("a quiet lake", "blurry")
    assert (comfyui.seed_mode, comfyui.seed) == ("FIXED", str(2**64 - 1))
    assert (comfyui.size_source, comfyui.width, comfyui.height) == ("OWN", 640, 384)
    assert (comfyui.steps, comfyui.cfg, comfyui.denoise, comfyui.batch_size) == (33, 4.5, 0.5, 3)
    assert (comfyui.sampler, comfyui.scheduler) == ("dpmpp_2m", "")  # none was asked for: the workflow's own
    assert comfyui.checkpoint == "x.safetensors"


def test_only_the_seed_is_reused(gallery, comfyui):
    job_id = gallery.keep("a quiet lake", parameters={"seed": 99})
    comfyui.seed_mode = "RANDOM"
    gallery.look()
    gallery.select(job_id)
    bpy.ops.comfyui.gallery_reuse(only_seed=True)
    assert (comfyui.seed_mode, comfyui.seed, comfyui.prompt) == ("FIXED", "99", "a red fox in the snow")


def test_settings_that_do_not_fit_are_named_and_left_out(gallery, module, comfyui):
    reuse = module("blender.gallery.reuse").reuse_all
    history = module("generation.history")
    odd = {"steps": "many", "width": 2**40, "cfg": None, "prompt": ["a"], "9.lora": "x", "height": 96}
    record = history.Record("x", module("generation.outcome").JobState.FINISHED, parameters=odd, workflow="gone")
    assert sorted(reuse(comfyui, record)) == ["9.lora", "cfg", "prompt", "steps", "width", "workflow gone"]
    assert (comfyui.steps, comfyui.width, comfyui.height, comfyui.workflow) == (10, 64, 96, "")


def test_the_prompt_is_copied(gallery):
    job_id = gallery.keep("a red fox\nin the snow")
    gallery.look()
    gallery.select(job_id)
    assert bpy.ops.comfyui.gallery_copy_prompt() == {"FINISHED"}


def test_it_is_run_again_for_the_open_file(server, gallery, comfyui, click, deliver, module, tmp_path):
    first = click()
    deliver(lambda: first.is_settled)
    other = tmp_path / "other" / "other.blend"
    other.parent.mkdir()
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(other))
    gallery.look()
    gallery.select(first.id)
    assert bpy.ops.comfyui.gallery_run_again() == {"FINISHED"}
    jobs = module("blender.runtime").jobs
    [second] = [entry for entry in jobs if entry.id != first.id]
    deliver(lambda: second.placed)
    [image] = images()
    assert json.loads(image["comfyui"])["seed"] == 7
    assert Path(bpy.path.abspath(image.filepath)).parent == other.parent / "comfyui"
    gallery.wait()
    assert gallery.ids == [second.id, first.id]


def test_running_again_is_refused_with_a_reason(gallery, preferences):
    job_id = gallery.keep()
    gallery.look()
    bpy.ops.comfyui.gallery_select(job_id=job_id)
    with pytest.raises(RuntimeError, match="It is being read"):
        bpy.ops.comfyui.gallery_run_again()
    gallery.wait()
    preferences.host = "not a host"
    with pytest.raises(RuntimeError, match="not a host"):
        bpy.ops.comfyui.gallery_run_again()


def test_favourites_are_marked_and_kept(gallery, deliver):
    job_id = gallery.keep()
    gallery.look()
    gallery.select(job_id)
    for value, icon in ((True, "SOLO_ON"), (False, "NONE")):
        bpy.ops.comfyui.gallery_favourite()
        assert gallery.shelf.record.favourite is value  # shown at once
        deliver(lambda value=value: gallery.history.record(job_id).favourite is value)
        layout = gallery.wait()
        assert [d.icon for d in layout.drawn if d.name == "comfyui.gallery_select"] == [icon]


@pytest.mark.parametrize("files", ["KEEP", "DELETE"])
def test_deleting_asks_and_leaves_files_unless_told(gallery, deliver, files):
    job_id = gallery.keep()
    path = gallery.history.record(job_id).files[0].path
    gallery.look()
    gallery.select(job_id)
    layout = gallery.draw_dialog("COMFYUI_OT_gallery_delete", with_files=files)
    assert "with_files" in [drawn.name for drawn in layout.drawn]
    assert "was not placed" in layout.text
    assert bpy.ops.comfyui.gallery_delete(with_files=files) == {"FINISHED"}
    deliver(lambda: gallery.history.record(job_id) is None)
    gallery.wait()
    assert gallery.ids == []
    assert path.exists() == (files == "KEEP")


def test_deleting_files_that_the_open_file_uses_is_warned_of(gallery):
    job_id = gallery.keep()
    gallery.look()
    gallery.select(job_id)
    bpy.ops.comfyui.gallery_place()
    gallery.wait()
    assert "uses its files" in gallery.draw_dialog("COMFYUI_OT_gallery_delete", with_files="DELETE").text
    assert "uses its files" not in gallery.draw_dialog("COMFYUI_OT_gallery_delete", with_files="KEEP").text


def test_every_deleting_click_opens_a_dialog(gallery, module):
    """A button runs `invoke`: that it only asks is seen in a window by tests/gui; here, that there is one."""
    upkeep = module("blender.operators.gallery_upkeep")
    module("blender.gallery.dialogs").answers.plan = module("generation.history").CleanUpPlan(("x",))
    dialog = SimpleNamespace(invoke_props_dialog=lambda operator, **_: {"A dialog"})
    for kind in (upkeep.COMFYUI_OT_gallery_delete, upkeep.COMFYUI_OT_gallery_clean_up_now):
        assert kind.invoke(SimpleNamespace(), SimpleNamespace(window_manager=dialog), None) == {"A dialog"}


@pytest.mark.parametrize("undoable", ["reuse"])
def test_what_changes_the_file_is_one_undo_step(module, undoable):
    """The buttons that place push their own step, as sinks do."""
    operators = module("blender.operators.gallery")
    assert "UNDO" in getattr(operators, f"COMFYUI_OT_gallery_{undoable}").bl_options
    assert "UNDO" not in operators.COMFYUI_OT_gallery_place.bl_options


# -- the larger view ----------------------------------------------------------------------------------------------


def test_the_larger_view_has_the_whole_recipe(gallery):
    job_id = gallery.keep(
        "a quiet lake",
        parameters={
            "negative_prompt": "people",
            "sampler_name": "euler",
            "scheduler": "normal",
            "checkpoint": "x.ckpt",
        },
        tier="draft",
        texts=("a caption",),
        seconds=75,
    )
    gallery.look()
    gallery.select(job_id)
    layout = gallery.draw_larger()
    for said in (
        "a quiet lake",
        "people",
        "Seed 7",
        "Size 64 × 48",
        "Sampler euler · normal",
        "Model x.ckpt",
        "Workflow sd_basic",
        "Task Image",
        "Tier Draft",
        "ComfyUI 0.27.0",
        "in 1 min 15 s",
        "picture.png",
        "a caption",
    ):
        assert said in layout.text, said
    assert {"comfyui.gallery_copy_prompt", "comfyui.gallery_reuse", "comfyui.gallery_place"} <= set(layout.operators)
    assert "template_icon" in [drawn.kind for drawn in layout.drawn]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, ""), (0.04, ""), (3.24, "3.2 s"), (59.4, "59 s"), (75, "1 min 15 s"), (4200, "1 h 10 min")],
)
def test_durations(module, seconds, said):
    assert module("blender.gallery.words").duration(seconds) == said


def test_moments(module):
    moment = module("blender.gallery.words").moment
    now = time.mktime((2026, 3, 12, 15, 30, 0, 0, 0, -1))
    for then, said in (
        ((2026, 3, 12, 9, 5), "Today 09:05"),
        ((2026, 3, 11, 18, 20), "Yesterday 18:20"),
        ((2026, 1, 2, 9, 15), "2 Jan 09:15"),
        ((2024, 12, 24, 9, 15), "24 Dec 2024"),
    ):
        assert moment(time.mktime((*then, 0, 0, 0, -1)), now) == said


# -- upkeep -------------------------------------------------------------------------------------------------------


def test_statistics_are_asked_for_and_drawn(gallery, module, deliver):
    gallery.keep(seconds=2.0)
    gallery.keep(seconds=4.0, tier="draft")
    gallery.keep(state="failed", files=(), error=ValueError("No."))
    answers = module("blender.gallery.dialogs").answers
    bpy.ops.comfyui.gallery_statistics()
    deliver(lambda: answers.statistics)
    text = gallery.draw_dialog("COMFYUI_OT_gallery_statistics_dialog").text
    assert "3 jobs: 2 finished, 1 failed" in text
    assert "Image · Draft 1 100% 4.0 s" in text


def test_a_clean_up_says_what_goes_and_then_does_it(gallery, module, deliver, preferences):
    answers = module("blender.gallery.dialogs").answers
    with pytest.raises(RuntimeError, match="set one in the preferences"):
        bpy.ops.comfyui.gallery_clean_up()
    placement = module("generation.history").Placement
    ids = [gallery.keep(f"number {n}") for n in range(4)]
    for job_id in ids:
        gallery.history.place(job_id, 1, placement.KEPT)
    gallery.history.favourite(ids[0], True)
    paths = [gallery.history.record(job_id).files[0].path for job_id in ids]
    preferences.clean_keep, preferences.clean_files = 1, True
    bpy.ops.comfyui.gallery_clean_up()
    deliver(lambda: answers.plan)
    text = gallery.draw_dialog("COMFYUI_OT_gallery_clean_up_now").text
    assert "beyond the newest 1" in text
    assert "2 results and 2 files" in text
    assert all(path.exists() for path in paths), "a dry run"
    assert bpy.ops.comfyui.gallery_clean_up_now() == {"FINISHED"}
    deliver(lambda: gallery.history.record(ids[1]) is None)
    gallery.look()
    assert gallery.ids == [ids[3], ids[0]]
    assert [path.exists() for path in paths] == [True, False, False, True]


def test_a_clean_up_without_a_dry_run_is_refused(gallery, preferences):
    preferences.clean_keep = 1
    with pytest.raises(RuntimeError, match="Find out first"):
        bpy.ops.comfyui.gallery_clean_up_now()


# -- results of others --------------------------------------------------------------------------------------------


def test_results_of_other_clients_are_listed_and_brought_in(server, gallery, module, deliver):
    prompt_id = post(server)
    foreign = module("blender.gallery.foreign").foreign
    assert "other programs made" in gallery.draw(closed=()).text
    bpy.ops.comfyui.gallery_list_foreign()
    deliver(lambda: foreign.listed)
    layout = gallery.draw(closed=())
    assert "a red cube" in layout.text
    assert [d.arguments["properties"].prompt_id for d in layout.drawn if d.name.endswith("bring_in")] == [prompt_id]
    bpy.ops.comfyui.gallery_bring_in(prompt_id=prompt_id)
    deliver(lambda: images())
    gallery.wait()
    assert gallery.ids == [prompt_id]
    assert "a red cube" not in gallery.draw(closed=()).text.replace(gallery.captions[0], "")
    bpy.ops.comfyui.gallery_list_foreign()
    deliver(lambda: not foreign.is_asked)
    assert "nothing that you do not have" in gallery.draw(closed=()).text


def test_the_timer_has_nothing_to_come_for_once_a_result_is_brought_in(server, gallery, module, deliver, monkeypatch):
    foreign, archive = module("blender.gallery.foreign"), module("blender.archive")
    monkeypatch.setattr(foreign, "_PATIENCE", 3600.0)
    prompt_id = post(server)
    bpy.ops.comfyui.gallery_list_foreign()
    deliver(lambda: foreign.foreign.listed)
    bpy.ops.comfyui.gallery_bring_in(prompt_id=prompt_id)
    assert archive.expects_answers()
    deliver(lambda: images() and not archive.expects_answers())


def post(server):
    """What a browser does; returns the prompt's id when it has ended."""
    import urllib.request

    from tests.graphs import txt2img

    data = json.dumps({"prompt": txt2img()}).encode()
    request = urllib.request.Request(f"{server.url}/prompt", data=data, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        prompt_id = json.load(answer)["prompt_id"]

    def has_ended():
        with urllib.request.urlopen(f"{server.url}/history/{prompt_id}", timeout=10) as answer:
            return json.load(answer)

    wait_until(has_ended)
    return prompt_id


def test_a_server_that_is_away_is_said_instead_of_a_list(server, gallery, module, deliver):
    server.stop()
    foreign = module("blender.gallery.foreign").foreign
    bpy.ops.comfyui.gallery_list_foreign()
    deliver(lambda: foreign.listed)
    assert "Nothing answers" in gallery.draw(closed=()).text


# -- leaving ------------------------------------------------------------------------------------------------------


def test_drawing_costs_the_same_whatever_the_history_holds(gallery, module):
    """One page is drawn, and nothing is asked by drawing it again."""
    history = module("generation.history")
    few = gallery.keep()
    gallery.look()
    record = gallery.history.record(few)
    page = history.Page((record,) * 12, 100_000, 0, 12)
    gallery.shelf.page = page
    assert "1–12 of 100,000" in gallery.draw().text
    assert len(gallery.captions) == 12
    assert gallery.thumbnails.questions() == []


# -- other Blenders and windows -----------------------------------------------------------------------------------


def test_a_result_that_another_blender_deletes_meanwhile_is_deleted(gallery, module):
    job_id = gallery.keep("a red fox")
    gallery.select(job_id)
    kind = module("blender.operators.gallery_upkeep").COMFYUI_OT_gallery_delete
    dialog = SimpleNamespace(job_id="", with_files="KEEP")
    windows = SimpleNamespace(invoke_props_dialog=lambda *_, **__: {"RUNNING_MODAL"})
    kind.invoke(dialog, SimpleNamespace(window_manager=windows), None)
    gallery.history.delete([job_id], with_files=False)
    gallery.shelf.select(job_id)
    gallery.look()
    assert gallery.shelf.record is None
    assert kind.execute(dialog, bpy.context) == {"FINISHED"}
    gallery.wait()
    assert (gallery.ids, gallery.shelf.selected) == ([], "")


@pytest.mark.parametrize("name", ["statistics", "clean_up"])
def test_a_dialog_opens_in_the_window_that_was_clicked(gallery, module, preferences, name):
    preferences.clean_keep = 1
    upkeep, dialogs = module("blender.operators.gallery_upkeep"), module("blender.gallery.dialogs")
    first, second = (SimpleNamespace(as_pointer=lambda number=number: number) for number in (1, 2))
    kind = getattr(upkeep, f"COMFYUI_OT_gallery_{name}")
    kind.execute(SimpleNamespace(), SimpleNamespace(window=second))
    assert dialogs.answers.window_of([first, second]) is second
    assert dialogs.answers.window_of([first]) is first  # it was closed
