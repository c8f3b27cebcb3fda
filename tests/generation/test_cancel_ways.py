"""Cancelling in each state and at each release, and what a broken-off exchange may not leave behind."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import math
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from blender_comfyui.comfy import errors
from blender_comfyui.generation.events import Ended, StateChanged
from blender_comfyui.generation.job import Job
from blender_comfyui.generation.outputs import CannotSave
from blender_comfyui.generation.patience import Patience
from blender_comfyui.generation.retry import Retry
from blender_comfyui.generation.run import Run
from blender_comfyui.generation.session import Session
from tests import graphs

LIMIT = 120.0
OLD = "0.3.64"
QUICK = Patience(unsent=10.0, outage=10.0, absence=0.3, look=0.2, look_blind=0.1)
SOON = Retry(first=0.02)


class Between:
    """A proxy before a server, without websockets. It can answer otherwise than the server did, and hold files back."""

    def __init__(self, url: str) -> None:
        self.instead: dict[str, list[int]] = {}  # "POST /prompt" -> statuses in place of the server's own, in order
        self.gone = ""  # a file with this in its name is 404
        self.whole = math.inf  # so many files go through, the others stop half-way until `let_go`
        self.bytes_first = 10  # of a file that stops half-way; -1: it stops before its headers
        self.held = threading.Event()
        self._released = threading.Event()
        self._files = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with contextlib.suppress(OSError):  # the client may have gone
                    outer._forward(self, url, body)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,))
        self._thread.start()

    def let_go(self) -> None:
        self.whole = math.inf
        self._released.set()

    def close(self) -> None:
        self.let_go()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def _forward(self, request: BaseHTTPRequestHandler, url: str, body: bytes) -> None:
        route = request.path.partition("?")[0]
        if route == "/ws":
            self._reply(request, 404, "text/plain", b"")
            return
        headers = {"Content-Type": request.headers.get("Content-Type", "")}
        answer = requests.request(request.command, url + request.path, data=body, headers=headers, timeout=LIMIT)
        if statuses := self.instead.get(f"{request.command} {route}"):
            self._reply(request, statuses.pop(0), "text/plain", b"the proxy's own words")
        elif self.gone and self.gone in request.path:
            self._reply(request, 404, "text/plain", b"")
        else:
            self._reply(request, answer.status_code, answer.headers.get("Content-Type", ""), answer.content, route)

    def _reply(
        self, request: BaseHTTPRequestHandler, status: int, content_type: str, body: bytes, route: str = ""
    ) -> None:
        self._files += route == "/view"
        stops = self._files > self.whole and route == "/view"
        if stops and self.bytes_first < 0:
            self._stop()
        request.send_response(status)
        request.send_header("Content-Type", content_type)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if stops and self.bytes_first >= 0:
            request.wfile.write(body[: self.bytes_first])
            self._stop()
            body = body[self.bytes_first :]
        request.wfile.write(body)

    def _stop(self) -> None:
        self.held.set()
        self._released.wait(LIMIT)


@pytest.fixture
def between(comfy_server):
    """(server, proxy before it)"""
    server = comfy_server()
    proxy = Between(server.url)
    yield server, proxy
    proxy.close()


def bodies(server, route: str) -> list[object]:
    return [r.json for r in server.requests if r.method == "POST" and r.route == route]


def post_foreign(server) -> str:
    """Somebody else's prompt on the same server."""
    prompt_id = str(uuid.uuid4())
    body = {"prompt": graphs.empty_save(), "client_id": "somebody else", "prompt_id": prompt_id}
    assert requests.post(f"{server.url}/prompt", json=body, timeout=10).status_code == 200
    return prompt_id


def views(server) -> int:
    return sum(r.route == "/view" for r in server.requests)


# Old servers have no route that cancels one prompt


def test_an_old_servers_interrupt_always_names_our_prompt(comfy_server, tmp_path):
    """Without an id /interrupt stops whatever runs, and that may be somebody else's."""
    server = comfy_server(level=OLD)
    server.hold()
    with Session(server.url, data_dir=tmp_path) as session:
        job = session.submit(graphs.empty_save())
        server.wait_held()
        job.cancel()
        assert job.wait(LIMIT).state == "cancelled"
    sent = bodies(server, "/interrupt")
    assert sent
    assert all(body == {"prompt_id": job.id} for body in sent)


def test_a_queued_job_on_an_old_server_is_deleted_and_nothing_is_interrupted(comfy_server, tmp_path):
    """Very old servers do not read the id: an /interrupt would stop the prompt of somebody else that runs."""
    server = comfy_server(level=OLD)
    server.hold()
    post_foreign(server)
    server.wait_held()
    with Session(server.url, data_dir=tmp_path) as session:
        job = session.submit(graphs.empty_save())
        server.wait_for(lambda: server.posts == 2)
        job.cancel()
        assert job.wait(LIMIT).state == "cancelled"
    assert bodies(server, "/interrupt") == []
    assert bodies(server, "/queue") == [{"delete": [job.id]}]


# The answer to the POST was lost


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_prompt_that_was_accepted_behind_a_proxys_fault_runs_once(between, tmp_path, status):
    server, proxy = between
    proxy.instead["POST /prompt"] = [status]
    with Session(proxy.url, data_dir=tmp_path, patience=QUICK, retry=SOON) as session:
        job = session.submit(graphs.empty_save())
        outcome = job.wait(LIMIT)
    assert proxy.instead["POST /prompt"] == []
    assert outcome.state == "finished"
    assert server.posts == 1
    assert server.executions == {job.id: 1}


def unclear_job(session: Session) -> Job:
    """A job whose answer was lost, in the moment before we ask the server about it."""
    subscription = session.subscribe()
    job = session.submit(graphs.empty_save())
    while not isinstance(event := subscription.get(), Ended):
        if isinstance(event, StateChanged) and "whether it has" in event.waiting_for:
            return job
    raise AssertionError(f"its answer was not lost: {event.outcome}")


@pytest.mark.parametrize("level", [OLD, "0.27.0"])
def test_a_cancel_while_the_answer_is_lost_takes_it_from_the_queue(comfy_server, tmp_path, level):
    server = comfy_server(level=level)
    server.hold()
    post_foreign(server)
    server.wait_held()
    server.drop_answer_next = 1
    with Session(server.url, data_dir=tmp_path, patience=QUICK, retry=Retry(first=5.0)) as session:
        job = unclear_job(session)
        job.cancel()
        assert job.wait(LIMIT).state == "cancelled"
        later = post_foreign(server)
        server.release()
        server.wait_finished(later)
    assert server.journal.executions[job.id] == 0
    assert server.posts == 3


@pytest.mark.parametrize("level", [OLD, "0.27.0"])
def test_a_cancel_while_the_answer_is_lost_stops_what_runs(comfy_server, tmp_path, level):
    server = comfy_server(level=level, drop_answer_next=1)
    server.hold()
    with Session(server.url, data_dir=tmp_path, patience=QUICK, retry=Retry(first=5.0)) as session:
        job = unclear_job(session)
        server.wait_held()
        job.cancel()
        assert job.wait(LIMIT).state == "cancelled"
        server.wait_finished(job.id)  # the gate is still held: only an interrupt gets it here
    assert server.posts == 1


@pytest.mark.parametrize("level", [OLD, "0.27.0"])
def test_a_cancel_of_a_prompt_that_never_came_ends_too(comfy_server, tmp_path, level):
    server = comfy_server(level=level, fail_next={"POST /prompt": [(0, {}, "")]})
    with Session(server.url, data_dir=tmp_path, patience=QUICK, retry=Retry(first=5.0)) as session:
        job = unclear_job(session)
        job.cancel()
        assert job.wait(LIMIT).state == "cancelled"
    assert server.posts == 0
    assert server.executions == {}


# While the files come


@pytest.mark.parametrize("bytes_first", [-1, 0, 10])
def test_a_cancel_while_files_come_leaves_nothing_and_fetches_no_more(between, tmp_path, bytes_first):
    server, proxy = between
    proxy.whole, proxy.bytes_first = 1, bytes_first
    with Session(proxy.url, data_dir=tmp_path, patience=QUICK, retry=SOON) as session:
        job = session.submit(graphs.empty_save(batch=4))
        assert proxy.held.wait(LIMIT)  # one file is here, one is half here, two wait
        job.cancel()
        outcome = job.wait(LIMIT)
        proxy.let_go()
        after = session.submit(graphs.empty_save()).wait(LIMIT)  # files come in turn: it is behind the four
    assert outcome.state == "cancelled"
    assert outcome.files == []
    assert sorted((tmp_path / "outputs").iterdir()) == after.files
    assert len(after.files) == 1
    assert views(server) == 2 + 1


def test_a_failure_while_files_come_leaves_nothing_and_fetches_no_more(between, tmp_path, monkeypatch):
    server, proxy = between
    proxy.whole = 1
    arrived = Run.arrived
    trouble = [RuntimeError("nobody foresaw this")]

    def arrived_badly(run, arrival):
        if trouble:
            assert proxy.held.wait(LIMIT)
            raise trouble.pop()
        arrived(run, arrival)

    monkeypatch.setattr(Run, "arrived", arrived_badly)
    with Session(proxy.url, data_dir=tmp_path, patience=QUICK, retry=SOON) as session:
        outcome = session.submit(graphs.empty_save(batch=4)).wait(LIMIT)
        proxy.let_go()
        after = session.submit(graphs.empty_save()).wait(LIMIT)
    assert outcome.state == "failed"
    assert sorted((tmp_path / "outputs").iterdir()) == after.files
    assert len(after.files) == 1
    assert views(server) == 2 + 1


def test_files_that_never_come_whole_leave_nothing(comfy_server, tmp_path):
    server = comfy_server(cut_next={"GET /view": [40] * 9999})
    soon = dataclasses.replace(QUICK, outage=1.0)
    with Session(server.url, data_dir=tmp_path, patience=soon, retry=SOON) as session:
        outcome = session.submit(graphs.empty_save(batch=3)).wait(LIMIT)
    assert outcome.state == "failed"
    assert isinstance(outcome.error, errors.FileBroken | errors.CannotConnect)
    assert list((tmp_path / "outputs").iterdir()) == []


def test_a_file_that_is_gone_leaves_the_others_and_nothing_else(between, tmp_path):
    _, proxy = between
    proxy.gone = "_00002_"
    with Session(proxy.url, data_dir=tmp_path, patience=QUICK, retry=SOON) as session:
        outcome = session.submit(graphs.empty_save(batch=3)).wait(LIMIT)
    assert outcome.state == "failed"
    assert isinstance(outcome.error, errors.FileMissing)
    assert len(outcome.files) == 2
    assert sorted((tmp_path / "outputs").iterdir()) == sorted(outcome.files)


def test_a_file_that_cannot_get_its_name_leaves_no_temporary_one(comfy_server, tmp_path, monkeypatch):
    replace = Path.replace

    def replace_until_the_disk_is_full(part, target):
        if target.name.endswith("_2.png"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return replace(part, target)

    monkeypatch.setattr(Path, "replace", replace_until_the_disk_is_full)
    with Session(comfy_server().url, data_dir=tmp_path, patience=QUICK, retry=SOON) as session:
        outcome = session.submit(graphs.empty_save(batch=3)).wait(LIMIT)
    assert outcome.state == "failed"
    assert isinstance(outcome.error, CannotSave)
    assert sorted((tmp_path / "outputs").iterdir()) == outcome.files
