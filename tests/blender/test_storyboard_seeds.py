"""The seeds of a storyboard's panels, inside each Blender."""

import pytest

from tests.seed_vectors import VECTORS


@pytest.mark.parametrize(("seed", "take", "panel_id", "expected"), VECTORS)
def test_vectors(module, seed, take, panel_id, expected):
    assert module("generation.storyboard.seeds").panel_seed(seed, panel_id, take) == expected
