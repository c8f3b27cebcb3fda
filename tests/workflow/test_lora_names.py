"""LoRAs as prompts name them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_comfyui.workflow.errors import InvalidValue
from blender_comfyui.workflow.lora_names import checked, on_server, tag, taken_out
from blender_comfyui.workflow.loras import Lora


@pytest.mark.parametrize(
    ("text", "rest", "loras"),
    [
        ("a fox", "a fox", ()),
        ("", "", ()),
        ("a  fox < 3 > lora:x", "a  fox < 3 > lora:x", ()),
        ("a fox <lora:ink:0.8> in snow", "a fox in snow", (Lora("ink", 0.8),)),
        ("<lora:ink:0.8> a fox", "a fox", (Lora("ink", 0.8),)),
        ("a fox <lora:ink:0.8:0.6>", "a fox", (Lora("ink", 0.8, 0.6),)),
        ("a fox<lora:ink><LORA: b/c d.safetensors :-1>", "a fox", (Lora("ink"), Lora("b/c d.safetensors", -1.0))),
        ("a fox <lora:sub\\墨 ink:.5:0>,\nsnow", "a fox,\nsnow", (Lora("sub\\墨 ink", 0.5, 0.0),)),
    ],
)
def test_they_are_taken_out(text: str, rest: str, loras: tuple[Lora, ...]) -> None:
    assert taken_out(text) == (rest, loras)


@pytest.mark.parametrize(
    "tag",
    ["<lora:>", "<lora: :1>", "<lora:x:>", "<lora:x:much>", "<lora:x:1:2:3>", "<lora:x:nan>", "<lora:x:1e3>"],
)
def test_a_broken_tag_is_said(tag: str) -> None:
    with pytest.raises(InvalidValue, match=r"In the prompt, .*Write <lora:name:0\.8>") as raised:
        taken_out(f"a fox {tag}")
    assert tag in str(raised.value)


@pytest.mark.parametrize("strength", [101.0, -101.0, float("nan"), float("inf")])
def test_a_strength_that_no_server_takes_is_said(strength: float) -> None:
    with pytest.raises(InvalidValue, match=r"“ink”.*from -100 to 100"):
        checked(Lora("ink", 1.0, strength))


@given(st.text())
def test_any_prompt_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidValue):
        rest, loras = taken_out(text)
        assert loras or rest == text


@given(st.floats(-100, 100), st.floats(-100, 100))
def test_a_tag_is_read_as_it_was_written(model: float, clip: float) -> None:
    written = tag(Lora("sub\\ink 墨.safetensors", model, clip))
    (read,) = taken_out(written).loras
    assert read.name == "sub\\ink 墨.safetensors"
    assert read.strengths == pytest.approx((model, clip), abs=1e-6)


def test_a_tag_is_short() -> None:
    assert tag(Lora("ink", 0.8)) == "<lora:ink:0.8>"
    assert tag(Lora("ink", 1, 0.5)) == "<lora:ink:1:0.5>"


KNOWN = ("ink.safetensors", "sub dir/ink drawing.safetensors", "styles\\墨.safetensors", "a/x.pt", "b/x.safetensors")
KNOWN += ("oil.safetensors", "Oil.safetensors", "sub/oil.safetensors", "wax.pt", "wax.safetensors")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("ink.safetensors", "ink.safetensors"),
        ("ink", "ink.safetensors"),
        ("INK", "ink.safetensors"),
        ("sub dir\\ink drawing", "sub dir/ink drawing.safetensors"),
        ("ink drawing", "sub dir/ink drawing.safetensors"),
        ("styles/墨", "styles\\墨.safetensors"),
        ("styles/墨.safetensors", "styles\\墨.safetensors"),
        ("墨", "styles\\墨.safetensors"),
        ("a/x", "a/x.pt"),
        ("Oil", "Oil.safetensors"),
        ("sub\\oil", "sub/oil.safetensors"),
    ],
)
def test_the_servers_name_is_found(name: str, found: str) -> None:
    assert on_server(name, KNOWN) == found


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("x", KNOWN, "The LoRA “x” may be “a/x.pt” or “b/x.safetensors”. Write its whole name."),
        ("wax", KNOWN, "The LoRA “wax” may be “wax.pt” or “wax.safetensors”. Write its whole name."),
        ("OIL", KNOWN, "The LoRA “OIL” may be “oil.safetensors” or “Oil.safetensors”. Write its whole name."),
        ("inc", KNOWN, "The server has no LoRA “inc”. Did you mean “ink.safetensors”?"),
        ("zebra", KNOWN, "The server has no LoRA “zebra”. Choose one of its list."),
        ("ink", (), "The server has no LoRA “ink”. It has none at all: put the file into its folder models/loras."),
    ],
)
def test_a_name_that_the_server_lacks_is_said(name: str, known: tuple[str, ...], said: str) -> None:
    with pytest.raises(InvalidValue) as raised:
        on_server(name, known)
    assert str(raised.value) == said
