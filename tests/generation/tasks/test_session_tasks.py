"""What a session does for tasks: offers, estimates, runs, states, and the history of what could not be prepared."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from pathlib import Path

import pytest

from blender_comfyui.comfy.errors import ComfyError
from blender_comfyui.generation.events import StockChanged
from blender_comfyui.generation.history import AskDurations, Desk, DurationsFound, History, Record
from blender_comfyui.generation.outcome import JobState, Outcome
from blender_comfyui.generation.request import Request
from blender_comfyui.generation.session import Session, SessionClosed
from blender_comfyui.generation.tasks.book import TaskBook
from blender_comfyui.generation.tasks.counter import Estimate
from blender_comfyui.generation.tasks.errors import (
    InvalidQualityTierError,
    ParameterValidationError,
    QualityExecutionError,
    QualityTierError,
    WorkflowNotFoundError,
)
from blender_comfyui.generation.tasks.merging import How
from blender_comfyui.generation.tasks.status import JobStatus, UnknownJob
from blender_comfyui.workflow.loras import Lora
from tests.workflow.graphs import node, txt2img

LIMIT = 120.0
CHECKPOINT = {"checkpoint": "random_sd15.safetensors"}


@pytest.fixture
def session(comfy_server, open_session):
    """One with a server that has other models than the bundled workflows name."""
    return open_session(comfy_server())


def in_history(session: Session) -> tuple[Record, ...]:
    """All that was written down, once nothing more is."""
    session.close()
    with contextlib.closing(History(session.data_dir)) as history:
        return history.find().records


# ---- tasks and tiers


def test_tasks_are_those_of_the_files(session, tmp_path) -> None:
    assert [task.name for task in session.tasks()] == list(TaskBook().refresh().tasks)
    overlay = tmp_path / "data" / "quality_mappings.yaml"
    overlay.parent.mkdir(exist_ok=True)
    overlay.write_text("tasks: {grid: {title: Sheet}}")
    assert session.tasks()[-1].title == "Sheet"


def test_tiers_tell_what_they_set_and_whether_this_server_can(session) -> None:
    low, *others = session.tiers("image_generation")
    assert [offer.tier.name for offer in others] == ["standard", "high"]
    assert low.tier.description == "A quick draft at 512 × 512."
    assert low.tier.parameters["steps"] == 15
    assert low.is_available is None, "nobody has asked the server yet"

    session.stock.read()
    low, *_ = session.tiers("image_generation")
    assert low.is_available is False
    assert low.reason == (
        "“Checkpoint”: the server has no checkpoint “v1-5-pruned-emaonly-fp16.safetensors”. "
        "Choose another one, or put the file into its models folder."
    )
    low, *_ = session.tiers("image_generation", CHECKPOINT | {"steps": 5})
    assert (low.is_available, low.reason, low.problems) == (True, "", ())
    assert low.report.of("steps").how is How.KEPT_BACK
    low, *_ = session.tiers("image_generation", {"steps": "many"})
    assert (low.is_available, low.report) == (False, None)
    assert low.reason == "“steps” must be a number, not “many”."
    low, *_ = session.tiers("image_generation", CHECKPOINT, loras=[Lora("incc")])
    assert low.is_available is False
    assert "no LoRA “incc”" in low.reason
    low, *_ = session.tiers("image_generation", CHECKPOINT, workflow=txt2img())
    assert low.is_available is True
    with pytest.raises(InvalidQualityTierError, match="no task “x”"):
        session.tiers("x")


def test_the_nearest_names_are_offered(comfy_server, open_session) -> None:
    server = comfy_server(checkpoints=("SD15\\v1-5-pruned-emaonly.safetensors", "other.safetensors"))
    session = open_session(server)
    session.stock.read()
    low, *_ = session.tiers("image_generation")
    assert low.problems[0].suggestions == ("SD15\\v1-5-pruned-emaonly.safetensors",)
    with pytest.raises(QualityExecutionError, match=r"Did you mean “SD15\\v1-5-pruned-emaonly.safetensors”\?$"):
        session.run_task("image_generation", "low")


def test_a_missing_picture_is_no_reason_against_a_tier(full_server, open_session) -> None:
    session = open_session(full_server())
    session.stock.read()
    offers = {task.name: session.tiers(task.name) for task in session.tasks()}
    assert {name: [offer.reason for offer in some] for name, some in offers.items()} == {
        name: ["", "", ""] for name in offers
    }
    assert all(offer.is_available for some in offers.values() for offer in some)


def test_what_the_server_has_is_read_in_the_background_and_after_a_reconnect(comfy_server, open_session) -> None:
    server = comfy_server()
    session = open_session(server)
    events = session.subscribe()

    def next_stock() -> StockChanged:
        while not isinstance(event := events.get(), StockChanged):
            pass
        return event

    assert session.tiers("grid")[0].is_available is None
    assert "random_sd15.safetensors" in next_stock().stock.models.names("checkpoints")
    session.start()
    server.stop()
    server.models["checkpoints"] = ("new.safetensors",)
    server.start()
    while next_stock().stock.models.names("checkpoints") != ("new.safetensors",):
        pass
    assert session.stock.last.models.names("checkpoints") == ("new.safetensors",)


# ---- running


def test_a_task_runs_and_says_what_became_of_its_parameters(session) -> None:
    job = session.run_task(
        "image_generation", "low", CHECKPOINT | {"prompt": "a fox", "steps": 11, "cfg": 0.1, "scale_by": 2}, stem="fox"
    )
    outcome = job.wait(LIMIT)
    assert outcome.state is JobState.FINISHED
    assert outcome.files[0].name.startswith("fox_")
    assert job.task_report.values["steps"] == 11
    assert len(job.task_report.sentences) == 2
    (record,) = session.history.find().records
    tiers = dict(TaskBook().refresh().tasks["image_generation"].tiers["low"].parameters)
    assert record.parameters == tiers | CHECKPOINT | {"prompt": "a fox", "steps": 11}
    assert (record.task, record.tier, record.label, record.workflow) == ("image_generation", "low", "a fox", "sd_basic")


@pytest.mark.parametrize(
    ("arguments", "options", "kind", "said"),
    [
        (("x", "low"), {}, InvalidQualityTierError, "There is no task “x”"),
        (("grid", "x"), {}, InvalidQualityTierError, "has no tier “x”"),
        (("grid", "low", {"steps": "many"}), {}, ParameterValidationError, "“steps” must be a number"),
        (("inpaint", "low", {"prompt": "hole"}), {}, ParameterValidationError, "“Inpaint” needs “image”"),
        (("grid", "low"), {"workflow": Path("no.json")}, WorkflowNotFoundError, "cannot be used"),
    ],
)
def test_what_could_not_be_prepared_is_in_the_history_as_failed(session, arguments, options, kind, said) -> None:
    with pytest.raises(kind, match=said) as raised:
        session.run_task(*arguments, **options, context={"blend_id": "b"})
    (record,) = in_history(session)
    assert (record.state, record.task, record.tier) == (JobState.FAILED, *arguments[:2])
    assert record.error == str(raised.value)
    assert record.error_kind == kind.__name__
    assert record.blend_id == "b"


def test_what_others_could_not_put_together_is_in_the_history_too(session) -> None:
    error = ParameterValidationError("The image “gone” shows nothing.", name="image")
    session.note_failure("grid", "low", {"prompt": ("a", "b"), "steps": 12}, error, context={"blend_id": "b"})
    (record,) = in_history(session)
    assert (record.state, record.error, record.label) == (JobState.FAILED, str(error), "a | b")
    assert record.parameters["steps"] == 12
    assert record.blend_id == "b"


def test_a_tier_that_this_server_cannot_run_fails_with_its_reason(session) -> None:
    session.stock.read()
    with pytest.raises(QualityExecutionError, match="the server has no checkpoint “v1-5-pruned") as raised:
        session.run_task("image_generation", "low", {"prompt": "fox"})
    assert [problem.kind for problem in raised.value.problems] == ["missing_model"]
    assert session.run_task("image_generation", "low", CHECKPOINT).wait(LIMIT).state is JobState.FINISHED
    done, refused = in_history(session)
    assert done.state is JobState.FINISHED
    assert refused.error == str(raised.value)


def test_a_model_of_a_windows_server_is_found_by_its_folder(comfy_server, open_session) -> None:
    server = comfy_server(checkpoints=("SD 15\\墨 v1.safetensors",))
    session = open_session(server)
    session.stock.read()
    asked = {"checkpoint": "SD 15/墨 v1.safetensors"}
    low, *_ = session.tiers("image_generation", asked)
    assert (low.is_available, low.problems) == (True, ())
    job = session.run_task("image_generation", "low", asked)
    assert job.wait(LIMIT).state is JobState.FINISHED
    assert job.request.prompt["1"]["inputs"]["ckpt_name"] == "SD 15\\墨 v1.safetensors"
    assert job.task_report.sentences == (
        "“Checkpoint”: “SD 15/墨 v1.safetensors” is called “SD 15\\墨 v1.safetensors” on the server.",
    )
    assert job.task_report.settings[-1].how is How.RENAMED


def test_a_workflow_with_a_link_in_a_wrong_form_is_no_traceback(session) -> None:
    graph = {**txt2img(), "8": node("SaveImage", "Odd", filename_prefix="y", images=[6, 0])}
    session.stock.read()
    low, *_ = session.tiers("image_generation", CHECKPOINT, workflow=graph)
    assert low.is_available is True
    assert low.reason == "“Odd”: the link of “images” is written in a wrong form."


def test_what_the_server_had_long_ago_is_no_reason(comfy_server, open_session) -> None:
    """Somebody has put the model there meanwhile: the server itself says whether it can."""
    server = comfy_server()
    session = open_session(server)
    stock = session.stock.read()
    session.stock.last = dataclasses.replace(stock, read=stock.read - 3600)
    server.models["checkpoints"] = ("v1-5-pruned-emaonly-fp16.safetensors",)
    assert session.run_task("image_generation", "low").wait(LIMIT).state is JobState.FINISHED


def test_a_lora_that_came_since_is_sent_by_its_whole_name(comfy_server, open_session) -> None:
    server = comfy_server()
    session = open_session(server)
    stock = session.stock.read()
    server.models["loras"] = ("new.safetensors",)
    session.stock.last = dataclasses.replace(stock, read=stock.read - 3600)
    job = session.run_task("image_generation", "low", CHECKPOINT, loras=[Lora("new.safetensors")])
    assert job.wait(LIMIT).state is JobState.FINISHED


def test_a_lora_that_the_server_has_just_said_it_lacks_is_an_error(session) -> None:
    session.stock.read()
    with pytest.raises(ParameterValidationError, match=r"has no LoRA “new\.safetensors”"):
        session.run_task("image_generation", "low", CHECKPOINT, loras=[Lora("new.safetensors")])


def test_a_workflow_runs_as_far_as_it_can(session) -> None:
    """An output that lacks its model keeps the others from nothing."""
    more = {
        "8": node("CheckpointLoaderSimple", ckpt_name="none.safetensors"),
        "9": node("VAEDecode", samples=["5", 0], vae=["8", 2]),
        "10": node("SaveImage", "Other", filename_prefix="y", images=["9", 0]),
    }
    session.stock.read()
    graph = {**txt2img(), **more}
    graph["1"]["inputs"]["ckpt_name"] = "random_sd15.safetensors"
    low, *_ = session.tiers("image_generation", workflow=graph)
    assert low.is_available is True
    assert "no checkpoint “none.safetensors”" in low.reason
    outcome = session.run_task("image_generation", "low", workflow=graph).wait(LIMIT)
    assert (outcome.state, len(outcome.files), len(outcome.problems)) == (JobState.FINISHED, 1, 1)


def test_without_a_stock_the_server_refuses(session) -> None:
    outcome = session.run_task("image_generation", "low").wait(LIMIT)
    assert outcome.state is JobState.FAILED
    assert "v1-5-pruned-emaonly-fp16.safetensors" in str(outcome.error)


def test_after_close_nothing_runs(comfy_server, tmp_path) -> None:
    session = Session(comfy_server().url, data_dir=tmp_path)
    session.close()
    with pytest.raises(SessionClosed):
        session.run_task("image_generation", "low", CHECKPOINT)


def test_all_errors_are_quality_tier_errors() -> None:
    kinds = (InvalidQualityTierError, WorkflowNotFoundError, ParameterValidationError, QualityExecutionError)
    assert all(issubclass(kind, QualityTierError) and not issubclass(kind, ComfyError) for kind in kinds)


# ---- estimates


def finished(session: Session, seconds: float, *, server: str = "", state: JobState = JobState.FINISHED) -> None:
    job_id = f"{os.urandom(8).hex()}"
    request = Request(txt2img(), task="image_generation", tier="low")
    session.history.add(job_id, request, server or str(session.address), "nobody", 1.0)
    session.history.update(job_id, started=1000.0, sent=999.0)
    session.history.end(job_id, Outcome(state, seconds=seconds + 50), 1000.0 + seconds)


def test_the_guess_counts_until_three_jobs_of_this_server_have_finished(session) -> None:
    guess = Estimate(4.0)
    assert session.estimate("image_generation", "low") == guess
    finished(session, 10.0)
    finished(session, 30.0)
    finished(session, 500.0, server="http://elsewhere:8188")
    finished(session, 500.0, state=JobState.FAILED)
    assert session.estimate("image_generation", "low") == guess
    finished(session, 20.0)
    assert session.estimate("image_generation", "low") == Estimate(20.0, 3)
    assert float(session.tiers("image_generation")[0].estimate) == 20.0
    assert session.estimate("image_generation", "high") == Estimate(20.0)
    with pytest.raises(InvalidQualityTierError):
        session.estimate("image_generation", "x")


def test_the_desk_tells_durations_too(session, tmp_path) -> None:
    for seconds in (10.0, 20.0, 40.0):
        finished(session, seconds)
    desk = Desk(tmp_path / "data")
    try:
        desk.ask(AskDurations(str(session.address)))
        answers: list[object] = []
        while not any(isinstance(answer, DurationsFound) for answer in answers):
            answers += desk.drain()
    finally:
        desk.close()
    (found,) = (answer for answer in answers if isinstance(answer, DurationsFound))
    assert found.durations[("image_generation", "low")].median_seconds == 20.0
    assert found.durations[("image_generation", "low")].count == 3


# ---- states


def test_the_status_of_a_job_from_its_queue_to_its_end_and_after(comfy_server, open_session, tmp_path) -> None:
    server = comfy_server()
    session = open_session(server)
    server.hold()
    job = session.run_task("image_generation", "low", CHECKPOINT | {"prompt": "fox"})
    waiting = session.run_task("image_generation", "low", CHECKPOINT)
    server.wait_for(lambda: session.status(waiting.id).queue_position == 1 and session.status(job.id).current_node)
    assert session.status(job.id) == JobStatus(job.id, JobState.RUNNING, 0.0, "Checkpoint", 0, 7)
    server.release()
    for _ in job.events():
        assert 0.0 <= session.status(job.id).progress <= 100.0
    status = session.status(job.id)
    (path,) = job.outcome.files
    assert status == JobStatus(job.id, JobState.FINISHED, 100.0, "", 7, 7, None, (path,), "")
    with Session(server.url, data_dir=tmp_path / "data") as later:
        assert later.status(job.id) == status
        with pytest.raises(UnknownJob, match="There is no job nobody") as raised:
            later.status("nobody")
    assert isinstance(raised.value, LookupError)


def test_the_status_of_a_job_that_failed(session, tmp_path) -> None:
    job = session.run_task("image_generation", "low", {"checkpoint": "none.safetensors"})
    outcome = job.wait(LIMIT)
    assert session.status(job.id).error == str(outcome.error) != ""
    assert session.status(job.id).state is JobState.FAILED
    assert session.status(job.id).progress < 100.0
