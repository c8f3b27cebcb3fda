"""Contact sheets inside each Blender: drawn with its own fonts, and as PDF with the wheels that ship."""

from pathlib import Path

import bpy
import pytest

TEXTS = ("A fox", "Лиса", "狐狸 きつね 여우", "ثعلب", "שועל", "Αλεπού", "สุนัขจิ้งจอก", "🦊")


@pytest.fixture
def fonts(module):
    return module("blender.grids.running").fonts()


@pytest.fixture
def sheet(module, tmp_path):
    """A sheet with captions in many scripts."""
    cards = module("generation.sheets.cards")
    image = bpy.data.images.new("made", 64, 36)
    image.filepath_raw, image.file_format = str(tmp_path / "made.png"), "PNG"
    image.save()
    made = tuple(cards.Card(tmp_path / "made.png", str(number), text) for number, text in enumerate(TEXTS))
    return cards.Sheet("Лиса", made)


def test_blenders_own_fonts_have_every_sign(module, fonts, monkeypatch):
    faces = module("generation.sheets.faces")
    monkeypatch.setattr(faces, "SHIPPED", Path("none"))
    monkeypatch.setattr(faces, "_fonts_of_system", list)
    found = faces.Faces(fonts)
    assert [sign for text in TEXTS for sign in text if not found.has(sign)] == []
    assert found.font("a", 20).getname()[0].startswith("Inter")


def test_a_sheet_is_written_as_picture_and_as_pdf(module, sheet, fonts, tmp_path):
    module("generation.sheets.drawing").sheet_to_png(sheet, tmp_path / "sheet.png", fonts)
    image = bpy.data.images.load(str(tmp_path / "sheet.png"))
    assert min(image.size) > 500
    module("generation.sheets.paper").sheet_to_pdf(sheet, tmp_path / "sheet.pdf", fonts)
    written = (tmp_path / "sheet.pdf").read_bytes()
    assert written.startswith(b"%PDF-")
    assert written.rstrip().endswith(b"%%EOF")
    assert written.count(b"/Subtype /Image") > len(TEXTS)
