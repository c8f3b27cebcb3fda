"""The board of tasks: asked from the main thread, made on another, and never waited for."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from blender_comfyui.generation.tasks.book import TaskBook
from blender_comfyui.generation.tasks.desk import Board, TaskDesk, TaskQuestion
from blender_comfyui.generation.tasks.merging import How
from blender_comfyui.generation.tasks.preparing import Order
from blender_comfyui.workflow.importing import import_workflow
from blender_comfyui.workflow.library import Library
from tests.workflow.graphs import txt2img

LIMIT = 120.0
ME = "a scene"


@pytest.fixture
def desk(tmp_path) -> Iterator[TaskDesk]:
    made = TaskDesk(TaskBook(), tmp_path / "library")
    yield made
    made.close()
    made.join(LIMIT)
    assert not [one for one in threading.enumerate() if one.name == "comfyui-task-desk"]


def until(desk: TaskDesk, holds: Callable[[Board], object]) -> Board:
    deadline = time.monotonic() + LIMIT
    while not holds(desk.board(ME)):
        assert time.monotonic() < deadline, desk.board(ME)
        time.sleep(0.005)
    return desk.board(ME)


def asked(desk: TaskDesk, order: Order, entry: str = "", session: object = None) -> Board:
    question = TaskQuestion(order, entry)
    desk.ask(ME, question, session)  # type: ignore[arg-type]
    return until(desk, lambda board: board.question == question)


def test_the_board_tells_tasks_tiers_and_what_becomes_of_parameters(desk) -> None:
    board = asked(desk, Order("image_generation", "low", {"steps": 3, "cfg": 5.0}))
    assert list(board.tasks) == list(TaskBook().refresh().tasks)
    low = board.tier("low")
    assert low.offer.is_available is None
    assert low.offer.report.of("steps").how is How.KEPT_BACK
    assert low.offer.report.of("cfg").value == 5.0
    assert low.own["denoise"] == 1.0
    assert "fps" not in low.own
    assert board.tier("none") is None
    checkpoint, place = asked(desk, Order("controlnet_pose", "low")).tier("low").models
    assert (checkpoint.name, checkpoint.folder) == ("checkpoint", "checkpoints")
    assert (place.folder, place.own) == ("controlnet", "control_v11p_sd15_openpose_fp16.safetensors")


def test_with_a_session_it_tells_what_the_server_lacks(desk, comfy_server, open_session) -> None:
    session = open_session(comfy_server())
    session.stock.read()
    board = asked(desk, Order("image_generation", "low"), session=session)
    assert "no checkpoint “v1-5" in board.tier("low").offer.reason


def test_an_unknown_task_is_an_error_of_the_board(desk) -> None:
    board = asked(desk, Order("x", "low"))
    assert "no task “x”" in board.error
    assert board.tasks
    assert not board.tiers


def test_files_are_picked_up_and_their_errors_told(desk, tmp_path) -> None:
    studio = tmp_path / "studio.yaml"
    studio.write_text("tasks: {grid: {title: Sheet}}")
    desk.use(None, studio)
    asked(desk, Order("grid", "low"))
    until(desk, lambda board: board.tasks["grid"].title == "Sheet")
    studio.write_text("tasks:\n  grid:\n    titel: Sheets\n")
    board = until(desk, lambda board: board.problems)
    assert "studio.yaml, line 3, tasks.grid.titel" in board.problems[0]
    assert board.tasks["grid"].title == "Sheet"
    assert board.tier("low"), "the question is answered anew"
    desk.use(None, None)
    until(desk, lambda board: not board.problems and board.tasks["grid"].title == "Contact sheet")


def test_a_workflow_of_the_library_takes_the_place_of_the_tiers(desk, tmp_path) -> None:
    entry = Library(tmp_path / "library").add(import_workflow(json.dumps(txt2img()).encode(), "own.json"))
    board = asked(desk, Order("image_generation", "low"), entry.id)
    assert board.workflow.api() == txt2img()
    assert board.tier("low").own["checkpoint"] == "sd15.safetensors"
    board = asked(desk, Order("image_generation", "low"), "0123456789ab")
    assert "was chosen for this task cannot be used" in board.error
    board = asked(desk, Order("image_generation", "low", workflow=txt2img()))
    assert board.workflow.api() == txt2img()
    board = asked(desk, Order("image_generation", "low", workflow="nothing"))
    assert "cannot be used" in board.error


def test_of_several_questions_the_last_one_counts(desk) -> None:
    for number in range(50):
        desk.ask(ME, TaskQuestion(Order("grid", "low", {"steps": 10 + number})))
    board = until(desk, lambda board: board.question and board.question.order.parameters["steps"] == 59)
    assert board.tier("low").offer.report.of("steps").value == 59


def test_each_asker_has_a_board_of_his_own(desk) -> None:
    """Two windows show two scenes: neither takes the other's answer away."""
    asked(desk, Order("grid", "low"))
    mine = desk.board(ME)
    desk.ask("another", TaskQuestion(Order("upscale", "low")))
    until(desk, lambda _: desk.board("another").question)
    assert desk.board("another").question.order.task == "upscale"
    assert desk.board(ME) is mine
    assert desk.board("a third").tasks, "what all share is known to everyone"
    assert desk.board("a third").question is None


def test_whoever_asked_long_ago_is_forgotten(desk) -> None:
    asked(desk, Order("grid", "low"))
    for number in range(20):
        desk.ask(str(number), TaskQuestion(Order("grid", "low")))
        until(desk, lambda _, asker=str(number): desk.board(asker).question)  # type: ignore[misc]
    assert desk.board(ME).question is None
    assert len(desk._boards) <= 9


def test_nobody_is_asked_for_whoever_is_gone(desk, tmp_path) -> None:
    class Counting:
        calls = 0

        def tiers(self, *_: object, **__: object) -> tuple[()]:
            self.calls += 1
            return ()

    old = Counting()
    asked(desk, Order("grid", "low"), session=old)
    desk.forget(ME)
    desk.ask("another", TaskQuestion(Order("upscale", "low")))
    until(desk, lambda _: desk.board("another").question)
    studio = tmp_path / "studio.yaml"
    studio.write_text("tasks: {grid: {title: Sheet}}")
    desk.use(None, studio)  # whoever is there is told anew
    until(desk, lambda _: desk.board("another").tasks["grid"].title == "Sheet")
    assert old.calls == 1
    assert desk.board(ME).question is None
