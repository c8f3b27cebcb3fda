"""Sentences and names in the width that a panel has."""

import pytest

SIZE = 11.0


@pytest.fixture
def wrapping(module):
    return module("blender.wrapping")


def widest(wrapping, lines) -> float:
    import blf

    blf.size(0, SIZE)
    return max(blf.dimensions(0, line)[0] for line in lines)


def test_lines_fit_and_nothing_is_lost(wrapping):
    text = "Nothing answers at http://192.0.2.7:8188/studio/comfy/page. Start ComfyUI, or check host and port."
    lines = wrapping.lines_of(text, 150, SIZE)
    assert widest(wrapping, lines) <= 150
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_a_long_word_is_cut_after_a_joint(wrapping):
    lines = wrapping.lines_of("models/that_nobody_has_ever_heard_of.safetensors", 120, SIZE)
    assert len(lines) > 1
    assert all(line[-1] in "/_." for line in lines[:-1])


def test_a_word_without_joints_is_cut_anywhere(wrapping):
    lines = wrapping.lines_of("w" * 60, 120, SIZE)
    assert "".join(lines) == "w" * 60
    assert widest(wrapping, lines) <= 120


def test_a_shortened_name_keeps_its_end(wrapping):
    name = "A quiet mountain lake at sunset, golden light on the autumn forest 20260"
    short = wrapping.shortened(name, 150, SIZE, 6)
    assert short.startswith("A quiet")
    assert short.endswith("… 20260")
    assert widest(wrapping, [short]) <= 150
    assert wrapping.shortened("short 7", 150, SIZE, 6) == "short 7"
