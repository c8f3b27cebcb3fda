"""The pictures of the scenarios that the documentation shows.

Renew them with `python3 build_addon.py test -- tests/gui --keep-pictures`; of fewer tests, only theirs are renewed.
"""

from pathlib import Path

from PIL import Image

from tests.gui.window import PICTURES
from tools.project import ROOT

FOLDER = ROOT / "docs/pictures"
KEPT = {  # by the name in the documentation: the scenario's, in out/gui
    "panel": "readme_picture-panel",
    "terminal": "terminal",
    "tiers": "tasks-override-VIEW_3D",
    "loras": "tasks-loras-VIEW_3D",
    "workflow": "workflow_panel-problems",
    "storyboard": "storyboard-midrun",
    "timeline": "storyboard-timeline",
    "grid": "grids-finished",
    "gallery": "gallery-selected",
    "queue": "queue-foreign",
}
LARGE = 100_000  # bytes


def keep_since(moment: float) -> None:
    """Take over into the documentation those that were written since a moment, as time.time() tells it."""
    for name, scenario in KEPT.items():
        picture = PICTURES / f"{scenario}.png"
        if picture.is_file() and picture.stat().st_mtime >= moment:
            FOLDER.mkdir(parents=True, exist_ok=True)
            _keep(picture, FOLDER / f"{name}.png")


def _keep(picture: Path, target: Path) -> None:
    """Write a picture as a small PNG; a large one with 256 colours."""
    with Image.open(picture) as shot:
        whole = shot.convert("RGB")
    whole.save(target, optimize=True)
    if target.stat().st_size > LARGE:
        whole.quantize(256, dither=Image.Dither.NONE).save(target, optimize=True)
