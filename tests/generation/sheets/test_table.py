"""X/Y grids: values stand at their rows and columns, pictures keep their size, what failed says why."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from blender_comfyui.generation.sheets import table
from blender_comfyui.generation.sheets.cards import Card, Table
from blender_comfyui.generation.sheets.drawing import table_to_png
from blender_comfyui.generation.sheets.lettering import Lettering
from blender_comfyui.generation.sheets.marks import Box, Page, Picture, Text


def made(picture, across: int = 3, down: int = 2, /, **changed: object) -> Table:
    cards = {
        (row, column): Card(picture((40 * column, 90 * row, 200), 200, 150))
        for row in range(down)
        for column in range(across)
    }
    values = {
        "title": "Sampler × Steps",
        "columns": tuple(str(8 * (number + 1)) for number in range(across)),
        "rows": tuple(f"sampler_{number}" for number in range(down)),
        "cards": cards,
        "across": "Steps",
        "down": "Sampler",
        "notes": "a red fox · seed 7",
    }
    return Table(**{**values, **changed})  # type: ignore[arg-type]


def boxes(page: Page) -> list[Box]:
    return [mark.box for mark in page.marks if isinstance(mark, Picture)]


def line(page: Page, text: str) -> Text:
    return next(mark for mark in page.marks if isinstance(mark, Text) and mark.line.text == text)


def test_values_stand_in_the_middle_of_their_columns_and_rows(picture, lettering: Lettering) -> None:
    page = table.laid_out(made(picture), lettering)
    found = boxes(page)
    for column, label in enumerate(("8", "16", "24")):
        text, box = line(page, label), found[column]
        assert text.x + text.line.width / 2 == pytest.approx(box.x + box.width / 2)
        assert text.baseline < box.y
    for row in range(2):
        text, box = line(page, f"sampler_{row}"), found[3 * row]
        assert text.x + text.line.width < box.x
        assert text.x > 0
        assert box.y < text.baseline < box.y + box.height
    assert line(page, "Steps").baseline < line(page, "8").baseline
    assert line(page, "Sampler × Steps").baseline < line(page, "a red fox · seed 7").baseline < found[0].y


def test_pictures_keep_their_size_and_their_place(picture, tmp_path: Path, lettering: Lettering) -> None:
    grid = made(picture)
    page = table.laid_out(grid, lettering)
    found = boxes(page)
    assert found[0].width >= 200
    assert found[0].width / found[0].height == pytest.approx(200 / 150, abs=0.02)
    table_to_png(grid, tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as drawn:
        for place, card in enumerate(found):
            middle = round(card.x + card.width / 2), round(card.y + card.height / 2)
            assert drawn.getpixel(middle) == (40 * (place % 3), 90 * (place // 3), 200)


@pytest.mark.parametrize(("columns", "rows"), [(1, 1), (1, 20), (20, 1), (20, 20)])
def test_it_is_never_larger_than_programs_open_with_ease(
    picture, lettering: Lettering, columns: int, rows: int
) -> None:
    page = table.laid_out(made(picture, columns, rows), lettering)
    assert max(page.width, page.height) <= 6600
    assert min(box.width for box in boxes(page)) >= 96
    last = boxes(page)[-1]
    assert last.x + last.width < page.width
    assert last.y + last.height < page.height


def test_long_values_are_broken_and_cut(picture, lettering: Lettering) -> None:
    label = "flux1-dev-fp8-with-a-very-long-name-that-goes-on-and-on.safetensors " * 4
    page = table.laid_out(made(picture, 2, 1, columns=(label, "b"), rows=(label,)), lettering)
    found = boxes(page)
    for text in (mark for mark in page.marks if isinstance(mark, Text)):
        assert text.x >= 0
        assert text.x + text.line.width <= page.width
        is_beside = text.x + text.line.width <= found[0].x
        is_above = text.baseline <= found[0].y
        assert is_beside or is_above
    assert any("…" in mark.line.text for mark in page.marks if isinstance(mark, Text))


def test_what_failed_and_what_is_missing_leave_frames(picture, tmp_path: Path) -> None:
    grid = made(picture, 2, 1, cards={(0, 0): Card(None, missing="Out of memory at “KSampler”.")})
    table_to_png(grid, tmp_path / "grid.png")
    page = table.laid_out(grid, Lettering())
    with Image.open(tmp_path / "grid.png") as drawn:
        inks = []
        for box in boxes(page):
            area = drawn.crop(
                (round(box.x + 4), round(box.y + 4), round(box.x + box.width - 4), round(box.y + box.height - 4))
            )
            inks.append(len(area.getcolors(1 << 20) or []))
    assert all(count > 3 for count in inks)  # letters in both: the reason, and “No picture yet”


def test_a_single_picture_and_no_names(picture, lettering: Lettering) -> None:
    grid = made(picture, 1, 1, rows=("",), columns=("",), across="", down="", title="", notes="")
    page = table.laid_out(grid, lettering)
    assert len(boxes(page)) == 1
