"""The files of quality tiers over each other, and read again when they change."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from blender_comfyui.generation.tasks import book as book_module
from blender_comfyui.generation.tasks.book import TaskBook
from blender_comfyui.generation.tasks.errors import WorkflowNotFoundError
from blender_comfyui.workflow import bundled

USER = """\
tasks:
  image_generation:
    title: Picture
    tiers:
      low: {seconds: 2, parameters: {steps: 11, cfg: null}}
      mine: {description: My own., workflow: own/flux, seconds: 9, parameters: {steps: 12}}
  clouds:
    description: Skies.
    needs: []
    tiers:
      low: {description: Grey., workflow: sd_basic, seconds: 3, parameters: {prompt: a grey sky}}
"""
STUDIO = """\
rules:
  steps: {type: integer, min: 5, max: 90}
tasks:
  image_generation:
    tiers:
      low: {parameters: {steps: 13}}
"""
MERGED = """\
tasks:
  clouds:
    tiers:
      low: &low
        description: Grey.
        workflow: sd_basic
        seconds: 3
        parameters: &few {steps: 20, width: 128}
      high:
        parameters:
          cfg: 8.0
          <<: [{width: 256}, *few]
        seconds: 6
        <<: *low
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    user, studio = tmp_path / "user.yaml", tmp_path / "studio.yaml"
    user.write_text(USER)
    studio.write_text(STUDIO)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "flux.json").write_text(bundled.text("sd_basic"))
    return user, studio


def test_the_studios_file_is_over_the_users_and_both_over_the_bundled_one(files: tuple[Path, Path]) -> None:
    book = TaskBook(*files)
    tasks = book.refresh().tasks
    assert book.problems == ()
    image = tasks["image_generation"]
    assert image.title == "Picture"
    assert image.description.startswith("A picture from a prompt")
    assert list(image.tiers) == ["low", "standard", "high", "mine"]
    low = image.tiers["low"]
    assert (low.parameters["steps"], low.seconds, low.workflow_name) == (13, 2.0, "sd_basic")
    assert "cfg" not in low.parameters, "null takes it away"
    assert low.parameters["width"] == 512
    assert low.rules["steps"].maximum == 90
    assert low.limits["steps"].minimum == 10
    assert image.tiers["mine"].workflow_name == "own/flux"
    assert tasks["clouds"].tiers["low"].parameters == {"prompt": "a grey sky"}
    assert list(tasks)[-1] == "clouds"


def test_the_users_file_need_not_be_there_but_the_studios(tmp_path: Path) -> None:
    book = TaskBook(tmp_path / "user.yaml", tmp_path / "studio.yaml")
    assert len(book.current().tasks) == 10
    (problem,) = book.problems
    assert str(problem) == f"studio.yaml in {tmp_path} cannot be read: No such file or directory."
    (tmp_path / "studio.yaml").write_text("# nothing yet\n")
    (tmp_path / "user.yaml").write_text(USER.replace("own/flux", "sd_basic"))
    assert "clouds" in book.current().tasks
    assert book.problems == ()
    (tmp_path / "user.yaml").unlink()
    assert "clouds" not in book.current().tasks


def test_a_path_that_is_none_is_said() -> None:
    book = TaskBook(Path("a\0b"), Path("c\0d"))
    assert len(book.current().tasks) == 10
    (problem,) = book.problems
    assert str(problem).endswith("cannot be read: embedded null byte.")


def test_a_change_is_picked_up_and_nothing_is_read_without_one(files: tuple[Path, Path], monkeypatch) -> None:
    reads = []
    read = book_module.read_layer
    monkeypatch.setattr(book_module, "read_layer", lambda path, found: reads.append(path.name) or read(path, found))
    book = TaskBook(*files)
    first = book.current()
    assert reads == ["quality_mappings.yaml", "user.yaml", "studio.yaml"]
    assert book.current() is first
    assert len(reads) == 3
    files[1].write_text(STUDIO.replace("13", "14 "))
    assert book.current().tasks["image_generation"].tiers["low"].parameters["steps"] == 14
    assert reads[3:] == ["studio.yaml"]
    os.utime(files[0], (1, 1))
    book.current()
    assert reads[4:] == ["user.yaml"]


def test_a_workflow_beside_the_file_is_read_again_too(files: tuple[Path, Path], tmp_path: Path) -> None:
    book = TaskBook(*files)
    workflow = tmp_path / "own" / "flux.json"
    before = book.current().tasks["image_generation"].tiers["mine"].workflow
    assert before.title("2") == "Prompt"
    workflow.write_text(bundled.text("sd_basic").replace('"Prompt"', '"What"'))
    assert book.current().tasks["image_generation"].tiers["mine"].workflow.title("2") == "What"
    workflow.unlink()
    assert book.current().tasks["image_generation"].tiers["mine"].workflow.title("2") == "What", "the last good one"
    (problem,) = book.problems
    assert isinstance(problem, WorkflowNotFoundError)
    assert problem.line == 6
    workflow.write_text(bundled.text("sd_basic"))
    assert book.current().tasks["image_generation"].tiers["mine"].workflow == before
    assert book.problems == ()


def test_merge_keys_are_read_as_yaml_has_them(files: tuple[Path, Path]) -> None:
    """What a mapping says itself is over what it merges, and of several the first one is over the others."""
    files[1].write_text(MERGED)
    book = TaskBook(studio=files[1])
    clouds = book.refresh().tasks["clouds"]
    assert book.problems == ()
    assert clouds.tiers["high"].description == "Grey."
    assert clouds.tiers["high"].seconds == 6.0
    assert clouds.tiers["high"].parameters == {"cfg": 8.0, "steps": 20, "width": 256}


def test_the_users_file_may_build_on_what_the_studios_says(files: tuple[Path, Path]) -> None:
    """Whichever of the two is read first, and also when the studio's comes later."""
    files[0].write_text("tasks: {clouds: {tiers: {low: {parameters: {steps: 21}}}}}")
    files[1].write_text(MERGED)
    book = TaskBook(*files)
    assert book.refresh().tasks["clouds"].tiers["low"].parameters["steps"] == 20, "the studio's is over it"
    assert book.problems == ()
    files[1].unlink()
    book.use(*files)
    book.refresh()
    assert [problem.path for problem in book.problems] == [*files]
    files[1].write_text(MERGED.replace("steps: 20, ", ""))
    assert book.refresh().tasks["clouds"].tiers["low"].parameters["steps"] == 21
    assert book.problems == ()


def test_a_file_is_looked_at_again_when_the_other_one_makes_way(files: tuple[Path, Path]) -> None:
    files[0].write_text("tasks: {image_generation: {tiers: {low: {rules: {steps: {type: integer, max: 15}}}}}}")
    book = TaskBook(*files)
    book.refresh()
    files[1].write_text("tasks: {image_generation: {tiers: {low: {parameters: {steps: 16}}}}}")
    assert book.refresh().tasks["image_generation"].tiers["low"].parameters["steps"] == 13
    assert [problem.path for problem in book.problems] == [files[1]]
    files[0].unlink()
    assert book.refresh().tasks["image_generation"].tiers["low"].parameters["steps"] == 16
    assert book.problems == ()


def test_other_files_are_used_from_now_on(files: tuple[Path, Path]) -> None:
    book = TaskBook()
    assert "clouds" not in book.current().tasks
    book.use(files[0], None)
    assert "clouds" in book.current().tasks
    book.use(None, files[1])
    assert "clouds" not in book.current().tasks
    assert book.current().tasks["image_generation"].tiers["low"].parameters["steps"] == 13


def test_a_thread_watches_so_that_nobody_waits_for_the_disk(files: tuple[Path, Path], monkeypatch) -> None:
    monkeypatch.setattr(book_module, "_LOOK", 0.01)
    book = TaskBook(*files)
    looked = threading.Event()
    refresh = book.refresh
    by: set[str] = set()

    def noted() -> object:
        by.add(threading.current_thread().name)
        made = refresh()
        if made.tasks["image_generation"].tiers["low"].parameters["steps"] == 15:
            looked.set()
        return made

    monkeypatch.setattr(book, "refresh", noted)
    refresh()
    book.watch()
    try:
        files[1].write_text(STUDIO.replace("13", "15"))
        assert looked.wait(30)
        assert book.current().tasks["image_generation"].tiers["low"].parameters["steps"] == 15
        assert by == {"comfyui-tiers"}
    finally:
        book.close()
