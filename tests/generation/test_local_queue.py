"""At most one job of ours waits on the server; the rest waits here, in an order that can be changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_comfyui.generation.events import ForeignListed, QueueChanged
from blender_comfyui.generation.local_queue import LocalQueue
from blender_comfyui.generation.patience import Patience
from blender_comfyui.generation.session import Session
from tests import graphs
from tests.generation.test_cancel import post_foreign

LIMIT = 120.0
QUICK = Patience(unsent=10.0, outage=10.0, absence=0.3, look=0.2, look_blind=0.1)


@pytest.fixture
def server(comfy_server):
    server = comfy_server()
    server.hold()
    return server


@pytest.fixture
def session(server, tmp_path):
    with Session(server.url, data_dir=tmp_path, patience=QUICK) as session:
        yield session


def finish(server, jobs) -> list[str]:
    server.release()
    assert {job.wait(LIMIT).state for job in jobs} <= {"finished", "cancelled"}
    return list(server.executions)


def until(subscription, order: list[str], paused: bool = False) -> None:
    while subscription.get() != QueueChanged(tuple(order), paused):
        pass


def submit(session: Session, server, count: int) -> list:
    """The first runs, the second waits on the server, the others here."""
    subscription = session.subscribe()
    jobs = [session.submit(graphs.empty_save()) for _ in range(count)]
    server.wait_held()
    server.wait_for(lambda: server.posts == min(count, 2))
    if count > 2:
        until(subscription, [job.id for job in jobs[2:]])
    return jobs


def test_one_runs_one_waits_on_the_server_and_the_rest_here(server, session):
    jobs = submit(session, server, 6)
    assert session.queue == tuple(jobs[2:])
    assert [job.is_held for job in jobs] == [False] * 2 + [True] * 4
    assert server.posts == 2
    assert finish(server, jobs) == [job.id for job in jobs]


def test_moving_and_running_next(server, session):
    jobs = submit(session, server, 6)
    subscription = session.subscribe()
    session.run_next(jobs[5].id)
    session.move(jobs[2].id, 1)
    session.move(jobs[2].id, 99)
    until(subscription, [jobs[i].id for i in (5, 3, 4, 2)])
    ran = finish(server, jobs)
    assert ran == [jobs[i].id for i in (0, 1, 5, 3, 4, 2)]


def test_cancelling_what_waits_here_asks_the_server_nothing(server, session):
    jobs = submit(session, server, 4)
    before = len(server.requests)
    jobs[3].cancel()
    assert jobs[3].wait(LIMIT).state == "cancelled"
    assert not [r for r in server.requests[before:] if r.method == "POST"]
    assert finish(server, jobs) == [job.id for job in jobs[:3]]


def test_paused_it_sends_nothing(server, session):
    subscription = session.subscribe()
    session.pause()
    first = session.submit(graphs.empty_save())
    until(subscription, [first.id], paused=True)
    assert session.paused
    assert server.posts == 0
    session.resume()
    assert finish(server, [first]) == [first.id]


def test_a_place_in_the_queue_counts_other_peoples_prompts(server, session):
    foreign = post_foreign(server)
    server.wait_held()
    other = post_foreign(server)
    jobs = [session.submit(graphs.empty_save()) for _ in range(3)]
    server.wait_for(lambda: jobs[0].queue_position == 2 and jobs[2].queue_position == 4)
    assert [job.foreign_before for job in jobs] == [2, 2, 2]
    assert [job.is_held for job in jobs] == [False, True, True]
    ran = finish(server, jobs)
    assert ran[:2] == [foreign, other]


@given(
    st.lists(st.tuples(st.integers(0, 7), st.one_of(st.none(), st.integers(-9, 9))), max_size=80),
    st.sampled_from([0.0, 1e-7, 1.0]),
)
def test_moves_do_what_a_list_would_do(moves, gap):
    """Also where jobs were asked for in the same tick of a coarse clock."""
    queue, expected = LocalQueue(), [str(n) for n in range(8)]
    for rank, job_id in enumerate(expected):
        queue.add(job_id, 1.8e9 + rank * gap)
    for number, by in moves:
        job_id = str(number)
        old = expected.index(job_id)
        expected.remove(job_id)
        expected.insert(0 if by is None else min(max(old + by, 0), 7), job_id)
        queue.move(job_id, by)
        assert list(queue.order) == expected


def test_the_order_that_was_made_outlives_the_session(server, tmp_path):
    with Session(server.url, data_dir=tmp_path, patience=QUICK) as session:
        session.pause()
        first, second, third = (session.submit(graphs.empty_save()) for _ in range(3))
        subscription = session.subscribe()
        session.run_next(third.id)
        order = [third.id, first.id, second.id]
        until(subscription, order, paused=True)
    with Session(server.url, data_dir=tmp_path, patience=QUICK) as session:
        session.start()
        session.pause()
        server.wait_for(lambda: len(session.jobs) == 3)
        server.release()
        server.wait_for(lambda: server.posts)
        session.resume()
        server.wait_for(lambda: len(server.executions) == 3)
        assert list(server.executions) == order


def test_paused_no_further_part_of_a_batch_is_sent(comfy_server, tmp_path):
    server = comfy_server(vram_batch_limit=2)
    server.hold()
    with Session(server.url, data_dir=tmp_path, patience=QUICK) as session:
        job = session.submit(graphs.txt2img(batch=8))
        server.wait_held()
        subscription = session.subscribe()
        session.pause()
        until(subscription, [], paused=True)
        server.release()
        server.wait_for(lambda: job.note)
        session.list_foreign()  # read after what was there before it
        assert next(event for event in iter(subscription.get, None) if isinstance(event, ForeignListed)).error == ""
        assert server.posts == 1
        session.resume()
        assert len(job.wait(LIMIT).files) == 8
