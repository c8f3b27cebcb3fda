"""Our own queue in the panel: what is sent when, and what a person can do about it."""

import json
import urllib.request
import uuid

import blf
import bpy
import pytest


@pytest.fixture
def busy(server):
    """A server that works on another person's picture until it is released."""
    server.control(call="hold")
    post_as_stranger(server)
    return server


@pytest.fixture
def many(busy, comfyui, saved, click, deliver):
    """``many(5)`` are that many jobs: the first one waits on the server, the others here."""

    def run(count, words=""):
        entries = []
        for number in range(count):
            comfyui.prompt = f"picture {number}{words}"
            entries.append(click())
        deliver(lambda: entries[0].job.state == "queued" and all(entry.job.is_held for entry in entries[1:]))
        return entries

    return run


@pytest.fixture
def order(module):
    runtime = module("blender.runtime")
    return lambda: [entry.making.label for entry in runtime.held_jobs()]


def post_as_stranger(server):
    picture = {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 1}}
    keep = {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "theirs"}}
    body = json.dumps({"prompt": {"1": picture, "2": keep}, "client_id": "x", "prompt_id": str(uuid.uuid4())})
    request = urllib.request.Request(f"{server.url}/prompt", body.encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=10).close()


def names(count):
    return [f"picture {number}" for number in range(1, count)]


def buttons(layout, name):
    return [drawn.arguments["properties"] for drawn in layout.drawn if drawn.name == name]


def test_it_says_how_many_prompts_of_others_are_before_ours(many, draw, deliver):
    many(2)
    deliver(lambda: "1 by others before it" in draw().text)
    assert "Number 1 in the queue" in draw().text


def test_what_waits_here_is_listed_in_its_order(many, draw, order):
    many(4)
    assert order() == names(4)
    layout = draw()
    assert "Queue: 3 waiting 1. picture 1 2. picture 2 3. picture 3" in layout.text
    assert [drawn.name for drawn in layout.drawn].count("comfyui.cancel") == 4


def test_it_can_be_moved_hurried_and_cancelled(many, draw, order, deliver):
    many(4)
    last = buttons(draw(), "comfyui.run_next")[-1].job_id
    bpy.ops.comfyui.run_next(job_id=last)
    deliver(lambda: order() == ["picture 3", "picture 1", "picture 2"])
    bpy.ops.comfyui.move_job(job_id=last, by=1)
    deliver(lambda: order() == ["picture 1", "picture 3", "picture 2"])
    bpy.ops.comfyui.move_job(job_id=buttons(draw(), "comfyui.move_job")[-1].job_id, by=-1)
    deliver(lambda: order() == ["picture 1", "picture 2", "picture 3"])
    bpy.ops.comfyui.cancel(job_id=last)
    deliver(lambda: order() == ["picture 1", "picture 2"])


def test_they_run_in_the_order_that_was_made(many, busy, order, deliver, draw):
    entries = many(4)
    bpy.ops.comfyui.run_next(job_id=entries[3].id)
    deliver(lambda: order()[0] == "picture 3")
    busy.control(call="release")
    deliver(lambda: all(entry.placed for entry in entries))
    sent = [body for method, path, _, body in busy.control()["requests"] if (method, path) == ("POST", "/prompt")]
    assert [body["prompt_id"] for body in sent[1:]] == [entries[number].id for number in (0, 3, 1, 2)]
    assert "Queue" not in draw().text


def test_paused_nothing_more_is_sent(many, busy, draw, deliver, module):
    entries = many(3)
    bpy.ops.comfyui.pause_queue(pause=True)
    deliver(module("blender.runtime").is_paused)
    assert "Paused: nothing more is sent." in draw().text
    busy.control(call="release")
    deliver(lambda: entries[0].placed)
    assert [entry.job.is_held for entry in entries[1:]] == [True, True]
    assert buttons(draw(), "comfyui.pause_queue")[0].pause is False
    bpy.ops.comfyui.pause_queue(pause=False)
    deliver(lambda: entries[2].placed)


def test_cancel_all_leaves_other_people_alone(many, busy, deliver, module):
    many(5)
    bpy.ops.comfyui.cancel_all()
    deliver(lambda: not module("blender.runtime").jobs.running)
    report = busy.control()
    busy.control(call="release")
    deliver(lambda: busy.control()["finished"])
    assert report["posts"] == busy.control()["posts"] == 2
    assert list(busy.control()["finished"].values()) == [1]


def test_a_long_queue_is_a_number_and_costs_no_more_to_draw(many, draw, click, deliver):
    entries = many(20)
    few = len(draw().drawn)
    entries += [click() for _ in range(80)]
    deliver(lambda: all(entry.job.is_held for entry in entries[1:]))
    layout = draw()
    assert "Queue: 99 waiting" in layout.text
    assert "and 93 more" in layout.text
    assert len(layout.drawn) == few


@pytest.mark.parametrize("width", [280, 220])
def test_nothing_is_cut(many, draw, width, module):
    many(3, " of a quiet mountain lake at sunset")
    content = module("blender.panels").content_width(_context(width))
    blf.size(0, bpy.context.preferences.ui_styles[0].widget.points)
    lines = [drawn.text for drawn in draw(width=width).drawn if drawn.kind == "label"]
    assert all(blf.dimensions(0, line)[0] <= content for line in lines)
    held = [line for line in lines if line.startswith(("1. ", "2. "))]
    assert len(held) == 2
    assert all(blf.dimensions(0, line)[0] <= content - 80 for line in held)


def _context(width):
    from types import SimpleNamespace

    return SimpleNamespace(preferences=bpy.context.preferences, region=SimpleNamespace(width=width))
