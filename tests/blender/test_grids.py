"""Grids in Blender: run, placed as one image, shown in the panel, cancelled, and gone on with after a restart."""

import importlib
from pathlib import Path
from types import SimpleNamespace

import bpy
import pytest

from tests.blender import workflow_graphs
from tests.blender.workflow_words import PanelRecorder

PANELS = ("COMFYUI_PT_grid_view3d", "COMFYUI_PT_grid_image_editor", "COMFYUI_PT_grid_sequencer")


@pytest.fixture(autouse=True)
def _alone(package):
    """No grid goes on into the next test."""
    yield
    importlib.import_module(f"{package}.blender.grids.running").close()


@pytest.fixture
def grid(comfyui):
    """The scene's grid: two by two."""
    chosen = bpy.context.scene.comfyui_grid
    chosen.across, chosen.across_values = "STEPS", "10, 12"
    chosen.down, chosen.down_values = "CFG", "4, 7.5"
    return chosen


@pytest.fixture
def running(package):
    return lambda: importlib.import_module(f"{package}.blender.grids.running")


@pytest.fixture
def show(package):
    """``show()`` draws the sub-panel."""

    def run(width=280):
        panel = importlib.import_module(f"{package}.blender.grids.panel")
        layout = PanelRecorder()
        region = SimpleNamespace(width=width)
        context = SimpleNamespace(scene=bpy.context.scene, preferences=bpy.context.preferences, region=region)
        panel.COMFYUI_PT_grid_view3d.draw(SimpleNamespace(layout=layout), context)
        return layout

    return run


def texts(layout):
    return " ".join(drawn.text or "" for drawn in layout.drawn)


def results():
    return [result.image for result in bpy.context.scene.comfyui.results if result.image]


def test_a_script_has_the_whole_picture_when_it_returns(server, grid, saved, records):
    assert bpy.ops.comfyui.run_grid() == {"FINISHED"}
    [image] = results()
    assert image.name.startswith("CFG × Steps")
    assert min(image.size) > 2 * 64
    assert Path(bpy.path.abspath(image.filepath)).parent == saved.parent / "comfyui"
    found = records()
    assert sorted((r.parameters["steps"], r.parameters["cfg"]) for r in found if "cell" in r.target) == [
        (10, 4),
        (10, 7.5),
        (12, 4),
        (12, 7.5),
    ]
    assert len(found) == 5


def test_only_the_whole_is_placed(server, grid, saved, placements_of, until):
    bpy.ops.comfyui.run_grid()
    until(lambda: "waiting" not in placements_of())
    assert sorted(placements_of()) == ["dismissed"] * 4 + ["placed"]


def test_the_same_grid_again_makes_nothing_but_the_whole(server, grid, saved, records):
    bpy.ops.comfyui.run_grid()
    bpy.ops.comfyui.run_grid()
    assert len(results()) == 2
    assert len(server.control()["finished"]) == 4
    assert len(records()) == 6


def test_seeds_begin_with_the_panels(server, grid, saved, records):
    grid.across, grid.across_count, grid.down = "SEED", 3, "NONE"
    assert bpy.ops.comfyui.run_grid() == {"FINISHED"}
    assert sorted(r.seed for r in records() if "cell" in r.target) == [7, 8, 9]
    assert bpy.context.scene.comfyui.last_seed == "7"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"across_values": ""}, "There is no value for “Steps”"),
        ({"down": "STEPS", "down_values": "1"}, "Both axes"),
        ({"across": "OTHER"}, "names no parameter"),
        ({"across_values": "1..100", "down_values": "1..9"}, "900 pictures"),
        ({"across": "OTHER", "across_name": "no_such", "across_values": "1, 2"}, "would be the same"),
    ],
)
def test_what_no_grid_can_be_is_said(server, grid, saved, change, sentence, records):
    for name, value in change.items():
        setattr(grid, name, value)
    with pytest.raises(RuntimeError, match=sentence):
        bpy.ops.comfyui.run_grid()
    assert results() == []
    assert records() == ()


def test_the_panel_says_how_many_and_how_far(slow, grid, saved, show, draw, running, until, module):
    layout = show()
    assert "comfyui.run_grid" in layout.operators
    assert "Run Grid (4 Pictures)" in texts(layout)
    grid.across_values = ""
    assert "Pictures" not in texts(show())
    grid.across_values = "10, 12"
    asking = module("blender.tasks.asking")
    asking.want(bpy.context.scene)
    until(lambda: asking.board().tasks)
    run = running().start(bpy.context)
    until(lambda: len(run.snapshot.cells) == 4)
    assert "Grid: 0 of 4" in texts(draw())
    assert "comfyui.cancel_grid" in draw().operators
    slow.control(call="release")
    until(results)
    assert "Grid:" not in texts(draw())
    assert "comfyui.cancel_grid" not in draw().operators


def test_a_picture_that_failed_is_told_in_the_panel(server, grid, saved, show):
    grid.down, grid.down_values = "CHECKPOINT", "random_sd15.safetensors, gone.safetensors"
    assert bpy.ops.comfyui.run_grid() == {"FINISHED"}
    assert "2 of 4 pictures failed" in show(2000).text
    assert "gone.safetensors" in show(2000).text
    assert len(results()) == 1


def test_cancelling_leaves_no_picture(slow, grid, saved, running, until, module):
    asking = module("blender.tasks.asking")
    asking.want(bpy.context.scene)
    until(lambda: asking.board().tasks)
    run = running().start(bpy.context)
    until(lambda: len(run.snapshot.cells) == 4)
    assert bpy.ops.comfyui.cancel_grid() == {"FINISHED"}
    until(lambda: run.snapshot.is_over)
    slow.control(call="release")
    assert run.snapshot.picture is None
    assert results() == []


def test_a_restart_goes_on_by_itself(slow, grid, saved, running, until, forget, module, records):
    asking = module("blender.tasks.asking")
    asking.want(bpy.context.scene)
    until(lambda: asking.board().tasks)
    run = running().start(bpy.context)
    until(lambda: len(run.snapshot.cells) == 4 and len(records()) == 4)
    forget()
    slow.control(call="release")
    until(results)
    assert results()[0].name.startswith("CFG × Steps")
    assert len(slow.control()["finished"]) == 4
    assert len(records()) == 5


def test_an_imported_workflow_is_told_to_be_no_task(server, grid, load):
    load(workflow_graphs.classic())
    assert not bpy.ops.comfyui.run_grid.poll()


@pytest.mark.parametrize("name", PANELS)
def test_every_editor_has_the_sub_panel(package, name):
    panel = getattr(bpy.types, name)
    assert panel.bl_parent_id in dir(bpy.types)


def test_labels_are_in_blenders_own_fonts(running):
    [folder] = running().fonts()
    assert (folder / "Inter.woff2").is_file()
