"""A tier's parameters with a person's own over them; every difference is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_comfyui.generation.choices import SERVERS_FIRST
from blender_comfyui.generation.tasks.book import TaskBook
from blender_comfyui.generation.tasks.errors import (
    InvalidQualityTierError,
    ParameterValidationError,
    QualityTierError,
    WorkflowNotFoundError,
)
from blender_comfyui.generation.tasks.merging import How, Setting
from blender_comfyui.generation.tasks.preparing import Order, Prepared, prepare
from blender_comfyui.workflow.loras import Lora
from tests.workflow.graphs import node, txt2img

CONFIGURATION = TaskBook().refresh()


def prepared(asked: dict[str, Any], task: str = "image_generation", tier: str = "standard", **options: Any) -> Prepared:
    return prepare(CONFIGURATION, Order(task, tier, asked, **options))


def test_untouched_it_is_the_tiers() -> None:
    ready = prepared({})
    tier = CONFIGURATION.tasks["image_generation"].tiers["standard"]
    assert ready.report.values == ready.parameters == tier.parameters
    assert [setting.how for setting in ready.report.settings] == [How.TIER] * len(tier.parameters)
    assert ready.report.sentences == ()


@pytest.mark.parametrize(
    ("name", "asked", "setting"),
    [
        ("steps", 33, Setting("steps", How.OVERRIDDEN, 33, 33, 25)),
        ("steps", "33", Setting("steps", How.OVERRIDDEN, 33, "33", 25)),
        ("steps", 25.0, Setting("steps", How.TIER, 25, 25.0, 25)),
        ("steps", None, Setting("steps", How.TIER, 25, None, 25)),
        (
            "steps",
            200,
            Setting(
                "steps",
                How.OVERRIDDEN,
                100,
                200,
                25,
                "“steps” is 100 instead of 200: whole numbers from 1 to 100 are allowed.",
            ),
        ),
        (
            "steps",
            5,
            Setting(
                "steps",
                How.KEPT_BACK,
                25,
                5,
                25,
                "“steps” stays “25”, the tier's: “5” is not compatible, it has to be at least 10.",
            ),
        ),
        (
            "cfg",
            0.5,
            Setting(
                "cfg",
                How.KEPT_BACK,
                7.0,
                0.5,
                7.0,
                "“cfg” stays “7.0”, the tier's: “0.5” is not compatible, it has to be at least 1.0.",
            ),
        ),
        ("Sampler.steps", 33, Setting("steps", How.OVERRIDDEN, 33, 33, 25)),
        ("5.cfg", 25, Setting("cfg", How.OVERRIDDEN, 20, 25, 7.0, "“cfg” is 20 instead of 25: numbers from 1 to 20")),
        ("sampler_name", "euler", Setting("sampler_name", How.OVERRIDDEN, "euler", "euler", "dpmpp_2m")),
        ("seed", 7, Setting("seed", How.ADDED, 7, 7)),
        ("checkpoint", SERVERS_FIRST, Setting("checkpoint", How.ADDED, SERVERS_FIRST, SERVERS_FIRST)),
        ("filename_prefix", "fox", Setting("filename_prefix", How.ADDED, "fox", "fox")),
        ("Save image.filename_prefix", "fox", Setting("Save image.filename_prefix", How.ADDED, "fox", "fox")),
        (
            "strength",
            1.0,
            Setting(
                "strength", How.NO_PLACE, None, 1.0, None, "“strength” is left out: the workflow has no place for it."
            ),
        ),
        ("text", "x", Setting("text", How.NO_PLACE, None, "x", None, "“text” is left out")),  # two nodes have one
        ("No node.text", "x", Setting("No node.text", How.NO_PLACE, None, "x", None, "“No node.text” is left out")),
    ],
)
def test_what_becomes_of_a_persons_own_value(name: str, asked: object, setting: Setting) -> None:
    ready = prepared({name: asked})
    found = ready.report.of(setting.name)
    assert found is not None
    assert found.sentence.startswith(setting.sentence)
    assert bool(found.sentence) == bool(setting.sentence)
    assert (found.how, found.value, found.asked, found.tiers) == (
        setting.how,
        setting.value,
        setting.asked,
        setting.tiers,
    )
    others = [other for other in ready.report.settings if other.name != setting.name]
    assert all(other.how is How.TIER for other in others)
    assert ready.report.sentences == ((found.sentence,) if setting.sentence else ())
    assert (setting.name in ready.report.values) == (setting.how is not How.NO_PLACE)


def test_where_the_tier_says_nothing_the_workflows_own_value_stays() -> None:
    ready = prepared({"steps": 3, "image": "photo.png"}, "upscale", "low", workflow=txt2img())
    setting = ready.report.of("steps")
    assert setting is not None
    assert (setting.how, setting.value, setting.tiers) == (How.KEPT_BACK, 20, None)
    assert setting.sentence == (
        "“steps” stays “20”, the workflow's own: “3” is not compatible, it has to be at least 10."
    )
    assert "steps" not in ready.parameters


def test_rules_hold_under_any_name() -> None:
    """A limit is not got round by naming one of two samplers."""
    ready = prepared({"Refine.steps": 3}, "character_portrait")
    setting = ready.report.of("Refine.steps")
    assert setting is not None
    assert setting.how is How.KEPT_BACK
    assert "Refine.steps" not in ready.parameters
    assert prepared({"Refine.steps": 300}, "character_portrait").parameters["7.steps"] == 100


@pytest.mark.parametrize(
    ("task", "asked", "name", "said"),
    [
        ("image_generation", {"steps": "many"}, "steps", "“steps” must be a number, not “many”."),
        ("image_generation", {"prompt": 5}, "prompt", "“prompt” must be a text, not “5”."),
        ("image_generation", {"sampler_name": 5}, "sampler_name", "“sampler_name” must be a text, not “5”."),
        ("image_generation", {"prompt": "\ud800"}, "prompt", "“prompt” holds a broken character. Type it again."),
        (
            "image_generation",
            {"seed": [1, 2]},
            "seed",
            "“seed” has 2 values, but the workflow has only 1 place for it.",
        ),
        ("image_generation", {"prompt": "<lora:x:y>"}, "prompt", "In the prompt, “<lora:x:y>” has something else"),
        ("grid", {"prompt": ["fox", 5]}, "prompt", "“prompt” must be a text, not “5”."),
        ("image_generation", {"seed": 1, "Sampler.seed": 2}, "Sampler.seed", "“seed” is asked for twice, once as"),
        ("upscale", {}, "image", "“Upscale” needs “image”. Choose a file."),
        ("inpaint", {"image": "x.png", "mask": None}, "mask", "“Inpaint” needs “mask”. Choose a file."),
    ],
)
def test_what_cannot_be_names_the_parameter(task: str, asked: dict[str, Any], name: str, said: str) -> None:
    with pytest.raises(ParameterValidationError) as raised:
        prepared(asked, task)
    assert str(raised.value).startswith(said)
    assert raised.value.name == name


def test_a_strength_that_is_none_is_an_error() -> None:
    with pytest.raises(ParameterValidationError, match="from -100 to 100") as raised:
        prepared({}, loras=(Lora("x", float("nan")),))
    assert raised.value.name == "loras"


def test_a_title_of_several_nodes_is_an_error() -> None:
    graph = txt2img(n2=node("CLIPTextEncode", "Bad", text="x", clip=["1", 1]))
    with pytest.raises(ParameterValidationError, match=r"may be any of 2 nodes with this title.*2\.text"):
        prepared({"Bad.text": "y"}, workflow=graph)


@pytest.mark.parametrize(
    ("task", "tier", "said"),
    [
        ("image_generatoin", "low", "There is no task “image_generatoin”.*Did you mean “image_generation”"),
        ("image_generation", "hihg", "“image_generation” has no tier “hihg”. There are low, standard, high.*“high”"),
    ],
)
def test_a_task_or_tier_that_is_none(task: str, tier: str, said: str) -> None:
    with pytest.raises(InvalidQualityTierError, match=said):
        prepared({}, task, tier)


@pytest.mark.parametrize("workflow", ["no such", Path("no such.json"), {}, "{"])
def test_a_workflow_that_is_none(workflow: Any) -> None:
    with pytest.raises(WorkflowNotFoundError, match="The workflow for “image_generation” cannot be used"):
        prepared({}, workflow=workflow)


def test_loras_that_have_no_model_to_go_to_are_said() -> None:
    ready = prepared({"image": "x.png"}, "upscale", loras=(Lora("ink"),))
    assert ready.report.sentences == (
        "The LoRAs (ink) are left out: the workflow has no diffusion model that they could go to.",
    )


def test_a_lora_that_several_prompts_name_goes_in_once() -> None:
    ready = prepared({"prompt": ["fox <lora:ink:0.5>", "owl <lora:ink:0.5> <lora:oil>"]}, "grid")
    assert ready.loras == (Lora("ink", 0.5), Lora("oil"))
    assert ready.report.values["prompt"] == ("fox", "owl")


def test_a_tiers_own_prompt_may_name_loras_too(tmp_path: Path) -> None:
    studio = tmp_path / "studio.yaml"
    studio.write_text("tasks: {image_generation: {tiers: {low: {parameters: {prompt: 'a toy <lora:toys:0.7>'}}}}}")
    configuration = TaskBook(studio=studio).refresh()
    ready = prepare(configuration, Order("image_generation", "low"))
    assert (ready.report.values["prompt"], ready.loras) == ("a toy", (Lora("toys", 0.7),))
    ready = prepare(configuration, Order("image_generation", "low", {"prompt": "a fox"}))
    assert (ready.report.values["prompt"], ready.loras) == ("a fox", ())


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({"4": ("LoadImage", "")}, {"image": "4.image"}),
        ({"4": ("LoadImage", ""), "5": ("LoadImage", "")}, {"image": "4.image"}),
        ({"4": ("LoadImage", "Style"), "5": ("LoadImage", "Image")}, {"image": "5.image"}),
        ({"4": ("LoadImage", "The mask"), "5": ("LoadImage", "")}, {"image": "5.image", "mask": "4.image"}),
        ({"4": ("LoadImageMask", ""), "5": ("LoadImage", "")}, {"image": "5.image", "mask": "4.image"}),
    ],
)
def test_pictures_and_masks_of_any_workflow(files: dict[str, tuple[str, str]], wanted: dict[str, str]) -> None:
    loaders = {f"n1{id_}": node(class_type, title, image="x.png") for id_, (class_type, title) in files.items()}
    ready = prepared({"image": Path("a.png"), "mask": Path("b.png")}, workflow=txt2img(**loaders))
    names = {"image": Path("a.png"), "mask": Path("b.png")}
    found = {name: value for name, value in ready.parameters.items() if isinstance(value, Path)}
    assert found == {f"1{place}": names[name] for name, place in wanted.items()}


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers())
NAMES = st.sampled_from(["prompt", "seed", "steps", "cfg", "width", "Sampler.seed", "5.steps", "image", "x", "x.y"])


@given(st.dictionaries(NAMES | st.text(max_size=5), VALUES), st.sampled_from(["image_generation", "grid"]))
def test_anything_asked_is_sent_or_said(asked: dict[str, Any], task: str) -> None:
    try:
        ready = prepared(asked, task)
    except QualityTierError:
        return
    wanted = {name: value for name, value in asked.items() if value is not None}
    told = [setting for setting in ready.report.settings if setting.asked is not None]
    assert len(told) <= len(wanted)
    for setting in told:
        wish: Any = tuple(setting.asked) if isinstance(setting.asked, list) else setting.asked
        sent_as_asked = setting.is_set and setting.value == wish
        assert sent_as_asked or setting.sentence or setting.how is How.TIER or float(wish) == setting.value
