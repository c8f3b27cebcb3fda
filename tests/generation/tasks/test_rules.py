"""Values against rules, and a person's own against limits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_comfyui.generation.tasks.book import TaskBook
from blender_comfyui.generation.tasks.errors import ParameterValidationError
from blender_comfyui.generation.tasks.records import Kind, Limit, Rule
from blender_comfyui.generation.tasks.rules import checked, kept_back

RULES = TaskBook().refresh().tasks["image_generation"].tiers["low"].rules
VIDEO = TaskBook().refresh().tasks["video_generation"].tiers["low"].rules
LARGEST = 2**64 - 1


def test_the_bundled_rules() -> None:
    bounds = {name: (rule.kind, rule.minimum, rule.maximum) for name, rule in RULES.items() if rule.kind != "text"}
    assert bounds["steps"] == ("integer", 1, 100)
    assert bounds["cfg"] == ("number", 1, 20)
    assert bounds["width"] == bounds["height"] == ("integer", 64, 2048)
    assert bounds["seed"] == ("integer", 0, LARGEST)
    assert (RULES["prompt"].longest, RULES["negative_prompt"].longest) == (2000, 1000)
    limits = TaskBook().refresh().tasks["image_generation"].tiers["low"].limits
    assert (limits["steps"].minimum, limits["cfg"].minimum) == (10, 1.0)


@pytest.mark.parametrize(
    ("name", "asked", "value", "said"),
    [
        ("steps", 30, 30, ""),
        ("steps", "30", 30, ""),
        ("steps", " 30.0 ", 30, ""),
        ("steps", np.int64(30), 30, ""),
        ("steps", 150, 100, "“steps” is 100 instead of 150: whole numbers from 1 to 100 are allowed."),
        ("steps", -5, 1, "“steps” is 1 instead of -5: whole numbers from 1 to 100 are allowed."),
        ("steps", 20.5, 21, "“steps” is 21 instead of 20.5: whole numbers from 1 to 100 are allowed."),
        ("cfg", 20.5, 20, "“cfg” is 20 instead of 20.5: numbers from 1 to 20 are allowed."),
        ("cfg", np.float32(7.5), 7.5, ""),
        ("width", 500, 504, "“width” is 504 instead of 500: multiples of 8 from 64 to 2048 are allowed."),
        ("width", 9000, 2048, "“width” is 2048 instead of 9000: multiples of 8 from 64 to 2048 are allowed."),
        ("width", 0, 64, "“width” is 64 instead of 0: multiples of 8 from 64 to 2048 are allowed."),
        ("seed", LARGEST, LARGEST, ""),
        ("seed", LARGEST + 1, LARGEST, f"whole numbers from 0 to {LARGEST} are allowed."),
        ("seed", -1, 0, f"“seed” is 0 instead of -1: whole numbers from 0 to {LARGEST} are allowed."),
        ("seed", 10**400, LARGEST, "“seed” is 18446744073709551615 instead of a far longer number"),
        ("prompt", "x" * 2000, "x" * 2000, ""),
        ("prompt", "é" * 2345, "é" * 2000, "“prompt” was cut from 2,345 to 2,000 characters."),
        ("negative_prompt", "x" * 1001, "x" * 1000, "“negative_prompt” was cut from 1,001 to 1,000 characters."),
        ("seed", [1, -1], (1, 0), "“seed” is 0 instead of -1"),
        ("something", object, object, ""),
    ],
)
def test_values_are_brought_back_and_it_is_said(name: str, asked: object, value: object, said: str) -> None:
    found = checked(name, asked, RULES.get(name))
    assert found.value == value
    assert type(found.value) is type(value)
    assert said in found.sentence if said else not found.sentence


def test_a_model_has_multiples_of_its_own() -> None:
    assert checked("width", 500, VIDEO["width"]).value == 512
    assert checked("length", 1000, VIDEO["length"]).value == 257
    found = checked("length", 50, VIDEO["length"])
    assert found.value == 49
    assert found.sentence == "“length” is 49 instead of 50: multiples of 8 plus 1 from 9 to 257 are allowed."


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("steps", "many"),
        ("steps", ""),
        ("steps", None),
        ("steps", True),
        ("steps", [20, "x"]),
        ("steps", {}),
        ("steps", "1_0"),
        ("steps", "٣"),
        ("cfg", float("nan")),
        ("cfg", "inf"),
        ("cfg", float("-inf")),
        ("cfg", 1j),
        ("seed", "9" * 5000),
        ("prompt", 5),
        ("prompt", None),
    ],
)
def test_what_cannot_be_is_an_error_with_the_parameters_name(name: str, asked: object) -> None:
    with pytest.raises(ParameterValidationError, match=f"“{name}” must be a (number|text), not") as raised:
        checked(name, asked, RULES[name])
    assert raised.value.name == name


@pytest.mark.parametrize(
    ("asked", "limit", "why"),
    [
        (9, Limit(10), "it has to be at least 10"),
        ("9", Limit(10), "it has to be at least 10"),
        (10, Limit(10), ""),
        ([10, 9], Limit(10), "it has to be at least 10"),
        (0.99, Limit(1.0), "it has to be at least 1.0"),
        (31, Limit(None, 30), "it may be at most 30"),
        (9, None, ""),
        ("x", Limit(10), ""),
    ],
)
def test_what_breaks_a_limit_is_told(asked: object, limit: Limit | None, why: str) -> None:
    assert kept_back(asked, limit) == why


NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
BOUNDS = st.none() | st.integers(-(10**25), 10**25)


@given(NUMBERS, BOUNDS, BOUNDS, st.integers(1, 1000), st.integers(0, 20), st.sampled_from([*Kind][:2]))
def test_any_number_comes_out_allowed(asked: Any, low: Any, high: Any, multiple: int, offset: int, kind: Kind) -> None:
    multiple, offset = (multiple, offset) if kind is Kind.INTEGER else (1, 0)
    if low is not None and high is not None and high - (high - offset) % multiple < low:
        low = None
    found = checked("x", asked, Rule(kind, low, high, multiple, offset))
    assert low is None or found.value >= low
    assert high is None or found.value <= high
    if kind is Kind.INTEGER:
        assert isinstance(found.value, int)
        assert (found.value - offset) % multiple == 0
    assert bool(found.sentence) == (found.value != asked)
    within = (low is None or low <= asked) and (high is None or asked <= high)
    if within and isinstance(asked, int) and (asked - offset) % multiple == 0:
        assert found.value == asked
