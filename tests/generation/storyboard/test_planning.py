"""What is asked for with a panel: its prompt, its size, its length, and whose parameters count."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_comfyui.generation.storyboard.model import Panel, Storyboard
from blender_comfyui.generation.storyboard.planning import composed, ground_of, mark_of, order_of
from blender_comfyui.generation.storyboard.resolution import fitted
from blender_comfyui.generation.tasks.book import TaskBook
from blender_comfyui.generation.tasks.errors import InvalidQualityTierError
from blender_comfyui.generation.tasks.preparing import prepare
from tests.generation.storyboard.conftest import board

BOOK = TaskBook().current()
SIZED = [
    (task.name, tier)
    for task in BOOK.tasks.values()
    for tier in task.tiers.values()
    if "width" in tier.parameters and "height" in tier.parameters
]


def asked(storyboard: Storyboard, panel: Panel, take: int = 0) -> dict[str, object]:
    return dict(order_of(ground_of(storyboard, BOOK), panel, take).parameters)


# Prompts


@pytest.mark.parametrize(
    ("before", "prompt", "after", "expected"),
    [
        ("", "a fox", "", "a fox"),
        ("ink", "a fox", "snow", "ink, a fox, snow"),
        ("An ink drawing.", "a fox", "", "An ink drawing. a fox"),
        ("ink,", " a fox ", "", "ink, a fox"),
        ("水墨画。", "狐", "雪", "水墨画。 狐, 雪"),
        (" ", "", "snow", "snow"),
        ("", "", "", ""),
    ],
)
def test_the_style_is_put_around_the_prompt(before, prompt, after, expected):
    assert composed(Storyboard("x", before=before, after=after), Panel("a", prompt)) == expected


def test_what_is_composed_is_what_is_sent():
    told = board(before="ink", after="snow")
    order = order_of(ground_of(told, BOOK), told.panels[0])
    assert prepare(BOOK, order).recorded["prompt"] == composed(told, told.panels[0]) == "ink, fox number 1, snow"


# Parameters


def test_a_panels_parameters_go_before_the_storyboards_and_these_before_the_resolution():
    told = board(parameters={"cfg": 4.0, "steps": 12, "width": 80})
    found = asked(told, Panel("a", "fox", parameters={"steps": 20, "height": 40}))
    assert (found["cfg"], found["steps"], found["width"], found["height"]) == (4.0, 20, 80, 40)


def test_a_panels_negative_prompt_goes_before_the_storyboards():
    told = board(parameters={"negative_prompt": "frame"})
    assert asked(told, Panel("a", "fox"))["negative_prompt"] == "frame"
    assert asked(told, Panel("a", "fox", "text"))["negative_prompt"] == "text"
    assert "negative_prompt" not in asked(board(), Panel("a", "fox"))


def test_the_mark_changes_with_what_is_asked_for_and_with_nothing_else():
    told = board()
    panel = told.panels[0]

    def mark(storyboard: Storyboard, panel: Panel) -> str:
        return mark_of(order_of(ground_of(storyboard, BOOK), panel))

    same = [(replace(told, title="x", panels=()), panel), (told, replace(panel, seconds=9.0)), (told, replace(panel))]
    assert {mark(*one) for one in same} == {mark(told, panel)}
    others = [
        (replace(told, seed=1), panel),
        (replace(told, tier="high"), panel),
        (replace(told, before="ink"), panel),
        (replace(told, width=64), panel),
        (told, replace(panel, prompt="wolf")),
        (told, replace(panel, negative_prompt="text")),
        (told, replace(panel, parameters={"cfg": 2.0})),
    ]
    assert len({mark(*one) for one in others} | {mark(told, panel)}) == len(others) + 1


@pytest.mark.parametrize(
    ("seconds", "length"),
    [(2.0, 49), (0.1, 9), (1.0, 25), (49 / 24, 49), (2.05, 57), (10.0, 241), (60.0, 1441)],
)
def test_a_video_fills_its_panels_time(seconds, length):
    told = board(task="video_generation", width=0, height=0)
    assert asked(told, Panel("a", "fox", seconds=seconds))["length"] == length
    assert length >= min(seconds * 24, 1441) - 1e-6


def test_a_video_that_is_too_long_is_said():
    told = board(task="video_generation")
    order = order_of(ground_of(told, BOOK), Panel("a", "fox", seconds=60.0))
    assert "“length” is 257 instead of 1441" in prepare(BOOK, order).report.sentences[0]


def test_the_speed_of_a_video_counts():
    told = board(task="video_generation", parameters={"fps": 12})
    assert asked(told, Panel("a", "fox", seconds=2.0))["length"] == 25
    assert asked(told, Panel("a", "fox", seconds=2.0, parameters={"length": 97}))["length"] == 97


# Sizes


def test_a_task_of_its_own_size_leaves_the_resolution_out():
    ground = ground_of(board(task="upscale"), BOOK)
    assert ground.resolution is None
    assert ground.notes[0].startswith("The resolution 96 × 64 is left out")


def test_no_such_tier():
    with pytest.raises(InvalidQualityTierError, match="has no tier “best”"):
        ground_of(board(tier="best"), BOOK)


@pytest.mark.parametrize(
    ("task", "tier", "wanted", "first", "file"),
    [
        ("image_generation", "low", (1920, 1080), (1920, 1080), (1920, 1080)),
        ("scene_generation", "low", (1920, 1080), (1920, 1088), (1920, 1088)),
        ("scene_generation", "high", (1920, 1080), (1280, 704), (1920, 1056)),
        ("scene_generation", "standard", (1680, 960), (1344, 768), (1680, 960)),
        ("image_generation", "low", (3840, 2160), (2048, 1152), (2048, 1152)),
        ("video_generation", "low", (640, 480), (640, 480), (640, 480)),
    ],
)
def test_sizes(task, tier, wanted, first, file):
    found = fitted(*wanted, BOOK.tasks[task].tiers[tier])
    assert ((found.width, found.height), (found.file_width, found.file_height)) == (first, file)
    assert bool(found.sentence) == (file != wanted)
    if found.sentence:
        assert found.sentence.startswith(f"{wanted[0]} × {wanted[1]} becomes {file[0]} × {file[1]}: ")


@given(st.sampled_from(SIZED), st.integers(1, 16384), st.integers(1, 16384))
def test_whatever_is_wanted_the_tier_takes_it_as_it_is(sized, width, height):
    task, tier = sized
    found = fitted(width, height, tier)
    for side, name in ((found.width, "width"), (found.height, "height")):
        rule = tier.rules[name]
        assert rule.minimum <= side <= rule.maximum
        assert side % rule.multiple == 0
    told = board(task=task, tier=tier.name, width=width, height=height)
    order = order_of(ground_of(told, BOOK), told.panels[0])
    report = prepare(BOOK, order, is_trial=True).report
    assert {name: report.values[name] for name in ("width", "height")} == {"width": found.width, "height": found.height}
    assert not [sentence for sentence in report.sentences if "width" in sentence or "height" in sentence]


@given(st.sampled_from(SIZED), st.integers(512, 2048), st.floats(0.5, 2.0))
def test_the_aspect_is_kept_where_the_model_can(sized, width, ratio):
    height = round(width * ratio)
    _, tier = sized
    found = fitted(width, height, tier)
    step = tier.rules["width"].multiple
    assert abs(math.log(found.width / found.height * height / width)) <= step / min(found.width, found.height)
    assert found.sentence.endswith("the aspect cannot be kept.") == (
        abs(math.log(found.file_width / found.file_height * height / width)) >= 0.03
        and (found.file_width, found.file_height) != (width, height)
    )
