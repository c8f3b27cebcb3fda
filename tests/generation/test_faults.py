"""Transient faults: tried again, never run twice, and the history is the truth when the socket is not."""

from __future__ import annotations

import pytest

from blender_comfyui.comfy import errors
from blender_comfyui.generation.feed import Feed
from blender_comfyui.generation.patience import Patience
from blender_comfyui.generation.retry import Retry
from blender_comfyui.generation.session import Session
from tests import graphs

LIMIT = 120.0
QUICK = Patience(unsent=1.0, outage=5.0, absence=0.3, absence_behind_proxy=0.5, look=0.2, look_blind=0.1)
SOON = Retry(first=0.02)


@pytest.fixture
def server(comfy_server):
    return comfy_server()


@pytest.fixture
def session(server, tmp_path):
    with Session(server.url, data_dir=tmp_path, patience=QUICK, retry=SOON) as session:
        yield session


def posted(server) -> int:
    return server.journal.posts


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_passing_fault_at_the_post_is_tried_again(server, session, status):
    server.knobs.fail_next["POST /prompt"] = [(status, {"Retry-After": "0"}, "busy")] * 2
    job = session.submit(graphs.empty_save())
    assert job.wait(LIMIT).state == "finished"
    assert server.journal.executions[job.id] == 1


@pytest.mark.parametrize("status", [429, 503])
def test_three_tries_and_no_more(server, session, status):
    server.knobs.fail_next["POST /prompt"] = [(status, {}, "busy")] * 9
    outcome = session.submit(graphs.empty_save()).wait(LIMIT)
    assert outcome.state == "failed"
    assert isinstance(outcome.error, errors.ServerFault)
    assert outcome.error.status == status
    assert len(server.knobs.fail_next["POST /prompt"]) == 6


def test_a_fault_of_the_servers_own_is_not_tried_again(server, session):
    server.knobs.fail_next["POST /prompt"] = [(500, {}, "500 Internal Server Error")] * 2
    outcome = session.submit(graphs.empty_save()).wait(LIMIT)
    assert isinstance(outcome.error, errors.ServerFault)
    assert "console" in str(outcome.error)
    assert len(server.knobs.fail_next["POST /prompt"]) == 1


def test_a_lost_answer_to_the_post_does_not_run_it_twice(server, session):
    server.knobs.drop_answer_next = 1
    job = session.submit(graphs.empty_save())
    assert job.wait(LIMIT).state == "finished"
    assert posted(server) == 1
    assert server.journal.executions[job.id] == 1


def test_a_post_that_never_came_is_sent_again(server, session):
    server.knobs.fail_next["POST /prompt"] = [(0, {}, "")]  # the connection closes, and nothing was done
    job = session.submit(graphs.empty_save())
    assert job.wait(LIMIT).state == "finished"
    assert server.journal.executions[job.id] == 1


@pytest.mark.parametrize("route", ["GET /history/{prompt_id}", "GET /view", "GET /system_stats"])
@pytest.mark.parametrize("fault", [(0, {}, ""), (503, {}, "busy")])
def test_passing_faults_elsewhere_cost_nothing_but_time(server, session, route, fault):
    server.knobs.fail_next[route] = [fault] * 2
    outcome = session.submit(graphs.empty_save(colour=0x0000FF)).wait(LIMIT)
    assert outcome.state == "finished"
    assert server.knobs.fail_next[route] == []
    assert outcome.files[0].read_bytes().startswith(b"\x89PNG")


def test_a_cut_file_is_fetched_again(server, session):
    server.knobs.cut_next["GET /view"] = [40]
    outcome = session.submit(graphs.empty_save()).wait(LIMIT)
    assert outcome.state == "finished"
    assert outcome.files[0].read_bytes().endswith(b"IEND\xaeB`\x82")


def test_a_web_page_in_place_of_a_picture_is_fetched_again(server, session):
    server.knobs.fail_next["GET /view"] = [(200, {"Content-Type": "text/html"}, "<html>log in</html>")]
    outcome = session.submit(graphs.empty_save()).wait(LIMIT)
    assert outcome.state == "finished"
    assert outcome.files[0].read_bytes().startswith(b"\x89PNG")


def test_a_file_that_is_gone_is_said_to_be_gone(server, session):
    server.knobs.fail_next["GET /view"] = [(404, {}, "")] * 9
    outcome = session.submit(graphs.empty_save()).wait(LIMIT)
    assert outcome.state == "failed"
    assert isinstance(outcome.error, errors.FileMissing)


def test_without_a_socket_the_result_arrives_all_the_same(comfy_server, tmp_path):
    server = comfy_server(refuse_websocket=404)
    with Session(server.url, data_dir=tmp_path, patience=QUICK) as session:
        assert session.submit(graphs.empty_save()).wait(LIMIT).state == "finished"


@pytest.mark.parametrize("polite", [True, False])
def test_a_socket_that_drops_mid_run_costs_only_progress(server, session, polite):
    server.hold()
    job = session.submit(graphs.txt2img())
    server.wait_held()
    server.drop_sockets(close_frame=polite)
    server.release()
    assert job.wait(LIMIT).state == "finished"
    assert server.journal.executions[job.id] == 1


def test_a_silent_socket_costs_only_progress(server, session):
    server.hold()
    job = session.submit(graphs.txt2img())
    server.wait_held()
    server.silence()
    server.release()
    assert job.wait(LIMIT).state == "finished"


def test_a_history_that_comes_late_is_waited_for(comfy_server, tmp_path):
    server = comfy_server(history_delay=0.4)
    with Session(server.url, data_dir=tmp_path) as session:
        assert session.submit(graphs.empty_save()).wait(LIMIT).state == "finished"


def test_a_new_client_id_for_each_connection(server, session):
    session.submit(graphs.empty_save()).wait(LIMIT)
    server.drop_sockets(close_frame=False)
    server.wait_for(lambda: len(socket_ids(server)) >= 2)
    assert len(set(socket_ids(server))) == len(socket_ids(server))


def socket_ids(server) -> list[str]:
    return [r.query.get("clientId", "") for r in server.journal.requests if r.route == "/ws"]


def test_a_web_page_in_place_of_the_history_is_waited_out(server, session):
    """A proxy that shows its maintenance page for a moment does not end a run that goes on behind it."""
    server.knobs.fail_next["GET /history/{prompt_id}"] = [
        (200, {"Content-Type": "text/html"}, "<html>back soon</html>")
    ] * 3
    assert session.submit(graphs.empty_save()).wait(LIMIT).state == "finished"


def test_a_prompt_found_in_the_queue_after_a_lost_answer_is_not_sent_again(server, session):
    server.hold()
    server.knobs.drop_answer_next = 1
    job = session.submit(graphs.empty_save())
    server.wait_for(lambda: any(request.route == "/queue" for request in server.requests))
    server.release()
    assert job.wait(LIMIT).state == "finished"
    assert posted(server) == 1


@pytest.mark.parametrize("fault", [(0, {}, ""), (503, {}, "busy")])
def test_a_cancel_that_does_not_get_through_is_tried_again(server, session, fault):
    server.hold()
    job = session.submit(graphs.empty_save())
    server.wait_held()
    route = "POST /jobs/{job_id}/cancel"
    server.knobs.fail_next[route] = [fault]
    job.cancel()
    assert job.wait(LIMIT).state == "cancelled"
    assert server.knobs.fail_next[route] == []


def test_a_history_that_comes_very_late_is_waited_for(comfy_server, tmp_path):
    server = comfy_server(history_delay=2.0)
    with Session(server.url, data_dir=tmp_path) as session:
        assert session.submit(graphs.empty_save()).wait(LIMIT).state == "finished"


def test_a_reader_that_lags_loses_progress_but_not_the_end():
    feed: Feed[int] = Feed()
    subscription = feed.subscribe()
    for number in range(2000):
        feed.publish(number, passing=True)
    feed.publish(-1)
    events = subscription.drain(10_000)
    assert len(events) < 600
    assert events[-1] == -1
    assert subscription.drain() == []
