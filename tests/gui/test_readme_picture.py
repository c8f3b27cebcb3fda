"""The picture in the README: an earlier result in the Image Editor while the next one is made.

Renew it with `python3 build_addon.py test -- tests/gui/test_readme_picture.py --keep-pictures`.
"""

from tests.gui.studio import Studio

SIZE = (1440, 860)


def test_readme_picture(studio: Studio) -> None:
    window = studio.window
    window.run("close_others('VIEW_3D')")
    studio.put_beside("IMAGE_EDITOR", 0.57)
    studio.server.checkpoints = ("dreamshaper_8.safetensors",)
    studio.open_panel("VIEW_3D")
    studio.set(checkpoint="dreamshaper_8.safetensors")
    studio.set(prompt="Moonlight over a violet desert, stars, calm", steps=20, seed_mode="FIXED", seed="21")
    studio.generate("VIEW_3D")
    studio.wait_for_result()
    studio.server.hold()
    studio.set(prompt="A quiet mountain lake at sunset, golden light on the autumn forest, drifting mist", seed="7")
    studio.set(negative_prompt="people, text")
    studio.generate("VIEW_3D")

    studio.run_to(0.8)

    window.screenshot("panel")  # kept.py
    studio.server.release()
    studio.wait_for_result()
