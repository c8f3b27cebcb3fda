"""The picture in the README: an earlier result in the Image Editor while the next one is made.

Renew it with `python3 build_addon.py test -- tests/gui/test_readme_picture.py --keep-pictures`.
"""

import pytest
from PIL import Image

from tests.gui.studio import Studio
from tools.project import ROOT

SIZE = (1440, 860)
PICTURE = ROOT / "docs/pictures/panel.png"
MOST_BYTES = 400_000


def test_readme_picture(studio: Studio, request: pytest.FixtureRequest) -> None:
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

    picture = window.screenshot("panel")
    if request.config.getoption("--keep-pictures", default=False):
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(picture) as shot:
            shot.convert("RGB").save(PICTURE, optimize=True)
        assert PICTURE.stat().st_size < MOST_BYTES
    studio.server.release()
    studio.wait_for_result()
