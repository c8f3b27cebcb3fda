"""Panels that fail do not stop the others; each says why, and is made when the cause is gone."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from typing import Any

import pytest

from blender_comfyui.comfy.errors import TimedOut
from blender_comfyui.generation.events import Ended
from blender_comfyui.generation.storyboard.model import Panel, Storyboard
from blender_comfyui.generation.storyboard.states import PanelState
from tests.generation.storyboard.conftest import board

LIMIT = 120.0
MODEL, MEMORY, ERROR = "p07", "p23", "p41"  # what befalls these three
UNKNOWN = "unknown.safetensors"


def sixty() -> Storyboard:
    """Sixty panels; one asks for a model that is not there."""
    told = board(60)
    return replace(told, panels=tuple(_with_model(panel) if panel.id == MODEL else panel for panel in told.panels))


def _with_model(panel: Panel) -> Panel:
    return replace(panel, parameters={"checkpoint": UNKNOWN})


def befall(server: Any) -> None:
    server.troubles = {
        f"fox number {int(MEMORY[1:])}": "memory",
        f"fox number {int(ERROR[1:])}": "Expected all tensors to be on the same device",
    }


def mend(server: Any) -> None:
    server.troubles = {}
    server.models = {**server.models, "checkpoints": (*server.models["checkpoints"], UNKNOWN)}


@pytest.mark.parametrize("is_stock_known", [False, True], ids=["sent unseen", "with what the server has"])
def test_three_that_fail_leave_57_and_are_made_when_the_cause_is_gone(full_server, open_session, is_stock_known):
    """Where it is known what the server has, the unknown model is told before anything is sent."""
    server = full_server()
    befall(server)
    session = open_session(server)
    if is_stock_known:
        session.stock.read()
    production = session.storyboard(sixty())
    production.run_all()
    progress = production.wait(LIMIT)
    reasons = {panel.panel_id: panel.reason for panel in progress.failures}
    assert list(reasons) == [MODEL, MEMORY, ERROR]
    assert f"“{UNKNOWN}”" in reasons[MODEL]
    assert "memory" in reasons[MEMORY]
    assert "Expected all tensors to be on the same device" in reasons[ERROR]
    assert (progress.done, progress.total, progress.findings) == (57, 60, {})
    assert progress.missing == (MODEL, MEMORY, ERROR)
    session.close()

    mend(server)
    session = open_session(server)  # what is said of them is known after a restart, too
    session.stock.read()
    production = session.storyboard(sixty())
    assert {panel.panel_id: panel.reason for panel in production.wait(LIMIT).failures} == reasons
    before = sum(server.executions.values())
    production.run_missing()
    progress = production.wait(LIMIT)
    assert progress.is_whole, progress.failures
    assert sum(server.executions.values()) == before + 3
    assert [take.state for take in progress.panel(MEMORY).takes] == [PanelState.FAILED, PanelState.FINISHED]
    assert [take.number for take in progress.panel(MEMORY).takes] == [0, 0]  # the same seed


def test_what_cannot_be_made_ready_is_a_failed_row_and_the_others_go_on(full_server, open_session):
    server = full_server()
    session = open_session(server)
    panels = (Panel("a", "fox"), Panel("b", "fox <lora:ink:much>"), Panel("c", "fox"))
    production = session.storyboard(board(panels=panels))
    production.run_all()
    progress = production.wait(LIMIT)
    assert [panel.state for panel in progress.panels] == ["finished", "failed", "finished"]
    assert "much" in progress.panels[1].reason
    session.close()
    [record] = [
        record for record in open_session(server).history.find(size=10).records if record.target["panel"] == "b"
    ]
    assert (record.state, record.error) == ("failed", progress.panels[1].reason)


def test_a_failure_in_preparing_is_one_take_however_often_the_history_is_read(full_server, open_session):
    session = open_session(full_server())
    production = session.storyboard(board(panels=(Panel("b", "fox <lora:ink:much>"),)))
    for tries in (1, 2, 3):
        production.run_missing()
        for _ in range(3):
            production.refresh()
            assert len(production.wait(LIMIT).panels[0].takes) == tries


def test_a_process_that_dies_while_it_notes_a_failure_leaves_nothing_open(full_server, open_session, monkeypatch):
    """It is noted at once, or not at all: an open row would be sent by the next session."""
    server = full_server()
    session = open_session(server)
    monkeypatch.setattr(session.history, "end", None)  # there is no second step
    production = session.storyboard(board(panels=(Panel("b", "fox <lora:ink:much>"),)))
    production.run_all()
    reason = production.wait(LIMIT).panels[0].reason
    session.close()
    again = open_session(server).storyboard(board(panels=(Panel("b", "fox <lora:ink:much>"),))).wait(LIMIT)
    assert [(take.state, take.reason) for take in again.panels[0].takes] == [(PanelState.FAILED, reason)]
    assert server.posts == 0


def test_a_failed_other_take_keeps_the_picture_that_is_there(full_server, open_session):
    server = full_server()
    production = open_session(server).storyboard(board(2))
    production.run_all()
    file = production.wait(LIMIT).panels[0].file
    server.troubles = {"fox number 1": "no"}
    production.again(["p01"])
    progress = production.wait(LIMIT)
    assert progress.panels[0].state is PanelState.FAILED
    assert progress.panels[0].file == file
    assert progress.missing == ()
    assert [panel.panel_id for panel in progress.failures] == ["p01"]
    server.troubles = {}
    production.run(["p01"])
    progress = production.wait(LIMIT)
    assert [take.number for take in progress.panels[0].takes] == [0, 1, 1]
    assert progress.panels[0].state is PanelState.FINISHED


def test_a_server_that_goes_away_in_the_middle_costs_nothing(full_server, open_session):
    server = full_server()
    server.hold()
    session = open_session(server)
    production = session.storyboard(board(6))
    production.run_all()
    server.wait_held()
    server.stop()
    server.start()  # it has forgotten what it ran
    server.release()
    progress = production.wait(LIMIT)
    lost = [panel.panel_id for panel in progress.panels if panel.state is PanelState.LOST]
    assert len(lost) <= 1
    production.run_missing()
    progress = production.wait(LIMIT)
    assert progress.is_whole, progress.failures


def test_a_server_that_is_away_for_longer_than_a_job_waits_costs_no_second_run(full_server, open_session):
    server = full_server()
    server.hold()
    session = open_session(server)
    production = session.storyboard(board(2))
    with contextlib.closing(session.subscribe()) as events:
        production.run_all()
        server.wait_held()
        server.stop()
        while not isinstance(event := events.get(), Ended) or not event.outcome.stays_open:
            pass
        production.run_missing()
        with pytest.raises(TimedOut):
            production.wait(0.5)
        first = production.snapshot.panels[0]
        assert (first.state, len(first.takes)) == (PanelState.WAITING, 1)
        assert first.reason.endswith(".")
        server.start()  # it has forgotten what it ran
        server.release()
        progress = production.wait(LIMIT)
    assert [panel.state for panel in progress.panels] == ["lost", "finished"]


def test_what_waits_for_another_server_says_so_and_can_be_cancelled(full_server, open_session):
    away, server = full_server(), full_server()
    away.hold()
    session = open_session(away)
    session.storyboard(board(1)).run_all()
    away.wait_held()
    session.close()
    production = open_session(server).storyboard(board(1))
    production.run_missing()
    deadline = time.monotonic() + LIMIT
    while production.snapshot.panels[0].state is PanelState.MISSING:
        assert time.monotonic() < deadline
    with pytest.raises(TimedOut):
        production.wait(0.1)
    panel = production.snapshot.panels[0]
    assert (panel.state, panel.reason) == (
        PanelState.WAITING, f"It waits for {away.url}. Choose that server, or cancel it."
    )  # fmt: skip
    production.cancel()
    assert production.wait(LIMIT).panels[0].state is PanelState.CANCELLED
    production.run_missing()
    assert production.wait(LIMIT).is_whole
    assert sum(server.executions.values()) == 1
