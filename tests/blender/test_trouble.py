"""Trouble on our own side, with the history or in a reader of it, delays results and never costs one."""

import bpy
import pytest


@pytest.fixture
def slow(server):
    """A server that waits until it is released."""
    server.control(call="hold")
    return server


@pytest.fixture
def fails_once(module, monkeypatch):
    """``fails_once("waiting")``: that method of every history raises at its next call."""

    def break_(method):
        kind = module("generation.history").History
        unavailable = module("generation.history").HistoryUnavailable
        real, left = getattr(kind, method), [1]

        def call(self, *arguments, **options):
            if left:
                left.pop()
                raise unavailable("Another Blender is at work on the history.")
            return real(self, *arguments, **options)

        monkeypatch.setattr(kind, method, call)
        return left

    return break_


def new_file():
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)


def test_a_reader_that_fails_costs_no_news(slow, comfyui, saved, click, deliver, module, monkeypatch):
    archive = module("blender.archive")

    class Bad:
        def questions(self):
            return ()

        def take(self, news):
            raise RuntimeError("a reader")

    monkeypatch.setattr(archive, "readers", [Bad(), *archive.readers])
    entry = click()
    slow.control(call="release")
    deliver(lambda: entry.placed)


def test_news_that_cannot_be_taken_cost_only_themselves(slow, comfyui, saved, click, deliver, module, monkeypatch):
    jobs = module("blender.runtime").jobs
    real = type(jobs).take
    changed = module("generation.events").StateChanged

    def take(self, event):
        if isinstance(event, changed):
            raise RuntimeError("unforeseen")
        real(self, event)

    monkeypatch.setattr(type(jobs), "take", take)
    entry = click()
    slow.control(call="release")
    deliver(lambda: entry.placed)


def test_a_history_that_cannot_be_read_at_once_is_asked_again(
    server, comfyui, saved, click, deliver, module, monkeypatch, fails_once, tmp_path
):
    recovery, runtime = module("blender.recovery"), module("blender.runtime")
    monkeypatch.setattr(recovery, "_AFTER_TROUBLE", 0.05)
    entry = click()
    new_file()
    entry.job.wait(20)
    deliver(lambda: entry.is_elsewhere)
    runtime.close()
    recovery.reader.begin()
    left = fails_once("waiting")
    deliver(lambda: not left)
    bpy.ops.wm.open_mainfile(filepath=str(saved))
    deliver(lambda: len([image for image in bpy.data.images if image.get("comfyui")]) == 1)


def test_the_tick_comes_as_long_as_an_answer_is_owed(module, monkeypatch):
    archive, delivery = module("blender.archive"), module("blender.delivery")
    monkeypatch.setattr(archive, "PATIENCE", 0.0)
    monkeypatch.setattr(archive._current, "owed", 1)
    monkeypatch.setattr(delivery, "_news", delivery._ServerNews())
    assert delivery._next_interval() == delivery.AWAY_INTERVAL


def test_paused_holds_for_a_server_that_is_chosen_later(stand_in, preferences, comfyui, click, deliver, module):
    runtime = module("blender.runtime")
    bpy.ops.comfyui.pause_queue(pause=True)
    server = stand_in()
    preferences.host = server.url
    entry = click()
    deliver(lambda: entry.job.is_held)
    assert runtime.is_paused()
    with pytest.raises(RuntimeError, match="paused"):
        bpy.ops.comfyui.generate()
    assert server.control()["posts"] == 0
    bpy.ops.comfyui.pause_queue(pause=False)
    deliver(lambda: entry.placed)


def test_a_script_does_not_wait_for_a_render_to_end(server, comfyui, saved, module, monkeypatch, deliver):
    delivery = module("blender.delivery")
    monkeypatch.setattr(delivery, "blender_is_busy", lambda: True)
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    [entry] = module("blender.runtime").jobs
    assert not entry.placed
    monkeypatch.undo()
    deliver(lambda: entry.placed)


def test_open_jobs_that_another_blender_has_are_asked_for_again(module, monkeypatch):
    recovery = module("blender.recovery")
    monkeypatch.setattr(recovery, "_ASK_AGAIN", 0.0)
    reader = recovery._Recovery()
    reader.open_jobs = recovery._Wish(0.0)
    reader.results.answered()
    assert [type(question).__name__ for question in reader.questions()] == ["Find"]
    assert list(reader.questions()) == []
    records = module("generation.history")
    page = records.Page((), 0, 0, 1)
    reader.take(records.Found(page, recovery._TAG))
    assert not reader.is_waiting


def test_an_answer_from_before_a_dismissal_brings_nothing_back(server, comfyui, saved, click, deliver, module):
    recovery, placements, records = (
        module("blender.recovery"),
        module("blender.placements"),
        module("generation.history"),
    )
    runtime = module("blender.runtime")
    entry = click()
    deliver(lambda: entry.placed)
    session = runtime.session()
    late = records.WaitingFound((session.history.record(entry.id),), frozenset(), placements.turn())
    bpy.ops.wm.open_mainfile(filepath=str(saved))
    bpy.ops.comfyui.dismiss(job_id=entry.id)
    recovery.reader.take(late)
    assert list(runtime.jobs) == []
