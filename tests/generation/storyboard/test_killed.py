"""A program is killed with SIGKILL while it makes a storyboard: started again, it makes what is missing, once."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.generation.storyboard.conftest import board
from tools.project import ROOT

LIMIT = 180.0
PANELS = 60


def start(server: Any, folder: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.generation.storyboard.life", server.url, str(folder), *more]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def check_all_is_there(server: Any, folder: Path, open_session: Any) -> None:
    """Start it again: it ends with sixty right files, and no panel was made twice but the one that ran."""
    again = start(server, folder)
    said, _ = again.communicate(timeout=LIMIT)
    assert (said.split(), again.returncode) == (["done", str(PANELS), "whole"], 0)
    assert PANELS <= sum(server.executions.values()) <= PANELS + 1
    progress = open_session(server).storyboard(board(PANELS)).wait(LIMIT)
    assert [panel.state for panel in progress.panels] == ["finished"] * PANELS
    assert len({panel.file for panel in progress.panels}) == PANELS
    assert {len(panel.takes) for panel in progress.panels} == {1}
    assert len(list((folder / "outputs").iterdir())) == PANELS


@pytest.mark.parametrize("panel", [1, 23, 59])
def test_killed_while_a_panel_runs(full_server, open_session, tmp_path, panel):
    server = full_server()
    server.step_delay = 0.001
    life = start(server, tmp_path / "data")
    server.wait_for(lambda: len(server.executions) >= panel, LIMIT)
    life.kill()
    assert life.wait(LIMIT) == -signal.SIGKILL
    assert sum(server.executions.values()) < PANELS
    check_all_is_there(server, tmp_path / "data", open_session)


def test_killed_while_it_asks(full_server, open_session, tmp_path):
    server = full_server()
    server.hold()  # nothing ends before it is dead
    assert start(server, tmp_path / "data", "23").wait(LIMIT) == -signal.SIGKILL
    server.release()
    check_all_is_there(server, tmp_path / "data", open_session)


def test_killed_three_times(full_server, open_session, tmp_path):
    server = full_server()
    server.step_delay = 0.001
    for panel in (10, 25, 40):
        life = start(server, tmp_path / "data")
        server.wait_for(lambda panel=panel: len(server.executions) >= panel, LIMIT)
        life.kill()
        life.wait(LIMIT)
    check_all_is_there(server, tmp_path / "data", open_session)
