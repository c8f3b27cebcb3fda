"""An X/Y grid by a click: from the sub-panel to one labelled picture in the Image Editor."""

from PIL import Image

from tests.gui.pixels import share_alike
from tests.gui.studio import Studio

SIZE = (1440, 1180)
PROMPTS = '"Mountain lake at sunset", "Moonlight over a violet desert", "A storm at sea"'
OPEN = """
_kind = module("grids.panel").COMFYUI_PT_grid_view3d
bpy.utils.unregister_class(_kind)
_kind.bl_options = set()
bpy.utils.register_class(_kind)
"""


FIT = """
_area = screen_area("IMAGE_EDITOR")
_window, _region = bpy.context.window_manager.windows[0], area_region(_area, "WINDOW")
with bpy.context.temp_override(window=_window, area=_area, region=_region):
    bpy.ops.image.view_all(fit_view=True)
"""


def prepare(studio: Studio) -> None:
    """The 3D View with the sub-panel open, an empty Image Editor beside it, a grid that is filled in."""
    studio.window.run(OPEN)
    studio.window.run("close_others('VIEW_3D')")
    studio.put_beside("IMAGE_EDITOR", 0.4)
    studio.set(prompt="", width=384, height=256, seed_mode="FIXED", seed="7", steps=10)
    grid = "bpy.context.scene.comfyui_grid"
    studio.window.run(f"{grid}.across = 'SEED'; {grid}.across_count = 4")
    studio.window.run(f"{grid}.down = 'PROMPT'; {grid}.down_values = {PROMPTS!r}")
    studio.open_panel("VIEW_3D")


def test_a_grid_is_filled_in_and_run(studio: Studio) -> None:
    window = studio.window
    studio.server.troubles = {"A storm at sea": "memory"}
    prepare(studio)
    studio.panel("before", "VIEW_3D")
    studio.server.hold()

    studio.press("VIEW_3D", "comfyui.run_grid")

    last = "module('grids.running').last()"
    window.wait_until(f"{last} is not None and len({last}.cells) == 12")
    studio.server.step(60)
    window.wait_until(f"{last}.done >= 1")
    studio.let_draw()
    window.screenshot("running")
    studio.server.release()
    window.wait_until(f"{last}.is_over and ours()", 120)
    studio.let_draw()

    shown = window.screenshot("shown")
    window.wait_until("screen_area('IMAGE_EDITOR').spaces.active.image == ours()[0]")
    file = window.path(str(window.run("bpy.path.abspath(ours()[0].filepath)")))
    assert (window.run(f"{last}.done"), window.run(f"{last}.failed")) == (8, 4)
    with Image.open(file) as grid:
        assert grid.width > 4 * 384
        assert grid.height > 3 * 256
        grid.save(shown.with_name("grids-picture.png"))
    assert share_alike(shown, window.region("IMAGE_EDITOR").centre, file) > 0.6
    window.run(FIT)
    studio.let_draw()
    window.screenshot("finished")
