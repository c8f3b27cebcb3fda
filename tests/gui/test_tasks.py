"""Tasks and tiers in a real window at 280 pixels: each tier, overrides, what cannot run, LoRAs; and the clicks."""

from collections.abc import Callable

import pytest

from tests.comfy_server import ComfyServer
from tests.conftest import SHARED
from tests.gui.studio import Studio
from tests.gui.window import BlenderWindow

SIZE = (1440, 1100)
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


def show(studio: Studio, editor: str = "VIEW_3D") -> None:
    """Open the panel and wait until it tells of what is set, with what the server has."""
    studio.open_panel(editor)
    told(studio)


def told(studio: Studio) -> None:
    studio.window.run("module('regions').redraw()")
    studio.window.settle()
    studio.window.wait_until(
        "(lambda a: not a.expects_answers() and (a.board().error or a.board().tiers and "
        "a.board().tiers[0].offer.is_available is not None))(module('tasks.asking'))"
    )
    studio.let_draw()


@pytest.mark.parametrize("editor", ["VIEW_3D", "SEQUENCE_EDITOR"])
def test_each_tier(tasks: Studio, editor: str) -> None:
    tasks.window.run(f"screen_area('VIEW_3D').ui_type = {editor!r}")
    show(tasks, editor)
    for tier in ("low", "standard", "high"):
        tasks.set(prompt="A quiet mountain lake at sunset", tier=tier)
        told(tasks)
        tasks.panel(f"{tier}-{editor}", editor)
    tasks.server.checkpoints = ("SD15/v1-5-pruned-emaonly.safetensors",)
    tasks.window.run("bpy.ops.comfyui.refresh_models()")
    tasks.window.wait_until("module('tasks.asking').board().tier('high').offer.reason")
    told(tasks)
    tasks.panel(f"no-checkpoint-{editor}", editor)


def test_an_override_by_clicks(tasks: Studio) -> None:
    show(tasks)
    tasks.set(prompt="A quiet mountain lake at sunset")
    told(tasks)
    tasks.press("VIEW_3D", 'name="cfg"')
    tasks.window.wait_until("settings().is_property_set('cfg')")
    tasks.set(cfg=4.5, steps=3, width=500)
    told(tasks)
    tasks.panel("override", "VIEW_3D")
    tasks.press("VIEW_3D", 'reset_parameter(name="cfg")')
    tasks.window.wait_until("not settings().is_property_set('cfg')")
    tasks.press("VIEW_3D", 'tier="high"')
    tasks.window.wait_until("settings().tier == 'high'")
    tasks.generate("VIEW_3D")
    tasks.wait_for_result()
    tasks.panel("override-ran", "VIEW_3D")


def test_tiers_that_cannot_run(tasks: Studio) -> None:
    tasks.server.checkpoints = ("SD15/v1-5-pruned-emaonly.safetensors",)
    show(tasks)
    tasks.panel("unavailable", "VIEW_3D")
    tasks.press("VIEW_3D", "comfyui.use_model")
    told(tasks)
    tasks.panel("nearest-used", "VIEW_3D")


def test_a_stack_of_loras(tasks: Studio) -> None:
    show(tasks)
    for name in reversed(MODELS["loras"]):
        tasks.window.run(f"bpy.ops.comfyui.add_lora(lora={name!r})")
    tasks.window.run("bpy.ops.comfyui.add_lora(lora='gone'); settings().loras[2].on = False")
    tasks.window.run("settings().loras[0].strength_model = 0.65")
    tasks.set(prompt="A lake <lora:ink sketch:0.4>")
    told(tasks)
    tasks.panel("loras", "VIEW_3D")
    tasks.generate("VIEW_3D")
    tasks.wait_for_result()


def test_a_lora_is_searched_and_added(tasks: Studio) -> None:
    show(tasks)
    tasks.press("VIEW_3D", "comfyui.add_lora")
    tasks.window.type("long")
    tasks.window.screenshot("searching")
    tasks.window.key("Return")
    tasks.window.wait_until("settings().loras and settings().loras[0].lora.startswith('style/')")


@pytest.mark.parametrize("task", ["character_portrait", "inpaint", "upscale", "grid", "controlnet_pose"])
def test_other_tasks(tasks: Studio, task: str) -> None:
    show(tasks)
    tasks.window.run(f"bpy.ops.comfyui.set_task(task={task!r})")
    told(tasks)
    tasks.panel(task, "VIEW_3D")


def test_the_sequencer_has_it_too(tasks: Studio) -> None:
    tasks.window.run("screen_area('VIEW_3D').ui_type = 'SEQUENCE_EDITOR'")
    show(tasks, "SEQUENCE_EDITOR")
    tasks.window.run("bpy.ops.comfyui.add_lora(lora='ink sketch.safetensors')")
    tasks.set(prompt="Waves on a beach", steps=33, tier="low")
    told(tasks)
    tasks.panel("sequencer", "SEQUENCE_EDITOR")


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
    tasks.window.click(323, 691)  # the sub-panel's header, which is no button
    tasks.window.run("bpy.context.window_manager.windows[-1].screen.areas[0].tag_redraw()")
    tasks.window.settle()
    for _ in range(12):
        tasks.window.click(500, 600, button=5)  # the wheel
    tasks.window.screenshot("preferences")
