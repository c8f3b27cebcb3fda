"""Results on their way into Blender: the timer, other files, other servers, previews."""

import time

import bpy
import pytest


@pytest.fixture
def slow(server):
    """A server that waits until it is released."""
    server.control(call="hold")
    return server


@pytest.fixture
def runtime(module):
    return module("blender.runtime")


@pytest.fixture
def delivery(module):
    return module("blender.delivery")


def is_running(entry):
    return lambda: entry.job.state == "running"


def test_a_click_returns_at_once_though_the_server_is_slow(server, comfyui, saved, click, module):
    click()  # the first one opens the connection
    server.control(set={"post_delay": 3.0})
    start = module("blender.operators.generate").start
    began, worked = time.perf_counter(), time.thread_time()
    start(bpy.context)
    assert time.thread_time() - worked < 0.1  # it takes 2 ms; bench measures it
    assert time.perf_counter() - began < 2.0, "it waited for the server"


def test_the_timer_runs_while_a_job_does_and_stops_after_it(slow, comfyui, saved, click, deliver, delivery):
    entry = click()
    assert bpy.app.timers.is_registered(delivery.tick)
    deliver(is_running(entry))
    assert delivery.tick() == delivery.INTERVAL
    slow.control(call="release")
    deliver(lambda: entry.is_settled)
    deliver(lambda: delivery.tick() is None)


def test_a_tick_that_fails_is_followed_by_the_next(server, comfyui, saved, click, deliver, delivery, monkeypatch):
    entry = click()
    with monkeypatch.context() as patch:
        patch.setattr(delivery, "_take_events", lambda: 1 / 0)
        assert delivery.tick() == delivery.INTERVAL
    deliver(lambda: entry.is_settled)
    assert len(entry.placed) == 1


def test_one_image_a_tick(server, comfyui, saved, click, deliver, delivery):
    comfyui.batch_size = 3
    entry = click()
    deliver(lambda: entry.placed)
    assert len(entry.placed) == 1
    delivery.tick()
    assert len(entry.placed) == 2


def test_a_job_goes_on_while_another_file_is_open_and_waits_for_its_own(slow, comfyui, saved, click, deliver, tmp_path):
    entry = click()
    deliver(is_running(entry))
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    slow.control(call="release")
    deliver(lambda: entry.is_settled)
    assert (len(bpy.context.scene.comfyui.results), entry.placed) == (0, [])
    assert "scene.blend" in entry.problem
    bpy.ops.wm.open_mainfile(filepath=str(saved))
    deliver(lambda: entry.placed)
    assert (len(bpy.context.scene.comfyui.results), entry.problem) == (1, "")


def test_a_result_of_another_file_can_be_placed_here(server, comfyui, saved, click, deliver):
    entry = click()
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    deliver(lambda: entry.is_settled)
    bpy.ops.comfyui.place_here(job_id=entry.id)
    deliver(lambda: entry.placed)
    assert len(bpy.context.scene.comfyui.results) == 1


def test_two_unsaved_files_are_told_apart(server, comfyui, click, deliver):
    entry = click()
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    deliver(lambda: entry.is_settled)
    assert "not saved" in entry.problem


def test_a_file_that_is_saved_meanwhile_is_still_the_same(server, comfyui, click, deliver, tmp_path):
    entry = click()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "now.blend"))
    deliver(lambda: entry.is_settled)
    assert entry.placed


def test_a_job_survives_a_look_at_another_server(slow, comfyui, saved, click, deliver, stand_in, preferences, runtime):
    entry = click()
    deliver(is_running(entry))
    preferences.host = stand_in().url
    other = click()
    deliver(lambda: other.placed)
    assert entry.is_running
    slow.control(call="release")
    deliver(lambda: entry.placed)
    assert runtime.session().address.port == preferences.port
    deliver(lambda: len(runtime._connections) == 1)


def test_coming_back_to_a_server_takes_the_session_that_is_still_there(
    slow, comfyui, saved, click, preferences, runtime
):
    click()
    first = runtime.session()
    preferences.port += 1
    assert runtime.session() is not first
    preferences.port -= 1
    assert runtime.session() is first


def test_the_newest_preview_is_kept_while_the_job_runs(slow, comfyui, saved, click, deliver, delivery):
    """Icons have numbers only in a window: that the panel shows it is a test of tests/gui."""
    comfyui.width = comfyui.height = 512
    comfyui.steps = 8
    entry = click()
    deliver(is_running(entry))
    slow.control(call="step", args={"count": 9})
    deliver(lambda: delivery.live_preview._job_id == entry.id)
    icon = delivery.live_preview._icon()
    assert tuple(icon.image_size) == (256, 256)
    assert len(set(icon.image_pixels[:])) > 10
    slow.control(call="release")
    deliver(lambda: entry.is_settled)
    deliver(lambda: delivery.tick() is None)
    assert delivery.live_preview._icons is None
    assert [image.name for image in bpy.data.images if image.name.startswith(".")] == []


def test_cancel_ends_one_job_only(slow, comfyui, saved, click, deliver, runtime):
    running, queued = click(), click()
    deliver(lambda: running.job.state == "running" and queued.job.state == "queued")
    bpy.ops.comfyui.cancel(job_id=running.id)
    deliver(lambda: not running.is_running)
    assert runtime.jobs.get(running.id) is None
    slow.control(call="release")
    deliver(lambda: queued.placed)


def test_cancel_all_ends_all_of_ours(slow, comfyui, saved, click, deliver, runtime):
    entries = [click(), click()]
    deliver(lambda: entries[0].job.state == "running")
    bpy.ops.comfyui.cancel_all()
    deliver(lambda: not any(entry.is_running for entry in entries))
    assert not bpy.ops.comfyui.cancel_all.poll()
    assert list(runtime.jobs) == []


def test_a_file_that_is_moved_before_it_is_placed_leaves_a_sentence(server, comfyui, saved, click, deliver, delivery):
    entry = click()
    entry.job.wait(20)
    for path in (saved.parent / "comfyui").iterdir():
        path.unlink()
    deliver(lambda: entry.is_settled)
    assert "moved" in entry.problem


def test_rendering_is_not_disturbed(server, comfyui, saved, click, deliver, delivery, monkeypatch):
    entry = click()
    monkeypatch.setattr(delivery, "blender_is_busy", lambda: True)
    deliver(lambda: entry.waiting)
    for _ in range(3):
        assert delivery.tick() == delivery.INTERVAL
    assert not entry.placed
    monkeypatch.undo()
    deliver(lambda: entry.placed)
