"""A history in a folder of its own."""

from __future__ import annotations

import pytest

from tests.generation.history.entries import opened


@pytest.fixture
def history(tmp_path):
    with opened(tmp_path) as history:
        yield history
