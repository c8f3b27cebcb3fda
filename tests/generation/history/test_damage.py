"""A damaged history is set aside, and rebuilt of what can be read and of the files' own prompts. It is always said."""

from __future__ import annotations

import contextlib
import dataclasses
import random
import shutil
import sqlite3
import uuid
from pathlib import Path

import pytest

from blender_comfyui.generation.history import (
    Filter,
    HistoryUnavailable,
    Placement,
    Sort,
    connecting,
    opening,
    rescue,
)
from blender_comfyui.generation.history.rebuild import add_from_files
from blender_comfyui.generation.outcome import JobState
from tests import graphs
from tests.generation.history.damaging import NOISE, aside, change, cut, size
from tests.generation.history.entries import SERVER, add, add_finished, finished, opened, picture, request

PAGE = 4096
MANY = 300


def fill(folder: Path, count: int = MANY) -> list[str]:
    """A history as it lies on the disk after Blender has quit: `count` results, every third one with a picture."""
    ids = []
    with opened(folder) as history:
        history.find()
        for number in range(count):
            job_id = str(uuid.uuid5(uuid.NAMESPACE_URL, str(number)))
            paths = (picture(folder / "outputs", job_id, stem=f"n{number}"),) if number % 3 == 0 else ()
            asked = request(f"number {number}", folder=folder / "outputs", task="image")
            ids.append(add_finished(history, asked, job_id=job_id, paths=paths))
    return ids


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A copy of a history, and the ids in it."""
    folder = tmp_path_factory.mktemp("damage") / "history"
    ids = fill(folder)
    return shutil.copytree(folder, folder.with_name("whole")), ids


@pytest.fixture
def folder(whole):
    """The history in the place where it was made, to be damaged."""
    place = whole[0].with_name("history")
    shutil.rmtree(place)
    return shutil.copytree(whole[0], place)


def pages_of(path: Path, table: str) -> list[int]:
    """Where in the file the leaves of a table or index are. Python's SQLite often lacks dbstat: they are known by the
    root's children."""
    connection = sqlite3.connect(path)
    [(root,)] = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,))
    connection.close()
    data = path.read_bytes()
    start = (root - 1) * PAGE
    cells = int.from_bytes(data[start + 3 : start + 5], "big")
    assert data[start] in (2, 5), "not an interior page"
    offsets = [int.from_bytes(data[start + 12 + 2 * i : start + 14 + 2 * i], "big") for i in range(cells)]
    return [(int.from_bytes(data[start + o : start + o + 4], "big") - 1) * PAGE for o in offsets]


def all_of(folder: Path, text: str = "") -> dict[str, object]:
    with opened(folder) as history:
        return {record.id: record for record in history.find(Filter(text), size=1000).records}


# name: what happens to the file, and the least number of entries that are read as they were
DAMAGES = {
    "nothing left": (lambda path: cut(path, 0), 0),
    "a stump": (lambda path: cut(path, 50), 0),
    "one page": (lambda path: cut(path, PAGE), 0),
    "half a file": (lambda path: cut(path, size(path) // 2 // PAGE * PAGE), 20),
    "cut within a page": (lambda path: cut(path, size(path) - 1000), 200),
    "the first bytes": (lambda path: change(path, 0, NOISE[:16]), MANY),
    "the header": (lambda path: change(path, 0, NOISE[:100]), MANY),
    "the first page": (lambda path: change(path, 0, NOISE[:PAGE]), MANY),
    "zeros at the start": (lambda path: change(path, 0, bytes(PAGE)), MANY),
    "another file": (lambda path: path.write_bytes(NOISE), 0),
    "a text": (lambda path: path.write_text("<html>" * 1000), 0),
    "a database of somebody else": (lambda path: somebody_elses(path), 0),
    "jobs in the middle": (lambda path: change(path, pages_of(path, "jobs")[2], NOISE[:PAGE]), 200),
    "requests in the middle": (lambda path: change(path, pages_of(path, "requests")[2], NOISE[:PAGE]), MANY),
    "two pages of jobs": (
        lambda path: [change(path, pages_of(path, "jobs")[n], NOISE[:PAGE]) for n in (1, 5)],
        150,
    ),
    "files in the middle": (lambda path: change(path, pages_of(path, "files")[1], NOISE[:PAGE]), MANY),
}


def somebody_elses(path: Path) -> None:
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE notes (text)")
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()


def touch_everything(folder: Path) -> str:
    """Use it until the damage is met, at the next look through the whole file at the latest; the notice."""
    with pytest.MonkeyPatch.context() as patch, opened(folder) as history:
        patch.setattr(opening, "_CHECK_EVERY", -1.0)
        history.find(sort=Sort.OLDEST, size=1000)
        return history.notice


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_said_set_aside_and_made_good(folder, whole, damage):
    act, at_least = DAMAGES[damage]
    act(folder / "history.sqlite")
    damaged = (folder / "history.sqlite").read_bytes()
    notice = touch_everything(folder)
    assert "damaged" in notice
    [path] = aside(folder)
    assert path.name in notice
    assert path.read_bytes() == damaged
    found = all_of(folder)
    as_they_were = [found[job_id] for job_id in whole[1] if job_id in found and found[job_id].task == "image"]
    assert len(as_they_were) >= at_least
    pictures = {file.path for record in found.values() for file in record.files}
    assert {path.name for path in pictures} == {path.name for path in (whole[0] / "outputs").iterdir()}
    assert sum(len(record.files) for record in found.values()) == len(pictures) == MANY // 3


@pytest.mark.parametrize("damage", DAMAGES)
def test_after_damage_all_goes_on_as_before(folder, damage):
    DAMAGES[damage][0](folder / "history.sqlite")
    touch_everything(folder)
    with opened(folder) as history:
        assert history.notice == ""
        job_id = add(history, request("a new fox"))
        history.end(job_id, finished(folder / "1.png"), 1.0)
        assert [record.id for record in history.find(Filter("new fox")).records] == [job_id]
        assert history.find().records[0].id == job_id
        history.delete([record.id for record in history.find(size=1000).records], with_files=False)
        assert history.find().total == 0
        assert history.find(Filter("number")).total == 0
    assert touch_everything(folder) == ""
    assert len(aside(folder)) == 1
    names = {path.name for path in folder.iterdir()}
    assert not {name for name in names if "new" in name or "rebuilt" in name or "salvage" in name or "blank" in name}


def test_damage_that_is_met_later_does_not_keep_from_going_on(folder):
    """SQLite notices a broken page only when it comes to it: what was asked is answered all the same."""
    with opened(folder) as history:
        history.find(size=1)
    change(folder / "history.sqlite", pages_of(folder / "history.sqlite", "jobs")[2], NOISE[:PAGE])
    with opened(folder) as history:
        assert history.find(size=1).records
        assert history.notice == ""
        page = history.find(sort=Sort.OLDEST, size=1000)
        assert "damaged" in history.notice
        assert page.total == len(page.records) >= 200


def test_a_job_is_written_down_also_when_the_damage_is_met_then(folder):
    with opened(folder) as history:
        history.find(size=1)
        cut(folder / "history.sqlite", PAGE * 3)
        job_id = add(history, request("a new fox"))
        assert "damaged" in history.notice
        assert history.record(job_id).label == "a new fox"


def test_what_was_made_anew_is_like_what_was_asked(tmp_path):
    folder = tmp_path / "elsewhere"
    graph = graphs.txt2img(steps=9)
    with opened(tmp_path) as history:
        job_id = add(history, request(folder=folder, context={"blend_id": "u1"}))
        paths = [picture(folder, job_id, number, "my_fox", graph) for number in (1, 2, 10)]
        plain = folder / paths[0].name.replace(".png", "_3.mp4")
        plain.write_bytes(b"a video beside the pictures")
        history.end(job_id, finished(*paths, plain), 1.0)
    for stranger in ("ComfyUI_00001_.png", "holiday.png", "notes_abcdef.txt", ".hidden_abcdef.png"):
        shutil.copy(paths[0], folder / stranger)
    (folder / "notes_abcdef.txt").write_text("not a picture")
    (tmp_path / "history.sqlite").write_bytes(b"")
    with opened(tmp_path) as history:
        [record] = history.find().records
        whole = history.record(record.id)
        assert history.waiting("", "") == ()
    assert [file.path for file in whole.files] == [paths[0], paths[1], plain, paths[2]]
    assert [file.number for file in whole.files] == [1, 2, 3, 10]
    assert [file.kind for file in whole.files] == ["image", "image", "video", "image"]
    assert {file.placement for file in whole.files} == {Placement.KEPT}
    assert (whole.state, whole.label, whole.request.prompt) == (JobState.FINISHED, "a red cube", graph)
    assert whole.parameters["steps"] == 9
    assert whole.seed == graph["5"]["inputs"]["seed"]
    assert (whole.request.folder, whole.request.stem) == (folder, "my_fox")
    assert whole.created == pytest.approx(paths[0].stat().st_mtime)


def test_results_are_made_anew_in_the_order_of_their_time(tmp_path):
    import os

    for name, time in (("second", 2000), ("first", 1000), ("third", 3000)):
        os.utime(picture(tmp_path / "outputs", "0a1b2c", stem=name), (time, time))
    (tmp_path / "history.sqlite").write_bytes(NOISE)
    with opened(tmp_path) as history:
        assert [record.request for record in history.find().records] == [None] * 3
        stems = [history.record(record.id).request.stem for record in history.find().records]
    assert stems == ["third", "second", "first"]


def test_twice_damaged_each_is_set_aside(folder):
    for _ in range(2):
        cut(folder / "history.sqlite", 0)
        touch_everything(folder)
    assert len(aside(folder)) == 2


def test_where_nothing_can_be_read_nothing_is_made_up(tmp_path):
    (tmp_path / "history.sqlite").write_bytes(NOISE)
    with opened(tmp_path) as history:
        assert history.find().total == 0
        assert "0 could be read, and 0 were made anew" in history.notice


def test_a_broken_request_costs_only_itself(folder, whole):
    connection = sqlite3.connect(folder / "history.sqlite")
    broken, odd = whole[1][7], whole[1][8]
    for job_id, column, value in ((broken, "body", NOISE[:50]), (odd, "facts", "{}"), (odd, "result", "nonsense")):
        number = "(SELECT number FROM jobs WHERE id = ?)"
        connection.execute(f"UPDATE requests SET {column} = ? WHERE job = {number}", (value, job_id))
    connection.execute("UPDATE jobs SET state = 'dancing' WHERE id = ?", (whole[1][9],))
    connection.commit()
    connection.close()
    with opened(folder) as history:
        assert history.find(size=1000).total == MANY
        record = history.record(broken)
        assert (record.request, record.label, record.error) == (None, "number 7", "")
        assert "damaged" in history.record(odd).error
        assert "damaged" in history.record(whole[1][9]).error
        assert history.record(whole[1][10]).request is not None


def test_random_damage_never_gets_out(tmp_path, whole):
    """Flipped bytes anywhere: every question is answered, or refused with a sentence, and new jobs are written."""
    dice = random.Random(7)
    for turn in range(40):
        folder = tmp_path / str(turn)
        folder.mkdir()
        shutil.copy(whole[0] / "history.sqlite", folder)
        for _ in range(dice.choice([1, 5, 50])):
            change(folder / "history.sqlite", dice.randrange(size(folder / "history.sqlite")), dice.randbytes(3))
        with opened(folder) as history:
            for ask in (
                lambda: history.find(size=1000),
                lambda: history.find(Filter("number"), Sort.PROMPT),
                lambda: history.waiting("", ""),
                lambda: history.open_jobs(SERVER),
                lambda: history.statistics(),
                lambda: [history.record(job_id) for job_id in whole[1][::10]],
            ):
                ask()
            job_id = add(history, request("a new fox"))
            assert history.record(job_id).label == "a new fox"
        shutil.rmtree(folder)


# The rebuilding itself


def test_open_jobs_survive_with_their_requests(tmp_path):
    asked = dataclasses.replace(request("a fox"), folder=tmp_path / "out", outputs=("2",))
    with opened(tmp_path) as history:
        job_id = add(history, asked, rank=4.0)
        history.update(job_id, state=JobState.RUNNING, sent=3.0)
        history.favourite(add_finished(history), True)
    change(tmp_path / "history.sqlite", 0, NOISE[:PAGE])
    with opened(tmp_path) as history:
        [record] = history.open_jobs(SERVER)
        assert "damaged" in history.notice
        assert (record.id, record.request, record.rank, record.sent) == (job_id, asked, 4.0, 3.0)
        assert history.find(Filter(favourite=True)).total == 1


def test_a_result_whose_files_were_forgotten_gets_them_back(folder, whole):
    connection = sqlite3.connect(folder / "history.sqlite")
    connection.execute("DELETE FROM files")
    connection.commit()
    connection.close()
    (folder / "history.open").touch()  # as after a crash, with the log gone
    with opened(folder) as history:
        record = history.record(whole[1][3])
        assert [file.path.name for file in record.files] == [f"n3_{record.id[:6]}.png"]
        assert history.find(size=1).total == MANY


@pytest.mark.parametrize("step", ["before the move", "between the moves"])
def test_a_crash_while_it_is_rebuilt_loses_nothing(folder, monkeypatch, step):
    cut(folder / "history.sqlite", size(folder / "history.sqlite") // 2)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    move = rescue._move

    def crash_after(*places: Path) -> None:
        move(*places)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, opened(folder) as history:
        patch.setattr(rescue, "_move", crash if step == "before the move" else crash_after)
        with pytest.raises(KeyboardInterrupt):
            history.find()
    with opened(folder) as history:
        assert sum(len(record.files) for record in history.find(size=1000).records) == MANY // 3
    assert len(aside(folder)) == 1


def test_a_rebuilding_that_fails_leaves_the_damaged_file_in_its_place(folder, monkeypatch):
    cut(folder / "history.sqlite", PAGE * 5)
    damaged = (folder / "history.sqlite").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, opened(folder) as history:
        patch.setattr(shutil, "copyfile", full)
        with pytest.raises(HistoryUnavailable, match=r"disk .* is full"):
            history.find()
    assert (folder / "history.sqlite").read_bytes() == damaged
    assert "damaged" in touch_everything(folder)


def test_the_header_that_is_written_is_one_that_sqlite_takes(whole, tmp_path):
    from blender_comfyui.generation.history import salvage

    path = Path(shutil.copy(whole[0] / "history.sqlite", tmp_path))
    salvage._mend_header(path)
    connection = connecting.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("SELECT count(*) FROM jobs").fetchone() == (MANY,)
    connection.close()


def test_a_folder_whose_name_is_damaged_is_passed_over(tmp_path):
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE files (path)")
        assert add_from_files(connection, [Path("a\0b"), tmp_path / "gone"]) == 0
