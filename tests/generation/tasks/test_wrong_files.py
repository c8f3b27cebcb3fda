"""Wrong files of quality tiers: each is said in a sentence with file, line and key, and changes nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_comfyui.generation.tasks.book import TaskBook
from blender_comfyui.generation.tasks.errors import InvalidQualityTierError, QualityTierError, WorkflowNotFoundError
from blender_comfyui.generation.tasks.schema import read_layer

GOOD = """\
limits:
  steps: {min: 12}
tasks:
  image_generation:
    tiers:
      low: {parameters: {steps: 17}}
      film:
        description: For the big screen.
        workflow: sd_basic
        seconds: 60
        parameters:
          steps: 60
"""
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)
# what is wrong: the file, the line, what is said
WRONG: dict[str, tuple[str | bytes, int, str]] = {
    "a list at the top": ("- tasks\n", 1, "a mapping belongs here, not a list"),
    "a word at the top": ("tasks\n", 1, "a mapping belongs here, not “tasks”"),
    "an unknown key": (GOOD.replace("limits:", "limit:"), 1, "“limit” is not known here.*Did you mean “limits”"),
    "an unknown key of a tier": (GOOD.replace("seconds: 60", "second: 60"), 10, "film.second: “second” is not known"),
    "a tab": (GOOD.replace("        seconds", "\tseconds"), 10, "there is a tab"),
    "a bracket that stays open": (GOOD.replace("{steps: 17}}", "{steps: 17"), 7, "this is no YAML"),
    "an anchor that nobody set": (GOOD.replace("17", "*seventeen"), 6, "undefined alias"),
    "a duplicate tier": (
        GOOD + "      low: {seconds: 3}\n",
        13,
        "low: this is here twice, before that in line 6",
    ),
    "a duplicate task": (GOOD + "  image_generation: {title: x}\n", 13, "here twice, before that in line 4"),
    "a bomb of aliases": (BOMB, 0, "unfold to far too many values"),
    "an alias that holds itself": ("tasks: &a {x: *a}\n", 1, "holds itself"),
    "lists without end": ("tasks: " + "[" * 5000 + "\n", 0, "nested too deeply|no YAML"),
    "not UTF-8": (GOOD.replace("big", "größer").encode("latin-1"), 8, "not in UTF-8"),
    "UTF-16": (GOOD.encode("utf-16"), 1, "not in UTF-8"),
    "a character that YAML does not allow": (GOOD.replace("big", "b\x07g"), 8, "a character that YAML does not allow"),
    "a tag that makes objects": ("limits: !!python/object/apply:os.system [ls]\n", 1, "limits: a mapping belongs here"),
    "a tag that is no value": (GOOD.replace("17", "!!python/name:os.system x"), 6, "cannot be read as what its tag"),
    "two documents": (GOOD + "---\ntasks: {}\n", 13, "this is no YAML"),
    "a missing workflow": (GOOD.replace("sd_basic", "sd_basik"), 9, "there is no workflow “sd_basik”.*“sd_basic”"),
    "a missing workflow of no name": (GOOD.replace("sd_basic", '"/"'), 9, "there is no workflow “/”"),
    "a missing workflow of an odd name": (GOOD.replace("sd_basic", r'"a\0b"'), 9, "there is no workflow “a b”"),
    "a workflow that is none": (GOOD.replace("sd_basic", "empty"), 9, "“empty” cannot be used.*has no nodes"),
    "a word for a number": (GOOD.replace("seconds: 60", "seconds: long"), 10, "a number belongs here, not “long”"),
    "no seconds at all": (GOOD.replace("seconds: 60", "seconds: 0"), 10, "above 0"),
    "a number for a text": (GOOD.replace("For the big screen.", "5"), 8, "film.description: a text belongs here"),
    "a date for a text": (GOOD.replace("For the big screen.", "2026-11-21"), 8, "in quotes"),
    "a list for a mapping": (GOOD.replace("{parameters: {steps: 17}}", "[low]"), 6, "low: a mapping belongs here"),
    "a tier that lacks something": (GOOD.replace("        workflow: sd_basic\n", ""), 7, "film: workflow is missing"),
    "a new task without tiers": (GOOD + "  clouds: {title: Clouds}\n", 13, "clouds: the task has no tiers"),
    "a parameter that has no place": (GOOD.replace("steps: 60", "stepz: 60"), 12, "no place for “stepz”"),
    "a parameter beyond its rule": (GOOD.replace("steps: 60", "steps: 600"), 12, "from 1 to 100 are allowed"),
    "a parameter of another kind": (GOOD.replace("steps: 60", "steps: many"), 12, "“steps” must be a number"),
    "a text for the number of a place": (GOOD.replace("steps: 60", "Sampler.seed: x"), 12, "must be a whole number"),
    "a parameter that is no value": (GOOD.replace("steps: 60", "steps: {a: 1}"), 12, "a single value belongs here"),
    "infinity": (GOOD.replace("steps: 60", "steps: .inf"), 12, "is no number that one can work with"),
    "a number without end": (GOOD.replace("60\n", "6" * 5000 + "\n"), 10, "too long|too many"),
    "a rule without a type": ("rules:\n  steps: {min: 1}\n", 2, "the type is missing"),
    "a rule of no type": ("rules:\n  steps:\n    type: steps\n", 3, "“steps” is no type"),
    "a rule upside down": ("rules:\n  steps: {type: integer, min: 9, max: 3}\n", 2, "max is less"),
    "a rule that nothing can keep": (
        "rules:\n  width: {type: integer, min: 65, max: 100, multiple: 64}\n",
        2,
        "no mult",
    ),
    "a rule for another kind": ("rules:\n  prompt: {type: text, max: 3}\n", 2, "for integer and number only"),
    "a limit that is none": ("limits:\n  steps: {}\n", 2, "min or max is missing"),
    "needs that are no list": ("tasks:\n  inpaint: {needs: image}\n", 2, "needs: a list of names belongs here"),
    "a need without a place": ("tasks:\n  inpaint: {needs: [image, hat]}\n", 2, r"needs\[1\].*no place for “hat”"),
    "a rule that a bundled tier breaks": (
        "rules:\n  steps: {type: integer, max: 20}\n",
        2,
        r"rules.steps: quality_mappings.yaml, line \d+, tasks.image_generation.*parameters.steps, does not",
    ),
    "another workflow without a place": (
        "tasks:\n  image_generation:\n    tiers:\n      high:\n        workflow: upscale_4x\n",
        5,
        "does not go with this: the workflow “upscale_4x” has no place for “steps”",
    ),
    "a series of words": ("tasks:\n  grid: {series: {seed: one}}\n", 2, "a number belongs here"),
    "a word to merge": (GOOD.replace("seconds: 60", "<<: long"), 10, "film.<<: a mapping belongs here, not “long”"),
    "a list of words to merge": (GOOD.replace("seconds: 60", "<<: [a]"), 10, r"<<\[0\]: a mapping belongs here"),
    "a key twice in what is merged": (GOOD.replace("seconds: 60", "<<: {seconds: 1, seconds: 2}"), 10, "here twice"),
    "merges without end": ("tasks: &a {<<: *a}\n", 1, "holds itself"),
    "a name that is no text": ("tasks:\n  2026: {title: x}\n", 2, "in quotes"),
    "too much": ("#" * (1 << 20) + "\n", 1, "more than 1 MB"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_said_with_its_line_and_changes_nothing(tmp_path: Path, case: str) -> None:
    text, line, said = WRONG[case]
    file = tmp_path / "studio.yaml"
    file.write_text(GOOD, encoding="utf-8")
    book = TaskBook(studio=file)
    before = book.refresh()
    assert book.problems == ()
    assert before.tasks["image_generation"].tiers["low"].parameters["steps"] == 17
    assert list(before.tasks["image_generation"].tiers) == ["low", "standard", "high", "film"]

    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    (tmp_path / "empty.json").write_text("{}")
    assert book.refresh() == before
    (problem,) = book.problems
    assert problem.path == file
    assert problem.line == line or not line
    assert str(problem).startswith(f"studio.yaml, line {problem.line}")
    assert re.search(said, str(problem)), str(problem)
    assert len(str(problem)) < 600
    assert str(problem).isprintable()
    is_about_workflow = case.startswith("a missing workflow") or case == "a workflow that is none"
    assert type(problem) is (WorkflowNotFoundError if is_about_workflow else InvalidQualityTierError)

    file.write_text(GOOD.replace("17", "18"), encoding="utf-8")
    assert book.refresh().tasks["image_generation"].tiers["low"].parameters["steps"] == 18
    assert book.problems == ()


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_any_file_is_read_or_said(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.mktemp("any") / "x.yaml"
    file.write_bytes(data)
    try:
        read_layer(file, {})
    except QualityTierError as error:
        said = str(error)
    else:
        said = "x.yaml, line 1"
    assert said.startswith("x.yaml, line ")
    assert said.isprintable()
    assert len(said) < 1200
