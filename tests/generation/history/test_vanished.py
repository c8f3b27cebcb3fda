"""A history that is gone is not replaced by an empty one without a word."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from blender_comfyui.generation.history import Filter, History, Placement, connecting, rescue
from blender_comfyui.generation.outcome import JobState
from tests.generation.history.entries import SERVER, add, add_finished, an_id, finished, opened, picture, request


def test_the_first_one_is_no_news(tmp_path):
    with opened(tmp_path) as history:
        assert history.find().total == 0
        assert history.notice == ""


def remove(folder: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        (folder / f"history.sqlite{suffix}").unlink(missing_ok=True)


def with_pictures(folder: Path) -> None:
    """Two results in the usual folder, one in another."""
    with opened(folder) as history:
        for place in ("outputs", "outputs", "elsewhere"):
            job_id = an_id()
            asked = request("a fox", folder=folder / place)
            add_finished(history, asked, job_id=job_id, paths=(picture(folder / place, job_id),))


def test_what_is_gone_is_made_anew_from_the_files(tmp_path):
    with_pictures(tmp_path)
    remove(tmp_path)
    with opened(tmp_path) as history:
        assert history.find(Filter("red cube")).total == 3
        assert "gone" in history.notice
        assert "3 of its entries were made anew" in history.notice
        assert history.waiting("", "") == ()
    with opened(tmp_path) as history:
        assert (history.notice, history.find().total) == ("", 3)


def test_it_is_said_also_where_nothing_can_be_made_anew(tmp_path):
    with opened(tmp_path) as history:
        add(history, request(folder=tmp_path / "elsewhere"))
    remove(tmp_path)
    with opened(tmp_path) as history:
        assert history.find().total == 0
        assert "gone" in history.notice


@pytest.mark.parametrize("trace", ["history.open", "thumbnails", "folders.txt"])
def test_each_trace_of_a_history_tells_of_it(tmp_path, trace):
    (tmp_path / trace).mkdir() if trace == "thumbnails" else (tmp_path / trace).touch()
    with opened(tmp_path) as history:
        history.find()
        assert "gone" in history.notice


def test_results_are_a_trace(tmp_path):
    picture(tmp_path / "outputs", an_id())
    with opened(tmp_path) as history:
        assert history.find().total == 1
        assert "gone" in history.notice


def test_other_peoples_files_are_none(tmp_path):
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / "holiday.png").write_bytes(b"")
    with opened(tmp_path) as history:
        history.find()
        assert history.notice == ""


def test_a_crash_while_it_is_made_anew_loses_nothing(tmp_path, monkeypatch):
    with_pictures(tmp_path)
    remove(tmp_path)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, opened(tmp_path) as history:
        patch.setattr(rescue.rebuild, "add_from_files", crash)
        with pytest.raises(KeyboardInterrupt):
            history.find()
    with opened(tmp_path) as history:
        assert history.find().total == 3
        assert "gone" in history.notice


# While it is open

on_posix = pytest.mark.skipif(os.name != "posix", reason="an open file cannot be removed")


@on_posix
def test_one_that_vanishes_while_it_is_open_is_written_again_as_it_was(tmp_path):
    with opened(tmp_path) as history:
        settled = add_finished(history, request("settled"), placement=Placement.KEPT)
        history.favourite(settled, True)
        waiting = add(history, request("a fox"), rank=4.0, sent=3.0, state=JobState.RUNNING)
        (tmp_path / "history.sqlite").unlink()
        [record] = history.open_jobs(SERVER)
        assert (record.id, record.rank, record.sent) == (waiting, 4.0, 3.0)
        assert "gone" in history.notice
        history.end(waiting, finished(), 5.0)
    with opened(tmp_path) as history:
        assert history.notice == ""
        assert history.record(waiting).state is JobState.FINISHED
        assert [record.id for record in history.find(Filter("settled", favourite=True)).records] == [settled]


@on_posix
def test_two_that_have_it_open_go_on_with_one(tmp_path):
    with opened(tmp_path) as first, opened(tmp_path) as second:
        add(first, job_id="a")
        second.find()
        (tmp_path / "history.sqlite").unlink()
        add(first, job_id="b")
        add(second, job_id="c")
        assert {record.id for record in first.find().records} == {"a", "b", "c"}


@on_posix
def test_where_it_cannot_be_written_again_it_is_made_anew(tmp_path, monkeypatch):
    with opened(tmp_path) as history:
        job_id = add(history, request(folder=tmp_path / "outputs"))
        history.end(job_id, finished(picture(tmp_path / "outputs", job_id)), 1.0)
        (tmp_path / "history.sqlite").unlink()
        monkeypatch.setattr(rescue, "copy_out", _fail)
        assert history.find(Filter("red cube")).total == 1
        assert "made anew" in history.notice


def _fail(*_: object) -> None:
    raise connecting.sqlite3.OperationalError("disk I/O error")


@on_posix
def test_a_folder_that_vanishes_comes_back(tmp_path):
    folder = tmp_path / "data"
    history = History(folder)
    add(history, job_id="a")
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert history.record("a") is not None
    history.close()
