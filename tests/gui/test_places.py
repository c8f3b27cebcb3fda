"""The other editors that have the panel: the Image Editor and the Sequencer."""

from tests.gui.studio import Studio

SIZE = (1440, 900)


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
