"""Markers and text strips become panels, and panels these again; all ways to the same requests."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_comfyui.generation.events import QueueChanged
from blender_comfyui.generation.request import Request
from blender_comfyui.generation.session import Session
from blender_comfyui.generation.storyboard.cues import (
    Cue,
    InvalidCues,
    clean_id,
    from_cues,
    marker_cues,
    marker_name,
    marker_parts,
    strip_cues,
    to_cues,
)
from blender_comfyui.generation.storyboard.model import Panel, Storyboard, id_problem
from blender_comfyui.generation.storyboard.reading import loads
from blender_comfyui.generation.storyboard.writing import to_json, to_yaml
from tests.generation.storyboard.conftest import board

FPS = 24.0
LIMIT = 120.0


def sixty() -> Storyboard:
    """Sixty panels of different lengths, in whole frames."""
    panels = tuple(
        Panel(
            f"sc{number // 10}-{number:03}",
            f"shot {number}: the fox, {'日本 ' * (number % 3)}runs",
            seconds=length / FPS,
        )
        for number, length in ((number, 24 + 7 * (number % 5)) for number in range(60))
    )
    return board(panels=panels)


def requests_of(session: Session, storyboard: Storyboard) -> list[Request]:
    """What a storyboard makes a session ask for, in order; the jobs are taken back."""
    production = session.storyboard(storyboard)
    session.pause()
    with contextlib.closing(session.subscribe()) as events:
        production.run_all()
        while not isinstance(event := events.get(), QueueChanged) or len(event.order) < len(storyboard.panels):
            pass
    requests = [job.request for job in session.queue]
    production.cancel()
    production.wait(LIMIT)
    production.close()
    return requests


def test_markers_strips_and_files_give_the_same_sixty_requests(full_server, open_session):
    told = sixty()
    cues = to_cues(told.panels, FPS, start=1)
    ways = {
        "model": told,
        "markers": replace(
            told,
            panels=from_cues(
                marker_cues([(marker_name(cue), cue.start) for cue in reversed(cues)], end=cues[-1].end), FPS
            ),
        ),
        "strips": replace(
            told, panels=from_cues(strip_cues((cue.id, cue.text, cue.start, cue.end) for cue in reversed(cues)), FPS)
        ),
        "JSON": loads(to_json(told), "x.json"),
        "YAML": loads(to_yaml(told), "x.yaml"),
    }
    server = full_server()
    session = open_session(server)
    found = {way: requests_of(session, storyboard) for way, storyboard in ways.items()}
    assert [request.context["panel"] for request in found["model"]] == [panel.id for panel in told.panels]
    assert len({request.seed for request in found["model"]}) == 60
    for way, requests in found.items():
        assert len(requests) == 60, way
        assert requests == found["model"], way
    assert server.posts == 0


# Markers


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("a1: a red fox", ("a1", "a red fox")),
        ("a1:  a red fox ", ("a1", "a red fox")),
        ("a red fox", ("", "a red fox")),
        ("a fox: red", ("", "a fox: red")),  # an id has no spaces
        ("at 16:9, a fox", ("", "at 16:9, a fox")),
        ("16:9 fox", ("", "16:9 fox")),  # no space after the colon
        ("a1:", ("a1", "")),
        ("a1: fox: red", ("a1", "fox: red")),
        ("日本: 狐", ("日本", "狐")),
        (": fox", ("", ": fox")),
        ("", ("", "")),
    ],
)
def test_the_parts_of_a_markers_name(name, parts):
    assert marker_parts(name) == parts


def test_a_marker_lasts_until_the_next_one_and_the_last_until_the_end():
    cues = marker_cues([("b: two", 25), ("a: one", 1), ("c: three", 49)], end=100)
    assert cues == (Cue("a", "one", 1, 25), Cue("b", "two", 25, 49), Cue("c", "three", 49, 100))


def test_markers_at_one_frame_and_after_the_end_last_a_frame_at_least():
    cues = marker_cues([("a: one", 1), ("b: two", 1), ("c: three", 200)], end=100)
    assert [(cue.start, cue.end) for cue in cues] == [(1, 200), (1, 200), (200, 201)]


def test_two_of_the_same_id_are_a_sentence():
    with pytest.raises(InvalidCues, match="Two markers have the id “a”, at the frames 1 and 9"):
        marker_cues([("a: one", 1), ("a: two", 9)], end=10)
    with pytest.raises(InvalidCues, match="Two text strips have the id “a-1”, at the frames 1 and 9"):
        strip_cues([("a 1", "one", 1, 5), ("a:1", "two", 9, 10)])


def test_a_marker_without_an_id_has_one_of_its_words_that_stays_when_others_come():
    before = marker_cues([("A red fox runs through the deep snow", 10), ("狐", 20)], end=30)
    assert [cue.id for cue in before] == ["a-red-fox-runs-through-the", "狐"]
    after = marker_cues([("new: x", 1), ("A red fox runs through the deep snow", 12), ("", 15), ("狐", 20)], end=30)
    assert [cue.id for cue in after] == ["new", "a-red-fox-runs-through-the", "panel", "狐"]


def test_alike_prompts_without_ids_are_told_apart():
    assert [cue.id for cue in marker_cues([("fox", 1), ("fox", 2), ("fox-2: x", 3), ("fox", 4)], end=9)] == [
        "fox", "fox-3", "fox-2", "fox-4"
    ]  # fmt: skip


def test_a_name_that_is_too_long_is_cut_between_letters_and_found_again():
    panel = Panel("a1", "ein Füchslein " * 8 + "läuft", "text", 1.0, 5, {"cfg": 3.0})
    [cue] = to_cues([panel], FPS)
    for most in range(20, 64):
        name = marker_name(cue, most)
        assert len(name.encode()) <= most
        [back] = from_cues(marker_cues([(name, 1)], end=25), FPS, [panel])
        assert back == panel
    assert marker_name(cue, 1000) == f"a1: {panel.prompt}"


@pytest.mark.parametrize("letter", "x\u00e9狐🦊")
def test_the_longest_id_of_any_script_fits_into_a_markers_name(letter):
    panel_id = clean_id(letter * 100)
    assert not id_problem(panel_id)
    assert "too long" in id_problem(panel_id + letter)
    panel = Panel(panel_id, "a fox in the snow", "text", 1.0, 5)
    [cue] = to_cues([panel], FPS)
    [back] = from_cues(marker_cues([(marker_name(cue, 63), 1)], end=25), FPS, [panel])
    assert back == panel


def test_what_a_cue_does_not_say_is_kept_and_what_it_says_counts():
    known = Panel("a1", "old", "text", 9.0, 5, {"cfg": 3.0})
    found = from_cues([Cue("a1", "new", 1, 25), Cue("a2", "other", 25, 49)], FPS, [known])
    assert found == (replace(known, prompt="new", seconds=1.0), Panel("a2", "other", seconds=1.0))


def test_rounding_does_not_add_up():
    cues = to_cues([Panel(str(number), "", seconds=0.52) for number in range(100)], FPS)
    assert abs(cues[-1].end - (1 + 52 * FPS)) <= 0.5
    assert all(cue.end - cue.start in (12, 13) for cue in cues)


def test_the_shortest_panel_has_a_frame():
    assert [(cue.start, cue.end) for cue in to_cues([Panel("a", "", seconds=0.001)] * 2, FPS)] == [(1, 2), (2, 3)]


@given(st.text())
def test_whatever_a_name_is_it_makes_an_id(name):
    found = clean_id(name)
    assert not found or not id_problem(found)
    [cue] = marker_cues([(name, 1)], end=10)
    assert not id_problem(cue.id)
    [cue] = strip_cues([(name, "x", 1, 10)])
    assert not id_problem(cue.id)


@given(st.lists(st.integers(1, 500), min_size=1, max_size=20), st.sampled_from([23.976, 24.0, 25.0, 30.0, 60.0]))
def test_frames_come_back_as_they_were(lengths, fps):
    start, cues = 7, []
    for number, length in enumerate(lengths):
        cues.append(Cue(f"p{number}", f"fox {number}", start, start + length))
        start += length
    assert to_cues(from_cues(cues, fps), fps, start=7) == tuple(cues)
