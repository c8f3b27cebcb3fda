"""What a server sends while the worker is busy, and what a session says while Blender is: neither fills the memory."""

from __future__ import annotations

import asyncio
import struct
import threading
from queue import Empty

import pytest

from blender_comfyui.comfy import events as e
from blender_comfyui.generation import inbox as limits
from blender_comfyui.generation.events import Ended, Previewed, Progressed
from blender_comfyui.generation.feed import Feed
from blender_comfyui.generation.inbox import Inbox
from blender_comfyui.generation.messages import Cancel
from blender_comfyui.generation.outcome import JobState, Outcome
from blender_comfyui.generation.progress import Progress
from blender_comfyui.generation.session import Session
from tests.fault_proxy import FaultProxy
from tests.fault_proxy.faults import Silence
from tests.fault_proxy.frames import BINARY, Frame

MB = 1 << 20


def preview(format: str, number: int = 0, prompt_id: str = "p") -> e.Preview:
    return e.Preview(bytes([number]), format, prompt_id, "5")


def taken(inbox: Inbox) -> list[object]:
    messages = []
    while not inbox.empty():
        messages.append(inbox.get_nowait())
    with pytest.raises(Empty):
        inbox.get_nowait()
    return messages


def test_messages_come_out_in_order():
    inbox = Inbox()
    came = [e.Connected("c"), Cancel("a"), e.NodeExecuting("p", "1"), Cancel("b"), e.NodeExecuting("p", None)]
    for message in came:
        inbox.put(message, 50 if isinstance(message, e.NodeExecuting) else 0)
    assert taken(inbox) == came


def test_who_waits_is_woken():
    inbox = Inbox()
    waiter = threading.Timer(0, inbox.put, (Cancel("a"),))
    waiter.start()
    assert inbox.get(timeout=20) == Cancel("a")
    waiter.join()


def test_newer_news_stand_for_older_ones_and_in_their_own_place():
    inbox = Inbox()
    for number in range(1, 100):
        inbox.put(preview("jpeg", number), 4 * MB)
        inbox.put(e.NodeProgress("p", "5", number, 100), 80)
        inbox.put(e.ProgressState("p", ()), 200)
        inbox.put(e.QueueStatus(number), 60)
        if number == 50:
            inbox.put(e.NodeExecuted("p", "5", None), 90)
    assert taken(inbox) == [
        e.NodeExecuted("p", "5", None),
        preview("jpeg", 99),
        e.NodeProgress("p", "5", 99, 100),
        e.ProgressState("p", ()),
        e.QueueStatus(99),
    ]


def test_news_of_others_stand_for_themselves():
    inbox = Inbox()
    came = [
        preview("jpeg", 1, "p"),
        preview("jpeg", 1, "q"),
        e.NodeProgress("p", "1", 1, 2),
        e.NodeProgress("p", "2", 1, 2),
    ]
    for event in came:
        inbox.put(event, 80)
    assert taken(inbox) == came


def test_news_of_ever_others_are_left_out_at_last():
    inbox = Inbox()
    for number in range(3 * limits.MAX_PASSING):
        inbox.put(e.NodeProgress("p", str(number), 1, 2), 80)
    assert len(taken(inbox)) == limits.MAX_PASSING
    for number in range(100):
        inbox.put(preview("jpeg", 1, str(number)), 4 * MB)
    assert len(taken(inbox)) == limits.MAX_PASSING_BYTES // (4 * MB)


def test_pictures_wait_up_to_a_bound_and_then_the_connection_ends():
    inbox = Inbox()
    fits = limits.MAX_BYTES // (50 * MB)
    for number in range(fits):
        inbox.put(preview("png", number), 50 * MB)
    with pytest.raises(ConnectionError, match="live connection"):
        inbox.put(preview("png", fits), 50 * MB)
    inbox.put(e.Disconnected("why"))
    inbox.put(Cancel("a"))
    assert taken(inbox) == [*(preview("png", n) for n in range(fits)), e.Disconnected("why"), Cancel("a")]
    inbox.put(preview("png"), 50 * MB)  # what was taken counts no more


def test_so_do_messages_that_must_not_be_lost():
    inbox = Inbox()
    for _ in range(8):
        inbox.put(e.NodeExecuted("p", "5", {}), 4 * MB)
    with pytest.raises(ConnectionError):
        inbox.put(e.NodeExecuted("p", "5", {}), 4 * MB)
    taken(inbox)
    for _ in range(limits.MAX_EVENTS):
        inbox.put(e.NodeExecuting("p", "5"), 40)
    with pytest.raises(ConnectionError):
        inbox.put(e.NodeExecuting("p", "5"), 40)


class Flood:
    """Many previews, in the form that names no prompt, as soon as the worker waits for an answer."""

    def __init__(self, proxy: FaultProxy, start: bytes, count: int) -> None:
        self._frame = Frame(BINARY, struct.pack(">II", 1, 1) + start + bytes(MB))
        self._proxy = proxy
        self._count = count
        self.done = threading.Event()
        proxy.fault_of = lambda request: Silence() if request.route == "GET /system_stats" else None
        proxy.stream_fault_of = lambda *_: self

    async def __call__(self, line, next_frame):
        while not self._proxy.seen["GET /system_stats"]:
            await asyncio.sleep(0.01)
        for _ in range(self._count):
            await line.send(bytes(self._frame))
        self.done.set()
        while True:
            await line.send(bytes(await next_frame()))


def test_a_worker_that_waits_finds_one_preview(comfy_server, tmp_path):
    with FaultProxy(comfy_server()) as proxy, Session(proxy.url, data_dir=tmp_path) as session:
        flood = Flood(proxy, b"\xff\xd8\xff", 200)
        session.start()
        assert flood.done.wait(60)
        assert session._worker.inbox.qsize() < 20
        session.close(wait=False)


def test_a_worker_that_waits_is_not_buried_in_pictures(comfy_server, tmp_path, monkeypatch):
    """The connection is closed and opened again, and what waits has a bound all the while."""
    monkeypatch.setattr(limits, "MAX_BYTES", 20 * MB)
    with FaultProxy(comfy_server()) as proxy, Session(proxy.url, data_dir=tmp_path) as session:
        Flood(proxy, b"\x89PNG\r\n\x1a\n", 100)
        session.start()
        proxy.wait_for(lambda: proxy.seen["GET /ws"] >= 2, timeout=60)
        waiting = taken(session._worker.inbox)
        session.close(wait=False)
    assert sum(isinstance(message, e.Preview) for message in waiting) <= 20
    assert any("closed" in message.reason for message in waiting if isinstance(message, e.Disconnected))


# The other side: a session's news while Blender renders


def test_a_reader_that_lags_holds_one_preview_of_each_job():
    feed: Feed[object] = Feed()
    subscription = feed.subscribe()
    for number in range(100):
        for job_id in ("a", "b"):
            feed.publish(Previewed(job_id, bytes([number]), "jpeg", "x"), passing=True)
            feed.publish(Progressed(job_id, Progress(number / 100)), passing=True)
    assert len(subscription._previews) == 2
    feed.publish(Ended("a", Outcome(JobState.FINISHED)))
    events = subscription.drain(10_000)
    assert [event.image for event in events if isinstance(event, Previewed)] == [bytes([99])] * 2
    assert len([event for event in events if isinstance(event, Progressed)]) == 200
    assert isinstance(events[-1], Ended)
    assert subscription.drain() == []


def test_a_reader_that_keeps_up_gets_every_preview():
    feed: Feed[object] = Feed()
    subscription = feed.subscribe()
    for number in range(10):
        event = Previewed("a", bytes([number]), "jpeg", "x")
        feed.publish(event, passing=True)
        assert subscription.get() == event
    assert subscription.empty
