"""What is deleted, and above all what is not."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blender_comfyui.generation.history import CleanUp, CleanUpPlan, History, Placement, cleaning
from blender_comfyui.generation.history.places import Places
from blender_comfyui.generation.outcome import JobState, Outcome
from blender_comfyui.generation.ownership import Ownership
from tests.generation.history.entries import OWNER, add, add_finished, finished, opened, request

DAY = 24 * 3600.0


class Clock:
    def __init__(self) -> None:
        self.now = 1000 * DAY

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def history(tmp_path, clock):
    with opened(tmp_path, clock=clock) as history:
        yield history


def with_file(history: History, name: str, size: int = 100, **given) -> str:
    path = history.folder / "outputs" / f"{name}.png"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x" * size)
    return add_finished(history, job_id=name, paths=(path,), when=history._clock(), **given)


def ids(history: History) -> set[str]:
    return {record.id for record in history.find().records}


def files(history: History) -> set[str]:
    return {path.stem for path in (history.folder / "outputs").iterdir()}


# Deleting


def test_a_deleted_job_is_gone_and_its_files_stay(history):
    with_file(history, "a")
    with_file(history, "b")
    assert history.delete(["a"], with_files=False) == CleanUpPlan(("a",))
    assert (ids(history), files(history)) == ({"b"}, {"a", "b"})
    assert history.record("a") is None


def test_with_files_they_go_too(history):
    with_file(history, "a", 123)
    with_file(history, "b")
    gone = history.delete(["a", "nobody", "a"], with_files=True)
    assert gone == CleanUpPlan(("a",), (history.folder / "outputs" / "a.png",), 123)
    assert (ids(history), files(history)) == ({"b"}, {"b"})


@pytest.fixture
def owner(history):
    """Somebody who lives, and looks after the jobs that are theirs."""
    owner = Ownership(history.folder / "owners")
    owner.take()
    yield owner
    owner.release()


def test_an_open_job_that_somebody_looks_after_is_not_deleted(history, owner):
    job_id = add(history)
    history.adopt(job_id, OWNER, owner.id)
    assert history.delete([job_id], with_files=True) == CleanUpPlan()
    assert ids(history) == {job_id}


def test_an_open_job_that_is_given_up_is_deleted_when_it_is_named(history, owner):
    """Its server is never used again, and so nobody will ever end it."""
    job_id, other = add(history, server="http://old:8188"), add(history)
    assert history.clean_up(CleanUp(keep_newest=0), dry_run=False) == CleanUpPlan()
    assert history.delete([job_id], with_files=True).ids == (job_id,)
    assert ids(history) == {other}
    assert not history.adopt(job_id, OWNER, owner.id)


def test_nothing_of_a_deleted_job_stays_behind(history):
    with_file(history, "a")
    history.delete(["a"], with_files=False)
    for table in ("jobs", "requests", "files", "texts"):
        assert history._database.read(lambda c, table=table: c.execute(f"SELECT * FROM {table}").fetchall()) == []


def test_its_thumbnails_go_with_it(history):
    with_file(history, "aa-1")
    with_file(history, "aa-2")
    thumbnails = [Places(history.folder).thumbnail(name, 1) for name in ("aa-1", "aa-2")]
    for path in thumbnails:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    history.delete(["aa-1"], with_files=False)
    assert [path.exists() for path in thumbnails] == [False, True]


def test_a_file_that_is_not_as_we_put_it_is_not_ours_any_more(history):
    with_file(history, "a", 100)
    (history.folder / "outputs" / "a.png").write_bytes(b"painted over")
    gone = history.delete(["a"], with_files=True)
    assert (gone.ids, gone.files, gone.bytes) == (("a",), (), 0)
    assert files(history) == {"a"}


def test_what_lies_beside_stays(history):
    with_file(history, "a")
    (history.folder / "outputs" / "mine.png").write_bytes(b"x" * 100)
    history.delete(["a"], with_files=True)
    assert files(history) == {"mine"}


def test_a_folder_in_the_place_of_a_file_stays(history):
    with_file(history, "a")
    path = history.folder / "outputs" / "a.png"
    path.unlink()
    path.mkdir()
    assert history.delete(["a"], with_files=True).files == ()
    assert path.is_dir()


def test_a_file_of_two_jobs_stays_until_both_go(history):
    with_file(history, "a")
    add_finished(history, job_id="b", paths=(history.folder / "outputs" / "a.png",))
    assert history.delete(["a"], with_files=True).files == ()
    assert files(history) == {"a"}
    history.delete(["b"], with_files=True)
    assert files(history) == set()


def test_many_are_deleted(history):
    names = [add_finished(history) for _ in range(1200)]
    assert history.delete(names, with_files=True).ids == tuple(names)
    assert history.find().total == 0


# Cleaning up


@pytest.mark.parametrize(
    ("policy", "gone"),
    [
        (CleanUp(), ""),
        (CleanUp(older_than_days=5.5), "a b"),
        (CleanUp(older_than_days=0), "a b c d e f"),
        (CleanUp(keep_newest=2), "a b c d"),
        (CleanUp(keep_newest=100), ""),
        (CleanUp(keep_newest=0), "a b c d e f"),
        (CleanUp(max_bytes=350), "a b c"),
        (CleanUp(max_bytes=600), ""),
        (CleanUp(max_bytes=0), "a b c d e f"),
        (CleanUp(older_than_days=5.5, keep_newest=3), "a b c"),
        (CleanUp(older_than_days=5.5, max_bytes=250), "a b c d"),
    ],
)
@pytest.mark.parametrize("with_files", [False, True])
def test_a_policy_lets_the_oldest_go(history, clock, policy, gone, with_files):
    for name in "abcdef":  # one a day
        clock.now += DAY
        with_file(history, name)
    clock.now += 1.0 + 2 * DAY
    policy = CleanUp(policy.older_than_days, policy.keep_newest, policy.max_bytes, with_files)
    planned = history.clean_up(policy, dry_run=True)
    assert (ids(history), files(history)) == (set("abcdef"), set("abcdef"))
    done = history.clean_up(policy, dry_run=False)
    assert planned == done
    assert " ".join(done.ids) == gone
    assert ids(history) == set("abcdef") - set(gone.split())
    assert [path.stem for path in done.files] == (gone.split() if with_files else [])
    assert done.bytes == (100 * len(gone.split()) if with_files else 0)
    assert files(history) == (ids(history) if with_files else set("abcdef"))


ALL = [
    CleanUp(older_than_days=0, with_files=True),
    CleanUp(keep_newest=0, with_files=True),
    CleanUp(max_bytes=0, with_files=True),
]


@pytest.mark.parametrize("policy", ALL)
def test_favourites_open_jobs_and_unplaced_results_stay_whatever_the_policy(history, clock, policy):
    with_file(history, "goes")
    with_file(history, "favourite")
    with_file(history, "waits", placement=Placement.WAITING)
    with_file(history, "in memory", placement=Placement.PLACED)
    with_file(history, "dismissed", placement=Placement.DISMISSED)
    history.favourite("favourite", True)
    for state in (JobState.WAITING, JobState.QUEUED, JobState.RUNNING, JobState.DOWNLOADING):
        add(history, job_id=state.value)
        history.update(state.value, state=state)
    clock.now += 10 * DAY
    assert set(history.clean_up(policy, dry_run=False).ids) == {"goes", "dismissed"}
    assert files(history) == {"favourite", "waits", "in memory"}
    clock.now += 1000 * DAY
    assert history.clean_up(policy, dry_run=False).ids == ("in memory",)
    assert ids(history) == {"favourite", "waits", "waiting", "queued", "running", "downloading"}


def test_one_file_that_waits_keeps_the_others_of_its_job(history):
    paths = tuple(history.folder / f"{number}.png" for number in range(3))
    add_finished(history, paths=paths, placement=Placement.WAITING, job_id="a")
    history.place("a", 1, Placement.KEPT)
    history.place("a", 3, Placement.DISMISSED)
    assert history.clean_up(CleanUp(keep_newest=0), dry_run=True).ids == ()


def test_what_became_a_favourite_since_the_plan_stays(history, monkeypatch):
    """Another Blender, or this one's gallery, may change what a clean-up has just planned to remove."""
    with_file(history, "a")
    with_file(history, "b")
    plan = cleaning.plan

    def planned(*asked):
        names = plan(*asked)
        with opened(history.folder) as other:
            other.favourite("a", True)
        return names

    monkeypatch.setattr(cleaning, "plan", planned)
    assert history.clean_up(ALL[1], dry_run=False).ids == ("b",)
    assert files(history) == {"a"}


entries = st.tuples(
    st.sampled_from(list(Placement)),
    st.sampled_from(list(JobState)),
    st.booleans(),
    st.integers(0, 40),
    st.integers(0, 9),
)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(entries, max_size=8),
    st.builds(
        CleanUp,
        st.none() | st.floats(0, 50),
        st.none() | st.integers(0, 9),
        st.none() | st.integers(0, 40),
        st.booleans(),
    ),
)
def test_no_policy_touches_what_it_must_not(tmp_path_factory, given_entries, policy):
    clock = Clock()
    with opened(tmp_path_factory.mktemp("history"), clock=clock) as history:
        protected = set()
        for number, (placement, state, favourite, days, size) in enumerate(given_entries):
            clock.now = (2000 - days) * DAY
            name = str(number)
            path = history.folder / f"{name}.png"
            path.write_bytes(b"x" * size)
            if state.is_terminal:
                add_finished(history, job_id=name, state=state, paths=(path,), placement=placement, when=clock.now)
            else:
                add(history, job_id=name)
                history.update(name, state=state)
            history.favourite(name, favourite)
            waits = placement is Placement.WAITING or (placement is Placement.PLACED and days < 30)
            if favourite or waits or not state.is_terminal:
                protected.add(name)
        clock.now = 2000 * DAY
        planned = history.clean_up(policy, dry_run=True)
        before = ids(history)
        done = history.clean_up(policy, dry_run=False)
        assert planned == done
        assert not protected & set(done.ids)
        assert ids(history) == before - set(done.ids)
        assert history.clean_up(policy, dry_run=False).ids == ()
        left = {path.stem for path in history.folder.glob("*.png")}
        assert left == {str(n) for n in range(len(given_entries))} - ({path.stem for path in done.files})


# Statistics


def test_figures_by_task_and_tier(history):
    kinds = itertools.cycle([("image", "draft"), ("image", "draft"), ("video", "final")])
    ends = [
        *[(JobState.FINISHED, seconds) for seconds in (1.0, 2.0, 50.0, 3.0, 4.0, 70.0)],
        (JobState.FAILED, 100.0),
        (JobState.CANCELLED, 100.0),
        (JobState.LOST, 100.0),
    ]
    for state, seconds in ends:
        task, tier = next(kinds)
        add_finished(history, request(task=task, tier=tier), state=state, seconds=seconds)
    add(history, request(task="mesh"))
    add_finished(history, request(task="image", tier="draft"), seconds=999.0, imported=True)
    found = history.statistics()
    drafts, finals = found.by_kind["image", "draft"], found.by_kind["video", "final"]
    assert (drafts.count, drafts.finished, drafts.failed, drafts.cancelled, drafts.lost) == (6, 4, 1, 1, 0)
    assert (drafts.success_rate, drafts.median_seconds) == (0.8, 2.5)
    assert (finals.count, finals.lost, finals.success_rate, finals.median_seconds) == (3, 1, 2 / 3, 60.0)
    mesh = found.by_kind["mesh", ""]
    assert (mesh.count, mesh.finished, mesh.success_rate, mesh.median_seconds) == (1, 0, None, None)
    assert (found.total.count, found.total.success_rate, found.total.median_seconds) == (10, 0.75, 3.5)


def took(history: History, seconds: float, *, before_the_end: Callable[[str], object] = lambda _: None) -> str:
    """A job that waited an hour in a queue, and then was on the server for so long."""
    job_id = add(history, sent=1.0)
    history.update(job_id, state=JobState.RUNNING, started=3600.0)
    before_the_end(job_id)
    history.end(job_id, finished(seconds=3600.0 + seconds), 3600.0 + seconds)
    return job_id


def test_the_typical_time_is_that_on_the_server(history):
    took(history, 4.0)
    assert history.statistics().total.median_seconds == 4.0


AWAY = Outcome(JobState.FAILED, error=RuntimeError("away"), recoverable=True)


@pytest.mark.parametrize(
    "leave",
    [
        lambda history, job_id: history.adopt(job_id, OWNER, "b2"),
        lambda history, job_id: (history.end(job_id, AWAY, 3601.0), history.reopen(job_id, OWNER)),
        lambda history, job_id: history.end(job_id, dataclasses.replace(AWAY, stays_open=True), 3601.0),
    ],
    ids=["Blender was closed", "looked for again", "the server was away"],
)
def test_a_job_that_nobody_watched_for_a_while_has_no_time(history, leave):
    took(history, 4.0)
    took(history, 9999.0, before_the_end=lambda job_id: leave(history, job_id))
    found = history.statistics().total
    assert (found.finished, found.median_seconds) == (2, 4.0)


def test_an_empty_history_has_no_rates(history):
    found = history.statistics()
    assert (found.total.count, found.total.success_rate, found.total.median_seconds, found.by_kind) == (
        0,
        None,
        None,
        {},
    )
