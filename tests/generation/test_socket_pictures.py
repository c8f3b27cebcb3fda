"""Pictures of SaveImageWebsocket: the server keeps no copy, so a finished job has heard every one of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from blender_comfyui.comfy.errors import Lost
from blender_comfyui.generation.outcome import JobState, Outcome
from blender_comfyui.generation.patience import Patience
from blender_comfyui.generation.retry import Retry
from blender_comfyui.generation.session import Session
from tests import graphs
from tests.fault_proxy import FaultProxy

LIMIT = 120.0
QUICK = Patience(unsent=10.0, outage=10.0, absence=0.3, look=0.2, look_blind=0.1)


class DropAfter:
    """The line is gone after so many pictures."""

    def __init__(self, count: int) -> None:
        self.left = count

    async def __call__(self, line: Any, next_frame: Any) -> None:
        while True:
            frame = await next_frame()
            if frame.kind == "preview":
                self.left -= 1
                if self.left < 0:
                    await line.drop(True)
                    return
            await line.send(bytes(frame))


class HoldPictures:
    """A slow line: no picture comes through before the history has been asked for twice."""

    def __init__(self, proxy: FaultProxy) -> None:
        self.looks = 0
        proxy.fault_of = self._count

    def _count(self, asked: Any) -> None:
        self.looks += asked.route == "GET /history/{id}"

    async def __call__(self, line: Any, next_frame: Any) -> None:
        while True:
            frame = await next_frame()
            while frame.kind == "preview" and self.looks < 2:
                await asyncio.sleep(0.01)
            await line.send(bytes(frame))


def websocket_graph(count: int, *, also_saved: bool = False) -> dict[str, Any]:
    graph = graphs.empty_save(batch=count)
    if also_saved:
        graph["3"] = graph["2"]
    graph["2"] = {"class_type": "SaveImageWebsocket", "inputs": {"images": ["1", 0]}}
    return graph


@pytest.fixture
def proxy(comfy_server):
    with FaultProxy(comfy_server()) as proxy:
        yield proxy


@pytest.fixture
def outcome_of(proxy, tmp_path):
    def run(graph: dict[str, Any]) -> Outcome:
        with Session(proxy.url, data_dir=tmp_path, patience=QUICK, retry=Retry(first=0.02)) as session:
            return session.submit(graph).wait(LIMIT)

    return run


@pytest.mark.parametrize(("arriving", "also_saved", "files"), [(2, False, 2), (0, True, 4)])
def test_a_part_of_them_is_not_all_of_them(proxy, outcome_of, arriving, also_saved, files):
    fault = DropAfter(arriving)
    proxy.stream_fault_of = lambda _: fault
    outcome = outcome_of(websocket_graph(4, also_saved=also_saved))
    assert (outcome.state, len(outcome.files)) == (JobState.LOST, files)
    assert isinstance(outcome.error, Lost)


def test_pictures_that_come_after_the_history_are_waited_for(proxy, outcome_of):
    fault = HoldPictures(proxy)
    proxy.stream_fault_of = lambda _: fault
    outcome = outcome_of(websocket_graph(4))
    assert (outcome.state, len(outcome.files)) == (JobState.FINISHED, 4)
