"""Seeds: the same for ever and everywhere, whatever other panels there are."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_comfyui.generation.storyboard.model import Panel, Storyboard
from blender_comfyui.generation.storyboard.seeds import panel_seed, seed_of
from tests.generation.storyboard.conftest import board
from tests.seed_vectors import VECTORS
from tools.project import ROOT
from tools.venvs import BLENDERS, Blender

_SCRIPT = """
import json, sys
sys.path.insert(0, {root!r})
from blender_comfyui.generation.storyboard.seeds import panel_seed
from tests.seed_vectors import VECTORS
print(json.dumps([sys.version_info[:2], [panel_seed(seed, name, take) for seed, take, name, _ in VECTORS]]))
"""


def seeds(storyboard: Storyboard) -> dict[str, int]:
    return {panel.id: seed_of(storyboard, panel) for panel in storyboard.panels}


@pytest.mark.parametrize(("seed", "take", "panel_id", "expected"), VECTORS)
def test_vectors(seed, take, panel_id, expected):
    assert panel_seed(seed, panel_id, take) == expected


@pytest.mark.parametrize("blender", BLENDERS, ids=lambda blender: f"Python of {blender.version}")
def test_vectors_in_the_python_of_every_blender(blender: Blender):
    if not blender.venv.is_ready:
        pytest.skip(f"bpy {blender.version} is not installed: it needs Python {blender.python}")
    script = _SCRIPT.format(root=str(ROOT))
    said = subprocess.run([blender.venv.python, "-I", "-c", script], capture_output=True, text=True, check=True)
    version, found = json.loads(said.stdout)
    assert ".".join(map(str, version)) == blender.python
    assert found == [expected for *_, expected in VECTORS]


def test_the_document_has_the_same_vectors():
    text = (ROOT / "docs" / "storyboard.md").read_text(encoding="utf-8")
    for seed, take, name, expected in VECTORS:
        assert f"| {seed} | {take} | `{name}` | {expected} |" in text


@given(
    st.integers(0, 2**64 - 1),
    st.lists(st.text(min_size=1, max_size=8), unique=True, min_size=1, max_size=8),
    st.text(min_size=1),
    st.randoms(),
)
def test_panels_that_are_added_or_moved_change_no_other_seed(seed, ids, new, random):
    before = Storyboard("x", seed=seed, panels=tuple(Panel(name, "") for name in ids))
    moved = [*before.panels, *([] if new in ids else [Panel(new, "new")])]
    random.shuffle(moved)
    after = seeds(replace(before, panels=tuple(moved)))
    assert {name: after[name] for name in ids} == seeds(before)


@given(st.integers(0, 2**64 - 1), st.text(), st.integers(0, 2**32))
def test_they_are_64_bits_without_a_sign(seed, panel_id, take):
    assert 0 <= panel_seed(seed, panel_id, take) < 2**64


def test_no_two_are_alike():
    found = {panel_seed(seed, f"p{number}", take) for seed in range(4) for number in range(100) for take in range(4)}
    assert len(found) == 1600


def test_a_seed_of_the_panels_own_counts_and_other_takes_follow_from_it():
    panel = Panel("a1", "", seed=5)
    assert seed_of(board(), panel) == 5
    assert seed_of(board(seed=1), panel, 1) == seed_of(board(seed=2), panel, 1) == panel_seed(5, "a1", 1)
