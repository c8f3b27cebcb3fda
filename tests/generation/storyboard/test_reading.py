"""Project files: what is written is read back equal, in JSON and in YAML, and by either name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from blender_comfyui.generation.storyboard.model import Panel, Storyboard, id_problem
from blender_comfyui.generation.storyboard.reading import loads, read
from blender_comfyui.generation.storyboard.writing import to_json, to_yaml
from tests.generation.storyboard.conftest import board

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).filter(
    lambda text: not id_problem(text)
)
scalars = st.one_of(
    texts, st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False), st.booleans()
)
names = texts.filter(lambda name: name.strip() and name not in ("prompt", "seed", "negative_prompt", "image", "mask"))
parameters = st.dictionaries(
    names, st.one_of(scalars, st.lists(scalars, min_size=1, max_size=3).map(tuple)), max_size=3
)
seeds = st.integers(0, 2**64 - 1)
panels = st.builds(
    Panel,
    ids,
    texts,
    texts,
    st.floats(0.001, 3600.0),
    st.one_of(st.none(), seeds),
    parameters,
)
sizes = st.one_of(st.just((0, 0)), st.tuples(st.integers(1, 16384), st.integers(1, 16384)))
words = texts.map(str.strip).filter(bool)


@st.composite
def boards(draw):
    width, height = draw(sizes)
    found = draw(st.lists(panels, min_size=1, max_size=4, unique_by=lambda panel: panel.id))
    return Storyboard(
        draw(words), draw(texts), draw(seeds), width, height, draw(words), draw(words), draw(texts), draw(texts),
        tuple(found), draw(parameters),
    )  # fmt: skip


@given(boards())
def test_what_is_written_is_read_back_equal(storyboard):
    assert loads(to_json(storyboard), "x.json") == storyboard
    assert loads(to_yaml(storyboard), "x.yaml") == storyboard
    assert loads(to_json(storyboard), "x") == storyboard


@given(boards())
def test_json_is_read_as_python_reads_it(storyboard):
    plain = json.loads(to_json(storyboard))
    for text in (json.dumps(plain), json.dumps(plain, indent="\t"), json.dumps(plain, ensure_ascii=False, indent=1)):
        assert loads(text, "x.json") == storyboard


def test_what_a_file_says_by_itself_is_left_out():
    plain = yaml.safe_load(to_yaml(Storyboard("x", task="t", tier="q", panels=(Panel("a", "fox"),))))
    assert plain == {
        "id": "x", "seed": 0, "task": "t", "tier": "q", "panels": [{"id": "a", "prompt": "fox", "seconds": 2.0}]
    }  # fmt: skip


@pytest.mark.parametrize(
    ("written", "expected"),
    [("a1", "a1"), ("010", "010"), ("1", "1"), ("1.50", "1.50"), ("true", "true"), ("2026-11-21", "2026-11-21")],
)
def test_an_id_is_what_is_written_whatever_yaml_takes_it_for(written, expected):
    text = f"task: t\ntier: q\npanels:\n  - {{id: {written}, prompt: fox}}\n"
    assert loads(text).panels[0].id == expected


def test_a_number_as_an_id_in_json():
    assert loads('{"task": "t", "tier": "q", "panels": [{"id": 7, "prompt": ""}]}').panels[0].id == "7"


@pytest.mark.parametrize("written", ["1920x1080", "1920 x 1080", "1920×1080", "1920X1080"])
def test_ways_to_write_a_resolution(written):
    found = loads(f"task: t\ntier: q\nresolution: {written}\npanels: [{{id: a, prompt: x}}]\n")
    assert (found.width, found.height) == (1920, 1080)


def test_pictures_are_looked_for_beside_the_file(tmp_path, picture_file):
    path = tmp_path / "fox.yaml"
    path.write_text(to_yaml(board(1, parameters={"image": picture_file.name})), encoding="utf-8")
    storyboard = read(path)
    assert storyboard.parameters == {"image": picture_file}
    assert read_back(storyboard) == storyboard


@pytest.fixture
def picture_file(tmp_path) -> Path:
    path = tmp_path / "photo.png"
    path.write_bytes(b"x")
    return path


def read_back(storyboard: Storyboard) -> Storyboard:
    return loads(to_json(storyboard), "elsewhere.json")


def test_a_file_without_an_id_has_one_of_its_path(tmp_path):
    text = to_yaml(board(1)).replace("id: fox\n", "", 1)
    here, there = tmp_path / "fox.yaml", tmp_path / "wolf.yaml"
    for path in (here, there):
        path.write_text(text, encoding="utf-8")
    assert read(here) == read(here)
    assert read(here).id != read(there).id
    assert replace(read(here), id="fox") == board(1)
