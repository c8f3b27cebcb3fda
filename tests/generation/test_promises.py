"""What a job is promised beyond the ordinary path: patience with a server that wavers, and nothing done in vain."""

from __future__ import annotations

import pytest

from blender_comfyui.comfy.errors import CredentialsRefused, ServerFault
from blender_comfyui.generation.events import Ended, StateChanged
from blender_comfyui.generation.feed import Subscription
from blender_comfyui.generation.job import Job
from blender_comfyui.generation.patience import Patience
from blender_comfyui.generation.retry import Retry
from blender_comfyui.generation.session import Session
from tests import graphs

LIMIT = 120.0
QUICK = Patience(unsent=10.0, outage=10.0, absence=0.3, look=0.2, look_blind=0.1)
SOON = Retry(first=0.02)
ROOT_LOOKS = ("/queue", "/history")


@pytest.fixture
def server(comfy_server):
    return comfy_server()


@pytest.fixture
def session(server, tmp_path):
    with Session(server.url, data_dir=tmp_path, patience=QUICK, retry=SOON) as session:
        yield session


def looks_and_posts(server) -> list[str]:
    """In order: "post" for each POST /prompt that came, "look" for each question where a prompt is."""
    told = []
    for request in server.requests:
        if request.method == "POST" and request.route == "/prompt":
            told.append("post")
        elif request.method == "GET" and request.route.startswith(ROOT_LOOKS):
            told.append("look")
    return told


def until_waiting(subscription: Subscription, about: str) -> None:
    """Until a job says that it waits, for a reason that holds `about`."""
    while not isinstance(event := subscription.get(), Ended):
        if isinstance(event, StateChanged) and about in event.waiting_for:
            return
    raise AssertionError(f"it ended: {event.outcome}")


# Sending


def test_after_a_429_it_is_sent_again_without_a_look(server, session):
    """The server has said that it did not take it."""
    server.fail_next["POST /prompt"] = [(429, {}, "busy")] * 2
    job = session.submit(graphs.empty_save())
    assert job.wait(LIMIT).state == "finished"
    assert [told for told in looks_and_posts(server) if told == "post"] == ["post"] * 3
    assert looks_and_posts(server)[:3] == ["post"] * 3


def test_the_servers_retry_after_is_honoured(server, session):
    server.fail_next["POST /prompt"] = [(429, {"Retry-After": "0.7"}, "busy")]
    assert session.submit(graphs.empty_save()).wait(LIMIT).state == "finished"
    first, second = (r.seconds for r in server.requests if r.method == "POST" and r.route == "/prompt")
    assert second - first >= 0.7


@pytest.mark.parametrize(
    ("asked", "lowest", "highest"), [(None, 0.01, 1.0), (0.0, 0.01, 1.0), (7.0, 7.0, 7.0), (3600.0, 60.0, 60.0)]
)
def test_the_wait_before_another_try(asked, lowest, highest):
    error = ServerFault("busy", status=429, transient=True, retry_after=asked)
    assert lowest <= Retry(first=0.5).delay(1, error) <= highest


def test_a_server_that_stops_just_before_the_post_is_waited_for(server, tmp_path, monkeypatch):
    """Refused: so nothing was sent, and there is nothing to look for."""
    with Session(server.url, data_dir=tmp_path, patience=QUICK, retry=SOON) as session:
        queue_prompt = session._client.queue_prompt

        def stop_first(*arguments, **options):
            monkeypatch.undo()
            server.stop()
            return queue_prompt(*arguments, **options)

        monkeypatch.setattr(session._client, "queue_prompt", stop_first)
        subscription = session.subscribe()
        job = session.submit(graphs.empty_save())
        until_waiting(subscription, "Nothing answers")
        server.start()
        assert job.wait(LIMIT).state == "finished"
    assert looks_and_posts(server)[0] == "post"
    assert server.posts == 1


# Looking


def nothing_in(route: str) -> tuple[int, dict[str, str], dict[str, object]]:
    return (200, {}, {"queue_running": [], "queue_pending": []} if route == "GET /queue" else {})


def running(job: Job) -> tuple[int, dict[str, str], dict[str, object]]:
    return (200, {}, {"queue_running": [[0, job.id, {}, {}, []]], "queue_pending": []})


@pytest.mark.parametrize("absence", [0.0, 0.3])
def test_a_prompt_that_is_nowhere_for_a_moment_is_delivered(comfy_server, tmp_path, absence):
    """It moved from the queue to the history between the two questions."""
    server = comfy_server(refuse_websocket=404)
    routes = ("GET /queue", "GET /history/{prompt_id}")
    server.fail_next |= {route: [nothing_in(route)] for route in routes}
    patience = Patience(absence=absence, look_blind=0.1)
    with Session(server.url, data_dir=tmp_path, patience=patience, retry=SOON) as session:
        outcome = session.submit(graphs.empty_save()).wait(LIMIT)
    assert [server.fail_next[route] for route in routes] == [[], []]
    assert outcome.state == "finished"
    assert len(outcome.files) == 1


def test_two_absences_far_apart_are_not_one_long_one(comfy_server, tmp_path):
    server = comfy_server(refuse_websocket=404)
    server.hold()
    patience = Patience(absence=0.5, look_blind=0.6)
    with Session(server.url, data_dir=tmp_path, patience=patience, retry=SOON) as session:
        job = session.submit(graphs.empty_save())
        server.wait_held()
        server.fail_next["GET /queue"] = [nothing_in("GET /queue"), running(job), nothing_in("GET /queue")]
        server.wait_for(lambda: job.state.is_terminal or not server.fail_next["GET /queue"])
        server.release()
        assert job.wait(LIMIT).state == "finished"


def test_two_short_outages_far_apart_do_not_add_up(server, tmp_path):
    server.hold()
    patience = Patience(outage=0.6, look=0.25, look_blind=0.25)
    with Session(server.url, data_dir=tmp_path, patience=patience, retry=SOON) as session:
        job = session.submit(graphs.empty_save())
        server.wait_held()
        busy = (503, {}, "busy")
        server.fail_next["GET /queue"] = [busy, *[running(job)] * 4, busy, running(job)]
        server.wait_for(lambda: job.state.is_terminal or not server.fail_next["GET /queue"])
        server.release()
        assert job.wait(LIMIT).state == "finished"


@pytest.mark.parametrize("socket_too", [True, False])
def test_credentials_withdrawn_in_the_middle_end_the_job_soon(server, tmp_path, socket_too):
    patience = Patience(outage=1000.0, look=0.2, look_blind=0.1)
    server.hold()
    with Session(server.url, data_dir=tmp_path, patience=patience, retry=SOON) as session:
        job = session.submit(graphs.empty_save())
        server.wait_held()
        server.auth = ("Authorization", "Bearer another")
        if socket_too:
            server.drop_sockets()
        outcome = job.wait(LIMIT)
    assert outcome.state == "failed"
    assert isinstance(outcome.error, CredentialsRefused)


def blocked_message(prompt_id: str) -> list[object]:
    return [
        "execution_error",
        {
            "prompt_id": prompt_id,
            "node_id": "2",
            "node_type": "SaveImage",
            "executed": [],
            "exception_message": "Execution Blocked: not today",
            "exception_type": "ExecutionBlocked",
            "traceback": [],
            "current_inputs": [],
            "current_outputs": [],
        },
    ]


@pytest.mark.parametrize("place", ["before success", "last"])
def test_a_blocked_node_in_the_history_is_not_the_end(server, session, place):
    done = server.site.queue.done

    def done_with_a_block(item, entry):
        messages = entry["status"]["messages"]
        messages.insert(len(messages) - (place != "last"), blocked_message(item[1]))
        done(item, entry)

    server.site.queue.done = done_with_a_block
    job = session.submit(graphs.empty_save())
    outcome = job.wait(LIMIT)
    kinds = [kind for kind, _ in server.history[job.id]["status"]["messages"]]
    assert "execution_error" in kinds
    assert outcome.state == "finished"
    assert outcome.error is None
    assert len(outcome.files) == 1


def test_a_branch_that_blocks_itself_does_not_end_the_others(server, session):
    graph = graphs.two_saves()
    graph["5"] = {"class_type": "ProbeBlock", "inputs": {"image": ["3", 0], "message": "not today"}}
    graph["4"]["inputs"]["images"] = ["5", 0]
    outcome = session.submit(graph).wait(LIMIT)
    assert outcome.state == "finished"
    assert [output.node_title for output in outcome.outputs] == ["Save final"]


NEVER = Patience(look=1000.0, look_blind=1000.0)


@pytest.mark.parametrize("heard", ["everything", "executing null", "execution_success"])
def test_with_the_socket_up_nobody_waits_for_the_next_look(comfy_server, tmp_path, heard):
    server = comfy_server(history_delay=0.3 if heard == "execution_success" else 0.0)
    send = server.site.messenger.send

    def send_some(kind, data, client_id=None):
        ends = kind == heard or (heard == "executing null" and kind == "executing" and data["node"] is None)
        if client_id is None or heard == "everything" or ends:
            send(kind, data, client_id)

    server.site.messenger.send = send_some
    server.hold()
    with Session(server.url, data_dir=tmp_path, patience=NEVER) as session:
        job = session.submit(graphs.empty_save())
        server.wait_held()
        server.wait_for(lambda: "look" in looks_and_posts(server))  # the only one for a thousand seconds
        until_looked(session)
        server.release()
        assert job.wait(LIMIT).state == "finished"


def until_looked(session: Session) -> None:
    """The worker does one thing after the other: once it has answered this, an earlier look is over."""
    job = session.submit(graphs.empty_save())
    job.cancel()
    job.wait(LIMIT)
