"""The panel with all that it can show, and the other editors that have it: Image Editor and Sequencer."""

from tests.gui.studio import Studio

SIZE = (1440, 900)


def test_all_settings_with_long_values(studio: Studio) -> None:
    window = studio.window
    model = "SDXL/sd_xl_base_1.0_with_a_long_name_v2.safetensors"
    studio.server.checkpoints = (model,)
    studio.open_panel("VIEW_3D")
    studio.set(seed_mode="FIXED", seed=str(2**64 - 1), last_seed=str(2**64 - 2), width=16384, height=16384)
    studio.set(checkpoint=model, batch_size=4096, denoise=0.5, prompt="A quiet mountain lake at sunset, " * 6)
    window.wait_until("module('tasks.asking').board().tiers")
    studio.let_draw()

    window.find_button("VIEW_3D", "UI", "comfyui.denoise")
    studio.panel("all-settings", "VIEW_3D")


def test_image_editor_has_the_panel(studio: Studio) -> None:
    window = studio.window
    window.run("screen_area('VIEW_3D').ui_type = 'IMAGE_EDITOR'")
    studio.open_panel("IMAGE_EDITOR")
    studio.set(prompt="Green hills in spring, a teal sea behind them", width=768, size_source="OWN")

    studio.generate("IMAGE_EDITOR")
    studio.wait_for_result()

    window.screenshot("image-editor")
    assert window.run("screen_area('IMAGE_EDITOR').spaces.active.image == ours()[0]")


def test_result_becomes_a_strip_at_the_playhead(studio: Studio) -> None:
    window = studio.window
    window.run("screen_area('VIEW_3D').ui_type = 'SEQUENCE_EDITOR'; bpy.context.scene.frame_current = 40")
    studio.open_panel("SEQUENCE_EDITOR")
    studio.set(prompt="Moonlight over a purple desert at night, stars", width=960, height=544)
    studio.press("SEQUENCE_EDITOR", "comfyui.sink")

    studio.generate("SEQUENCE_EDITOR")
    studio.wait_for_result()

    window.screenshot("sequencer")
    assert window.run("[strip.left_handle for strip in strips()]") == [40]
    assert window.run("strips()[0].type") == "IMAGE"
