"""What panels of the official templates show, held against what a person would say that they have."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflow import panel_report

LEAST = 0.95


@pytest.fixture(scope="module")
def rows(templates: Path) -> list[tuple[str, set[str], set[str]]]:
    return list(panel_report.report(templates))


@pytest.mark.parametrize("feature", panel_report.FEATURES)
def test_a_panel_has_what_a_person_would_say(rows: list[tuple[str, set[str], set[str]]], feature: str) -> None:
    wanted = [(name, found) for name, expected, found in rows if feature in expected]
    missing = [name for name, found in wanted if feature not in found]
    assert len(wanted) > 50
    assert len(missing) <= (1 - LEAST) * len(wanted), missing


@pytest.mark.parametrize("feature", panel_report.FEATURES)
def test_a_panel_seldom_shows_more(rows: list[tuple[str, set[str], set[str]]], feature: str) -> None:
    beyond = [name for name, expected, found in rows if feature in found - expected]
    assert len(beyond) <= (1 - LEAST) * len(rows), beyond
