"""What waits for a server that is away, or is on another one: a person can let it go, and is told what happens."""

import dataclasses

import bpy
import pytest

from tests.blender.shelves import Shelves

pytestmark = pytest.mark.usefixtures("comfyui", "saved")


@pytest.fixture
def left(server, click, deliver, module, monkeypatch):
    """A job that was running when its server went away for longer than it waits."""
    runtime, patience = module("blender.runtime"), module("generation.patience").Patience()
    short = dataclasses.replace(patience, outage=0.2, look_blind=0.05)
    real = runtime.Session
    monkeypatch.setattr(runtime, "Session", lambda *given, **named: real(*given, patience=short, **named))
    server.control(call="hold")
    entry = click()
    deliver(lambda: entry.job.state == "running")
    server.stop()
    deliver(lambda: entry.returns)
    return entry


@pytest.fixture
def gallery(module, deliver, tmp_path):
    shelves = Shelves(module, deliver, tmp_path)
    yield shelves
    shelves.history.close()


def test_a_job_that_waits_for_its_server_can_be_cancelled(left, draw, deliver, module, gallery):
    assert "comfyui.give_up" in draw().operators
    bpy.ops.comfyui.give_up(job_id=left.id)
    jobs = module("blender.runtime").jobs
    deliver(lambda: jobs.get(left.id) is None)
    assert gallery.history.record(left.id).state == "cancelled"
    assert "comfyui.give_up" not in draw().operators


def test_one_that_was_dismissed_is_in_the_gallery(left, gallery):
    bpy.ops.comfyui.dismiss(job_id=left.id)
    gallery.look()
    assert gallery.ids == [left.id]
    assert "Waits for" in gallery.select(left.id).text


def test_a_job_of_another_server_says_so_until_it_is_dismissed(
    server, stand_in, preferences, click, deliver, draw, module, gallery
):
    entry = click()
    deliver(lambda: entry.placed)
    preferences.host = stand_in().url
    bpy.ops.comfyui.look_again(job_id=entry.id)
    deliver(lambda: "Choose that server in the preferences" in draw().text)
    assert "Choose that server in the preferences" in gallery.draw().text
    bpy.ops.comfyui.gallery_dismiss_notice()
    assert "Choose that server" not in draw().text + gallery.draw().text
