"""What keeps a result from coming back: each of these once lost one, doubled one, or executed one anew."""

from __future__ import annotations

import uuid

import pytest
import requests

from blender_comfyui.generation import part_run, returns
from blender_comfyui.generation.events import Ended, ForeignListed, HistoryNotice, Returned
from blender_comfyui.generation.history import Filter, History, HistoryUnavailable
from blender_comfyui.generation.job import Job
from blender_comfyui.generation.outcome import JobState, Outcome
from blender_comfyui.generation.patience import Patience
from blender_comfyui.generation.retry import Retry
from blender_comfyui.generation.session import Session
from blender_comfyui.workflow.errors import WorkflowError
from tests import graphs
from tests.fault_proxy import FaultProxy
from tests.fault_proxy.faults import Say
from tests.generation.test_cancel import post_foreign

LIMIT = 120.0
QUICK = Patience(unsent=10.0, outage=1.0, absence=0.3, absence_behind_proxy=0.3, look=0.2, look_blind=0.1)
SOON = Retry(first=0.02)
AWAY = (503, {}, "away")


@pytest.fixture
def server(comfy_server):
    return comfy_server()


@pytest.fixture
def open_session(tmp_path):
    """Opens sessions on one data folder; all are closed in the end."""
    sessions = []

    def open_(url: str, retry: Retry = SOON) -> Session:
        sessions.append(Session(url, data_dir=tmp_path, patience=QUICK, retry=retry))
        return sessions[-1]

    yield open_
    for session in sessions:
        session.close()


@pytest.fixture
def broken(monkeypatch):
    """``broken("end")`` makes that method of every history fail until ``broken.mend()``."""

    class Broken:
        def __call__(self, method: str) -> None:
            def fail(*_arguments: object, **_options: object) -> None:
                raise HistoryUnavailable("Another program keeps the history busy.")

            monkeypatch.setattr(History, method, fail)

        def mend(self) -> None:
            monkeypatch.undo()

    return Broken()


@pytest.fixture
def at_once(monkeypatch):
    """What could not be fetched is looked for again soon."""
    monkeypatch.setattr(returns, "_AFTER_TROUBLE", 0.1)


def next_of(subscription, kind: type):
    while not isinstance(event := subscription.get(), kind):
        pass
    return event


def second_end(subscription) -> Outcome:
    next_of(subscription, Returned)
    return next_of(subscription, Ended).outcome


def left_open(session: Session, server, **options: object) -> str:
    """A job that runs when its session is closed, and finishes while nobody looks; its id."""
    server.hold()
    job = session.submit(graphs.empty_save(), **options)
    server.wait_held()
    session.close()
    server.release()
    server.wait_finished(job.id)
    return job.id


def test_a_file_keeps_its_number_when_the_one_before_it_comes_later(server, open_session, tmp_path):
    with FaultProxy(server) as proxy:
        session = open_session(proxy.url)
        subscription = session.subscribe()
        first_file = "GET /view", "filename=t_"
        proxy.fault_of = lambda asked: (
            Say(503) if asked.route == first_file[0] and first_file[1] in asked.head.line else None
        )
        outcome = session.submit(graphs.two_saves()).wait(LIMIT)
        assert (outcome.stays_open, [output.number for output in outcome.outputs]) == (True, [2])
        proxy.fault_of = lambda _: None
        proxy.drop_streams(False)
        next_of(subscription, Ended)
        again = second_end(subscription)
    assert [output.number for output in again.outputs] == [1, 2]
    assert again.outputs[1].path == outcome.outputs[0].path
    assert len(list((tmp_path / "outputs").iterdir())) == 2


def test_a_returned_job_is_fetched_though_its_earlier_fetches_were_stopped(server, open_session):
    session = open_session(server.url, retry=Retry(first=3.0))  # a try is still to come when the job is left
    subscription = session.subscribe()
    server.hold()
    job = session.submit(graphs.two_saves())
    server.wait_held()
    for route in ("GET /view", "GET /queue", "GET /history/{prompt_id}", "GET /system_stats"):
        server.knobs.fail_next[route] = [AWAY] * 1000
    server.step(2)
    server.wait_for(lambda: any(request.route == "/view" for request in server.requests))
    assert job.wait(LIMIT).stays_open
    server.knobs.fail_next.clear()
    server.release()
    server.wait_finished(job.id)
    server.drop_sockets()
    next_of(subscription, Ended)
    assert second_end(subscription).state is JobState.FINISHED


def test_what_could_not_be_fetched_comes_though_the_websocket_stays(server, open_session, at_once):
    server.knobs.fail_next["GET /view"] = [AWAY] * 1000
    session = open_session(server.url)
    subscription = session.subscribe()
    assert session.submit(graphs.empty_save()).wait(LIMIT).stays_open
    server.knobs.fail_next.clear()
    next_of(subscription, Ended)
    assert second_end(subscription).state is JobState.FINISHED


def test_it_comes_when_the_session_that_had_it_closes_after_the_new_one_began(server, open_session):
    old = open_session(server.url)
    server.knobs.fail_next["GET /view"] = [(401, {}, "no")]
    assert old.submit(graphs.empty_save()).wait(LIMIT).stays_open
    new = open_session(server.url)
    subscription = new.subscribe()
    new.start()
    server.wait_for(lambda: new.server.live)
    old.close()
    assert second_end(subscription).state is JobState.FINISHED


def test_it_comes_though_the_history_was_busy_at_the_start(server, open_session, broken):
    left_open(open_session(server.url), server)
    broken("open_jobs")
    new = open_session(server.url)
    subscription = new.subscribe()
    new.start()
    server.wait_for(lambda: new.server.live)
    broken.mend()
    assert second_end(subscription).state is JobState.FINISHED


def test_a_bad_folder_keeps_only_its_own_job_from_coming_back(server, open_session, tmp_path):
    session = open_session(server.url)
    assert session.submit(graphs.empty_save(), folder=tmp_path / ("x" * 300)).wait(LIMIT).stays_open
    good = left_open(session, server)
    new = open_session(server.url)
    subscription = new.subscribe()
    new.start()
    while (ended := next_of(subscription, Ended)).job_id != good:
        pass
    assert ended.outcome.state is JobState.FINISHED


# Twice is worse than not at all


def test_a_foreign_prompt_that_ran_out_of_memory_is_brought_in_as_it_is(comfy_server, open_session):
    server = comfy_server(vram_batch_limit=2)
    prompt_id = str(uuid.uuid4())
    body = {"prompt": graphs.txt2img(batch=8), "client_id": "other", "prompt_id": prompt_id}
    requests.post(f"{server.url}/prompt", json=body, timeout=10)
    server.wait_finished(prompt_id)
    session = open_session(server.url)
    subscription = session.subscribe()
    session.bring_in(prompt_id)
    assert second_end(subscription).state is JobState.FAILED
    assert (server.posts, any(request.route == "/free" for request in server.requests)) == (1, False)


def test_a_result_that_is_brought_in_is_never_sent_whatever_else_cannot_be_written(server, open_session, broken):
    foreign = post_foreign(server)
    server.wait_finished(foreign)
    broken("update")
    session = open_session(server.url)
    subscription = session.subscribe()
    session.bring_in(foreign)
    assert second_end(subscription).state is JobState.FINISHED
    assert server.posts == 1


def test_bringing_in_what_is_here_reads_the_list_anew(server, open_session):
    session = open_session(server.url)
    subscription = session.subscribe()
    job = session.submit(graphs.empty_save())
    job.wait(LIMIT)
    session.bring_in(job.id)
    assert next_of(subscription, ForeignListed).results == ()


def test_nothing_is_sent_before_it_is_written_down_that_it_was(server, open_session, broken):
    broken("update")
    session = open_session(server.url)
    job = session.submit(graphs.empty_save())
    server.wait_for(lambda: job.waiting_for)
    assert "busy" in job.waiting_for
    assert server.posts == 0
    broken.mend()
    assert job.wait(LIMIT).state is JobState.FINISHED


def test_a_cancelled_job_whose_end_could_not_be_written_is_not_sent(server, open_session, broken):
    session = open_session(server.url)
    session.pause()
    job = session.submit(graphs.empty_save())
    server.wait_for(lambda: session.queue)
    broken("end")
    job.cancel()
    assert job.wait(LIMIT).state is JobState.CANCELLED
    session.resume()
    server.drop_sockets()
    other = session.submit(graphs.empty_save())
    assert other.wait(LIMIT).state is JobState.FINISHED
    broken.mend()
    session.close()
    assert server.posts == 1
    assert open_session(server.url).history.record(job.id).state is JobState.CANCELLED


# Looking once more


def test_what_is_finished_is_not_looked_for_again(server, open_session):
    session = open_session(server.url)
    job = session.submit(graphs.empty_save())
    job.wait(LIMIT)
    subscription = session.subscribe()
    session.recover(job.id)
    session.list_foreign()  # done after it
    events = []
    while not events or not isinstance(events[-1], ForeignListed):
        events.append(subscription.get())
    assert not any(isinstance(event, Returned | Ended) for event in events)


def test_a_job_of_another_server_is_not_looked_for_on_this_one(comfy_server, open_session):
    first, second = comfy_server(), comfy_server()
    first.knobs.fail_next["GET /view"] = [(401, {}, "no")] * 20
    session = open_session(first.url)
    job = session.submit(graphs.empty_save())
    assert job.wait(LIMIT).stays_open
    session.close()
    other = open_session(second.url)
    subscription = other.subscribe()
    other.recover(job.id)
    assert first.url in next_of(subscription, HistoryNotice).text
    assert not other.history.record(job.id).state.is_terminal


# Giving up


@pytest.fixture
def away(server):
    """``away()``: the server runs on, but a proxy before it answers nothing, until ``away.ends()``."""

    class Away:
        routes = ("GET /queue", "GET /history/{prompt_id}", "GET /system_stats", "POST /api/jobs/{job_id}/cancel")

        def __call__(self) -> None:
            server.knobs.fail_next.update({route: [AWAY] * 1000 for route in self.routes})

        def ends(self) -> None:
            server.knobs.fail_next.clear()
            server.drop_sockets()

    return Away()


def left_to_an_outage(session: Session, server, away) -> Job:
    """A job that goes on there, and ended here."""
    server.hold()
    job = session.submit(graphs.empty_save())
    server.wait_held()
    away()
    server.drop_sockets()
    assert job.wait(LIMIT).stays_open
    return job


def test_what_stays_open_is_followed_by_nobody(server, open_session, away):
    session = open_session(server.url)
    job = left_to_an_outage(session, server, away)
    assert [record.id for record in session.history.find(Filter(unfollowed=True)).records] == [job.id]


@pytest.mark.parametrize("way", ["by its session", "by its job"])
def test_what_stays_open_can_be_given_up_and_the_server_is_told_when_it_is_back(server, open_session, away, way):
    session = open_session(server.url)
    subscription = session.subscribe()
    job = left_to_an_outage(session, server, away)
    next_of(subscription, Ended)
    session.give_up(job.id) if way == "by its session" else job.cancel()
    assert second_end(subscription).state is JobState.CANCELLED
    assert session.history.record(job.id).state is JobState.CANCELLED
    away.ends()
    server.wait_finished(job.id)  # though nobody released it
    session.close()
    assert server.posts == 1
    assert session.jobs == ()


def test_what_is_on_another_server_can_be_given_up_too(comfy_server, server, open_session, away):
    session = open_session(server.url)
    job = left_to_an_outage(session, server, away)
    session.close()
    other = open_session(comfy_server().url)
    subscription = other.subscribe()
    other.give_up(job.id)
    assert server.url in next_of(subscription, HistoryNotice).text
    assert second_end(subscription).state is JobState.CANCELLED
    assert other.history.record(job.id).state is JobState.CANCELLED


def test_what_another_blender_follows_is_not_given_up_here(server, open_session):
    first = open_session(server.url)
    server.hold()
    job = first.submit(graphs.empty_save())
    server.wait_held()
    other = open_session(server.url)
    subscription = other.subscribe()
    other.give_up(job.id)
    assert "Another Blender" in next_of(subscription, HistoryNotice).text
    server.release()
    assert job.wait(LIMIT).state is JobState.FINISHED


def test_what_has_come_back_is_cancelled_as_any_other(server, open_session, away):
    session = open_session(server.url)
    subscription = session.subscribe()
    job = left_to_an_outage(session, server, away)
    next_of(subscription, Ended)
    away.ends()
    next_of(subscription, Returned)
    session.give_up(job.id)
    assert next_of(subscription, Ended).outcome.state is JobState.CANCELLED


def test_what_has_ended_is_not_given_up(server, open_session):
    session = open_session(server.url)
    job = session.submit(graphs.empty_save())
    job.wait(LIMIT)
    session.give_up(job.id)
    session.close()
    assert open_session(server.url).history.record(job.id).state is JobState.FINISHED


# Trouble that nobody foresaw


def test_trouble_in_a_later_part_ends_the_job(comfy_server, open_session, monkeypatch):
    real = part_run.Part.request

    def request(part: part_run.Part):
        if part.first:
            raise RuntimeError("unforeseen")
        return real(part)

    monkeypatch.setattr(part_run.Part, "request", request)
    session = open_session(comfy_server(vram_batch_limit=2).url)
    outcome = session.submit(graphs.txt2img(batch=8)).wait(LIMIT)
    assert outcome.state is JobState.FAILED
    assert session.submit(graphs.empty_save()).wait(LIMIT).state is JobState.FINISHED


def test_what_cannot_be_prepared_is_in_the_history(server, open_session):
    session = open_session(server.url)
    with pytest.raises(WorkflowError) as error:
        session.submit("never_heard_of", {"prompt": "a fox"}, task="image_generation", tier="low")
    server.wait_for(lambda: any(record.state.is_terminal for record in session.history.find().records))
    [record] = session.history.find().records
    assert (record.state, record.task, record.tier, record.label) == ("failed", "image_generation", "low", "a fox")
    assert record.error == str(error.value)
