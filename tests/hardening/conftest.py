"""A hostile server, and sessions that do not wait long for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from blender_comfyui.comfy.transport import Timeouts
from blender_comfyui.generation.patience import Patience
from blender_comfyui.generation.retry import Retry
from blender_comfyui.generation.session import Session
from tests.hardening.hostile import Hostile

QUICK = {
    "retry": Retry(first=0.02, longest=0.05),
    "patience": Patience(unsent=1.0, outage=2.0, absence=0.3, absence_behind_proxy=0.5, look=0.1, look_blind=0.05),
    "timeouts": Timeouts(connect=2.0, read=5.0, total=10.0),
}


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    server = Hostile()
    yield server
    server.close()


@pytest.fixture
def session(hostile, tmp_path) -> Iterator[Session]:
    with Session(hostile.url, data_dir=tmp_path / "data", **QUICK) as session:
        yield session
