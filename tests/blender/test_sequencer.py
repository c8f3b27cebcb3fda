"""Results as strips."""

import json
from pathlib import Path

import bpy
import pytest

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # 5.2 has new names for frames


@pytest.fixture
def to_strips(comfyui):
    comfyui.sink = "SEQUENCER"
    bpy.context.scene.render.fps = 24
    bpy.context.scene.frame_current = 20


@pytest.fixture
def movie_workflow(tmp_path):
    """sd_basic whose pictures become a movie of 8 frames a second."""
    workflows = Path(__file__).resolve().parents[2] / "workflows"
    graph = json.loads((workflows / "sd_basic.json").read_text(encoding="utf-8"))
    del graph["7"]
    graph["8"] = {"class_type": "CreateVideo", "inputs": {"images": ["6", 0], "fps": 8.0}}
    graph["9"] = {
        "class_type": "SaveVideo",
        "inputs": {"video": ["8", 0], "filename_prefix": "m", "format": "mp4", "codec": "h264"},
    }
    path = tmp_path / "movie.json"
    path.write_text(json.dumps(graph), encoding="utf-8")
    return str(path)


def strips(scene=None):
    editor = (scene or bpy.context.scene).sequence_editor
    if editor is None:
        return []
    return list(editor.strips if hasattr(editor, "strips") else editor.sequences)


def span(strip):
    return int(strip.frame_final_start), int(strip.frame_final_end)


def test_a_picture_stands_two_seconds_from_the_playhead(server, to_strips, saved):
    bpy.ops.comfyui.generate()
    [strip] = strips()
    assert (strip.type, strip.name, strip.channel) == ("IMAGE", "a red fox in the snow 7", 1)
    assert span(strip) == (20, 20 + 48)
    assert strip.directory.startswith("//comfyui")
    assert (Path(bpy.path.abspath(strip.directory)) / strip.elements[0].filename).is_file()
    assert json.loads(strip["comfyui"])["seed"] == 7


def test_the_frame_is_that_of_the_click(server, comfyui, to_strips, saved, click, deliver):
    entry = click()
    bpy.context.scene.frame_current = 99
    deliver(lambda: entry.is_settled)
    assert span(strips()[0])[0] == 20


def test_a_channel_that_is_free_there_is_taken(server, comfyui, to_strips, saved):
    comfyui.batch_size = 2
    bpy.ops.comfyui.generate()
    bpy.context.scene.frame_current = 68
    comfyui.batch_size = 1
    bpy.ops.comfyui.generate()
    assert [(strip.channel, span(strip)[0]) for strip in strips()] == [(1, 20), (2, 20), (1, 68)]


@pytest.mark.parametrize(("fps", "length"), [(24, 24), (8, 8), (30, 30)])
def test_a_movie_keeps_its_length_in_seconds(server, comfyui, to_strips, saved, movie_workflow, fps, length):
    bpy.context.scene.render.fps = fps
    comfyui.workflow, comfyui.batch_size = movie_workflow, 8  # one second
    bpy.ops.comfyui.generate()
    movie = next(strip for strip in strips() if strip.type == "MOVIE")
    assert span(movie) == (20, 20 + length)
    assert movie.channel == 1
    assert movie.filepath.startswith("//comfyui")


def test_a_second_movie_goes_above_the_first(server, comfyui, to_strips, saved, movie_workflow):
    comfyui.workflow, comfyui.batch_size = movie_workflow, 4
    bpy.ops.comfyui.generate()
    below = max(strip.channel for strip in strips())
    bpy.ops.comfyui.generate()
    assert [strip.channel for strip in strips() if strip.type == "MOVIE"] == [1, below + 1]


def test_a_result_goes_to_the_scene_of_the_click(server, comfyui, to_strips, saved, click, deliver):
    asked = bpy.context.scene
    entry = click()
    bpy.context.window.scene = bpy.data.scenes.new("other")
    deliver(lambda: entry.is_settled)
    assert len(strips(asked)) == 1
    assert not strips(bpy.data.scenes["other"])


@pytest.mark.skipif(bpy.app.version < (5, 0, 0), reason="Blender 5.0 brought the sequencer's own scene")
def test_the_sequencers_own_scene_gets_the_strip(server, comfyui, to_strips, saved):
    cut = bpy.data.scenes.new("cut")
    cut.frame_current = 5
    bpy.context.workspace.sequencer_scene = cut
    bpy.ops.comfyui.generate()
    assert not strips(bpy.context.scene)
    assert [span(strip)[0] for strip in strips(cut)] == [5]


def test_the_result_of_a_scene_that_is_gone_can_be_placed_elsewhere(server, comfyui, to_strips, saved, click, deliver):
    entry = click()
    asked = bpy.context.scene
    bpy.context.window.scene = bpy.data.scenes.new("other")
    bpy.data.scenes.remove(asked)
    deliver(lambda: entry.is_settled)
    assert "is gone" in entry.problem
    bpy.context.scene.comfyui.sink = "SEQUENCER"
    bpy.ops.comfyui.place_here(job_id=entry.id)
    deliver(lambda: entry.is_settled)
    assert not entry.problem
    assert len(strips()) == 1
