"""The panel of an imported workflow in a real window: how it looks at 280 pixels, and that it runs."""

from tests.blender import workflow_graphs as graphs
from tests.gui.studio import Studio

SIZE = (1000, 1000)

# Draws the panel so often that its cost can be told; the layout is Blender's own.
TIMED = """
import time
drawing = module("workflow_panel.drawing")
if not hasattr(drawing, "untimed"):
    drawing.untimed, drawing.times = drawing.draw, []
def timed(*arguments):
    began = time.perf_counter()
    drawing.untimed(*arguments)
    drawing.times.append((time.perf_counter() - began) * 1000)
drawing.draw = timed
drawing.times.clear()
"""


def load(studio: Studio, graph: dict[str, object], name: str) -> None:
    """Import a workflow as drag and drop does: it comes by itself."""
    path = studio.window.folder / name
    graphs.written(path, graph)
    inside = studio.window.place.inside(path)
    command = f"bpy.ops.comfyui.import_workflow('INVOKE_DEFAULT', filepath={inside!r})"
    studio.window.run(f"with editor('VIEW_3D'): {command}")
    studio.window.wait_until("settings().imported.used")
    studio.let_draw()


def test_a_classic_workflow_is_a_panel_and_runs(studio: Studio) -> None:
    studio.open_panel("VIEW_3D")
    load(studio, graphs.classic(), "Red Fox.json")
    studio.window.run("settings().values['3.cfg'] = 4.5; module('regions').redraw()")
    studio.window.settle()
    studio.panel("classic", "VIEW_3D")

    studio.generate("VIEW_3D")

    assert studio.wait_for_result().startswith("a red fox")
    studio.panel("classic-ran", "VIEW_3D")


def test_problems_are_listed_with_what_can_be_done(studio: Studio) -> None:
    studio.open_panel("VIEW_3D")
    load(studio, graphs.broken(), "Broken Fox.json")
    studio.panel("problems", "VIEW_3D")
    for _ in range(3):
        studio.press("VIEW_3D", "comfyui.fix_problem")
        studio.let_draw()
    studio.panel("mended", "VIEW_3D")
    studio.generate("VIEW_3D")
    studio.wait_for_result()


def test_the_panel_can_be_arranged(studio: Studio) -> None:
    studio.open_panel("VIEW_3D")
    load(studio, graphs.classic(), "Fox.json")
    studio.window.run("settings().imported.arranging = True; module('regions').redraw()")
    studio.window.settle()
    studio.panel("arranging", "VIEW_3D")


def test_hundreds_of_widgets_are_drawn_quickly(studio: Studio) -> None:
    studio.open_panel("VIEW_3D")
    load(studio, graphs.large(), "Large.json")
    studio.window.run(
        "for name in module('workflow_panel.building').built(settings().imported).parameters:\n"
        "    bpy.ops.comfyui.show_value(name=name)"
    )
    studio.window.run(TIMED)
    for _ in range(10):
        studio.window.run("module('regions').redraw()")
        studio.window.settle()
    times = studio.window.run("module('workflow_panel.drawing').times")
    assert isinstance(times, list)
    print(f"drawing {studio.window.run('len(settings().values.keys())')} properties: {min(times):.2f} ms at best")
    studio.panel("large", "VIEW_3D")


def test_undo_takes_an_imported_workflow_away_and_redo_brings_it_back(studio: Studio) -> None:
    window = studio.window
    window.run("bpy.ops.ed.undo_push(message='Prepared')")
    studio.open_panel("VIEW_3D")
    load(studio, graphs.classic(), "Undone.json")
    window.screen.move(*window.region("VIEW_3D").centre)

    window.key("ctrl+z")

    window.wait_until("not settings().imported.used")
    studio.panel("undone", "VIEW_3D")
    window.key("ctrl+shift+z")
    window.wait_until("settings().imported.used and settings().values.get('3.cfg')")


def test_thousands_of_models_are_searched_without_a_pause(studio: Studio) -> None:
    window = studio.window
    studio.server.knobs.checkpoints = tuple(f"a folder/model number {number}.safetensors" for number in range(5000))
    studio.open_panel("VIEW_3D")
    graph = graphs.classic()
    graph["4"]["inputs"]["ckpt_name"] = "a folder/model number 7.safetensors"
    load(studio, graph, "Many.json")
    studio.press("VIEW_3D", "comfyui.search_value")
    window.type("4321")
    window.screenshot("search")
    window.key("Return")

    window.wait_until("settings().values['4.ckpt_name'] == 'a folder/model number 4321.safetensors'")


def test_the_library_is_a_window(studio: Studio) -> None:
    studio.open_panel("VIEW_3D")
    load(studio, graphs.classic(), "Kept.json")
    studio.window.screen.move(*studio.window.region("VIEW_3D").centre)
    studio.window.wait_until("module('workflow_panel.reception').library()")
    studio.window.run("with editor('VIEW_3D'): bpy.ops.comfyui.manage_library('INVOKE_DEFAULT')")
    studio.window.settle()
    studio.window.screenshot("library")
    studio.window.key("Escape")


def test_a_value_is_keyframed_with_the_mouse_over_it(studio: Studio) -> None:
    window = studio.window
    studio.open_panel("VIEW_3D")
    load(studio, graphs.classic(), "Animated.json")
    window.screen.move(*window.find_button("VIEW_3D", "UI", "3.cfg"))
    window.settle()

    window.key("i")

    window.wait_until("bpy.context.scene.animation_data and bpy.context.scene.animation_data.action")
    window.run(
        "settings().values['3.cfg'] = 20.0\n"
        "bpy.context.scene.keyframe_insert('comfyui.values[\"3.cfg\"]', frame=51)\n"
        "bpy.context.scene.frame_set(26)"
    )
    assert 7.1 < float(str(window.run("settings().values['3.cfg']"))) < 20.0
    window.settle()
    studio.panel("keyframed", "VIEW_3D")
