"""One row for every fault: the right pictures come, or a clear error; in time, once, and nothing is left behind."""

from __future__ import annotations

import time

import pytest

from tests.fault_proxy import FaultProxy

from . import fault_rows_http, fault_rows_stream
from .fault_row import Row
from .fault_scene import Scene, check_sentence

ROWS = (*fault_rows_stream.ROWS, *fault_rows_http.ROWS)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_it_is_delivered_or_said(comfy_server, tmp_path, fault_table, row: Row):
    server = comfy_server(level=row.level)
    with FaultProxy(server) as proxy:
        began = time.monotonic()
        scene = Scene(row, server, proxy, tmp_path)
        outcome = scene.play()
        fault_table.append((row.group, str(row), outcome, time.monotonic() - began))
    assert scene.script.met or not (row.faults or row.stream), "nothing went wrong: the row proves nothing"
    assert set(server.executions.values()) == {1}, "executed twice"
    if row.cancels:
        assert outcome.state == "cancelled"
        assert outcome.error is None
    elif row.expects:
        assert outcome.state in ("failed", "lost")
        assert isinstance(outcome.error, row.expects), repr(outcome.error)
        check_sentence(outcome.error)
    else:
        assert outcome.state == "finished", repr(outcome.error)
        assert outcome.error is None
        assert server.executions[scene.job.id] == 1
        assert [path.read_bytes() for path in outcome.files] == scene.made(outcome) != []
