"""Ends, and looking for a result once more: what is on the disk is never forgotten."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from blender_comfyui.generation.history import History, Placement
from blender_comfyui.generation.outcome import JobState, Outcome
from tests.generation.history.entries import OWNER, SERVER, add, output

RECOVERABLE = Outcome(JobState.FAILED, error=RuntimeError("away"), recoverable=True, seconds=4.0)
LOST = Outcome(JobState.LOST, error=RuntimeError("forgotten"))


def ended(history: History, outcome: Outcome, *paths: Path, sent: float | None = 3.0) -> str:
    """A job that was sent, and came to this end with these files."""
    job_id = add(history, sent=sent, state=JobState.QUEUED if sent else JobState.WAITING)
    history.end(job_id, with_files(outcome, *paths), 5.0)
    return job_id


def with_files(outcome: Outcome, *paths: Path, first: int = 0) -> Outcome:
    """`first`: the number of the first of them; 0 where none is given."""
    given = [output(path) for path in paths]
    numbered = [dataclasses.replace(each, number=first and first + place) for place, each in enumerate(given)]
    return dataclasses.replace(outcome, outputs=tuple(numbered))


def pictures(folder: Path, *names: str) -> list[Path]:
    paths = [folder / f"{name}.png" for name in names]
    for path in paths:
        path.write_bytes(path.name.encode())
    return paths


@pytest.mark.parametrize("outcome", [RECOVERABLE, LOST])
def test_a_job_whose_result_the_server_may_still_have_is_opened_again(history, outcome):
    job_id = ended(history, outcome)
    assert history.reopen(job_id, "b2")
    record = history.record(job_id)
    assert (record.state, record.owner, record.ended, record.seconds) == (JobState.QUEUED, "b2", None, 0.0)
    assert not history.reopen(job_id, "c3"), "it is open"


@pytest.mark.parametrize(
    ("outcome", "sent"),
    [
        (Outcome(JobState.FINISHED), 3.0),
        (Outcome(JobState.CANCELLED), 3.0),
        (Outcome(JobState.FAILED, error=RuntimeError("its node broke")), 3.0),
        (RECOVERABLE, None),
        (LOST, None),
    ],
)
def test_an_end_that_looking_again_cannot_change_is_final(history, outcome, sent):
    job_id = ended(history, outcome, sent=sent)
    before = history.record(job_id)
    assert not history.reopen(job_id, "b2")
    assert history.record(job_id) == before


def test_an_unknown_job_is_not_opened(history):
    assert not history.reopen("nobody", "b2")


def test_what_is_on_the_disk_stays_listed_when_the_server_then_knows_nothing(history, tmp_path):
    [path] = pictures(tmp_path, "1")
    job_id = ended(history, dataclasses.replace(RECOVERABLE, texts=("said",)), path)
    history.place(job_id, 1, Placement.KEPT, "Fox")
    history.reopen(job_id, "b2")
    [file] = history.record(job_id).files
    history.end(job_id, LOST, 9.0)
    record = history.record(job_id)
    assert record.files == (file,)
    assert (file.path, file.placement, file.placed_as) == (path, Placement.KEPT, "Fox")
    assert (record.state, record.error, record.ended) == (JobState.LOST, "forgotten", 9.0)
    assert record.texts == ("said",)


def test_a_file_has_the_number_that_it_has_among_all_of_its_job(history, tmp_path):
    job_id = add(history)
    history.end(job_id, with_files(RECOVERABLE, *pictures(tmp_path, "2", "3"), first=2), 5.0)
    assert [(file.number, file.path.stem) for file in history.record(job_id).files] == [(2, "2"), (3, "3")]


def test_a_second_end_adds_what_was_missing(history, tmp_path):
    first, second = pictures(tmp_path, "1", "2")
    job_id = add(history, sent=3.0)
    history.end(job_id, with_files(RECOVERABLE, second, first=2), 5.0)
    history.place(job_id, 2, Placement.PLACED, "Fox")
    history.reopen(job_id, OWNER)
    history.end(job_id, with_files(Outcome(JobState.FINISHED), first, second, first=1), 6.0)
    found = [(file.number, file.path, file.placement) for file in history.record(job_id).files]
    assert found == [(1, first, Placement.WAITING), (2, second, Placement.PLACED)]


def test_files_without_numbers_count_in_their_order(history, tmp_path):
    paths = pictures(tmp_path, "b", "a")
    job_id = ended(history, RECOVERABLE, *paths)
    history.reopen(job_id, OWNER)
    history.end(job_id, with_files(Outcome(JobState.FINISHED), *paths), 6.0)
    assert [(file.number, file.path) for file in history.record(job_id).files] == list(enumerate(paths, 1))


def test_a_file_that_is_gone_makes_room_for_the_one_that_comes_in_its_place(history, tmp_path):
    gone, new = tmp_path / "gone.png", *pictures(tmp_path, "new")
    job_id = ended(history, RECOVERABLE, gone)
    history.place(job_id, 1, Placement.KEPT, "Fox")
    history.reopen(job_id, OWNER)
    history.end(job_id, with_files(Outcome(JobState.FINISHED), new, first=1), 6.0)
    [file] = history.record(job_id).files
    assert (file.number, file.path, file.bytes, file.placement) == (1, new, len("new.png"), Placement.KEPT)


def test_a_file_whose_number_another_has_is_listed_all_the_same(history, tmp_path):
    painted, again = pictures(tmp_path, "1", "1-2")
    job_id = ended(history, RECOVERABLE, painted)
    history.reopen(job_id, OWNER)
    history.end(job_id, with_files(Outcome(JobState.FINISHED), again, first=1), 6.0)
    assert [(file.number, file.path) for file in history.record(job_id).files] == [(1, painted), (2, again)]


def test_files_of_a_job_that_will_come_back_by_itself_are_listed_and_it_stays_open(history, tmp_path):
    [path] = pictures(tmp_path, "2")
    job_id = add(history, sent=3.0, state=JobState.DOWNLOADING)
    history.end(job_id, dataclasses.replace(with_files(RECOVERABLE, path, first=2), stays_open=True), 5.0)
    [record] = history.open_jobs(SERVER)
    assert (record.id, record.state, record.ended, record.error) == (job_id, JobState.DOWNLOADING, None, "away")
    assert [(file.number, file.path) for file in record.files] == [(2, path)]
    history.end(job_id, with_files(Outcome(JobState.FINISHED), path, first=2), 6.0)
    assert history.record(job_id).state is JobState.FINISHED
