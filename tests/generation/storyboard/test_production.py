"""A storyboard is made: all, the missing, some, others; cancelled, paused, changed, and looked at after a restart."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from blender_comfyui.comfy.errors import TimedOut
from blender_comfyui.generation.events import Ended, QueueChanged
from blender_comfyui.generation.history import Record
from blender_comfyui.generation.outcome import JobState
from blender_comfyui.generation.session import Session
from blender_comfyui.generation.storyboard.model import Panel
from blender_comfyui.generation.storyboard.production import Production
from blender_comfyui.generation.storyboard.seeds import panel_seed
from blender_comfyui.generation.storyboard.states import PanelState, Progress
from blender_comfyui.generation.storyboard.takes import Takes
from blender_comfyui.generation.storyboard.writing import to_yaml
from blender_comfyui.generation.tasks.replacing import Replacement
from blender_comfyui.workflow.graph import Workflow
from tests.generation.storyboard.conftest import board

LIMIT = 120.0
FAILED, FINISHED, MISSING = PanelState.FAILED, PanelState.FINISHED, PanelState.MISSING


def states(progress: Progress) -> list[PanelState]:
    return [panel.state for panel in progress.panels]


def posted(server: Any) -> list[Any]:
    return [one.json["prompt"] for one in server.requests if (one.method, one.route) == ("POST", "/prompt")]


def sent(server: Any) -> int:
    return sum(server.executions.values())


def until_held(session: Session, count: int, *, goes_on: bool = True) -> Any:
    """Returns a context that ends when so many jobs wait in our own queue. If it `goes_on`, nothing is sent before."""

    @contextlib.contextmanager
    def waiting():
        with contextlib.closing(session.subscribe()) as events:
            if goes_on:
                session.pause()
            yield
            while not isinstance(event := events.get(), QueueChanged) or len(event.order) < count:
                pass
            if goes_on:
                session.resume()

    return waiting()


@pytest.fixture
def made(full_server, open_session):
    """``made(count)`` gives a server, a session, and the production of a storyboard that is all there."""

    def make(count: int = 3, **fields: Any) -> tuple[Any, Session, Production]:
        server = full_server()
        session = open_session(server)
        production = session.storyboard(board(count, **fields))
        production.run_all()
        assert states(production.wait(LIMIT)) == [FINISHED] * count
        return server, session, production

    return make


def test_sixty_panels_become_sixty_right_files(made, tmp_path):
    server, session, production = made(60)
    progress = production.snapshot
    assert progress.is_whole, progress.findings
    assert (progress.done, progress.total, progress.fraction, progress.seconds_left) == (60, 60, 1.0, None)
    assert len({panel.file for panel in progress.panels}) == 60
    assert all(panel.file.name.startswith(f"{panel.panel_id}_") for panel in progress.panels)
    assert [panel.last.seed for panel in progress.panels] == [
        panel_seed(42, panel.panel_id) for panel in progress.panels
    ]
    assert list(server.executions.values()) == [1] * 60
    history = session.history.find(size=100)
    assert history.total == 60
    assert {record.target["storyboard"] for record in history.records} == {"fox"}


def test_another_workflow_makes_the_panels_in_the_place_of_the_tiers_own(full_server, open_session, tmp_path):
    """From the library, and from a scene with what that loads; what cannot be used is said, and nothing sent."""
    server = full_server()
    session = open_session(server)
    graph = Workflow.load("sd_basic").api() | {"30": {"class_type": "LoadImage", "inputs": {"image": "none.png"}}}
    graph["31"] = {"class_type": "PreviewImage", "inputs": {"images": ["30", 0]}}
    photo = tmp_path / "photo.png"
    Image.new("RGB", (8, 8)).save(photo)
    production = session.storyboard(board(1))
    production.replace(Replacement("house", graph, parameters={"30.image": photo}))
    production.run_all()
    assert states(production.wait(LIMIT)) == [FINISHED]
    [prompt] = posted(server)
    assert prompt["30"]["inputs"]["image"].startswith("photo")
    assert (prompt["5"]["inputs"]["steps"], prompt["4"]["inputs"]["width"]) == (10, 96), "with the tier's values"
    [record] = session.history.find(size=10).records
    assert record.workflow == "house"
    production.replace(Replacement(library=tmp_path, entry="ba9876543210"))
    production.run_all()
    assert "cannot be used" in production.wait(LIMIT).problem
    production.replace(None)
    production.run_all()
    assert states(production.wait(LIMIT)) == [FINISHED]
    assert [len(prompt) for prompt in posted(server)] == [len(graph), len(graph) - 2]


def test_they_run_in_the_order_of_the_story(made):
    _, session, production = made(8)
    ended = [session.history.record(panel.job_id).ended for panel in production.snapshot.panels]
    assert all(before <= after for before, after in pairwise(ended))


def test_nothing_is_sent_before_it_is_told_to_run(full_server, open_session):
    server = full_server()
    progress = open_session(server).storyboard(board()).wait(LIMIT)
    assert states(progress) == [MISSING] * 3
    assert progress.missing == ("p01", "p02", "p03")
    assert progress.is_known
    assert not progress.is_whole
    assert server.posts == 0


def test_the_missing_are_made_and_no_others(made):
    server, _, production = made(3)
    production.use(board(5))
    production.run_missing()
    progress = production.wait(LIMIT)
    assert states(progress) == [FINISHED] * 5
    assert sent(server) == 5
    assert [len(panel.takes) for panel in progress.panels] == [1] * 5


def test_a_panel_whose_file_is_gone_is_missing(made):
    _, _, production = made(3)
    production.snapshot.panels[1].file.unlink()
    production.check()
    assert "is gone from" in production.wait(LIMIT).findings["p02"]
    production.run_missing()
    progress = production.wait(LIMIT)
    assert progress.is_whole
    assert [len(panel.takes) for panel in progress.panels] == [1, 2, 1]


def test_these_are_made_with_the_seed_they_have_and_again_with_another(made):
    _, _, production = made(3)
    production.run(["p01"])
    production.again(["p02", "p03"])
    production.again(["p03"])  # it is on its way
    production.wait(LIMIT)
    production.again(["p03"])
    progress = production.wait(LIMIT)
    assert [[take.number for take in panel.takes] for panel in progress.panels] == [[0, 0], [0, 1], [0, 1, 2]]
    assert [take.seed for take in progress.panels[2].takes] == [panel_seed(42, "p03", take) for take in (0, 1, 2)]
    assert progress.panels[2].file == progress.panels[2].takes[2].file


def test_all_makes_the_finished_anew(made):
    _, _, production = made(2)
    production.run_all()
    progress = production.wait(LIMIT)
    assert [[take.number for take in panel.takes] for panel in progress.panels] == [[0, 0], [0, 0]]


def test_what_is_on_its_way_is_not_asked_for_twice(full_server, open_session):
    server = full_server()
    server.hold()
    session = open_session(server)
    production = session.storyboard(board(4))
    with until_held(session, 4):
        production.run_all()
    for ask in (production.run_all, production.run_missing, lambda: production.run(["p01", "p02"])):
        ask()
    server.release()
    progress = production.wait(LIMIT)
    assert [len(panel.takes) for panel in progress.panels] == [1] * 4
    assert sent(server) == 4


def test_progress_and_time_left_are_told_on_the_way(full_server, open_session):
    server = full_server()
    server.hold()
    session = open_session(server)
    production = session.storyboard(board(3))
    with until_held(session, 3):
        production.run_all()
    server.wait_held()
    with pytest.raises(TimedOut, match=r"The storyboard is not done after 0\.05 s"):
        production.wait(0.05)
    progress = production.snapshot
    assert [panel.state.is_open for panel in progress.panels] == [True] * 3
    assert progress.is_running
    assert progress.findings is None
    assert 0.0 <= progress.fraction < 1.0
    assert 0.0 < progress.seconds_left <= 3 * 4.0  # the tier's own guess, as the history knows none
    server.release()
    assert production.wait(LIMIT).done == 3


def test_cancel_stops_ours_and_nobody_elses(full_server, open_session, tmp_path):
    server = full_server()
    server.hold()
    session = open_session(server)
    production = session.storyboard(board(6))
    foreign = Session(server.url, data_dir=tmp_path / "foreign")
    with foreign:
        with until_held(session, 6):
            production.run_all()
        server.wait_held()
        theirs = foreign.run_task("image_generation", "low", {"prompt": "theirs", "steps": 10})
        mine = session.run_task("image_generation", "low", {"prompt": "mine, of no storyboard", "steps": 10})
        production.cancel(["p05", "p06"])
        production.cancel()
        production.wait(LIMIT)
        server.release()
        assert theirs.wait(LIMIT).state == "finished"
        assert mine.wait(LIMIT).state == "finished"
    progress = production.wait(LIMIT)
    assert states(progress) == [PanelState.CANCELLED] * 6
    assert progress.missing == tuple(panel.panel_id for panel in progress.panels)
    production.run_missing()
    assert states(production.wait(LIMIT)) == [FINISHED] * 6


def test_pause_and_resume(full_server, open_session):
    server = full_server()
    session = open_session(server)
    production = session.storyboard(board(3))
    production.pause()
    with until_held(session, 3, goes_on=False):
        production.run_all()
    with pytest.raises(TimedOut):
        production.wait(0.05)
    assert production.snapshot.is_paused
    assert server.posts == 0
    production.resume()
    assert states(production.wait(LIMIT)) == [FINISHED] * 3
    assert not production.snapshot.is_paused


def test_a_panel_that_was_changed_since_is_outdated(made):
    _, _, production = made(3)
    old = board(3)
    changed = replace(old.panels[1], prompt="a wolf")
    production.use(replace(old, panels=(old.panels[2], changed, replace(old.panels[0], seconds=9.0))))
    progress = production.wait(LIMIT)
    assert [(panel.panel_id, panel.is_outdated) for panel in progress.panels] == [
        ("p03", False), ("p02", True), ("p01", False)
    ]  # fmt: skip
    production.use(replace(old, before="in ink"))
    assert [panel.is_outdated for panel in production.wait(LIMIT).panels] == [True] * 3
    production.run_all()
    assert [panel.is_outdated for panel in production.wait(LIMIT).panels] == [False] * 3
    production.use(old)
    assert [panel.is_outdated for panel in production.wait(LIMIT).panels] == [True] * 3


def test_the_callers_context_and_folder_come_with_the_jobs(full_server, open_session, tmp_path):
    session = open_session(full_server())
    contexts = {"p01": {"blend_id": "b1", "frame": "1"}, "p02": {"blend_id": "b1", "frame": "49", "panel": "mine"}}
    production = session.storyboard(board(2), contexts=contexts, folder=tmp_path / "pictures")
    production.run_all()
    progress = production.wait(LIMIT)
    records = [session.history.record(panel.job_id) for panel in progress.panels]
    assert [(record.blend_id, record.target["frame"], record.target["panel"]) for record in records] == [
        ("b1", "1", "p01"), ("b1", "49", "p02")
    ]  # fmt: skip
    assert {panel.file.parent for panel in progress.panels} == {tmp_path / "pictures"}


def test_another_production_knows_all_from_the_history(made, open_session):
    server, session, production = made(4)
    production.again(["p02"])
    before = production.wait(LIMIT)
    session.close()
    after = open_session(server).storyboard(board(4)).wait(LIMIT)
    assert [(panel.state, panel.file, [take.job_id for take in panel.takes]) for panel in after.panels] == [
        (panel.state, panel.file, [take.job_id for take in panel.takes]) for panel in before.panels
    ]
    assert [panel.is_outdated for panel in after.panels] == [False] * 4
    assert sent(server) == 5


def test_a_session_that_is_closed_and_opened_again_goes_on_by_itself(full_server, open_session):
    server = full_server()
    server.hold()
    session = open_session(server)
    production = session.storyboard(board(5))
    with until_held(session, 5):
        production.run_all()
    server.wait_held()
    session.close()
    assert production.wait(LIMIT).is_running  # it returns: nothing more comes here
    again = open_session(server)
    server.release()
    production = again.storyboard(board(5))
    production.run_missing()  # all are on their way
    progress = production.wait(LIMIT)
    assert states(progress) == [FINISHED] * 5
    assert progress.is_whole
    assert list(server.executions.values()) == [1] * 5


def test_a_storyboard_of_an_unknown_task_says_so_and_sends_nothing(full_server, open_session):
    server = full_server()
    session = open_session(server)
    production = session.storyboard(board(2, task="clouds"))
    production.run_all()
    progress = production.wait(LIMIT)
    assert progress.problem.startswith("There is no task “clouds”.")
    assert states(progress) == [MISSING] * 2
    assert (server.posts, session.history.find().total) == (0, 0)
    production.use(board(2))
    production.run_all()
    progress = production.wait(LIMIT)
    assert (progress.problem, progress.done) == ("", 2)


def test_a_rounded_resolution_is_said_for_all(made):
    _, _, production = made(1, width=100, height=67)
    progress = production.snapshot
    assert progress.notes == (
        "100 × 67 becomes 96 × 64: the model makes multiples of 8 up to 2048, and the aspect is kept.",
    )
    assert progress.panels[0].last.parameters["width"] == 96


def test_a_file_can_be_given(full_server, open_session, tmp_path):
    path = tmp_path / "fox.yaml"
    path.write_text(to_yaml(board(2)), encoding="utf-8")
    production = open_session(full_server()).storyboard(path)
    production.run_all()
    assert production.wait(LIMIT).is_whole


def test_after_the_end_of_its_session_it_ends_too(made):
    _, session, production = made(1)
    session.close()
    production.run_all()
    assert production.wait(LIMIT).done == 1
    production._thread.join(LIMIT)
    assert not production._thread.is_alive()


def test_a_production_of_a_closed_session_says_nothing_is_to_be_had(full_server, tmp_path):
    session = Session(full_server().url, data_dir=tmp_path / "data")
    production = Production(session, board(2))
    production.wait(LIMIT)
    session.close()
    production.run_all()
    assert production.wait(LIMIT).done == 0


def test_two_storyboards_in_one_session_do_not_mix(full_server, open_session):
    session = open_session(full_server())
    fox, wolf = (session.storyboard(board(3, id=name)) for name in ("fox", "wolf"))
    fox.run_all()
    wolf.run(["p02"])
    assert states(wolf.wait(LIMIT)) == [MISSING, FINISHED, MISSING]
    assert states(fox.wait(LIMIT)) == [FINISHED] * 3
    assert fox.snapshot.panels[1].file != wolf.snapshot.panels[1].file


def test_two_productions_of_one_storyboard_make_no_panel_twice(full_server, open_session):
    server = full_server()
    session = open_session(server)
    both = [session.storyboard(board(40)) for _ in range(2)]
    for production in both:
        production.run_missing()
    assert [production.wait(LIMIT).done for production in both] == [40, 40]
    assert sent(server) == 40


def test_a_job_that_somebody_runs_again_is_seen(made):
    _, session, production = made(1)
    request = session.history.record(production.snapshot.panels[0].job_id).request
    with contextlib.closing(session.subscribe()) as events:
        job = session.run(request)
        job.wait(LIMIT)
        while not isinstance(events.get(), Ended):
            pass
    assert [take.job_id for take in production.wait(LIMIT).panels[0].takes][1:] == [job.id]


def test_what_is_deleted_in_the_history_is_missing(made):
    _, session, production = made(2)
    session.history.delete([production.snapshot.panels[0].job_id], with_files=True)
    production.refresh()
    assert states(production.wait(LIMIT)) == [MISSING, FINISHED]


def test_a_removed_panel_is_no_more_told_and_comes_back_with_its_file(made):
    _, _, production = made(3)
    production.use(board(2))
    assert states(production.wait(LIMIT)) == [FINISHED] * 2
    production.use(board(3))
    assert states(production.wait(LIMIT)) == [FINISHED] * 3


def test_panels_of_one_picture_each_keep_their_own_parameters(full_server, open_session):
    server = full_server()
    panels = (
        Panel("a", "fox", negative_prompt="text", seed=5),
        Panel("b", "fox", parameters={"cfg": 3.0, "width": 72}),
    )
    production = open_session(server).storyboard(
        board(panels=panels, before="ink", after="snow", parameters={"steps": 10, "negative_prompt": "frame"})
    )
    production.run_all()
    progress = production.wait(LIMIT)
    first, second = (panel.last.parameters for panel in progress.panels)
    assert (first["prompt"], first["negative_prompt"], first["seed"]) == ("ink, fox, snow", "text", 5)
    assert (second["negative_prompt"], second["cfg"], second["width"]) == ("frame", 3.0, 72)
    assert progress.is_whole, progress.findings
    assert Path(progress.panels[1].file).is_file()


def test_videos_fill_the_time_of_their_panels(full_server, open_session):
    panels = tuple(Panel(f"v{number}", "it moves", seconds=0.3 * number) for number in (1, 2))
    told = board(panels=panels, task="video_generation", parameters={"steps": 10})
    production = open_session(full_server()).storyboard(told)
    production.run_all()
    progress = production.wait(LIMIT)
    assert progress.is_whole, (progress.failures, progress.findings)
    assert [panel.last.parameters["length"] for panel in progress.panels] == [9, 17]
    assert {panel.file.suffix for panel in progress.panels} == {".mp4"}


def test_the_snapshot_stays_the_same_object_while_nothing_changes(made):
    _, session, production = made(3)
    before = production.snapshot
    session.run_task("image_generation", "low", {"prompt": "of no storyboard", "steps": 10}).wait(LIMIT)
    assert production.wait(LIMIT) is before
    production.run(["p01"])
    after = production.wait(LIMIT)
    assert after is not before
    assert [now is then for now, then in zip(after.panels, before.panels, strict=True)] == [False, True, True]


def test_takes_are_in_the_order_in_which_they_came_whatever_the_clock_did():
    takes = Takes("fox", "http://a")
    target = {"storyboard": "fox", "panel": "p1"}
    told = (("a", 9.0), ("b", 5.0))
    takes.read([Record(name, JobState.FINISHED, target=target, created=when) for name, when in told], {})
    assert [take.job_id for take in takes.of("p1")] == ["a", "b"]


def test_any_id_makes_a_file_name(full_server, open_session, tmp_path):
    panels = tuple(Panel(name, "fox") for name in ("../up", "日本", "con", "a\\b", "x" * 58, "..."))
    production = open_session(full_server()).storyboard(board(panels=panels), folder=tmp_path / "here")
    production.run_all()
    progress = production.wait(LIMIT)
    assert progress.is_whole, progress.failures
    assert {panel.file.parent for panel in progress.panels} == {tmp_path / "here"}
