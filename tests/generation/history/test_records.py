"""What goes into the history comes out of it, whatever it is."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blender_comfyui.comfy.errors import ExecutionFailed, NodeProblem
from blender_comfyui.generation.history import History, HistoryUnavailable, Placement
from blender_comfyui.generation.outcome import JobState, Outcome
from blender_comfyui.generation.request import OpenChoice, Request
from tests.generation.history.entries import OWNER, SERVER, add, add_finished, finished, opened, output, request

FULL = Request(
    prompt={"1": {"class_type": "KSampler", "inputs": {"seed": 2**64 - 1, "model": ["2", 0], "cfg": 7.5}}},
    parameters={"seed": 2**64 - 1, "prompt": "ein Fuchs 狐", "cfg": 7.5, "exact": True, "nothing": None},
    outputs=("9", "10"),
    workflow_name="sd_basic",
    task="image",
    tier="draft",
    label="Fuchs",
    folder=Path("/somewhere/ä"),
    stem="fox",
    context={"blend": "/scenes/a.blend", "blend_id": "u1", "sink": "image"},
    open_choices=(OpenChoice("checkpoint", "4", "ckpt_name"),),
)


def test_what_ended_before_it_began_is_never_open(tmp_path):
    """A process that dies here leaves no row that another one would send."""
    seen = []
    with opened(tmp_path, clock=lambda: 1000.0) as history:
        end = history.end
        history.end = lambda *arguments: seen.append(history.record("j-1")) or end(*arguments)
        history.add(
            "j-1", FULL, SERVER, OWNER, 3.5, outcome=Outcome(JobState.FAILED, error=ValueError("no such model"))
        )
        history.add("j-1", FULL, SERVER, OWNER, 3.5, outcome=Outcome(JobState.CANCELLED))
        record = history.record("j-1")
        assert history.open_jobs(SERVER) == ()
    assert (record.state, record.error, record.ended, record.request) == ("failed", "no such model", 1000.0, FULL)
    assert seen == []


def test_a_new_job_is_there_with_all_that_was_asked_for(tmp_path):
    with opened(tmp_path, clock=lambda: 1000.0) as history:
        history.add("j-1", FULL, SERVER, OWNER, 3.5)
        record = history.record("j-1")
    assert record.request == FULL
    assert (record.id, record.state, record.server, record.owner) == ("j-1", JobState.WAITING, SERVER, OWNER)
    assert (record.label, record.task, record.tier, record.workflow) == ("Fuchs", "image", "draft", "sd_basic")
    assert (record.parameters, record.seed) == (FULL.parameters, 2**64 - 1)
    assert (record.target, record.blend_id, record.blend_path) == (FULL.context, "u1", "/scenes/a.blend")
    assert (record.created, record.sent, record.started, record.ended) == (1000.0, None, None, None)
    assert (record.rank, record.favourite, record.imported, record.files) == (3.5, False, False, ())


def test_an_unknown_id_has_no_record(history):
    assert history.record("nobody") is None


def test_a_job_is_added_once(history):
    add(history, request("first"), "j-1")
    add(history, request("second"), "j-1")
    assert history.record("j-1").label == "first"
    assert history.find().total == 1


def test_imported_results_are_told_apart(history):
    job_id = add(history, imported=True)
    assert history.record(job_id).imported


def test_a_job_that_was_sent_by_somebody_else_is_written_as_that_at_once(history):
    """In one commit: a row that looks unsent for a moment is one that is executed again after a crash."""
    history.find()
    said = told(history, lambda: add(history, job_id="j-1", imported=True, sent=9.0, state=JobState.QUEUED))
    record = history.record("j-1")
    assert (record.state, record.sent, record.imported) == (JobState.QUEUED, 9.0, True)
    assert [statement for statement in said if statement.startswith("BEGIN")] == ["BEGIN IMMEDIATE"]


def told(history: History, act: Callable[[], object]) -> list[str]:
    """What SQLite is told by `act`."""
    said: list[str] = []
    connection = history._database._connection
    connection.set_trace_callback(said.append)
    act()
    connection.set_trace_callback(None)
    return said


def test_what_decides_whether_a_job_is_executed_again_is_on_the_disk_itself(history):
    """After a power cut a job counts as never sent unless it was written down that it was."""
    job_id = add(history)

    def is_durable(act: Callable[[], object]) -> bool:
        said = told(history, act)
        return "PRAGMA synchronous = FULL" in said[: said.index("BEGIN IMMEDIATE")]

    assert is_durable(lambda: add(history))
    assert is_durable(lambda: history.update(job_id, sent=1.0))
    assert not is_durable(lambda: history.update(job_id, state=JobState.RUNNING))


def test_a_job_moves_on(history):
    job_id = add(history)
    history.update(job_id, state=JobState.QUEUED, sent=10.0, server_version="0.27.0", rank=9.0)
    history.update(job_id, state=JobState.RUNNING, started=11.0, owner="b2")
    record = history.record(job_id)
    assert (record.state, record.sent, record.started) == (JobState.RUNNING, 10.0, 11.0)
    assert (record.server_version, record.rank, record.owner) == ("0.27.0", 9.0, "b2")


def test_a_settled_request_takes_the_place_of_the_open_one(history):
    job_id = add(history, FULL)
    settled = request("a settled badger", seed=3)
    history.update(job_id, request=settled)
    record = history.record(job_id)
    assert (record.request, record.label, record.seed) == (settled, "a settled badger", 3)


def test_the_end_tells_everything_in_one_go(history, tmp_path):
    pictures = [tmp_path / "1.png", tmp_path / "2.png"]
    pictures[0].write_bytes(b"12345")
    error = ExecutionFailed("It broke.", details="Traceback …")
    problem = NodeProblem("4", "Save inverted", "SaveImage", "images", "", "Required input is missing", "")
    outputs = tuple(output(path) for path in pictures)
    job_id = add(history)
    history.end(
        job_id, Outcome(JobState.FAILED, outputs, error, ("said",), (problem,), recoverable=True, seconds=12.5), 99.0
    )
    record = history.record(job_id)
    assert (record.state, record.ended, record.seconds) == (JobState.FAILED, 99.0, 12.5)
    assert (record.error, record.error_kind) == ("It broke.", "ExecutionFailed")
    assert record.error_details == "Traceback …"
    assert (record.texts, record.problems, record.recoverable) == (("said",), (str(problem),), True)
    assert [(file.number, file.path, file.bytes) for file in record.files] == [(1, pictures[0], 5), (2, pictures[1], 0)]
    first = record.files[0]
    assert (first.node_id, first.node_title, first.kind, first.type) == ("2", "Save final", "image", "output")
    assert {file.placement for file in record.files} == {Placement.WAITING}


def test_a_job_ends_once_and_stays_as_it_ended(history, tmp_path):
    job_id = add(history)
    history.end(job_id, finished(tmp_path / "1.png"), 5.0)
    history.place(job_id, 1, Placement.PLACED, "Fox")
    history.end(job_id, Outcome(JobState.LOST, error=RuntimeError("late")), 6.0)
    history.update(job_id, state=JobState.RUNNING, owner="late", request=request("late"))
    record = history.record(job_id)
    assert (record.state, record.ended, record.error, record.label) == (JobState.FINISHED, 5.0, "", "a red fox")
    assert [(file.placement, file.placed_as) for file in record.files] == [(Placement.PLACED, "Fox")]


def test_what_is_said_of_unknown_jobs_changes_nothing(history):
    history.update("nobody", state=JobState.RUNNING)
    history.end("nobody", finished(), 1.0)
    history.place("nobody", 1, Placement.KEPT)
    history.favourite("nobody", True)
    assert history.find().total == 0


def test_open_jobs_come_in_their_order_with_their_requests(history):
    later, sooner = add(history, FULL, rank=2.0), add(history, rank=1.0)
    add(history, server="http://elsewhere:1")
    history.end(add(history), finished(), 1.0)
    history.update(later, state=JobState.DOWNLOADING)
    records = history.open_jobs(SERVER)
    assert [record.id for record in records] == [sooner, later]
    assert records[1].request == FULL


def test_the_order_of_open_jobs_is_told(history):
    for rank in (3.5, -1.0, 2.0):
        add(history, rank=rank)
    moved = history.open_jobs(SERVER)[-1].id
    history.update(moved, rank=0.5)
    assert [record.rank for record in history.open_jobs(SERVER)] == [-1.0, 0.5, 2.0]


def test_the_last_rank_is_that_of_the_last_open_job_of_a_server(history):
    assert history.last_rank(SERVER) == 0.0
    for rank in (3.5, 7.0, 2.0):
        add(history, rank=rank)
    add(history, rank=9.0, server="http://elsewhere:1")
    add_finished(history, rank=8.0)
    assert history.last_rank(SERVER) == 7.0


def test_the_last_rank_is_looked_up_in_an_index(history):
    add(history)
    [statement] = [said for said in told(history, lambda: history.last_rank(SERVER)) if said.startswith("SELECT")]
    plan = history._database.read(lambda c: c.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall())
    assert [row[-1] for row in plan] == ["SCAN jobs USING INDEX jobs_open"]


def test_only_one_takes_over_an_open_job(history):
    job_id = add(history)
    assert history.adopt(job_id, OWNER, "b2")
    assert not history.adopt(job_id, OWNER, "c3")
    assert history.record(job_id).owner == "b2"


def test_a_job_that_has_ended_is_not_taken_over(history):
    assert not history.adopt(add_finished(history), OWNER, "b2")


def test_results_wait_for_their_own_blend(history, tmp_path):
    def of(blend_id: str, blend: str, placement: Placement, name: str) -> str:
        asked = request(context={"blend_id": blend_id, "blend": blend})
        return add_finished(history, asked, paths=(tmp_path / name,), placement=placement)

    by_id = of("u1", "/old/place.blend", Placement.WAITING, "1.png")
    by_path = of("u9", "/a.blend", Placement.PLACED, "2.png")
    other = of("u2", "/b.blend", Placement.WAITING, "3.png")
    unsaved = of("u3", "", Placement.WAITING, "4.png")
    of("u1", "/a.blend", Placement.KEPT, "5.png")
    of("u1", "/a.blend", Placement.DISMISSED, "6.png")
    history.add("open", request(context={"blend_id": "u1"}), SERVER, OWNER, 1.0)
    assert [record.id for record in history.waiting("u1", "/a.blend")] == [by_id, by_path]
    assert [record.id for record in history.waiting("u3", "")] == [unsaved]
    assert [record.id for record in history.waiting("u7", "/b.blend")] == [other]
    assert [record.id for record in history.waiting("", "")] == [by_id, by_path, other, unsaved]
    assert history.waiting("u7", "/nowhere.blend") == ()
    assert history.waiting("u1", "")[0].request is not None


def test_a_result_waits_until_all_its_files_are_settled(history, tmp_path):
    asked = request(context={"blend_id": "u1"})
    job_id = add(history, asked)
    history.end(job_id, finished(tmp_path / "1.png", tmp_path / "2.png"), 5.0)
    history.place(job_id, 1, Placement.KEPT, "Fox")
    assert [record.id for record in history.waiting("u1", "")] == [job_id]
    history.place(job_id, 2, Placement.DISMISSED)
    assert history.waiting("u1", "") == ()


def test_it_is_all_there_in_another_session(tmp_path):
    with opened(tmp_path) as first:
        job_id = add(first, FULL)
    with opened(tmp_path) as second:
        assert second.record(job_id).request == FULL


def test_after_closing_it_says_so(history):
    add(history)
    history.close()
    history.close()
    with pytest.raises(HistoryUnavailable, match="closed"):
        history.find()


def test_making_one_touches_nothing(tmp_path):
    with opened(tmp_path / "none"):
        pass
    assert not (tmp_path / "none").exists()


def test_no_secret_that_is_not_in_the_request_can_get_in(history, tmp_path):
    """An address with a user's name and password is the caller's to clean; what we write is listed here."""
    add(history, FULL)
    history.close()
    import sqlite3

    connection = sqlite3.connect(tmp_path / "history.sqlite")
    columns = {name for _, name, *_ in connection.execute("PRAGMA table_info(jobs)")}
    connection.close()
    assert not {name for name in columns if any(word in name for word in ("header", "token", "password", "secret"))}


# Whatever it is

texts = st.text(st.characters(exclude_categories=()), max_size=60)  # with NUL, lone surrogates and all
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
requests = st.builds(
    Request,
    prompt=st.dictionaries(texts, values, max_size=3),
    parameters=st.dictionaries(texts | st.just("prompt"), values, max_size=4),
    outputs=st.lists(texts, max_size=3).map(tuple),
    workflow_name=texts,
    task=texts,
    tier=texts,
    label=texts,
    folder=st.none() | st.from_regex(r"/[a-zé\udc80-\udcff]{1,20}", fullmatch=True).map(Path),
    stem=texts,
    context=st.dictionaries(texts | st.sampled_from(["blend", "blend_id"]), texts, max_size=3),
    open_choices=st.lists(st.builds(OpenChoice, texts, texts, texts), max_size=2).map(tuple),
)


@settings(deadline=None)
@given(requests, texts, texts, st.integers(0, 2**64 - 1))
def test_whatever_is_asked_for_comes_back(asked, server, owner, seed):
    asked = Request(**{**vars(asked), "parameters": {**asked.parameters, "seed": seed}})
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as history:
        history.add("j-1", asked, server, owner, 1.0)
        record = history.record("j-1")
        assert record.request == asked
        assert (record.seed, record.server, record.owner) == (seed, server, owner)
        assert (record.label, record.task, record.tier) == (asked.label, asked.task, asked.tier)
        assert (record.parameters, record.target) == (asked.parameters, asked.context)
        assert (record.blend_id, record.blend_path) == (
            asked.context.get("blend_id", ""),
            asked.context.get("blend", ""),
        )
        [listed] = history.find().records
        assert (listed.label, listed.parameters) == (asked.label, asked.parameters)
        if record.blend_id or record.blend_path:
            history.end("j-1", finished(Path("/x.png")), 1.0)
            assert [r.id for r in history.waiting(record.blend_id, record.blend_path)] == ["j-1"]


@settings(deadline=None)
@given(texts, texts, texts, st.lists(texts, max_size=3))
def test_whatever_comes_of_it_comes_back(error, title, name, said):
    path = Path("/out") / (name.replace("\0", "") or "x")
    failed = ExecutionFailed(error, details=title)
    outputs = (output(path).__class__(path, title, title, "image", title),)
    outcome = Outcome(JobState.FAILED, outputs, failed, tuple(said))
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as history:
        job_id = add(history)
        history.end(job_id, outcome, 1.0)
        history.place(job_id, 1, Placement.PLACED, name)
        record = history.record(job_id)
    assert (record.error, record.error_details, record.texts) == (str(failed), failed.details, tuple(said))
    [file] = record.files
    assert (file.path, file.node_id, file.node_title, file.type) == (path, title, title, title)
    assert file.placed_as == name


@pytest.mark.parametrize("value", [math.inf, math.nan, Path("/a"), (1, 2), {1: 2}, b"x", {1, 2}])
def test_a_value_that_json_lacks_does_not_keep_a_job_from_being_written(history, value):
    job_id = add(history, request(parameters={"odd": value, "seed": 1}))
    assert history.record(job_id).seed == 1
    assert "odd" in history.record(job_id).parameters
