"""Grids against a server: made, put together, failed in parts, cancelled, and gone on with after a restart."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from PIL import Image

from blender_comfyui.generation.events import Ended, Submitted
from blender_comfyui.generation.grids import run as runs
from blender_comfyui.generation.grids.model import Axis, Cell, Grid, axis, seeds
from blender_comfyui.generation.grids.states import CELL, GRID
from blender_comfyui.generation.history import Filter, Sort
from blender_comfyui.generation.outcome import JobState
from blender_comfyui.generation.sheets.cards import Sheet, Table
from blender_comfyui.generation.tasks.preparing import Order
from blender_comfyui.workflow.wildcards import resolved

LIMIT = 120.0
PLAIN = {
    "prompt": "a {red|blue|green} fox",
    "seed": 7,
    "checkpoint": "random_sd15.safetensors",
    "width": 64,
    "height": 64,
}


def order(**changed: object) -> Order:
    return Order("image_generation", "low", {**PLAIN, **changed})


@pytest.fixture
def session(comfy_server, open_session):
    return open_session(comfy_server())


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Sheet | Table]:
    """What was drawn, beside its being drawn."""
    from blender_comfyui.generation.grids import picture

    seen: list[Sheet | Table] = []

    def noted(draw):
        def act(what, path, fonts=()):
            seen.append(what)
            draw(what, path, fonts)

        return act

    monkeypatch.setattr(picture, "table_to_png", noted(picture.table_to_png))
    monkeypatch.setattr(picture, "sheet_to_png", noted(picture.sheet_to_png))
    return seen


def jobs_of(session, grid: Grid):
    return session.history.find(Filter(project=grid.id), Sort.OLDEST, 0, 1000).records


def test_two_parameters_become_one_labelled_picture(session, drawn) -> None:
    grid = Grid(order(), axis("steps", "10..12"), axis("cfg", "4, 7.5"))
    told = session.subscribe()
    run = session.grid(grid, context={"sink": "IMAGE"}, cell_context={"mine": "yes"})
    progress = run.wait(LIMIT)
    assert (progress.problem, progress.done, progress.failed, progress.fraction) == ("", 6, 0, 1.0)
    with Image.open(progress.picture) as picture:
        assert picture.width > 3 * 64
    [table] = drawn
    assert (table.columns, table.rows, table.across, table.down) == (("10", "11", "12"), ("4", "7.5"), "Steps", "CFG")
    records = jobs_of(session, grid)
    cells = {record.target[CELL]: record for record in records if CELL in record.target}
    assert len(cells) == 6
    assert cells["2,1"].parameters["steps"] == 12
    assert cells["2,1"].parameters["cfg"] == 7.5
    assert cells["2,1"].target["mine"] == "yes"
    assert table.cards[(1, 2)].picture == cells["2,1"].files[0].path
    [whole] = [record for record in records if CELL not in record.target]
    assert whole.state is JobState.FINISHED
    assert [file.path for file in whole.files] == [progress.picture]
    assert dict(whole.target) == {"sink": "IMAGE", GRID: grid.id}
    assert session.status(whole.id).outputs == (progress.picture,)
    events = told.drain(10_000)
    submitted = [event.job_id for event in events if isinstance(event, Submitted)]
    assert submitted[-1] == whole.id == progress.picture_job
    assert any(isinstance(event, Ended) and event.job_id == whole.id for event in events)


def test_one_prompt_over_seeds(session, drawn) -> None:
    grid = Grid(order(), seeds(7, 5))
    progress = session.grid(grid).wait(LIMIT)
    [sheet] = drawn
    assert [card.title for card in sheet.cards] == [f"Seed {seed}" for seed in range(7, 12)]
    assert all(card.picture and card.picture.is_file() for card in sheet.cards)
    assert progress.picture is not None
    prompts = {record.seed: record.parameters for record in jobs_of(session, grid) if CELL in record.target}
    for seed in range(7, 12):
        assert prompts[seed]["prompt"] == resolved(PLAIN["prompt"], seed)
        assert prompts[seed]["asked"] == {"prompt": PLAIN["prompt"]}


def test_a_picture_that_fails_is_shown_with_its_reason(session, drawn) -> None:
    session.stock.read()
    grid = Grid(
        order(), Axis("checkpoint", ("random_sd15.safetensors", "no_such.safetensors")), axis("steps", "10, 11")
    )
    progress = session.grid(grid).wait(LIMIT)
    assert (progress.done, progress.failed) == (2, 2)
    reason = progress.cells[Cell(1, 0)].reason
    assert "no_such.safetensors" in reason
    [table] = drawn
    assert table.cards[(0, 1)].picture is None
    assert table.cards[(0, 1)].missing == reason
    assert table.cards[(0, 0)].picture is not None


def test_what_was_made_is_not_made_again_and_what_failed_is(comfy_server, open_session, drawn) -> None:
    server = comfy_server()
    session = open_session(server)
    prompts = axis("prompt", "a fox, a hare, a crow")
    server.troubles = {"a hare": "the sampler broke"}
    first = session.grid(Grid(order(), prompts)).wait(LIMIT)
    assert (first.done, first.failed) == (2, 1)
    assert "the sampler broke" in drawn[0].cards[1].missing
    ran = len(server.executions)
    server.troubles = {}
    again = session.grid(Grid(order(), prompts)).wait(LIMIT)
    assert (again.done, again.failed) == (3, 0)
    assert len(server.executions) == ran + 1
    assert again.picture not in (None, first.picture)
    assert first.picture.is_file()


def test_what_goes_on_by_itself_does_not_try_again_what_failed(comfy_server, open_session) -> None:
    server = comfy_server()
    session = open_session(server)
    prompts = axis("prompt", "a fox, a hare")
    server.troubles = {"a hare": "the sampler broke"}
    session.grid(Grid(order(), prompts)).wait(LIMIT)
    server.troubles = {}
    again = session.grid(Grid(order(), prompts), only_new=True).wait(LIMIT)
    assert (again.done, again.failed) == (1, 1)
    assert len(server.executions) == 2


def test_a_file_that_is_gone_is_made_again(session) -> None:
    grid = Grid(order(), axis("steps", "10, 11"))
    first = session.grid(grid).wait(LIMIT)
    first.cells[Cell(1, 0)].file.unlink()
    again = session.grid(grid).wait(LIMIT)
    assert again.cells[Cell(0, 0)].job_id == first.cells[Cell(0, 0)].job_id
    assert again.cells[Cell(1, 0)].job_id != first.cells[Cell(1, 0)].job_id
    assert again.done == 2


def test_a_restart_goes_on(comfy_server, open_session, tmp_path: Path) -> None:
    """The Session ends in the middle; the next one adopts what waits, and makes the picture whole."""
    server = comfy_server()
    server.hold()
    grid = Grid(order(), axis("steps", "10..14"))
    session = open_session(server)
    told = session.subscribe()
    run = session.grid(grid)
    until(lambda: len(session.jobs) == 5, told)
    wait_written(session, grid, 5)
    session.close()
    assert run.wait(LIMIT).picture is None
    server.release()
    again = open_session(server)
    progress = again.grid(Grid(order(), axis("steps", "10..14")), only_new=True).wait(LIMIT)
    assert (progress.done, progress.problem) == (5, "")
    assert progress.picture.is_file()
    assert len(jobs_of(again, grid)) == 6
    assert sum(server.executions.values()) == 5


def until(is_there, told) -> None:
    """Look again with each thing that happens in the session."""
    while not is_there():
        told.get()


def wait_written(session, grid: Grid, count: int) -> None:
    """Wait until so many jobs are in the history: they come there through a thread of the session."""
    deadline = time.monotonic() + LIMIT
    while len(jobs_of(session, grid)) < count:
        assert time.monotonic() < deadline


def test_cancelling_stops_its_own_jobs_only(comfy_server, open_session) -> None:
    server = comfy_server()
    server.hold()
    session = open_session(server)
    other = session.run_task("image_generation", "low", {**PLAIN, "steps": 9})
    grid = Grid(order(), axis("steps", "10..13"))
    told = session.subscribe()
    run = session.grid(grid)
    until(lambda: len(session.jobs) == 5, told)
    run.cancel()
    progress = run.wait(LIMIT)
    server.release()
    assert progress.picture is None
    assert other.wait(LIMIT).state is JobState.FINISHED
    states = {record.state for record in jobs_of(session, grid)}
    assert states == {JobState.CANCELLED}


def test_a_parameter_without_a_place_is_said_and_nothing_is_sent(session) -> None:
    grid = Grid(order(), axis("no_such_thing", "1, 2"))
    progress = session.grid(grid).wait(LIMIT)
    assert "no_such_thing" in progress.problem
    assert "would be the same" in progress.problem
    assert jobs_of(session, grid) == ()
    assert session.jobs == ()


def test_a_tier_may_be_gone_through(session) -> None:
    grid = Grid(order(), Axis("tier", ("low", "no_such_tier")))
    progress = session.grid(grid).wait(LIMIT)
    assert (progress.done, progress.failed) == (1, 1)
    assert "no_such_tier" in progress.cells[Cell(1, 0)].reason


def test_where_nothing_can_be_written_it_is_said(session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(runs, "draw", full)
    progress = session.grid(Grid(order(), axis("steps", "10"))).wait(LIMIT)
    assert progress.picture is None
    assert "No space left" in progress.problem
    assert progress.done == 1


def test_grids_of_one_name_do_not_overwrite_each_other(session, monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2)
    draw = runs.draw

    def at_once(*told: object) -> None:
        both.wait(LIMIT)
        draw(*told)

    monkeypatch.setattr(runs, "draw", at_once)
    begun = [session.grid(Grid(order(), axis("steps", values), title="fox")) for values in ("10", "11")]
    pictures = {run.wait(LIMIT).picture for run in begun}
    assert len(pictures) == 2
    assert all(picture.is_file() and picture.name.startswith("grid fox_") for picture in pictures)


def test_threads_end(session) -> None:
    session.grid(Grid(order(), axis("steps", "10"))).wait(LIMIT)
    for thread in threading.enumerate():
        if thread.name == "comfyui-grid":
            thread.join(LIMIT)
    assert not any(thread.name == "comfyui-grid" for thread in threading.enumerate())
