"""What a server has: read when somebody wants it, kept, and read anew when it may have changed."""

from __future__ import annotations

import threading

import pytest

from blender_comfyui.comfy.address import ServerAddress
from blender_comfyui.comfy.client import ComfyClient
from blender_comfyui.comfy.errors import CannotConnect, ComfyError
from blender_comfyui.comfy.transport import Timeouts
from blender_comfyui.generation.server_state import ServerState
from blender_comfyui.generation.stock import Stock, StockRoom
from blender_comfyui.workflow.errors import NotNodeTypes

LIMIT = 120.0
AWAY, BACK = ServerState("unreachable"), ServerState("ready")


class Heard:
    """Collects what is told, and waits for so many."""

    def __init__(self) -> None:
        self.told: list[Stock] = []
        self.changed = threading.Condition()

    def __call__(self, stock: Stock) -> None:
        with self.changed:
            self.told.append(stock)
            self.changed.notify_all()

    def wait(self, count: int) -> Stock:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.told) >= count, LIMIT)
            return self.told[-1]


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def room(comfy_server, heard):
    server = comfy_server()
    client = ComfyClient(ServerAddress.parse(server.url), timeouts=Timeouts(connect=2.0, read=5.0, total=10.0))
    room = StockRoom(client, heard)
    room.server = server
    yield room
    room.close()
    client.abort()
    room.join(LIMIT)
    client.close()


def test_it_is_read_now_on_demand(room, heard) -> None:
    stock = room.read()
    assert "KSampler" in stock.node_types
    assert stock.models.names("loras") == ("random_lora.safetensors", "sub dir/random_lora.safetensors")
    assert room.last is stock
    assert heard.told == [stock]
    assert 0 <= stock.age < LIMIT


def test_nothing_is_read_before_somebody_wants_it(room, heard) -> None:
    room.hear(AWAY)
    room.hear(BACK)
    assert room.server.journal.requests == []
    assert room.want() is None
    assert heard.wait(1) is room.want()
    assert len(heard.told) == 1


def test_it_is_read_anew_after_a_reconnect_and_on_demand(room, heard) -> None:
    room.want()
    heard.wait(1)
    room.server.models["loras"] = ("new.safetensors",)
    room.hear(AWAY)
    room.hear(BACK)
    assert heard.wait(2).models.names("loras") == ("new.safetensors",)
    room.server.models["loras"] = ()
    room.want(anew=True)
    assert heard.wait(3).models.names("loras") == ()


def test_what_was_known_stays_while_the_server_is_away(room, heard) -> None:
    stock = room.read()
    room.server.stop()
    with pytest.raises(CannotConnect) as raised:
        room.read()
    assert room.last is stock
    assert room.error is raised.value


def test_an_answer_that_is_none_is_an_error(room) -> None:
    room.server.fail_next["GET /object_info"] = [(200, {"Content-Type": "application/json"}, '{"KSampler": 3}')]
    with pytest.raises(NotNodeTypes):
        room.read()
    assert room.last is None


def test_a_failure_in_the_background_ends_nothing(room, heard) -> None:
    room.server.fail_next["GET /object_info"] = [(500, {}, "x")]
    room.want()
    while room.error is None:
        pass
    assert isinstance(room.error, ComfyError)
    room.want()
    assert heard.wait(1) is room.last
    assert room.error is None


def test_after_close_nothing_is_read(room, heard) -> None:
    room.close()
    assert room.want() is None
    assert room.server.journal.requests == []
