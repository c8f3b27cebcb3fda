"""Tasks and tiers in a real window at 280 pixels: each tier, overrides, what cannot run, LoRAs; and the clicks."""

import json
from collections.abc import Callable

import pytest

from tests.comfy_server import ComfyServer
from tests.conftest import SHARED
from tests.gui.studio import Studio
from tests.gui.window import BlenderWindow
from tests.workflow.graphs import txt2img

SIZE = (1000, 1300)
OBJECT_INFO = SHARED / "conversion" / "object_info.json"
MODELS = {
    "checkpoints": (
        "v1-5-pruned-emaonly-fp16.safetensors",
        "sd_xl_base_1.0.safetensors",
        "SD15/dreamshaper_8_with_a_long_name_v2.safetensors",
    ),
    "upscale_models": ("RealESRGAN_x4plus.safetensors",),
    "loras": ("ink sketch.safetensors", "style/sub dir/a_long_name_of_a_style_v3.safetensors"),
}


@pytest.fixture
def tasks(shared_window: BlenderWindow, comfy_server: Callable[..., ComfyServer]) -> Studio:
    """A Blender with a server that has the models of most bundled workflows."""
    if not OBJECT_INFO.is_file():
        pytest.skip(f"no list of ComfyUI's nodes at {OBJECT_INFO}")
    server = comfy_server(object_info=OBJECT_INFO)
    server.models = {**server.models, **MODELS}
    studio = Studio(shared_window, server)
    studio.window.run("settings().property_unset('checkpoint')")
    return studio


EDITORS = pytest.mark.parametrize("editor", ["VIEW_3D", "SEQUENCE_EDITOR"])


def show(studio: Studio, editor: str = "VIEW_3D") -> None:
    """Open the panel, in place of the 3D View, and wait until it tells of what is set, with what the server has."""
    if editor != "VIEW_3D":
        studio.window.run(f"screen_area('VIEW_3D').ui_type = {editor!r}")
    studio.open_panel(editor)
    told(studio)


def told(studio: Studio) -> None:
    studio.window.run("module('regions').redraw()")
    studio.window.settle()
    studio.window.wait_until(
        "(lambda asking, board: not asking.expects_answers() and (board.error or board.tiers and "
        "board.tiers[0].offer.is_available is not None))"
        "(module('tasks.asking'), module('tasks.asking').board(bpy.context.scene))"
    )
    studio.let_draw()


@EDITORS
def test_each_tier(tasks: Studio, editor: str) -> None:
    show(tasks, editor)
    for tier in ("low", "standard", "high"):
        tasks.set(prompt="A quiet mountain lake at sunset", tier=tier)
        told(tasks)
        tasks.panel(f"{tier}-{editor}", editor)


@EDITORS
def test_an_override_by_clicks(tasks: Studio, editor: str) -> None:
    show(tasks, editor)
    tasks.set(prompt="A quiet mountain lake at sunset")
    told(tasks)
    tasks.press(editor, 'name="cfg"')
    tasks.window.wait_until("settings().is_property_set('cfg')")
    tasks.set(cfg=4.5, steps=3, width=500)
    told(tasks)
    tasks.panel(f"override-{editor}", editor)
    tasks.press(editor, 'reset_parameter(name="cfg")')
    tasks.window.wait_until("not settings().is_property_set('cfg')")
    tasks.press(editor, 'tier="high"')
    tasks.window.wait_until("settings().tier == 'high'")
    tasks.generate(editor)
    tasks.wait_for_result()
    tasks.panel(f"override-ran-{editor}", editor)


def test_what_was_clicked_is_undone(tasks: Studio) -> None:
    show(tasks)
    tasks.press("VIEW_3D", 'name="cfg"')
    tasks.window.wait_until("settings().is_property_set('cfg')")
    tasks.press("VIEW_3D", 'tier="high"')
    tasks.window.wait_until("settings().tier == 'high'")
    tasks.window.screen.move(*tasks.window.region("VIEW_3D").centre)
    tasks.window.key("ctrl+z")
    tasks.window.wait_until("settings().tier == 'standard' and settings().is_property_set('cfg')")
    tasks.window.key("ctrl+z")
    tasks.window.wait_until("not settings().is_property_set('cfg')")


@EDITORS
def test_tiers_that_cannot_run(tasks: Studio, editor: str) -> None:
    tasks.server.checkpoints = ("SD15/v1-5-pruned-emaonly.safetensors",)
    show(tasks, editor)
    tasks.panel(f"unavailable-{editor}", editor)
    tasks.press(editor, "comfyui.use_model")
    told(tasks)
    tasks.panel(f"nearest-used-{editor}", editor)


@EDITORS
def test_one_tier_that_cannot_run(tasks: Studio, editor: str) -> None:
    file = tasks.window.folder / "one.yaml"
    file.write_text(
        "tasks: {image_generation: {tiers: {film: {description: For the film., workflow: sd_basic, seconds: 90, "
        "parameters: {checkpoint: film_look_v2.safetensors, steps: 60}}}}}",
        encoding="utf-8",
    )
    show(tasks, editor)
    tasks.window.run(f"preferences().studio_tiers = {tasks.window.place.inside(file)!r}")
    tasks.window.wait_until("module('tasks.asking').board().tier('film')")
    told(tasks)
    tasks.panel(f"one-unavailable-{editor}", editor)
    tasks.press(editor, 'tier="film"')
    tasks.window.wait_until("settings().tier == 'film'")
    told(tasks)
    tasks.panel(f"one-unavailable-chosen-{editor}", editor)
    tasks.window.run("preferences().studio_tiers = ''")


@EDITORS
def test_a_stack_of_loras(tasks: Studio, editor: str) -> None:
    show(tasks, editor)
    for name in reversed(MODELS["loras"]):
        tasks.window.run(f"bpy.ops.comfyui.add_lora(lora={name!r})")
    tasks.window.run("bpy.ops.comfyui.add_lora(lora='gone'); settings().loras[2].on = False")
    tasks.window.run("settings().loras[0].strength_model = 0.65")
    tasks.set(prompt="A lake <lora:ink sketch:0.4>")
    told(tasks)
    tasks.panel(f"loras-{editor}", editor)
    tasks.generate(editor)
    tasks.wait_for_result()


SEARCHES = {
    "add_lora": ("long", "[one.lora for one in settings().loras]", [MODELS["loras"][1]]),
    "choose_lora": ("ink", "[one.lora for one in settings().loras]", [MODELS["loras"][0]]),
    "search_model": ("dream", "settings().checkpoint", MODELS["checkpoints"][2]),
    "add_embedding": ("random", "settings().prompt", "embedding:random_ti"),
}


@pytest.mark.parametrize("operator", SEARCHES)
def test_a_model_is_searched_and_taken(tasks: Studio, operator: str) -> None:
    typed, expression, found = SEARCHES[operator]
    show(tasks)
    if operator == "choose_lora":
        tasks.window.run(f"settings().loras.add().lora = {MODELS['loras'][1]!r}")
        tasks.let_draw()
    across = (0.35, 0.68)  # of the side bar: wide buttons, and the first of the three beside a name
    tasks.window.click(*tasks.window.find_button("VIEW_3D", "UI", f"comfyui.{operator}", across))
    tasks.window.type(typed)
    tasks.window.screenshot(f"searching-{operator}")
    tasks.window.key("Return")
    tasks.window.wait_until(f"{expression} == {found!r}")


@pytest.mark.parametrize("task", ["character_portrait", "inpaint", "upscale", "grid", "controlnet_pose"])
def test_other_tasks(tasks: Studio, task: str) -> None:
    show(tasks)
    tasks.window.run(f"bpy.ops.comfyui.set_task(task={task!r})")
    told(tasks)
    tasks.panel(task, "VIEW_3D")


def test_an_imported_workflow_in_a_tasks_place(tasks: Studio) -> None:
    show(tasks)
    graph = {
        **txt2img(),
        "40": {"class_type": "LoadImage", "inputs": {"image": "example.png"}},
        "41": {"class_type": "PreviewImage", "inputs": {"images": ["40", 0]}},
    }
    file = tasks.window.folder / "our house look.json"
    file.write_text(json.dumps(graph), encoding="utf-8")
    tasks.window.run(f"bpy.ops.comfyui.import_workflow(filepath={tasks.window.place.inside(file)!r})")
    tasks.window.run("bpy.ops.comfyui.imported_for_task()")
    told(tasks)
    tasks.panel("in-place", "VIEW_3D")
    tasks.press("VIEW_3D", "comfyui.use_workflow")
    tasks.window.wait_until("settings().imported.used")
    told(tasks)
    tasks.panel("in-place-its-own", "VIEW_3D")


def test_errors_of_a_studios_file(tasks: Studio) -> None:
    file = tasks.window.folder / "studio.yaml"
    file.write_text("tasks:\n  image_generation:\n    tiers:\n      low: {seconds: soon}\n", encoding="utf-8")
    show(tasks)
    tasks.window.run(f"preferences().studio_tiers = {tasks.window.place.inside(file)!r}")
    tasks.window.wait_until("module('tasks.asking').board().problems")
    told(tasks)
    tasks.panel("studio-error", "VIEW_3D")
    tasks.window.run("preferences().studio_tiers = ''")


def test_the_menu_of_tasks(tasks: Studio) -> None:
    show(tasks)
    tasks.window.screen.move(*tasks.window.region("VIEW_3D").centre)
    tasks.window.run("with editor('VIEW_3D'): bpy.ops.wm.call_menu(name='COMFYUI_MT_workflow')")
    tasks.window.settle()
    tasks.window.screenshot("menu")
    tasks.window.key("Escape")


def test_tasks_in_the_preferences(tasks: Studio) -> None:
    show(tasks)
    tasks.window.run(
        "bpy.ops.comfyui.prefer_model(task='grid', name='checkpoint', model='v1-5-pruned-emaonly-fp16.safetensors')\n"
        "bpy.ops.comfyui.toggle_favourite_model(folder='loras', name='ink sketch.safetensors')\n"
        "bpy.ops.comfyui.open_preferences()"
    )
    tasks.window.settle()
    for _ in range(12):
        tasks.window.click(500, 700, button=5)  # the wheel: to the end of the page
    tasks.window.settle()
    tasks.window.click(323, 875)  # the sub-panel's header, which is no button
    tasks.window.run("bpy.context.window_manager.windows[-1].screen.areas[0].tag_redraw()")
    tasks.window.settle()
    for _ in range(12):
        tasks.window.click(500, 700, button=5)
    tasks.window.screenshot("preferences")
