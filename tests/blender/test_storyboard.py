"""A storyboard in Blender: the same from markers, text strips and files, and run to strips at the right frames."""

from types import SimpleNamespace

import bpy
import pytest

from tests.blender.storyboards import FPS, as_file, panels, placed, settle, strips
from tests.blender.workflow_words import posted
from tests.seed_vectors import VECTORS

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # 5.2 has new names for frames

COUNT = 60


@pytest.fixture
def scene():
    found = bpy.context.scene
    found.render.fps = FPS
    return found


@pytest.fixture
def board(scene):
    return scene.comfyui_storyboard


@pytest.fixture
def shots():
    return panels(COUNT)


@pytest.fixture
def running(module):
    return module("blender.storyboard.running")


@pytest.fixture
def progress(running, scene):
    """``progress()`` is the newest that is known of the storyboard."""
    return lambda: running.look(scene)


@pytest.fixture
def asked(module, scene, running):
    """``asked()`` is the storyboard that would run now, as generation has it."""
    contents = module("blender.storyboard.contents")
    return lambda: contents.storyboard_of(scene)


def orders(module, told):
    """What would be prepared for each panel, as data."""
    planning = module("generation.storyboard.planning")
    book = module("blender.tasks.files").book()
    ground = planning.ground_of(told, book.current())
    found = [planning.order_of(ground, panel) for panel in told.panels]
    return [
        (order.task, order.tier, dict(order.parameters), panel.id)
        for order, panel in zip(found, told.panels, strict=True)
    ]


def write_markers(scene, shots):
    for shot in shots:
        scene.timeline_markers.new(f"{shot['id']}: {shot['prompt']}", frame=shot["start"])
    scene.frame_end = shots[-1]["end"] - 1


def write_texts(module, scene, shots):
    compat = module("blender.compat")
    scene.sequence_editor_create()
    for shot in shots:
        length = shot["end"] - shot["start"]
        strip = compat.new_effect(scene.sequence_editor, shot["id"], "TEXT", 1, shot["start"], length)
        strip.text = shot["prompt"]


def rows(board):
    return [(panel.name, panel.prompt, panel.start, panel.end) for panel in board.panels]


def wanted(shots):
    return [(shot["id"], shot["prompt"], shot["start"], shot["end"]) for shot in shots]


def run(which="MISSING"):
    assert bpy.ops.comfyui.storyboard_run(which=which) == {"FINISHED"}


@pytest.fixture
def until_done(until, progress):
    """``until_done()`` ticks until all that was asked for has ended and is placed."""

    def run(done=None, placed_strips=None):
        def holds():
            now = progress()
            if now is None or now.is_running:
                return False
            if done is not None and now.done != done:
                return False
            return placed_strips is None or len(placed()) == placed_strips

        until(holds)

    return run


# ---- the same panels from everywhere


def test_markers_strips_and_files_ask_for_the_same(module, scene, board, asked, tmp_path):
    """Short prompts, which a marker's name holds whole."""
    shots = [{**shot, "prompt": shot["prompt"].split(",")[0]} for shot in panels(COUNT)]
    settle(board)
    write_markers(scene, shots)
    assert bpy.ops.comfyui.storyboard_from_markers() == {"FINISHED"}
    assert rows(board) == wanted(shots)
    of_markers = orders(module, asked())
    bpy.ops.comfyui.storyboard_clear()
    write_texts(module, scene, shots)
    assert bpy.ops.comfyui.storyboard_from_strips() == {"FINISHED"}
    assert rows(board) == wanted(shots)
    of_strips = orders(module, asked())
    bpy.ops.comfyui.storyboard_clear()
    board.settings.clear()
    board.seed, board.before = "1", ""
    path = as_file(tmp_path / "fox.json", shots)
    assert bpy.ops.comfyui.storyboard_load(filepath=str(path)) == {"FINISHED"}
    assert rows(board) == wanted(shots)
    of_file = orders(module, asked())
    assert len(of_markers) == COUNT
    assert of_markers == of_strips == of_file
    assert len({parameters["seed"] for _, _, parameters, _ in of_file}) == COUNT


def test_panels_go_to_markers_and_back(scene, board, shots, tmp_path):
    load(tmp_path, shots)
    bpy.ops.comfyui.storyboard_to_markers()
    names = [marker.name for marker in scene.timeline_markers]
    assert len(names) == COUNT
    assert max(len(name.encode()) for name in names) <= 63
    scene.frame_end = shots[-1]["end"] - 1
    board.panels[3].negative_prompt = "text"
    bpy.ops.comfyui.storyboard_from_markers()
    assert rows(board) == wanted(shots), "no prompt is lost, however short a name is"
    assert board.panels[3].negative_prompt == "text", "what a marker does not say stays"
    bpy.ops.comfyui.storyboard_to_markers()
    assert len(scene.timeline_markers) == COUNT, "each has one marker"


def test_panels_go_to_text_strips_and_back(scene, board, shots, tmp_path):
    load(tmp_path, shots)
    bpy.ops.comfyui.storyboard_to_strips()
    assert len(strips()) == COUNT
    assert {strip.type for strip in strips()} == {"TEXT"}
    assert scene.sequence_editor.channels[strips()[0].channel].mute, "no film shows prompts"
    bpy.ops.comfyui.storyboard_clear()
    bpy.ops.comfyui.storyboard_from_strips()
    assert rows(board) == wanted(shots), "no prompt is lost, however little a strip holds"
    bpy.ops.comfyui.storyboard_to_strips()
    assert len(strips()) == COUNT


def test_what_is_moved_and_reworded_in_the_timeline_is_read(scene, board, tmp_path):
    shots = panels(6)
    load(tmp_path, shots)
    bpy.ops.comfyui.storyboard_to_markers()
    scene.frame_end = shots[-1]["end"] - 1
    marker = next(marker for marker in scene.timeline_markers if marker.name.startswith("003"))
    marker.frame, marker.name = shots[2]["start"] + 6, "003: a wolf"
    bpy.ops.comfyui.storyboard_from_markers()
    third = board.panels["003"]
    assert (third.prompt, third.start) == ("a wolf", shots[2]["start"] + 6)
    assert board.panels["002"].end == third.start
    assert board.panels["005"].prompt == shots[4]["prompt"], "cut in its marker, whole in its panel"


def test_a_marker_that_is_cut_never_shortens_its_panel(scene, board, tmp_path):
    """Also where the panel was reworded since the markers were written."""
    shots = panels(6)
    load(tmp_path, shots)
    bpy.ops.comfyui.storyboard_to_markers()
    board.panels["005"].prompt = "a wholly other prompt, " + "which is longer than any name, " * 5
    wanted_prompt = board.panels["005"].prompt
    bpy.ops.comfyui.storyboard_from_markers()
    assert board.panels["005"].prompt == wanted_prompt


def test_ids_as_long_as_they_may_be_come_back(scene, board, tmp_path):
    shots = panels(3)
    for number, shot in enumerate(shots):
        shot["id"] = f"{number}" + "ä" * 28 + "x"  # 58 bytes, the most
    load(tmp_path, shots)
    scene.frame_end = shots[-1]["end"] - 1
    bpy.ops.comfyui.storyboard_to_markers()
    bpy.ops.comfyui.storyboard_to_strips()
    bpy.ops.comfyui.storyboard_from_markers()
    assert rows(board) == wanted(shots)
    bpy.ops.comfyui.storyboard_from_strips()
    assert rows(board) == wanted(shots)
    bpy.ops.comfyui.storyboard_to_markers()
    assert len(scene.timeline_markers) == 3


def test_a_strip_that_blender_had_to_rename_keeps_its_id(module, scene, board, tmp_path):
    shots = panels(3)
    scene.sequence_editor_create()
    other = module("blender.compat").new_effect(scene.sequence_editor, "002", "COLOR", 1, 500, 10)
    load(tmp_path, shots)
    bpy.ops.comfyui.storyboard_to_strips()
    assert other.name == "002"
    bpy.ops.comfyui.storyboard_clear()
    bpy.ops.comfyui.storyboard_from_strips()
    assert [panel.name for panel in board.panels] == ["001", "002", "003"]


def test_two_markers_of_one_id_are_named(scene):
    for frame in (1, 30):
        scene.timeline_markers.new("010: a fox", frame=frame)
    with pytest.raises(RuntimeError, match="“010”"):
        bpy.ops.comfyui.storyboard_from_markers()


def test_only_what_is_selected_if_so_wanted(scene, board):
    for number, frame in enumerate((1, 30, 60)):
        scene.timeline_markers.new(f"{number}: fox {number}", frame=frame).select = number != 1
    bpy.ops.comfyui.storyboard_from_markers(selected=True)
    assert [(panel.name, panel.start, panel.end) for panel in board.panels] == [("0", 1, 60), ("2", 60, 251)]


def test_a_file_comes_back_as_it_was_saved(module, board, shots, asked, tmp_path):
    load(tmp_path, shots, resolution="1024x576", parameters={"steps": 12, "sampler_name": "euler", "cfg": 5.5})
    board.panels[0].seed = str(2**64 - 1)
    board.panels[1].negative_prompt = "text, frame"
    setting = board.panels[2].settings.add()
    setting.name, setting.text = "steps", "30"
    before = asked()
    assert before.parameters == {"steps": 12, "sampler_name": "euler", "cfg": 5.5}
    for ending in ("json", "yaml"):
        path = tmp_path / f"again.{ending}"
        assert bpy.ops.comfyui.storyboard_save(filepath=str(path)) == {"FINISHED"}
        bpy.ops.comfyui.storyboard_clear()
        assert bpy.ops.comfyui.storyboard_load(filepath=str(path)) == {"FINISHED"}
        assert asked() == before


def test_where_there_is_no_room_the_file_of_before_is_still_whole(module, board, tmp_path, monkeypatch):
    load(tmp_path, panels(3))
    path = tmp_path / "mine.yaml"
    path.write_text("of yesterday", encoding="utf-8")

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module("workflow.library_files"), "os", SimpleNamespace(fsync=full))
    with pytest.raises(RuntimeError, match=r"mine.yaml cannot be written: No space left"):
        bpy.ops.comfyui.storyboard_save(filepath=str(path))
    assert path.read_text(encoding="utf-8") == "of yesterday"
    assert not list(tmp_path.glob(".*"))


def test_a_wrong_file_is_a_sentence_and_changes_nothing(board, tmp_path):
    load(tmp_path, panels(3))
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("task: image_generation\ntier: low\npanels:\n  - id: a\n    promt: x\n", encoding="utf-8")
    with pytest.raises(RuntimeError, match=r"wrong.yaml, line 5.*promt"):
        bpy.ops.comfyui.storyboard_load(filepath=str(wrong))
    assert len(board.panels) == 3


def test_a_storyboard_is_in_the_blend(board, shots, asked, tmp_path, saved):
    load(tmp_path, shots)
    before = asked()
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(saved))
    from_file = bpy.context.scene
    assert rows(from_file.comfyui_storyboard) == wanted(shots)
    assert from_file.comfyui_storyboard.id == before.id


def load(tmp_path, shots, **more):
    path = as_file(tmp_path / "fox.json", shots, **more)
    assert bpy.ops.comfyui.storyboard_load(filepath=str(path)) == {"FINISHED"}


# ---- seeds


@pytest.mark.parametrize(("seed", "take", "panel_id", "expected"), VECTORS)
def test_seeds_are_those_of_the_document(module, seed, take, panel_id, expected):
    assert module("generation.storyboard.seeds").panel_seed(seed, panel_id, take) == expected


# ---- run


@pytest.mark.parametrize("source", ["markers", "strips", "file"])
def test_sixty_panels_become_sixty_strips(
    server, saved, module, scene, board, shots, tmp_path, source, until_done, progress
):
    short = [{**shot, "prompt": shot["prompt"].split(",")[0]} for shot in shots]
    if source == "markers":
        settle(board)
        write_markers(scene, short)
        bpy.ops.comfyui.storyboard_from_markers()
    elif source == "strips":
        settle(board)
        write_texts(module, scene, short)
        bpy.ops.comfyui.storyboard_from_strips()
    else:
        load(tmp_path, short)
    run()
    until_done(done=COUNT, placed_strips=COUNT)
    assert placed() == [(shot["id"], shot["start"], shot["end"]) for shot in short]
    base = {strip.channel for strip in strips() if strip.type == "IMAGE"}
    assert base == {2 if source == "strips" else 1}, "one channel for the whole storyboard"
    sent = posted(server)
    assert len(sent) == COUNT
    prompts = {node["inputs"]["text"] for prompt in sent for node in prompt.values() if "text" in node["inputs"]}
    assert {f"ink drawing, {shot['prompt']}, soft light" for shot in short} <= prompts
    names = [strip.name for strip in strips() if strip.type == "IMAGE"]
    assert all(name.startswith(f"{number:03} shot") for number, name in enumerate(sorted(names), 1))
    assert progress().failures == ()
