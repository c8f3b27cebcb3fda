"""A history of every earlier version is brought up to date with all that is in it; one of a newer version is left."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from blender_comfyui.generation.history import Filter, HistoryUnavailable, Placement, connecting, rows, schema
from blender_comfyui.generation.outcome import JobState
from tests.generation.history.entries import OWNER, SERVER, add, finished, opened, output, request

ASKED = request("a red fox", seed=2**64 - 1)


def write_old(path: Path, version: int, file: Path) -> None:
    """A history as that version left it: a result with a file, and an open job."""
    connection = connecting.create(path, version)
    job = (
        "INSERT INTO jobs (number, id, state, task, tier, server, owner, blend_id, blend_path, created, rank, seconds)"
    )
    for number, (job_id, state) in enumerate((("done", "finished"), ("open", "running")), 1):
        values = (number, job_id, state, "image", "draft", SERVER, OWNER, "u1", "", 5.0, 2.5, 3.0)
        connection.execute(f"{job} VALUES ({', '.join('?' * len(values))})", values)
        values = (number, rows.facts(ASKED), rows.packed(ASKED))
        connection.execute("INSERT INTO requests (job, facts, body) VALUES (?, ?, ?)", values)
        if version >= 2:
            connection.execute("INSERT INTO texts VALUES (?, ?)", (number, "a red fox"))
    columns = "job, number, path, node_id, node_title, kind, type, bytes, placement"
    marks = ", ".join("?" * 9)
    values = rows.file_values(1, 1, output(file), Placement.KEPT)
    connection.execute(f"INSERT INTO files ({columns}) VALUES ({marks})", values)
    connection.close()


@pytest.mark.parametrize("version", range(1, schema.SCHEMA_VERSION + 1))
def test_every_earlier_version_is_brought_up_to_date(tmp_path, version):
    file = tmp_path / "fox.png"
    file.write_bytes(b"12345")
    write_old(tmp_path / "history.sqlite", version, file)
    with opened(tmp_path) as history:
        done, [waiting] = history.record("done"), history.open_jobs(SERVER)
        assert history.notice == ""
        assert (done.state, done.request, done.seed, done.seconds) == (JobState.FINISHED, ASKED, 2**64 - 1, 3.0)
        assert [(each.path, each.bytes, each.placement) for each in done.files] == [(file, 5, Placement.KEPT)]
        assert (waiting.id, waiting.state, waiting.rank, waiting.request) == ("open", JobState.RUNNING, 2.5, ASKED)
        assert history.find(Filter("FOX")).total == 2
        assert history.statistics().total.median_seconds == 3.0
        history.end("open", finished(file), 9.0)
        assert history.record("open").state is JobState.FINISHED


@pytest.mark.parametrize("version", range(1, schema.SCHEMA_VERSION + 1))
def test_it_is_then_like_a_new_one(tmp_path, version):
    def shape(folder: Path) -> list[tuple[str, str]]:
        with opened(folder) as history:
            history.find()
        connection = sqlite3.connect(folder / "history.sqlite")
        statement = "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
        found = connection.execute(statement).fetchall()
        assert connection.execute("PRAGMA user_version").fetchone() == (schema.SCHEMA_VERSION,)
        connection.close()
        return found

    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    write_old(tmp_path / "old" / "history.sqlite", version, tmp_path / "fox.png")
    assert shape(tmp_path / "old") == shape(tmp_path / "new")


def test_a_newer_one_is_left_as_it_is(tmp_path):
    with opened(tmp_path) as history:
        add(history)
    connection = sqlite3.connect(tmp_path / "history.sqlite")
    connection.execute(f"PRAGMA user_version = {schema.SCHEMA_VERSION + 1}")
    connection.close()
    before = (tmp_path / "history.sqlite").read_bytes()
    with opened(tmp_path) as history, pytest.raises(HistoryUnavailable, match="newer version"):
        history.find()
    assert (tmp_path / "history.sqlite").read_bytes() == before
