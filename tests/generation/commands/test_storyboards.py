"""`storyboard`: a project file becomes files of panels; what is made is not made twice."""

from __future__ import annotations

import pytest
from PIL import Image

from blender_comfyui.generation.history import History
from blender_comfyui.generation.storyboard.writing import to_json, to_yaml
from tests.generation.storyboard.conftest import board

PANELS = 4


@pytest.fixture
def at_full(commands, full_server):
    commands.server = full_server()
    return commands


@pytest.fixture
def project(at_full, tmp_path):
    path = tmp_path / "fox.yaml"
    path.write_text(to_yaml(board(PANELS)), encoding="utf-8")
    return path


def test_it_makes_what_is_missing(at_full, project, tmp_path):
    told = at_full.json("storyboard", project, "--status").json["storyboard"]
    assert (told["done"], told["total"], told["title"]) == (0, PANELS, "The fox")
    assert at_full.server.journal.posts == 0
    done = at_full.json("storyboard", project, "--output", tmp_path / "panels")
    assert done.code == 0, done.err
    told = done.json["storyboard"]
    assert (told["done"], told["findings"]) == (PANELS, [])
    for panel in told["panels"]:
        assert panel["state"] == "finished"
        assert Image.open(panel["file"]).size == (96, 64)
        assert panel["file"].startswith(str(tmp_path / "panels"))
    assert len({panel["seed"] for panel in told["panels"]}) == PANELS
    history = History(at_full.data)
    assert history.waiting("", "") == ()  # no Blender shall offer to place them
    history.close()
    again = at_full.json("storyboard", project)
    assert again.json["storyboard"]["panels"] == told["panels"]
    assert at_full.server.journal.posts == PANELS


@pytest.mark.parametrize("words", [(), ("--status",)])
def test_without_a_history_nothing_is_made(at_full, project, words):
    at_full.file("data", {})  # where the folder should be
    done = at_full.json("storyboard", project, *words)
    assert done.code == 10, done.err
    assert done.json["error"]["kind"] == "HistoryUnavailable"
    assert at_full.server.journal.posts == 0


def test_a_folder_that_cannot_be_is_told_before_anything_is_sent(at_full, project):
    done = at_full.json("storyboard", project, "--output", project / "inside", "--timeout", "20")
    assert done.code == 10, done.err
    assert "cannot be made" in done.json["error"]["sentence"]
    assert at_full.server.journal.posts == 0


def test_a_sheet_of_another_kind_is_told_before_anything_is_sent(at_full, project, tmp_path):
    done = at_full.json("storyboard", project, "--sheet", tmp_path / "sheet.jpg")
    assert done.code == 2, done.err
    assert (at_full.server.journal.posts, (tmp_path / "sheet.jpg").exists()) == (0, False)


def test_one_again_with_another_seed(at_full, project):
    assert at_full.json("storyboard", project).code == 0
    told = at_full.json("storyboard", project, "--again", "p02").json["storyboard"]
    takes = {panel["id"]: [take["seed"] for take in panel["takes"]] for panel in told["panels"]}
    assert [len(seeds) for seeds in takes.values()] == [1, 2, 1, 1]
    assert takes["p02"][0] != takes["p02"][1]
    assert at_full.json("storyboard", project, "--panel", "p99").code == 9
    assert at_full.server.journal.posts == PANELS + 1


def test_a_panel_that_fails_does_not_stop_the_others(at_full, tmp_path):
    told = board(3).panels
    broken = told[1].__class__("p02", "a fox", parameters={"checkpoint": "gone.safetensors"})
    path = tmp_path / "fox.json"
    path.write_text(to_json(board(3, panels=(told[0], broken, told[2]))), encoding="utf-8")
    done = at_full.json("storyboard", path)
    assert done.code == 6
    panels = {panel["id"]: panel for panel in done.json["storyboard"]["panels"]}
    assert [panels[name]["state"] for name in ("p01", "p02", "p03")] == ["finished", "failed", "finished"]
    assert "gone.safetensors" in panels["p02"]["reason"]
    assert "“p02”" in done.json["error"]["sentence"]


def test_a_wrong_file_is_a_sentence_with_its_line(at_full, project):
    project.write_text(project.read_text().replace("panels:", "pannels:"), encoding="utf-8")
    done = at_full.json("storyboard", project)
    assert done.code == 4
    error = done.json["error"]
    assert error["file"] == str(project)
    assert error["line"] > 0
    assert f"{project.name}, line {error['line']}" in error["sentence"]
    assert at_full.server.journal.requests == []


def test_ctrl_c_in_the_middle(at_full, project, begin):
    server = at_full.server
    server.hold()
    running = begin("storyboard", project, "--json")
    server.wait_held()
    running.stop()
    done = running.end()
    assert done.code == 130, done.err
    states = [panel["state"] for panel in done.json["storyboard"]["panels"]]
    assert states == ["cancelled"] * PANELS
    server.release()
    assert at_full.json("queue").json["prompts"] == []
    assert at_full.json("storyboard", project).code == 0


def test_a_contact_sheet(at_full, project, tmp_path):
    for name in ("sheet.png", "sheet.pdf"):
        assert at_full.json("storyboard", project, "--sheet", tmp_path / name).code == 0
    assert Image.open(tmp_path / "sheet.png").width > 500
    assert (tmp_path / "sheet.pdf").read_bytes().startswith(b"%PDF")


def test_time_is_over(at_full, project):
    at_full.server.hold()
    done = at_full.json("storyboard", project, "--timeout", "0.2")
    assert done.code == 7
    assert done.json["storyboard"]["done"] == 0
    at_full.server.release()


def test_without_a_file_there_is_none(at_full):
    assert at_full.json("storyboard").code == 2
