"""Progress from recorded runs: it never goes back, counts cached nodes, and ends below 1.0 until the files are here."""

from __future__ import annotations

import json

import pytest

from blender_comfyui.comfy.events import NodeExecuting, NodeProgress, NodesCached, parse_message
from blender_comfyui.generation.progress import ProgressTracker
from blender_comfyui.generation.request import Request
from tests import graphs

RECORDED = ["empty_save", "txt2img", "txt2img_cached", "txt2img_preview_meta", "video_mp4", "mixed_outputs"]


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_run(transcripts, name):
    recording = json.loads((transcripts / "0.3.64" / f"{name}.json").read_text())
    (entry,) = recording["history"].values()
    tracker = ProgressTracker(Request(entry["prompt"][2]))
    fractions = []
    for message in recording["ws"]:
        body = message.get("msg") or {}
        event = parse_message(body.get("type"), body.get("data"))
        if event is not None:
            tracker.feed(event)
            fractions.append(float(tracker.progress()))
    assert fractions == sorted(fractions)
    assert 0.9 <= fractions[-1] < 1.0
    tracker.fetched(1, 1)
    assert fractions[-1] < float(tracker.progress()) < 1.0
    assert float(tracker.progress(ended=True)) == 1.0


def test_a_sampler_weighs_its_steps():
    tracker = ProgressTracker(Request(graphs.txt2img(steps=20)))
    tracker.feed(NodesCached("p", ("1", "2", "3", "4")))
    cached = float(tracker.progress())
    tracker.feed(NodeExecuting("p", "5", "5"))
    tracker.feed(NodeProgress("p", "5", 10.0, 20.0))
    half = tracker.progress()
    assert cached == pytest.approx(0.95 * 4 / 26)
    assert float(half) == pytest.approx(0.95 * 14 / 26)
    assert half.node_title == "Main sampler"
    assert (half.done_nodes, half.total_nodes) == (4, 7)


def test_a_lower_value_does_not_take_progress_back():
    tracker = ProgressTracker(Request(graphs.txt2img(steps=20)))
    tracker.feed(NodeProgress("p", "5", 15.0, 20.0))
    before = float(tracker.progress())
    tracker.feed(NodeProgress("p", "5", 2.0, 20.0))
    assert float(tracker.progress()) == before


def test_events_of_unknown_nodes_do_no_harm():
    tracker = ProgressTracker(Request(graphs.empty_save()))
    tracker.feed(NodeProgress("p", "99", 1.0, 0.0))
    tracker.feed(NodeExecuting("p", "99:1", "99"))
    tracker.feed(NodeExecuting("p", None, None))
    assert float(tracker.progress()) == 0.0
