"""What a grid is: its values as they are written, its places, and that it is the same one again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_comfyui.generation.grids.model import MOST_CELLS, Axis, Cell, Grid, InvalidGrid, axis, seeds
from blender_comfyui.generation.grids.saving import from_text, to_text
from blender_comfyui.generation.tasks.preparing import Order
from blender_comfyui.workflow.loras import Lora

ORDER = Order("image_generation", "standard", {"prompt": "a {red|blue} fox", "seed": 7, "cfg": 6.5, "width": None})


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("8, 16,24", (8, 16, 24)),
        ("8..32 (8)", (8, 16, 24, 32)),
        ("8-32 (+8), 40", (8, 16, 24, 32, 40)),
        ("1..4", (1, 2, 3, 4)),
        ("4..1", (4, 3, 2, 1)),
        ("0.1..0.5 (0.2)", (0.1, 0.3, 0.5)),
        ("1..10 [4]", (1, 4, 7, 10)),
        ("0..1.0 [3]", (0.0, 0.5, 1.0)),
        ("-2, -1..1", (-2, -1, 0, 1)),
        ("euler, dpmpp_2m-sde, euler", ("euler", "dpmpp_2m-sde")),
        ('"a fox, red", crow', ("a fox, red", "crow")),
        ("7.5, 8.", (7.5, 8.0)),
        ("SD 1.5/model-v1.safetensors", ("SD 1.5/model-v1.safetensors",)),
        ("狐狸, лиса", ("狐狸", "лиса")),
        ("1,,2, ", (1, 2)),
        ("", ()),
    ],
)
def test_values_as_a_person_writes_them(text: str, values: tuple[object, ...]) -> None:
    found = axis("x", text)
    assert found.values == values
    assert [type(value) for value in found.values] == [type(value) for value in values]


def test_prompts_and_tiers_are_texts_whatever_they_look_like() -> None:
    assert axis("prompt", "1-3, 7").values == ("1-3", "7")
    assert axis("tier", "low, 4").values == ("low", "4")


@given(st.text(max_size=40))
def test_any_text_is_values_or_a_sentence(text: str) -> None:
    try:
        found = axis("steps", text)
    except InvalidGrid as error:
        sentence = str(error)
    else:
        sentence = "."
        assert len(set(found.values)) == len(found.values)
    assert sentence.endswith(".")


@pytest.mark.parametrize(
    ("across", "down", "sentence"),
    [
        (Axis("steps", ()), None, "There is no value for “Steps”."),
        (Axis(" ", (1,)), None, "names no parameter"),
        (Axis("steps", (1,)), Axis("steps", (2,)), "Both axes of the grid are “Steps”."),
        (seeds(0, 100), Axis("steps", tuple(range(5))), f"500 pictures; {MOST_CELLS} are the most"),
    ],
)
def test_what_no_grid_can_be(across: Axis, down: Axis | None, sentence: str) -> None:
    with pytest.raises(InvalidGrid) as caught:
        Grid(ORDER, across, down)
    assert sentence in str(caught.value)


def test_too_many_values_are_refused_before_they_are_made() -> None:
    with pytest.raises(InvalidGrid, match="more than 100 values"):
        axis("steps", "0..1000000000")
    with pytest.raises(InvalidGrid, match="more than 100 values"):
        axis("cfg", "0..1 (0)")
    with pytest.raises(InvalidGrid, match="seeds"):
        seeds(1, 0)


def test_seeds_follow_on_each_other_and_begin_again_at_the_last_one() -> None:
    assert seeds(7, 3).values == (7, 8, 9)
    assert seeds(2**64 - 1, 2).values == (2**64 - 1, 0)


def test_places_and_their_orders() -> None:
    grid = Grid(ORDER, Axis("steps", (8, 16, 24)), Axis("tier", ("low", "high")))
    assert len(grid.cells) == 6
    assert grid.cells[:4] == (Cell(0, 0), Cell(1, 0), Cell(2, 0), Cell(0, 1))
    order = grid.order_of(Cell(2, 1))
    assert (order.tier, order.parameters["steps"], order.parameters["seed"]) == ("high", 24, 7)
    assert ORDER.tier == "standard"
    assert grid.words_of(Cell(2, 1)) == "Steps 24, Tier high"
    assert grid.name == "Tier × Steps"


def test_the_same_grid_is_the_same_again() -> None:
    """Its id leads to what was made of it."""
    first = Grid(ORDER, Axis("steps", (8, 16)), Axis("cfg", (4.0, 7)))
    assert first.id == Grid(ORDER, Axis("steps", (8, 16)), Axis("cfg", (4.0, 7))).id
    assert first.id == "c70cbeba-1169-5de0-ada1-e21793e3c440"
    others = (
        Grid(ORDER, Axis("steps", (16, 8)), Axis("cfg", (4.0, 7))),
        Grid(ORDER, Axis("steps", (8, 16))),
        Grid(ORDER, Axis("steps", (8, 16)), Axis("cfg", (4.0, 7)), "Title"),
        Grid(Order("image_generation", "low", ORDER.parameters), Axis("steps", (8, 16)), Axis("cfg", (4.0, 7))),
        Grid(
            Order("image_generation", "standard", {**ORDER.parameters, "seed": 8}),
            Axis("steps", (8, 16)),
            Axis("cfg", (4.0, 7)),
        ),
    )
    assert len({first.id, *(other.id for other in others)}) == 6


def test_a_grid_as_text_is_the_same_again() -> None:
    order = Order("image_generation", "low", ORDER.parameters, None, (Lora("ink", 0.8, None),), "mine")
    for grid in (
        Grid(order, Axis("steps", (8, 16)), Axis("sampler_name", ("euler", "ddim")), "Лиса"),
        Grid(order, seeds(2**64 - 1, 3)),
    ):
        again = from_text(to_text(grid))
        assert again == grid
        assert again.id == grid.id


def test_a_grid_with_files_is_no_text() -> None:
    order = Order("upscale", "low", {"image": Path("a.png")})
    assert to_text(Grid(order, Axis("steps", (1,)))) == ""


@pytest.mark.parametrize("text", ["", "x", "[]", "{}", '{"task": 1}', '{"axes": []}', "null"])
def test_what_is_no_grid_is_said(text: str) -> None:
    with pytest.raises(InvalidGrid):
        from_text(text)


def test_the_strength_of_a_lora_is_gone_through() -> None:
    stack = (Lora("a.safetensors"), Lora("sub/ink.safetensors", 1.0, 0.5), Lora("z.safetensors"))
    grid = Grid(replace(ORDER, loras=stack), axis("lora:ink", "0.2, 0.8"), axis("lora:other", "1"))
    assert (grid.across.title, grid.words_of(Cell(1, 0))) == ("LoRA ink", "LoRA ink 0.8, LoRA other 1")
    made = grid.order_of(Cell(1, 0))
    assert made.loras == (stack[0], Lora("sub/ink.safetensors", 0.8), stack[2], Lora("other", 1.0))
    assert made.parameters == ORDER.parameters
    assert from_text(to_text(grid)).id == grid.id


def test_a_strength_that_is_no_number_is_said() -> None:
    with pytest.raises(InvalidGrid, match="“strong” is no strength of a LoRA"):
        Grid(ORDER, axis("lora:ink", "0.2, strong"))
