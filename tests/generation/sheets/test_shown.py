"""A contact sheet and its PDF as a person sees them; the pictures land in out/sheets, to be looked at."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from blender_comfyui.generation.sheets.cards import Card, Sheet
from blender_comfyui.generation.sheets.drawing import sheet_to_png
from blender_comfyui.generation.sheets.marks import Tone
from blender_comfyui.generation.sheets.paper import LIGHT, sheet_to_pdf
from tests.comfy_server.pictures import Recipe, draw

OUT = Path(__file__).resolve().parents[3] / "out" / "sheets"
PROMPTS = (
    (
        "A quiet mountain lake at sunset, golden light on the autumn forest, drifting mist over the water, wide shot, "
        "35 mm, film grain, the camera far away and low, one bird"
    ),
    "Moonlight over a violet desert, stars, calm",
    "Зелёные холмы весной, за ними бирюзовое море, green spring",
    "ピンクの雲、冬の森 pink winter forest",
    "深蓝色的海洋之夜，远方的风暴正在逼近，闪电照亮云层 blue ocean night",
    "وادٍ قرمزي عند الفجر، ظلال طويلة (crimson)",
    "Ο ήλιος πάνω από το κίτρινο λιβάδι, yellow",
    "보라색 밤, 별이 빛나는 바다 purple night sea",
)


@pytest.fixture(scope="module")
def storyboard(tmp_path_factory: pytest.TempPathFactory) -> Sheet:
    """Twenty panels, most of them made."""
    folder = tmp_path_factory.mktemp("panels")
    cards = []
    for number in range(20):
        prompt = PROMPTS[number % len(PROMPTS)]
        path = folder / f"panel_{number:02d}.png"
        draw(Recipe(prompt, seed=number, steps=24), 640, 360).save(path)
        card = Card(path, f"{number + 1:02d} shot", prompt, f"Seed {number * 977_333_111_555} · 2.5 s")
        if number == 6:
            reason = "Failed: The server has no checkpoint “flux.safetensors”. Choose one of its list."
            card = Card(None, card.title, prompt, card.facts, reason)
        if number == 10:
            card = Card(folder / "panel_10.mp4", card.title, prompt, card.facts)
        cards.append(card)
    return Sheet("The Storm", tuple(cards), "20 panels, seed 42")


def test_the_picture(storyboard: Sheet) -> None:
    path = OUT / "contact_sheet.png"
    sheet_to_png(storyboard, path)
    with Image.open(path) as picture:
        assert 2000 < picture.width < 4200
        assert len(picture.convert("RGB").resize((200, 150)).getcolors(1 << 16) or []) > 2000


def test_the_first_page(storyboard: Sheet) -> None:
    path = OUT / "contact_sheet.pdf"
    sheet_to_pdf(storyboard, path)
    drawer = shutil.which("pdftoppm")
    if drawer is None:
        pytest.skip("nothing here draws a PDF: install poppler-utils")
    page = OUT / "contact_sheet_page"
    subprocess.run([drawer, "-png", "-r", "110", "-f", "1", "-singlefile", path, page], check=True)
    with Image.open(page.with_suffix(".png")) as picture:
        assert picture.getpixel((4, 4)) == LIGHT[Tone.PAPER]
        middle = picture.crop((60, 110, picture.width - 60, picture.height - 60))
        assert len(middle.getcolors(1 << 22) or []) > 5000
