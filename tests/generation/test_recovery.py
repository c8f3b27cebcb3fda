"""What a session leaves open, the next one brings home: once, and from the server that has it."""

from __future__ import annotations

import pytest

from blender_comfyui.comfy.errors import Lost
from blender_comfyui.generation.events import Ended, ForeignListed, QueueChanged, Returned
from blender_comfyui.generation.job import Job
from blender_comfyui.generation.outcome import JobState
from blender_comfyui.generation.patience import Patience
from blender_comfyui.generation.retry import Retry
from blender_comfyui.generation.session import Session, SessionClosed
from tests import graphs
from tests.generation.test_cancel import post_foreign

LIMIT = 120.0
QUICK = Patience(unsent=10.0, outage=1.0, absence=0.3, look=0.2, look_blind=0.1)
SOON = Retry(first=0.02)


@pytest.fixture
def server(comfy_server):
    return comfy_server()


@pytest.fixture
def open_session(tmp_path):
    """Opens sessions on one data folder; all are closed in the end."""
    sessions = []

    def open_(server) -> Session:
        sessions.append(Session(server.url, data_dir=tmp_path, patience=QUICK, retry=SOON))
        return sessions[-1]

    yield open_
    for session in sessions:
        session.close()


def returned(session: Session, count: int = 1) -> list[Job]:
    """Start a session; the first `count` jobs that come back in it."""
    subscription = session.subscribe()
    session.start()
    jobs: list[Job] = []
    while len(jobs) < count:
        event = subscription.get()
        if isinstance(event, Returned):
            jobs.append(event.job)
    return jobs


def test_a_job_is_written_down_before_it_is_sent(server, open_session):
    server.knobs.post_delay = 0.3
    session = open_session(server)
    job = session.submit(graphs.empty_save(), task="image_generation", tier="draft", label="a fox")
    server.wait_for(lambda: any(request.route == "/prompt" for request in server.requests))
    record = session.history.record(job.id)
    assert record is not None
    assert (record.task, record.tier, record.label, record.server) == (
        "image_generation",
        "draft",
        "a fox",
        str(session.address),
    )
    assert record.sent is not None
    assert record.request.prompt == job.request.prompt


def test_every_end_is_written_down(server, open_session):
    session = open_session(server)
    good, bad = session.submit(graphs.empty_save()), session.submit(graphs.raising())
    assert good.wait(LIMIT).state == "finished"
    assert bad.wait(LIMIT).state == "failed"
    record, failed = session.history.record(good.id), session.history.record(bad.id)
    assert record.state is JobState.FINISHED
    assert [file.path for file in record.files] == good.outcome.files
    assert failed.state is JobState.FAILED
    assert "Sardines" in failed.error


def test_without_a_place_for_the_history_nothing_is_sent(server, tmp_path):
    folder = tmp_path / "data"
    folder.write_text("a file where the folder should be")
    with Session(server.url, data_dir=folder, patience=QUICK, retry=SOON) as session:
        outcome = session.submit(graphs.empty_save()).wait(LIMIT)
    assert outcome.state == "failed"
    assert "history" in str(outcome.error)
    assert server.posts == 0


@pytest.mark.parametrize("moment", ["running", "ended"])
def test_a_job_of_a_closed_session_comes_back_in_the_next(server, open_session, moment):
    server.hold()
    first = open_session(server)
    job = first.submit(graphs.empty_save())
    server.wait_held()
    first.close()
    assert isinstance(job.outcome.error, SessionClosed)
    assert job.outcome.stays_open
    if moment == "ended":
        server.release()
        server.wait_finished(job.id)
    second = open_session(server)
    [again] = returned(second)
    server.release()
    outcome = again.wait(LIMIT)
    assert again.id == job.id
    assert outcome.state == "finished"
    assert len(outcome.files) == 1
    assert server.executions == {job.id: 1}
    assert second.history.record(job.id).state is JobState.FINISHED


def test_what_was_not_sent_yet_is_sent_by_the_next_session_in_the_same_order(server, open_session):
    server.hold()
    first = open_session(server)
    jobs = [first.submit(graphs.empty_save()) for _ in range(5)]
    server.wait_held()
    subscription = first.subscribe()
    first.run_next(jobs[4].id)
    while not (isinstance(event := subscription.get(), QueueChanged) and event.order[0] == jobs[4].id):
        pass
    first.close()
    second = open_session(server)
    again = returned(second, 5)
    server.release()
    assert {job.wait(LIMIT).state for job in again} == {"finished"}
    ran = list(server.executions)
    assert sorted(ran) == sorted(job.id for job in jobs)
    assert ran.index(jobs[4].id) < ran.index(jobs[2].id) < ran.index(jobs[3].id)
    assert set(server.executions.values()) == {1}


def test_what_the_server_forgot_is_lost_and_said(comfy_server, open_session):
    server = comfy_server()
    server.hold()
    first = open_session(server)
    job = first.submit(graphs.empty_save())
    server.wait_for(lambda: job.state == "running")  # else it may count as not sent, and is sent again
    first.close()
    server.stop()
    server.start()
    [again] = returned(open_session(server))
    outcome = again.wait(LIMIT)
    assert again.id == job.id
    assert outcome.state == "lost"
    assert isinstance(outcome.error, Lost)
    assert "Run it again" in str(outcome.error)


def test_the_jobs_of_a_living_session_are_left_alone(server, open_session):
    server.hold()
    first = open_session(server)
    job = first.submit(graphs.empty_save())
    server.wait_held()
    second = open_session(server)
    subscription = second.subscribe()
    own = second.submit(graphs.empty_save())
    server.release()
    assert own.wait(LIMIT).state == job.wait(LIMIT).state == "finished"
    assert not any(isinstance(event, Returned) for event in subscription.drain(1000))
    assert set(server.executions.values()) == {1}


@pytest.mark.parametrize("blind", [False, True])
def test_after_an_outage_the_result_comes_by_itself(comfy_server, open_session, blind):
    server = comfy_server(refuse_websocket=10**6 if blind else 0)
    server.hold()
    session = open_session(server)
    job = session.submit(graphs.empty_save())
    server.wait_held()
    subscription = session.subscribe()
    server.fail_next["GET /queue"] = [(503, {}, "away")] * 10**4
    server.fail_next["GET /system_stats"] = [(503, {}, "away")] * 10**4
    if not blind:
        server.drop_sockets()
    outcome = job.wait(LIMIT)
    assert outcome.state == "failed"
    assert outcome.recoverable
    server.fail_next.clear()
    server.release()
    if not blind:
        server.drop_sockets()
    else:
        session.refresh()
    while not isinstance(event := subscription.get(), Returned):
        pass
    assert event.job_id == job.id
    assert event.job.wait(LIMIT).state == "finished"
    assert server.executions == {job.id: 1}


def test_a_result_is_not_saved_twice(server, open_session, tmp_path):
    """Killed between the file and the history: the same bytes under the same name are the same result."""
    job = open_session(server).submit(graphs.empty_save())
    [file] = job.wait(LIMIT).files
    with Session(server.url, data_dir=tmp_path / "other", patience=QUICK, retry=SOON) as other:
        other.history.add(job.id, job.request, str(other.address), "gone", 1.0)
        other.history.update(job.id, state=JobState.QUEUED, sent=1.0)
        [again] = returned(other)
        assert again.wait(LIMIT).files == [file]
    assert list((tmp_path / "outputs").iterdir()) == [file]


def test_looking_again_brings_a_result_that_could_not_be_fetched(server, open_session):
    server.fail_next["GET /view"] = [(500, {}, "broken")] * 20
    session = open_session(server)
    job = session.submit(graphs.empty_save())
    outcome = job.wait(LIMIT)
    assert outcome.state == "failed"
    assert outcome.recoverable
    server.fail_next.clear()
    subscription = session.subscribe()
    session.recover(job.id)
    while not isinstance(event := subscription.get(), Returned):
        pass
    assert event.job.wait(LIMIT).state == "finished"
    assert server.executions == {job.id: 1}


def test_a_picture_that_went_by_while_nobody_listened_is_lost_and_said(server, open_session):
    graph = graphs.empty_save()
    graph["2"] = {"class_type": "SaveImageWebsocket", "inputs": {"images": ["1", 0]}}
    server.hold()
    first = open_session(server)
    job = first.submit(graph)
    server.wait_held()
    first.close()
    server.release()
    server.wait_finished(job.id)
    [again] = returned(open_session(server))
    outcome = again.wait(LIMIT)
    assert outcome.state == "lost"
    assert "keeps no copy" in str(outcome.error)


def test_results_of_other_clients_are_listed_and_brought_in(server, open_session):
    session = open_session(server)
    own = session.submit(graphs.empty_save())
    assert own.wait(LIMIT).state == "finished"
    foreign = post_foreign(server)
    server.wait_finished(foreign)
    subscription = session.subscribe()
    session.list_foreign()
    while not isinstance(listed := subscription.get(), ForeignListed):
        pass
    assert [result.prompt_id for result in listed.results] == [foreign]
    assert listed.results[0].files == 1
    session.bring_in(foreign)
    ended = []
    while not ended:
        event = subscription.get()
        ended = [event] if isinstance(event, Ended) and event.job_id == foreign else []
    assert ended[0].outcome.state == "finished"
    record = session.history.record(foreign)
    assert record.imported
    assert len(record.files) == 1
    assert server.posts == 2
