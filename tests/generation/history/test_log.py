"""The log beside the file, which holds what is new: after a crash, lost, broken, or about to be removed."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

from blender_comfyui.generation.history import History
from tests.generation.history.damaging import NOISE, aside, change, size
from tests.generation.history.entries import add, add_finished, an_id, finished, opened, picture, request


def as_after_a_crash(folder: Path, target: Path) -> Path:
    """What is on the disk when Blender is killed now."""
    return shutil.copytree(folder, target)


def test_after_a_crash_all_is_there(tmp_path):
    with opened(tmp_path / "a") as history:
        job_id = add(history)
        killed = as_after_a_crash(tmp_path / "a", tmp_path / "b")
    with opened(killed) as history:
        assert history.record(job_id) is not None
        assert history.notice == ""


def test_a_lost_log_is_made_up_for_from_the_files(tmp_path):
    with opened(tmp_path / "a") as history:
        add_finished(history, request("settled"), paths=(picture(tmp_path / "out", "00aa00", stem="settled"),))
    with opened(tmp_path / "a") as history:
        job_id = add(history, request(folder=tmp_path / "out"))
        history.end(job_id, finished(picture(tmp_path / "out", job_id)), 1.0)
        killed = as_after_a_crash(tmp_path / "a", tmp_path / "b")
    (killed / "history.sqlite-wal").unlink()
    with opened(killed) as history:
        assert {record.label for record in history.find().records} == {"settled", "a red cube"}
        assert "1 of its entries" in history.notice
        assert aside(killed) == []
    with opened(killed) as history:
        assert history.notice == ""
        assert history.find().total == 2


def test_a_log_lost_without_a_trace_is_no_news(tmp_path):
    with opened(tmp_path / "a") as history:
        add(history)
        killed = as_after_a_crash(tmp_path / "a", tmp_path / "b")
    (killed / "history.sqlite-wal").unlink()
    with opened(killed) as history:
        assert history.find().total == 0
        assert history.notice == ""


def test_a_broken_log_costs_what_is_behind_the_break(tmp_path):
    with opened(tmp_path / "a") as history:
        for number in range(50):
            add(history, request(str(number)))
        killed = as_after_a_crash(tmp_path / "a", tmp_path / "b")
    log = killed / "history.sqlite-wal"
    change(log, size(log) // 2, NOISE[:100])
    with opened(killed) as history:
        labels = {record.label for record in history.find(size=100).records}
        assert {str(number) for number in range(5)} <= labels
        assert "49" not in labels
        job_id = add(history)
        assert history.record(job_id) is not None


def test_a_damaged_file_with_its_log_is_rebuilt_of_both(tmp_path):
    with opened(tmp_path / "a") as history:
        old = add(history, request("old"))
    with opened(tmp_path / "a") as history:
        new = add(history, request("new"))
        killed = as_after_a_crash(tmp_path / "a", tmp_path / "b")
    change(killed / "history.sqlite", 0, NOISE[:100])
    log = (killed / "history.sqlite-wal").read_bytes()
    with opened(killed) as history:
        assert history.record(old).label == "old"
        assert history.record(new).label == "new"
        if history.notice:
            [path] = aside(killed)
            assert Path(f"{path}-wal").read_bytes() == log


class _ClosingSlowly:
    """A connection; in the moment after its end `meanwhile` is done."""

    def __init__(self, connection: sqlite3.Connection, meanwhile: Callable[[], None]) -> None:
        self._connection = connection
        self._meanwhile = meanwhile

    def close(self) -> None:
        self._connection.close()
        self._meanwhile()


def test_who_opens_it_while_another_closes_it_finds_nothing_lost(tmp_path):
    first, second = History(tmp_path), History(tmp_path)
    add(first)
    picture(tmp_path / "outputs", an_id())  # of no entry, as while a result is being fetched
    opening = threading.Thread(target=second.find)

    def open_it() -> None:
        opening.start()
        opening.join(0.5)  # it waits for us, or is done wrongly

    database = first._database
    database._connection = _ClosingSlowly(database._connection, open_it)
    first.close()
    opening.join()
    assert (second.notice, second.find().total) == ("", 1)
    second.close()
