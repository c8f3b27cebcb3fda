"""Choices in the prompts of tasks: what is sent, what the history keeps, and where the lists come from."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

import pytest

from blender_comfyui.generation.history import History
from blender_comfyui.generation.outcome import JobState
from blender_comfyui.generation.tasks.book import LISTS, TaskBook
from blender_comfyui.generation.tasks.errors import ParameterValidationError
from blender_comfyui.generation.tasks.preparing import Order, prepare
from blender_comfyui.generation.tasks.records import Configuration
from blender_comfyui.workflow.wildcards import resolved
from tests.workflow.graphs import ksampler, txt2img

LIMIT = 120.0
PLAIN = {"seed": 7, "checkpoint": "random_sd15.safetensors", "width": 64, "height": 64}
PROMPT, NEGATIVE = "a {red|green|blue} fox at __light__", "{blurry|dark}"
TIERS = """\
tasks:
  clouds:
    description: Skies.
    needs: []
    tiers:
      low:
        description: Grey.
        workflow: sd_basic
        seconds: 3
        parameters: {prompt: "a {grey|white|dark} sky"}
"""
LIGHT = ("dawn", "{noon|night}", "dusk")


@pytest.fixture
def session(comfy_server, open_session, tmp_path: Path):
    folder = tmp_path / "data" / LISTS
    folder.mkdir(parents=True)
    (folder / "light.txt").write_text("\n".join(LIGHT))
    return open_session(comfy_server())


def test_the_seed_chooses_and_the_history_has_both(session) -> None:
    job = session.run_task("image_generation", "low", {**PLAIN, "prompt": PROMPT, "negative_prompt": NEGATIVE})
    sent = resolved(PROMPT, 7, {"light": LIGHT})
    assert "{" not in sent
    assert "_" not in sent
    texts = [node["inputs"]["text"] for node in job.request.prompt.values() if "text" in node["inputs"]]
    assert texts == [sent, resolved(NEGATIVE, 7, where="negative_prompt")]
    assert job.request.label == sent
    assert job.wait(LIMIT).state is JobState.FINISHED
    record = session.history.record(job.id)
    assert record.parameters["prompt"] == sent
    assert record.parameters["asked"] == {"prompt": PROMPT, "negative_prompt": NEGATIVE}
    assert session.history.find().records[0].label == sent


def test_a_prompt_without_choices_is_kept_once(session) -> None:
    job = session.run_task("image_generation", "low", {**PLAIN, "prompt": 'a fox, {"light": "low"}'})
    assert "asked" not in job.request.parameters
    assert job.request.label == 'a fox, {"light": "low"}'
    job.wait(LIMIT)


def test_loras_may_be_chosen(session) -> None:
    ready = session.made_ready(
        Order("image_generation", "low", {**PLAIN, "prompt": "ink {<lora:random_lora:0.5>|<lora:random_lora:0.5>}"})
    )
    assert [lora.strength_model for lora in ready.loras] == [0.5]
    assert ready.label == "ink"


def test_a_list_that_is_not_there_is_said_and_kept(session) -> None:
    with pytest.raises(
        ParameterValidationError, match=r"There is no list “ligth\.txt”.*Did you mean “light”"
    ) as caught:
        session.run_task("image_generation", "low", {**PLAIN, "prompt": "a fox at __ligth__"})
    assert caught.value.name == "prompt"
    session.close()
    with contextlib.closing(History(session.data_dir)) as history:
        [record] = history.find().records
    assert record.state is JobState.FAILED
    assert record.parameters["prompt"] == "a fox at __ligth__"


@pytest.mark.parametrize(("seed", "wanted"), [(8, 8), (None, 99), ("7", 7), ([1], 0)])
def test_whose_seed_chooses(session, seed: object, wanted: int) -> None:
    """The person's; without one the workflow's own; 0 where it is no number."""
    prompt = "{" + "|".join(str(number) for number in range(1000)) + "}"
    graph = txt2img(n5=ksampler(seed=99))
    given = {"prompt": prompt} | ({} if seed is None else {"seed": seed})
    found = prepare(session.task_book.current(), Order("image_generation", "low", given, graph))
    assert found.report.values["prompt"] == resolved(prompt, wanted)


def test_several_prompts_are_chosen_one_by_one(session) -> None:
    prompts = ("{a|b|c|d}", "{a|b|c|d}", "plain")
    order = Order("grid", "low", {"prompt": prompts, "seed": 1})
    told = {tuple(chosen_of(session.task_book.current(), order, seed)) for seed in range(12)}
    assert any(first != second for first, second, _ in told)
    assert all(third == "plain" for *_, third in told)


def chosen_of(book: Configuration, order: Order, seed: int) -> object:
    parameters = {**order.parameters, "seed": seed}
    return prepare(book, Order(order.task, order.tier, parameters)).report.values["prompt"]


def test_a_tiers_own_prompt_has_choices_too(tmp_path: Path) -> None:
    file = tmp_path / "tiers.yaml"
    file.write_text(TIERS)
    book = TaskBook(file).current()
    ready = prepare(book, Order("clouds", "low", {"seed": 5}))
    assert ready.report.values["prompt"] == resolved("a {grey|white|dark} sky", 5)
    assert ready.recorded["asked"] == {"prompt": "a {grey|white|dark} sky"}
    mine = prepare(book, Order("clouds", "low", {"seed": 5, "prompt": "a sky"}))
    assert mine.report.values["prompt"] == "a sky"
    assert "asked" not in mine.recorded


def test_what_is_no_text_among_prompts_is_refused_by_the_rules(session) -> None:
    order = Order("grid", "low", {"prompt": ("{a|b}", 7), "seed": 1})
    with pytest.raises(ParameterValidationError):
        prepare(session.task_book.current(), order)


def test_lists_are_read_again_when_they_change(tmp_path: Path) -> None:
    folder = tmp_path / "lists"
    book = TaskBook(lists=folder)
    first = book.current()
    assert first.lists == {}
    assert book.current() is first
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "light.txt").write_text("dawn")
    second = book.current()
    assert second.lists == {"sub/light": ("dawn",)}
    assert second.tasks is first.tasks
    (folder / "sub" / "light.txt").write_text("dusk")
    os.utime(folder / "sub" / "light.txt", ns=(1, 1))
    assert book.current().lists == {"sub/light": ("dusk",)}
    (folder / "sub" / "light.txt").unlink()
    assert book.current().lists == {}


def test_while_the_book_is_watched_no_caller_waits_for_the_lists(tmp_path: Path, monkeypatch) -> None:
    from blender_comfyui.generation.tasks import book as book_module

    book = TaskBook(lists=tmp_path)
    readers = []
    read = book_module.read_lists
    monkeypatch.setattr(book_module, "read_lists", lambda folder: readers.append(threading.get_ident()) or read(folder))
    (tmp_path / "light.txt").write_text("dawn")
    book.watch()
    try:
        while book.last is None:
            pass
        (tmp_path / "more.txt").write_text("noon")
        for _ in range(50):
            book.current()
    finally:
        book.close()
    assert threading.get_ident() not in readers
