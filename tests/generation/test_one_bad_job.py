"""What nobody foresaw: one bad job, file or moment takes nothing else with it, and every job still ends once."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from blender_comfyui.generation.feed import Feed
from blender_comfyui.generation.job import Job
from blender_comfyui.generation.outcome import JobState, Outcome
from blender_comfyui.generation.patience import Patience
from blender_comfyui.generation.progress import Progress
from blender_comfyui.generation.request import Request
from blender_comfyui.generation.retry import Retry
from blender_comfyui.generation.run import Run
from blender_comfyui.generation.session import Session, SessionClosed
from blender_comfyui.generation.taking import Taking
from blender_comfyui.generation.worker import Submit
from tests import graphs

LIMIT = 120.0
QUICK = Patience(unsent=10.0, outage=10.0, absence=0.3, look=0.2, look_blind=0.1)
SOON = Retry(first=0.02)


@pytest.fixture
def server(comfy_server):
    return comfy_server()


@pytest.fixture
def session(server, tmp_path):
    with Session(server.url, data_dir=tmp_path, patience=QUICK, retry=SOON) as session:
        yield session


# One bad job


def bad_first(monkeypatch, kind: type, method: str) -> RuntimeError:
    """From now on `method` raises for the first object that it is called on, each time."""
    real = getattr(kind, method)
    trouble = RuntimeError("nobody foresaw this")
    first: list[object] = []

    def badly(self, *arguments, **options):
        if not first:
            first.append(self)
        if first[0] is self:
            raise trouble
        return real(self, *arguments, **options)

    monkeypatch.setattr(kind, method, badly)
    return trouble


@pytest.mark.parametrize("method", ["_send", "hear", "_take", "arrived", "queue_moved", "stream_changed"])
def test_what_nobody_foresaw_fails_one_job_alone(server, session, monkeypatch, method):
    server.hold()  # so that both are there when it happens
    trouble = bad_first(monkeypatch, Run, method)
    bad, good = session.submit(graphs.empty_save()), session.submit(graphs.empty_save())
    server.wait_for(lambda: server.posts >= 1)
    if method == "stream_changed":
        server.drop_sockets()
    server.release()
    outcome = bad.wait(LIMIT)
    assert outcome.state == "failed"
    assert outcome.error is trouble
    assert good.wait(LIMIT).state == "finished"
    assert session.submit(graphs.empty_save()).wait(LIMIT).state == "finished"


@pytest.mark.parametrize("method", ["outcome", "begin"])
def test_trouble_with_one_jobs_files_fails_that_job_alone(session, monkeypatch, method):
    bad_first(monkeypatch, Taking, method)
    assert session.submit(graphs.empty_save()).wait(LIMIT).state == "failed"
    assert session.submit(graphs.empty_save()).wait(LIMIT).state == "finished"


def test_trouble_while_clearing_up_does_not_take_the_result_away(session, monkeypatch):
    bad_first(monkeypatch, Taking, "clear")
    assert session.submit(graphs.empty_save()).wait(LIMIT).state == "finished"
    assert session.submit(graphs.empty_save()).wait(LIMIT).state == "finished"


def test_a_run_that_cannot_even_begin_fails_alone(session, monkeypatch):
    bad_first(monkeypatch, Run, "__init__")
    assert session.submit(graphs.empty_save()).wait(LIMIT).state == "failed"
    assert session.submit(graphs.empty_save()).wait(LIMIT).state == "finished"


NONSENSE = (302, {"Location": "http://host:PORT/"}, "")


def test_a_file_that_is_redirected_to_nonsense_fails_its_job_alone(server, session):
    server.fail_next["GET /view"] = [NONSENSE] * 9
    outcome = session.submit(graphs.empty_save()).wait(LIMIT)
    server.fail_next.clear()
    assert outcome.state == "failed"
    assert outcome.error is not None
    assert session.submit(graphs.empty_save()).wait(LIMIT).state == "finished"


def test_what_nobody_foresaw_of_a_file_fails_its_job_alone(session, monkeypatch):
    download = session._client.download
    trouble = [RuntimeError("nobody foresaw this")]

    def badly(*arguments):
        if trouble:
            raise trouble.pop()
        download(*arguments)

    monkeypatch.setattr(session._client, "download", badly)
    outcome = session.submit(graphs.empty_save()).wait(LIMIT)
    assert outcome.state == "failed"
    assert isinstance(outcome.error, RuntimeError)
    assert session.submit(graphs.empty_save()).wait(LIMIT).state == "finished"


@pytest.mark.parametrize("route", ["GET /system_stats", "GET /object_info/{name}", "GET /queue", "POST /prompt"])
def test_a_redirect_to_nonsense_does_not_end_the_worker(server, session, route):
    server.fail_next[route] = [NONSENSE]
    session.submit(graphs.empty_save()).wait(LIMIT)
    server.fail_next.clear()
    session.refresh()
    assert session.submit(graphs.empty_save()).wait(LIMIT).state == "finished"


def test_what_nobody_foresaw_between_jobs_does_not_end_the_worker(session, monkeypatch):
    refreshed = threading.Event()

    def refresh_badly():
        session._watch.due = float("inf")
        refreshed.set()
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setattr(session._watch, "refresh", refresh_badly)
    session.start()
    assert refreshed.wait(LIMIT)
    assert session.submit(graphs.empty_save()).wait(LIMIT).state == "finished"


# The end of a job, and of the session


def test_a_job_ends_once():
    job = Job("an id", Request({}), cancel=lambda _: None, session_feed=Feed())
    outcome = Outcome(JobState.CANCELLED)
    job.end(outcome, Progress())
    for state in (JobState.CANCELLED, JobState.FINISHED):
        with pytest.raises(RuntimeError, match="an id"):
            job.end(Outcome(state), Progress())
    assert job.outcome is outcome
    assert [event.outcome for event in job.events()] == [outcome]


def test_an_await_that_is_given_up_leaves_nothing_in_the_job(server, session):
    server.hold()
    job = session.submit(graphs.empty_save())

    async def as_coroutine():
        return await job

    async def main() -> None:
        waiting = asyncio.create_task(as_coroutine())
        while not job._callbacks:
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert waiting.cancelled()

    asyncio.run(asyncio.wait_for(main(), LIMIT))
    assert job._callbacks == []
    server.release()
    assert job.wait(LIMIT).state == "finished"


class ClosesAtSubmit:
    """The session's front door; when a job comes, somebody closes the session before it is in."""

    def __init__(self, session: Session) -> None:
        self._put = session._intake.put
        self._closing = threading.Thread(target=session.close)

    def put(self, message: object) -> None:
        if isinstance(message, Submit) and self._closing.ident is None:
            self._closing.start()
            self._closing.join(0.5)  # it comes through, or it waits for this job to be in
        self._put(message)

    def join(self) -> None:
        self._closing.join(LIMIT)
        assert not self._closing.is_alive()


def test_a_job_submitted_in_the_moment_of_close_does_not_hang(server, tmp_path):
    session = Session(server.url, data_dir=tmp_path)
    inbox = ClosesAtSubmit(session)
    session._intake.put = inbox.put
    session.start()
    job = session.submit(graphs.empty_save())
    outcome = job.wait(LIMIT)
    inbox.join()
    assert outcome.state == "failed"
    assert isinstance(outcome.error, SessionClosed)


def test_of_jobs_submitted_while_the_session_closes_none_hangs(server, tmp_path):
    server.hold()
    for _ in range(3):
        session = Session(server.url, data_dir=tmp_path)
        jobs: list[Job] = []
        threads = [threading.Thread(target=submit_until_closed, args=(session, jobs)) for _ in range(8)]
        for thread in threads:
            thread.start()
        while len(jobs) < 10:
            time.sleep(0)
        session.close()
        for thread in threads:
            thread.join(LIMIT)
        outcomes = [job.wait(LIMIT) for job in jobs]
        assert {outcome.state for outcome in outcomes} == {"failed"}
        assert {type(outcome.error) for outcome in outcomes} == {SessionClosed}


def submit_until_closed(session: Session, jobs: list[Job]) -> None:
    try:
        while len(jobs) < 300:
            jobs.append(session.submit(graphs.empty_save()))
    except SessionClosed:
        pass


def test_a_request_without_a_folder_is_saved_in_the_sessions_own(server, session, tmp_path):
    outcome = session.run(Request(prompt=graphs.empty_save())).wait(LIMIT)
    assert outcome.state == "finished"
    assert [path.parent for path in outcome.files] == [tmp_path / "outputs"]
