"""A file keeps its number among all files of its job, also where others of them did not come."""

from pathlib import Path
from types import SimpleNamespace

import pytest


def outcome_of(module, *numbers: int, kind: str = "image"):
    outcomes = module("generation.outcome")
    outputs = tuple(
        outcomes.Output(Path(f"/out/{place}.png"), "2", "Save", kind, "output", number)
        for place, number in enumerate(numbers, 1)
    )
    return outcomes.Outcome(outcomes.JobState.FINISHED, outputs)


@pytest.mark.parametrize(("given", "numbers"), [((2, 3), [2, 3]), ((0, 0), [1, 2])])
def test_results_have_the_numbers_of_their_files(module, given, numbers):
    job_list = module("blender.job_list")
    entry = job_list.Entry(SimpleNamespace(id="j-1", request=SimpleNamespace(context={})), {})
    outcome = outcome_of(module, *given)
    entry.end(outcome)
    assert [result.number for result in entry.results] == numbers
    assert tuple(result.output for result in entry.results) == outcome.outputs


def test_an_earlier_runs_results_keep_their_numbers(module):
    history, job_list = module("generation.history"), module("blender.job_list")
    files = [history.FileRecord(n, Path(f"/out/{n}.png"), "2", "Save", "image", "output", 9) for n in (2, 5)]
    record = history.Record("j-1", module("generation.outcome").JobState.FINISHED, files=tuple(files))
    entry = job_list.Entry.of_record(record)
    assert [result.number for result in entry.results] == [2, 5]
    assert [output.number for output in entry.outcome.outputs] == [2, 5]


def test_what_no_sink_takes_is_noted_under_its_number(module, monkeypatch):
    delivery, events = module("blender.delivery"), module("generation.events")
    noted = []
    monkeypatch.setattr(delivery.placements, "note_unplaceable", lambda job_id, numbers: noted.append(numbers))
    delivery._note_unplaceable(events.Ended("j-1", outcome_of(module, 2, 3, kind="audio")))
    assert noted == [[2, 3]]
