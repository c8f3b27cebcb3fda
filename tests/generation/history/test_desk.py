"""The desk: questions of a thread that must not wait, answered in order by another."""

from __future__ import annotations

import pytest

from blender_comfyui.generation.history import (
    Changed,
    Delete,
    Desk,
    Fetch,
    Fetched,
    Filter,
    Find,
    Found,
    MarkPlaced,
    NoThumbnail,
    Notice,
    Placement,
    SetFavourite,
    Thumbnail,
    Trouble,
    Waiting,
    WantThumbnail,
)
from blender_comfyui.generation.history.places import Places
from blender_comfyui.generation.outcome import JobState
from blender_comfyui.generation.ownership import Ownership
from tests.generation.history.entries import OWNER, add, add_finished, finished, picture

LIMIT = 120.0  # seconds; only reached where something is wrong


@pytest.fixture
def desk(tmp_path):
    desk = Desk(tmp_path)
    yield desk
    desk.close()
    desk.join(LIMIT)


def answer(desk: Desk, question: object) -> object:
    desk.ask(question)
    return desk._answers.get(timeout=LIMIT)


def test_what_is_asked_is_answered_in_order(history, desk):
    job_id = add_finished(history)
    desk.ask(SetFavourite(job_id, True))
    desk.ask(Find(Filter(favourite=True), tag="marked"))
    assert desk._answers.get(timeout=LIMIT) == Changed()
    found = desk._answers.get(timeout=LIMIT)
    assert (found.tag, [record.id for record in found.page.records]) == ("marked", [job_id])
    assert answer(desk, Fetch("nobody")) == Fetched("nobody", None)


def test_making_one_and_closing_it_touches_nothing(tmp_path):
    desk = Desk(tmp_path / "none")
    assert desk.drain() == []
    desk.close()
    desk.ask(Find())
    assert desk._thread is None
    assert not (tmp_path / "none").exists()


def test_changes_asked_for_before_it_is_closed_are_made(history, tmp_path):
    job_id = add_finished(history, paths=(tmp_path / "1.png",), placement=Placement.WAITING)
    desk = Desk(tmp_path)
    desk.ask(MarkPlaced(job_id, 1, Placement.KEPT, "Fox"))
    desk.close()
    desk.join(LIMIT)
    assert history.record(job_id).files[0].placement is Placement.KEPT


def test_it_deletes_open_jobs_that_nobody_looks_after(history, desk, tmp_path):
    owner = Ownership(tmp_path / "owners")
    owner.take()
    given_up, followed = add(history, state=JobState.QUEUED, sent=1.0), add(history)
    history.adopt(followed, OWNER, owner.id)
    assert answer(desk, Delete((given_up, followed), with_files=False)) == Changed()
    page = answer(desk, Find()).page
    assert [record.id for record in page.records] == [followed]
    assert answer(desk, Find(Filter(unfollowed=True))).page.total == 0
    owner.release()
    assert answer(desk, Find(Filter(unfollowed=True))).page.total == 1


def test_what_waits_comes_with_those_of_its_owners_that_live(history, desk, tmp_path):
    owner = Ownership(tmp_path / "owners")
    owner.take()
    waiting = [add(history), add(history)]
    history.adopt(waiting[1], OWNER, owner.id)
    for job_id in waiting:
        history.end(job_id, finished(tmp_path / "1.png"), 2.0)
    found = answer(desk, Waiting("", ""))
    assert [record.owner for record in found.records] == [OWNER, owner.id]
    assert found.living == {owner.id}
    owner.release()
    assert answer(desk, Waiting("", "")).living == frozenset()


def test_pictures_have_thumbnails_that_are_kept(desk, tmp_path):
    path = picture(tmp_path / "out", "0a1b2c")
    for _ in range(2):
        made = answer(desk, WantThumbnail("0a1b2c-1", 1, path))
        assert isinstance(made, Thumbnail)
        assert len(made.pixels) == made.width * made.height * 16
        path.unlink(missing_ok=True)
    assert Places(tmp_path).thumbnail("0a1b2c-1", 1).is_file()
    assert answer(desk, WantThumbnail("0a1b2c-2", 1, path)) == NoThumbnail("0a1b2c-2", 1)
    assert answer(desk, WantThumbnail("../../0a1b2c", 1, path)) == NoThumbnail("../../0a1b2c", 1)


def test_what_happened_to_the_history_is_told_unasked(history, desk, tmp_path):
    add_finished(history)
    history.close()
    (tmp_path / "history.open").touch()
    (tmp_path / "history.sqlite").unlink()
    assert isinstance(answer(desk, Find()), Found)
    assert "gone" in desk._answers.get(timeout=LIMIT).sentence
    assert isinstance(answer(desk, Find()), Found)
    assert desk.drain() == []


def test_trouble_is_told_and_ends_nothing(desk, tmp_path):
    (tmp_path / "history.sqlite").mkdir()
    told = answer(desk, Find())
    assert isinstance(told, Trouble)
    assert str(tmp_path) in told.sentence
    (tmp_path / "history.sqlite").rmdir()
    assert isinstance(answer(desk, Find()), Found)


def test_notices_are_told_once(history, desk, tmp_path):
    history.find()
    history.close()
    (tmp_path / "history.sqlite").write_bytes(b"nonsense")
    assert isinstance(answer(desk, Find()), Found)
    assert isinstance(desk._answers.get(timeout=LIMIT), Notice)
    assert isinstance(answer(desk, Find()), Found)
    assert isinstance(answer(desk, Find()), Found)
