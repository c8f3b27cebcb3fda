"""Text on sheets: every script has its signs, lines keep their width, what is read from the right is ordered so."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw

from blender_comfyui.generation.sheets.faces import Faces
from blender_comfyui.generation.sheets.joining import joined
from blender_comfyui.generation.sheets.lettering import Lettering

SCRIPTS = {
    "latin": "A fox, naïve & brisk – “ŵ” 123",
    "greek": "Μια αλεπού στο δάσος",
    "cyrillic": "Лиса переходит поле, ёж",
    "arabic": "ثعلب أحمر على حافة الغابة",
    "persian": "روباه سرخ گوشه چمن پژمرده",
    "hebrew": "שועל אדום בקצה היער",
    "chinese": "一只红色的狐狸站在森林边缘。",
    "japanese": "赤いキツネ、朝霧の中",
    "korean": "붉은 여우가 눈 덮인 들판을 건넌다",
    "thai": "สุนัขจิ้งจอกแดง",
    "hindi": "लाल लोमड़ी जंगल",
    "signs": "▶ … × → ±",
}


@pytest.fixture(scope="module")
def shared() -> Lettering:
    return Lettering()


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_machine_without_fonts_has_every_sign(script: str) -> None:
    faces = Faces()
    lacking = [sign for sign in joined(SCRIPTS[script]) if not faces.has(sign)]
    assert not lacking, [unicodedata.name(sign, sign) for sign in lacking]


def test_what_no_font_has_is_known_to_be_lacking() -> None:
    assert not Faces().has("\U000e0fff")


def test_arabic_letters_join_their_neighbours() -> None:
    assert joined("ثعلب") == "\ufe9b\ufecc\ufee0\ufe90"
    assert joined("دار") == "\ufea9\ufe8d\ufead"  # none of these joins the next one
    assert joined("سلام") == "\ufeb3\ufefc\ufee1"  # lam and alef are one sign
    assert joined("بَب") == "\ufe91\u064e\ufe90"  # a mark parts no letters
    assert joined("fox 35") == "fox 35"


def test_lines_are_in_the_order_of_the_eye(shared: Lettering) -> None:
    assert shared.line("a fox (red)", 10).seen == "a fox (red)"
    hebrew = shared.line("שלום (a) 12", 10)
    assert hebrew.is_rtl
    assert hebrew.seen == "12 )a( םולש"  # programs that copy it turn the brackets round again
    assert not shared.line("fox שלום", 10).is_rtl
    assert shared.line("fox שלום", 10).seen == "fox םולש"


def test_what_is_drawn_is_joined() -> None:
    one = Lettering()
    drawn, wanted = (Image.new("L", (200, 100), 0) for _ in range(2))
    one.write(ImageDraw.Draw(drawn), 10, 60, one.line("ثعلب", 40), 40, 255)
    font = one.faces.font("\ufe90", 40)
    ImageDraw.Draw(wanted).text((10, 60), "\ufe9b\ufecc\ufee0\ufe90"[::-1], fill=255, font=font, anchor="ls")
    assert drawn.getbbox() is not None
    assert drawn.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("word", ["مَ", "شَا", "שָׁל"])
def test_marks_stand_over_their_letter(word: str) -> None:
    """What the mark adds to the drawing of a word lies where the letter before it is."""
    one = Lettering()
    plain = "".join(sign for sign in word if unicodedata.category(sign) != "Mn")
    with_marks, without = (Image.new("L", (160, 120), 0) for _ in range(2))
    one.write(ImageDraw.Draw(with_marks), 40, 80, one.line(word, 60), 60, 255)
    one.write(ImageDraw.Draw(without), 40, 80, one.line(plain, 60), 60, 255)
    added = ImageChops.subtract(with_marks, without).getbbox()
    assert added is not None
    first = one.width(joined(plain)[0], 60)
    right = 40 + one.width(plain, 60)
    assert right - first - 8 <= (added[0] + added[2]) / 2 <= right + 4
    assert one.width(word, 60) == one.width(plain, 60)


def test_brackets_are_drawn_turned_round() -> None:
    """In text from the right “(” opens to the left; what is copied stays as it was written."""
    one = Lettering()
    plain, turned = one.line("(ש", 40), one.line("(ש", 40)
    assert plain.seen == "ש("
    drawn = Image.new("L", (100, 60), 0)
    one.write(ImageDraw.Draw(drawn), 5, 45, turned, 40, 255)
    wanted = Image.new("L", (100, 60), 0)
    font = one.faces.font("ש", 40)
    ImageDraw.Draw(wanted).text((5, 45), "ש)", fill=255, font=font, anchor="ls")
    assert drawn.tobytes() == wanted.tobytes()


TEXT = st.text(st.sampled_from("ab W,.-狐狸 едש(ثعل) …"), max_size=120)


@settings(max_examples=60)
@given(TEXT, st.integers(20, 300), st.integers(1, 5))
def test_lines_keep_their_width_and_number(text: str, width: int, most: int) -> None:
    lines = Lettering(faces=FACES).lines(text, 12, width, most)
    assert len(lines) <= most
    assert all(line.width <= width or len(line.text) <= 2 for line in lines)


@settings(max_examples=60)
@given(TEXT)
def test_nothing_is_lost_where_there_is_room(text: str) -> None:
    lines = Lettering(faces=FACES).lines(text, 12, 90, 1000)
    assert "".join(line.text for line in lines).replace(" ", "") == "".join(text.split())


FACES = Faces()


def test_what_does_not_fit_is_cut(shared: Lettering) -> None:
    text = "a red fox waits at the edge of a forest " * 10
    lines = shared.lines(text, 12, 150, 3)
    assert len(lines) == 3
    assert lines[-1].text.endswith("…")
    assert all(not line.text.endswith("…") for line in lines[:-1])
    assert text.startswith(" ".join(line.text for line in lines)[:-1].rstrip())


def test_a_text_that_fits_is_not_cut(shared: Lettering) -> None:
    [line] = shared.lines("  a red\n fox ", 12, 400, 3)
    assert line.text == "a red fox"
    assert shared.lines("   ", 12, 400, 3) == ()


def test_lines_break_in_words_only_where_a_script_does(shared: Lettering) -> None:
    assert [line.text for line in shared.lines("crows and hares", 12, 75, 3)] == ["crows and", "hares"]
    chinese = shared.lines("狐狸站在森林边缘，清晨", 12, 60, 9)
    assert len(chinese) == 3
    assert not any(line.text.startswith("，") for line in chinese)


def test_a_word_without_end_is_broken(shared: Lettering) -> None:
    lines = shared.lines("x" * 500, 12, 100, 4)
    assert len(lines) == 4
    assert lines[-1].text.endswith("…")


def test_sizes_are_in_units_of_the_scale(shared: Lettering) -> None:
    fine = shared.scaled(5.0)
    assert fine.width("a red fox", 10) == pytest.approx(shared.width("a red fox", 10), rel=0.06)
