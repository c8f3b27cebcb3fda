"""Contact sheets: where everything stands, what is on the picture, what programs find in the PDF."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from PIL import Image

from blender_comfyui.generation.sheets import contact
from blender_comfyui.generation.sheets.cards import Card, Sheet
from blender_comfyui.generation.sheets.drawing import DARK, sheet_to_png
from blender_comfyui.generation.sheets.files import instead, small, usual_shape
from blender_comfyui.generation.sheets.lettering import Lettering
from blender_comfyui.generation.sheets.marks import Fill, Page, Picture, Text, Tone
from blender_comfyui.generation.sheets.paper import LIGHT, sheet_to_pdf

LONG = "a red fox waits at the edge of a forest in morning fog, volumetric light, 35 mm, film grain, quiet, " * 3
COUNTS = (1, 2, 3, 5, 12, 60, 200)


def sheet(count: int, picture: Path | None = None) -> Sheet:
    texts = (LONG, "Лиса", "狐狸站在森林边缘，清晨的雾气弥漫" * 3, "ثعلب أحمر (لقطة)", "")
    cards = (
        Card(picture, f"{number:02d} · shot", texts[number % 5], f"seed {number * 7919} · 2.0 s")
        for number in range(1, count + 1)
    )
    return Sheet("The Fox and the Storm", tuple(cards), f"{count} panels")


@pytest.mark.parametrize("shape", [0.5, 0.75, 1.0, 16 / 9, 2.4])
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("on_paper", [False, True])
def test_nothing_is_outside_or_over_something_else(
    count: int, shape: float, on_paper: bool, lettering: Lettering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact, "usual_shape", lambda cards: shape)
    format = contact.for_paper(count, shape) if on_paper else contact.for_picture(count, shape)
    pages = contact.laid_out(sheet(count), format, lettering)
    assert sum(isinstance(mark, Picture) for page in pages for mark in page.marks) == count
    for page in pages:
        hold(page, format.margin)
    assert len(pages) <= (count / 8 + 1 if on_paper else 1)
    assert all(100 <= page.width <= 5600 and 100 <= page.height <= 5600 for page in pages)


def hold(page: Page, margin: float) -> None:
    """Everything lies within the margins, and no caption touches a picture or another one."""
    boxes = [mark.box for mark in page.marks if isinstance(mark, Picture)]
    lines = [mark for mark in page.marks if isinstance(mark, Text)]
    for box in boxes:
        assert box.x >= margin - 0.1
        assert box.x + box.width <= page.width - margin + 0.1
        assert box.y + box.height <= page.height - margin + 0.1
        assert box.width > 60
        assert box.height > 30
    for line in lines:
        assert line.x >= margin - 0.1
        assert line.x + line.line.width <= page.width - margin + 0.5
        assert line.baseline < page.height
    for one, other in combinations(boxes[:30], 2):
        apart = one.x + one.width <= other.x or other.x + other.width <= one.x
        assert apart or one.y + one.height <= other.y or other.y + other.height <= one.y
    for line in lines:
        for box in boxes:
            beside = line.x + line.line.width <= box.x or line.x >= box.x + box.width
            above = line.baseline + line.size * 0.2 <= box.y or line.baseline - line.size * 0.8 >= box.y + box.height
            assert beside or above, (line, box)


def test_long_texts_are_cut_and_read_from_their_own_side(lettering: Lettering) -> None:
    format = contact.for_picture(5, 16 / 9)
    [page] = contact.laid_out(sheet(5), format, lettering)
    lines = [mark for mark in page.marks if isinstance(mark, Text) and mark.tone is Tone.PLAIN]
    assert any(line.line.text.endswith("…") for line in lines)
    pictures = [mark.box for mark in page.marks if isinstance(mark, Picture)]
    arabic = next(line for line in lines if line.line.is_rtl)
    right = arabic.x + arabic.line.width
    assert any(right == pytest.approx(box.x + box.width, abs=0.5) for box in pictures)


def test_the_picture_shows_every_file_in_its_place(picture, tmp_path: Path) -> None:
    colours = [(200, 30, 40), (30, 160, 60), (40, 60, 200), (220, 200, 30), (10, 10, 10)]
    cards = tuple(Card(picture(colour), f"{number}") for number, colour in enumerate(colours))
    path = tmp_path / "sheets" / "all.png"
    sheet_to_png(Sheet("", cards), path)
    format = contact.for_picture(5, 16 / 9)
    [page] = contact.laid_out(Sheet("", cards), format, Lettering())
    places = [mark.box for mark in page.marks if isinstance(mark, Picture)]
    with Image.open(path) as drawn:
        assert drawn.size == (round(page.width), round(page.height))
        for box, colour in zip(places, colours, strict=True):
            assert drawn.getpixel((round(box.x + box.width / 2), round(box.y + box.height / 2))) == colour
            assert drawn.getpixel((round(box.x + 2), round(box.y + 2))) == colour  # as large as its place


def test_mixed_shapes_keep_theirs(picture, tmp_path: Path) -> None:
    cards = (Card(picture()), Card(picture()), Card(picture((0, 0, 250), 30, 90)))
    assert usual_shape(cards) == pytest.approx(160 / 90)
    found = small(cards[2], 320, 180)
    assert not isinstance(found, str)
    assert found.size == (60, 180)
    path = tmp_path / "sheet.png"
    sheet_to_png(Sheet("", cards), path)
    [page] = contact.laid_out(Sheet("", cards), contact.for_picture(3, 160 / 90), Lettering())
    box = [mark.box for mark in page.marks if isinstance(mark, Picture)][2]
    with Image.open(path) as drawn:
        middle = round(box.y + box.height / 2)
        assert drawn.getpixel((round(box.x + box.width / 2), middle)) == (0, 0, 250)
        assert drawn.getpixel((round(box.x + 3), middle)) == DARK[Tone.FRAME]


@pytest.mark.parametrize(
    ("card", "sentence"),
    [
        (Card(Path("/nowhere/a.png")), "a.png is not there any more"),
        (Card(Path("/nowhere/clip.MP4")), "Video: clip.MP4"),
        (Card(None), "No picture yet"),
        (Card(None, missing="Out of memory"), "Out of memory"),
    ],
)
def test_what_cannot_be_shown_is_said(card: Card, sentence: str) -> None:
    assert instead(card) == sentence
    assert small(card, 100, 100) == sentence
    assert usual_shape([card]) == pytest.approx(16 / 9)


def test_a_damaged_file_is_said_too(tmp_path: Path, picture) -> None:
    cut = tmp_path / "cut.png"
    cut.write_bytes(picture().read_bytes()[:60])
    text = tmp_path / "page.png"
    text.write_text("<html>not found</html>")
    cards = (Card(cut), Card(text), Card(tmp_path))
    assert small(cards[0], 10, 10) == "cut.png cannot be read"
    assert small(cards[1], 10, 10) == "page.png cannot be read"
    sheet_to_png(Sheet("Broken", cards), tmp_path / "sheet.png")
    sheet_to_pdf(Sheet("Broken", cards), tmp_path / "sheet.pdf")
    assert "cut.png cannot be read" in text_of(tmp_path / "sheet.pdf")


def test_what_is_transparent_shows_checks(picture) -> None:
    found = small(Card(picture((255, 0, 0, 0), 64, 64)), 64, 64)
    assert not isinstance(found, str)
    assert found.mode == "RGB"
    assert {colour for _, colour in found.getcolors() or []} == {(150, 150, 150), (120, 120, 120)}


def text_of(path: Path) -> str:
    pypdf = pytest.importorskip("pypdf")
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(path).pages)


def test_the_pdf_can_be_searched_in_any_script(picture, tmp_path: Path) -> None:
    cards = (
        Card(picture(), "01 · opening", "A red fox (wide)", "seed 18446744073709551615 · 2.0 s"),
        Card(None, "02", "Лиса переходит поле", "", missing="Failed: there is no model “flux”."),
        Card(Path("/x/clip.mp4"), "03", "一只红色的狐狸", ""),
        Card(picture(), "04", "여우가 건넌다", "😀"),
    )
    path = tmp_path / "sheet.pdf"
    sheet_to_pdf(Sheet("Лиса & Fox", cards, "4 panels"), path)
    found = text_of(path)
    for text in ("Лиса & Fox", "4 panels", "01 · opening", "A red fox (wide)", "seed 18446744073709551615 · 2.0 s"):
        assert text in found
    for text in (
        "Лиса переходит поле",
        "一只红色的狐狸",
        "여우가 건넌다",
        "Failed: there is no",
        "Video: clip.mp4",
        "😀",
    ):
        assert text in found
    assert not list(tmp_path.glob(".*"))


def test_the_pdf_has_pages_with_numbers_and_every_picture(picture, tmp_path: Path) -> None:
    pypdf = pytest.importorskip("pypdf")
    path = tmp_path / "sheet.pdf"
    sheet_to_pdf(sheet(60, picture()), path)
    pages = pypdf.PdfReader(path).pages
    texts = [page.extract_text() for page in pages]
    assert len(pages) == 4
    assert [text.count("shot") for text in texts] == [15, 15, 15, 15]
    assert all(f"{number} / 4" in text for number, text in enumerate(texts, 1))
    assert (round(pages[0].mediabox.width), round(pages[0].mediabox.height)) == (842, 595)
    assert path.stat().st_size < 2_000_000


def test_letters_are_seen_where_they_are_found(picture, tmp_path: Path) -> None:
    """What is drawn, and the unseen text over it, begin at the same place and are equally long."""
    pypdf = pytest.importorskip("pypdf")
    path = tmp_path / "sheet.pdf"
    sheet_to_pdf(Sheet("Title", (Card(picture(), "one"),)), path)
    places: list[tuple[float, float]] = []

    def visit(text: str, _cm: object, tm: list[float], *_: object) -> None:
        if text.strip():
            places.append((tm[4], tm[5]))

    reader = pypdf.PdfReader(path)
    reader.pages[0].extract_text(visitor_text=visit)
    [page] = contact.laid_out(
        Sheet("Title", (Card(picture(), "one"),)), contact.for_paper(1, 160 / 90), Lettering(scale=5.0)
    )
    wanted = [(mark.x, page.height - mark.baseline) for mark in page.marks if isinstance(mark, Text)]
    assert sorted(places) == [(pytest.approx(x, abs=0.1), pytest.approx(y, abs=0.1)) for x, y in sorted(wanted)]


def test_the_letters_are_drawn_in_their_tone(picture, tmp_path: Path) -> None:
    pypdf = pytest.importorskip("pypdf")
    path = tmp_path / "sheet.pdf"
    sheet_to_pdf(Sheet("Title", (Card(picture(), "one"),)), path)
    images = [image.image for image in pypdf.PdfReader(path).pages[0].images]
    letters = [image for image in images if image.mode == "RGBA"]
    assert len(images) == 3
    assert len(letters) == 2
    for image in letters:
        assert image.getchannel("A").getextrema() == (0, 255)
        assert image.convert("RGB").getpixel((0, 0)) == LIGHT[Tone.STRONG]


def test_an_empty_sheet_is_a_sheet(tmp_path: Path) -> None:
    sheet_to_png(Sheet("Nothing", ()), tmp_path / "none.png")
    sheet_to_pdf(Sheet("Nothing", ()), tmp_path / "none.pdf")
    assert "Nothing" in text_of(tmp_path / "none.pdf")


def test_what_was_there_stays_where_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "sheet.png"
    path.write_bytes(b"before")
    monkeypatch.setattr(Image.Image, "save", lambda *_, **__: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        sheet_to_png(Sheet("x", ()), path)
    assert path.read_bytes() == b"before"
    assert [file.name for file in tmp_path.iterdir()] == ["sheet.png"]


def test_the_rule_and_frames_are_areas(lettering: Lettering) -> None:
    [page] = contact.laid_out(sheet(2), contact.for_picture(2, 1.5), lettering)
    tones = [mark.tone for mark in page.marks if isinstance(mark, Fill)]
    assert tones.count(Tone.FRAME) == 2
    assert tones.count(Tone.RULE) == 1
