"""Choices in prompts: what is one, what the seed makes of it, and what is only text."""

from __future__ import annotations

import contextlib
import hashlib
import re
import subprocess
import sys
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_comfyui.workflow.chosen_prompts import with_choices
from blender_comfyui.workflow.errors import InvalidValue
from blender_comfyui.workflow.graph import Workflow
from blender_comfyui.workflow.wildcards import (
    DEEPEST,
    LONGEST,
    drawn,
    entries,
    escaped,
    has_choices,
    read_lists,
    resolved,
)
from tests.workflow.graphs import ksampler, node, txt2img

LISTS = {"colour": ("red", "2::{light|dark} blue"), "light": ("dawn", "neon, __colour__"), "empty": ()}
SEEDS = st.integers(0, 2**64 - 1)
WORDS = st.text(st.characters(exclude_characters="{}|\\_", exclude_categories=["Cs"]), max_size=12)


def nested() -> st.SearchStrategy[str]:
    """Prompts with choices in choices."""
    return st.recursive(
        WORDS,
        lambda inner: (
            st.lists(inner, min_size=2, max_size=4).map(lambda parts: f"{{{'|'.join(parts)}}}")
            | st.lists(inner, min_size=1, max_size=3).map("".join)
        ),
        max_leaves=12,
    )


VECTORS = [
    ("{red|green|blue}", 0, "red"),
    ("{red|green|blue}", 7, "blue"),
    ("a {small|large} {red|green} fox in {snow|{heavy|light} rain}", 1, "a large green fox in snow"),
    ("a {small|large} {red|green} fox in {snow|{heavy|light} rain}", 2**64 - 1, "a small green fox in heavy rain"),
    ("__colour__ at __light__", 5, "red at dawn"),
    ("{лиса|狐狸|ثعلب}", 3, "狐狸"),
]


@pytest.mark.parametrize(("text", "seed", "chosen"), VECTORS)
def test_vectors(text: str, seed: int, chosen: str) -> None:
    assert resolved(text, seed, LISTS) == chosen


@pytest.mark.parametrize(
    "text",
    [
        "a fox",
        "",
        '{"subject": "a fox", "light": {"from": "left"}}',
        "{one}",
        "a | b",
        "an open { brace | here",
        "closed } only",
        "snake_case and __init",
        "___",
        "(fox:1.2) \\(not weighed\\) C:\\new",
    ],
)
def test_what_is_no_choice_stays_as_it_is(text: str) -> None:
    assert resolved(text, 7, LISTS) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (r"\{a\|b\}", "{a|b}"),
        (r"\__colour__", "__colour__"),
        (r"{a\|b|a\|b}", "a|b"),
        ('{"x": {a|a}}', '{"x": a}'),
        ("{ {a|a}", "{ a"),
        ("{a|a} | {b|b}", "a | b"),
        ("{2::a|0.5::a}", "a"),
        ("{0::b|a}", "a"),
        ("{|}", ""),
        ("{{a|a}}", "{a}"),
        ("{a::b|a::b}", "a::b"),
    ],
)
def test_what_is_said(text: str, said: str) -> None:
    assert {resolved(text, seed) for seed in range(20)} == {said}


@given(st.text(), SEEDS)
def test_an_escaped_text_is_itself_again(text: str, seed: int) -> None:
    assert resolved(escaped(text), seed, LISTS) == text


@given(nested(), SEEDS)
def test_nothing_is_left_to_choose_and_nothing_is_made_up(text: str, seed: int) -> None:
    said = resolved(text, seed)
    assert "{" not in said
    assert "|" not in said
    assert not has_choices(said)
    assert not Counter(said) - Counter(text)
    assert resolved(text, seed) == said


@given(st.text("{}|\\_ab:1. ", max_size=60), SEEDS)
def test_any_text_is_said_or_refused(text: str, seed: int) -> None:
    with contextlib.suppress(InvalidValue):
        assert len(resolved(text, seed, LISTS)) <= len(text) + 100


@given(WORDS, nested(), SEEDS)
def test_what_is_written_before_changes_nothing_that_is_chosen_after(before: str, text: str, seed: int) -> None:
    assert resolved(before + text, seed) == before + resolved(text, seed)


def test_every_part_comes_by_its_weight() -> None:
    told = Counter(resolved("{3::a|b|0.5::c}", seed) for seed in range(9000))
    assert told["a"] == pytest.approx(6000, rel=0.05)
    assert told["b"] == pytest.approx(2000, rel=0.1)
    assert told["c"] == pytest.approx(1000, rel=0.15)


def test_the_same_choice_twice_is_chosen_twice() -> None:
    told = {resolved("{a|b} {a|b}", seed) for seed in range(50)}
    assert told == {"a a", "a b", "b a", "b b"}
    assert any(resolved("{a|b}", seed) != resolved("{a|b}", seed, where="negative_prompt") for seed in range(20))


def test_weights_that_are_all_nothing_count_alike() -> None:
    assert {resolved("{0::a|0::b}", seed) for seed in range(30)} == {"a", "b"}
    assert {drawn(seed, "prompt", 0, "x", [Fraction(0), Fraction(1)]) for seed in range(30)} == {1}


def test_lists_may_name_lists_and_hold_choices() -> None:
    told = {resolved("__Light__", seed, LISTS) for seed in range(80)}
    assert told == {"dawn", "neon, red", "neon, light blue", "neon, dark blue"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a __color__ fox", "There is no list “color.txt” for “__color__” in the prompt. Did you mean “colour”?"),
        ("__empty__", "The list “empty.txt” is empty."),
        ("__self__", "choices without end"),
        ("__twice__", "choices without end"),
        ("{" * (DEEPEST + 2), "braces in braces"),
        ("{a|b}" + "x" * LONGEST, "when all is chosen"),
    ],
)
def test_what_cannot_be_chosen_is_said(text: str, sentence: str) -> None:
    lists = {**LISTS, "self": ("__self__",), "twice": ("__twice__ __twice__",)}
    with pytest.raises(InvalidValue) as caught:
        resolved(text, 7, lists)
    assert sentence in str(caught.value)
    assert caught.value.name == "prompt"


def test_lists_are_read_from_a_folder_and_below(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "Colour.txt").write_bytes("\ufeff# colours\nred\n\n  blau grün \r\n".encode())
    (tmp_path / "sub" / "light.txt").write_text("dawn\n{noon|night}")
    (tmp_path / "broken.txt").write_bytes(b"caf\xe9")
    assert read_lists(tmp_path) == {
        "colour": ("red", "blau grün"),
        "sub/light": ("dawn", "{noon|night}"),
        "broken": ("caf\ufffd",),
    }
    assert read_lists(tmp_path / "none") == {}
    assert resolved("__sub/light__", 1, read_lists(tmp_path)) in ("dawn", "noon", "night")


def test_entries_leave_out_what_is_none() -> None:
    assert entries("a\n\n# b\n c ") == ("a", "c")


def test_prompts_of_any_workflow_are_chosen_by_its_own_seed() -> None:
    good, bad = "a {red|green|blue} fox", "{blurry|dark}"
    workflow = Workflow(txt2img(n2=encoded(good), n3=encoded(bad), n5=ksampler(seed=7)))
    changed, asked = with_choices(workflow, {})
    texts = sorted(node.inputs["text"] for node in changed.nodes.values() if node.class_type == "CLIPTextEncode")
    negative = resolved(bad, 7, where="negative_prompt")
    assert texts == sorted([resolved(good, 7), negative])
    assert asked == {"prompt": good, "negative_prompt": bad}
    plain = Workflow(txt2img())
    assert with_choices(plain, {}) == (plain, {})


def encoded(text: str) -> dict[str, Any]:
    return node("CLIPTextEncode", text=text, clip=["1", 1])


def test_the_draw_is_as_it_is_documented() -> None:
    """Whoever writes it anew in another language gets the same."""
    digest = hashlib.sha256(b"comfyui studio choice 1\n7\nprompt\n0\n{red|green|blue}").digest()
    along = int.from_bytes(digest[:8], "big") * 3 >> 64
    assert resolved("{red|green|blue}", 7) == ("red", "green", "blue")[along]


def test_the_vectors_of_the_documentation_hold() -> None:
    table = re.compile(r"^\| `(\{.*\})` \| (\d+) \| (\S+) \|$", re.MULTILINE)
    rows = table.findall((Path(__file__).parents[2] / "docs" / "grids.md").read_text(encoding="utf-8"))
    assert len(rows) >= 3
    for text, seed, chosen in rows:
        assert resolved(text.replace("\\|", "|"), int(seed)) == chosen


def test_another_python_chooses_the_same() -> None:
    """Nothing depends on the hash seed or the order of a process."""
    code = "from blender_comfyui.workflow.wildcards import resolved; print(resolved(input(), 7))"
    text = "a {red|green|blue} {fox|crow|hare} in {snow|rain|fog}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=text,
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "9"},
    )
    assert done.stdout.strip() == resolved(text, 7)
