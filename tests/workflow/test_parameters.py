import copy
import json
import math
from enum import IntEnum, StrEnum
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_comfyui.workflow.errors import AmbiguousParameter, InvalidValue, UnknownParameter, WorkflowError
from blender_comfyui.workflow.graph import Workflow
from blender_comfyui.workflow.parameters import LARGEST_SEED, find_place, set_parameters
from blender_comfyui.workflow.roles import ROLES
from tests.workflow.graphs import Graph, empty_image, ksampler, ksampler_advanced, node, txt2img


def after(graph: Graph, **parameters: object) -> Graph:
    return set_parameters(Workflow.load(graph), parameters).api()


def refusal(graph: Graph, name: str, value: object = 1) -> str:
    with pytest.raises(WorkflowError) as caught:
        set_parameters(Workflow.load(graph), {name: value})
    sentence = str(caught.value)
    assert sentence.endswith((".", "?"))
    assert sentence.isprintable()
    assert len(sentence) < 600
    return sentence


def test_all_roles_at_once() -> None:
    changed = after(
        txt2img(),
        prompt="a dog",
        negative_prompt="",
        seed=LARGEST_SEED,
        steps=8,
        cfg=1.5,
        sampler_name="dpmpp_2m",
        scheduler="karras",
        denoise=0.4,
        width=640,
        height=448,
        batch_size=2,
        checkpoint="other.safetensors",
    )
    expected = txt2img(
        n5=ksampler(seed=LARGEST_SEED, steps=8, cfg=1.5, sampler_name="dpmpp_2m", scheduler="karras", denoise=0.4),
        n4=node("EmptyLatentImage", width=640, height=448, batch_size=2),
        n1=node("CheckpointLoaderSimple", ckpt_name="other.safetensors"),
        n2=node("CLIPTextEncode", "Good", text="a dog", clip=["1", 1]),
        n3=node("CLIPTextEncode", "Bad", text="", clip=["1", 1]),
    )
    assert changed == expected


def test_no_parameters_change_nothing() -> None:
    assert after(txt2img()) == txt2img()


def test_the_given_workflow_stays_as_it_is() -> None:
    workflow = Workflow.load(txt2img())
    set_parameters(workflow, {"prompt": "a dog", "5.cfg": 1.0})
    assert workflow.api() == txt2img()


def test_the_given_values_stay_as_they_are() -> None:
    value = {"a": [1, (2,)]}
    workflow = set_parameters(Workflow.load({"1": node("A", x={})}), {"1.x": value})
    value["a"].append(3)
    assert workflow.api() == {"1": node("A", x={"a": [1, [2]]})}


# --- names


@pytest.mark.parametrize("name", ["2.text", "Good.text"])
def test_a_node_and_its_input(name: str) -> None:
    assert after(txt2img(), **{name: "a dog"})["2"]["inputs"]["text"] == "a dog"


@pytest.mark.parametrize(
    ("name", "node_id", "input_name"),
    [
        ("Vers. 1.5.value", "8", "value"),
        ("8.value", "8", "value"),
        ("Save.format.codec", "9", "format.codec"),
        ("9.format", "9", "format"),
        ("Save.format", "9", "format"),
        ("75:67.x", "75:67", "x"),
        ("a.b.c", "a.b", "c"),
    ],
)
def test_dots_in_titles_ids_and_inputs(name: str, node_id: str, input_name: str) -> None:
    graph = {
        "8": node("A", "Vers. 1.5", value=1),
        "9": node("SaveVideo", "Save", format="auto", **{"format.codec": "h264"}),
        "75:67": node("A", x=1),
        "a": node("A", **{"b.x": 1}),
        "a.b": node("A", "Dotted", c=1),
        "7": node("A", "a", **{"b.c": 2}),
    }
    assert find_place(Workflow.load(graph), name) == (node_id, input_name)


def test_ids_come_before_titles() -> None:
    graph = {"1": node("A", "2", x=1), "2": node("A", "1", x=2)}
    assert find_place(Workflow.load(graph), "1.x") == ("1", "x")


def test_a_shared_title_is_ambiguous_unless_one_node_has_the_input() -> None:
    graph = txt2img(n3=node("CLIPTextEncode", "Good", text="", clip=["1", 1]), n4=node("Empty", "Good", width=8))
    assert find_place(Workflow.load(graph), "Good.width") == ("4", "width")
    with pytest.raises(AmbiguousParameter, match=r"Use an id instead: 2\.text, 3\.text\.") as caught:
        find_place(Workflow.load(graph), "Good.text")
    assert caught.value.node_ids == ("2", "3")


def test_a_named_node_wins_over_a_role_in_any_order() -> None:
    for parameters in ({"prompt": "a", "2.text": "b"}, {"2.text": "b", "prompt": "a"}):
        assert after(txt2img(), **parameters)["2"]["inputs"]["text"] == "b"


@pytest.mark.parametrize("name", ["promt", "Prompt", "PROMPT", "prompts"])
def test_an_unknown_parameter_and_the_nearest(name: str) -> None:
    sentence = refusal(txt2img(), name)
    assert f"no parameter “{name}”. Did you mean “prompt”" in sentence
    assert "It has prompt, negative_prompt, seed," in sentence
    assert "“CheckpointLoaderSimple.ckpt_name”" in sentence


def test_an_unknown_node_and_the_nearest() -> None:
    assert "Did you mean “KSampler.cfg”" in refusal(txt2img(), "Ksampler.cfg")


def test_an_unknown_input_and_the_nearest() -> None:
    sentence = refusal(txt2img(), "KSampler.step")
    assert "The node “KSampler” has no input “step”." in sentence
    assert "Did you mean “steps”?" in sentence
    assert "The node “5” has no input “step”." in refusal(txt2img(), "5.step")


def test_a_role_that_the_workflow_does_not_have() -> None:
    sentence = refusal(empty_image(), "prompt", "a cat")
    assert "no single place for “prompt”. It has width, height, batch_size." in sentence
    assert "“EmptyImage.width”" in sentence


@pytest.mark.parametrize("name", ["", ".", "..", "x.", ".x", "x" * 10_000, "\n\0", "a.b.c.d.e"])
def test_odd_names(name: str) -> None:
    assert refusal(txt2img(), name)
    assert refusal({"1": node("A")}, name)


def test_a_linked_input_cannot_be_set_by_name() -> None:
    sentence = refusal(txt2img(), "KSampler.positive", "a cat")
    assert "“KSampler.positive” takes its value from the node “Good” (id 2)" in sentence
    assert "gone" in refusal(txt2img(n5=ksampler(seed=["gone", 0])), "5.seed")


def test_a_role_follows_links_to_its_primitive() -> None:
    graph = txt2img(n5=ksampler(seed=["8", 0]), n8=node("PrimitiveInt", value=1))
    changed = after(graph, seed=7)
    assert changed["8"]["inputs"]["value"] == 7
    assert changed["5"]["inputs"]["seed"] == ["8", 0]


def test_two_roles_in_one_input_must_agree() -> None:
    graph = txt2img(
        n4=node("EmptyLatentImage", width=["8", 0], height=["8", 0], batch_size=1), n8=node("PrimitiveInt", value=512)
    )
    assert after(graph, width=640, height=640)["8"]["inputs"]["value"] == 640
    with pytest.raises(InvalidValue, match="keeps both in one input"):
        after(graph, width=640, height=480)


# --- values


@pytest.mark.parametrize("value", [0, 1, LARGEST_SEED, "0", "18446744073709551615", " 7\n", 5.0, 2.0**60])
def test_seeds(value: Any) -> None:
    changed = after(txt2img(), seed=value)["5"]["inputs"]["seed"]
    assert changed == int(value)
    assert type(changed) is int


@pytest.mark.parametrize(
    "value",
    [
        -1,
        2**64,
        2.0**64,
        1.5,
        "-1",
        "1.5",
        "",
        "x",
        "١",
        "9" * 21,
        pytest.param("9" * 5000, id="long"),
        "18446744073709551616",
        True,
        None,
        [1],
        math.nan,
    ],
)
def test_bad_seeds(value: object) -> None:
    for name in ("seed", "5.seed"):
        assert f"“{name}” must be a whole number from 0 to 18446744073709551615" in refusal(txt2img(), name, value)
    assert "must be" in refusal(txt2img(n5=ksampler_advanced()), "5.noise_seed", value)


@pytest.mark.parametrize("value", [20, 20.0, Fraction(20)])
def test_whole_numbers(value: object) -> None:
    changed = after(txt2img(), steps=value)["5"]["inputs"]["steps"]
    assert changed == 20
    assert type(changed) is int


@pytest.mark.parametrize(
    "value",
    ["20", "abc", True, None, [20], math.nan, math.inf, -math.inf, pytest.param(10**5000, id="long"), b"20", {}],
)
def test_what_is_no_number(value: object) -> None:
    for name in ("steps", "cfg", "4.width", "5.denoise"):
        assert f"“{name}” must be a number, not" in refusal(txt2img(), name, value)


@pytest.mark.parametrize("name", ["steps", "width", "height", "batch_size", "4.width"])
def test_fractions_and_nothing(name: str) -> None:
    assert "must be a whole number" in refusal(txt2img(), name, 512.5)
    assert "must be at least 1" in refusal(txt2img(), name, 0)
    assert "must be at least 1" in refusal(txt2img(), name, -8)


def test_a_fraction_where_a_whole_number_happens_to_be() -> None:
    assert after(txt2img(n5=ksampler(cfg=7)), cfg=7.5)["5"]["inputs"]["cfg"] == 7.5
    assert after(txt2img(n5=ksampler(denoise=1)), denoise=0.5)["5"]["inputs"]["denoise"] == 0.5


def test_numbers_of_numpy() -> None:
    numpy = pytest.importorskip("numpy", reason="NumPy is not installed")
    changed = after(txt2img(), seed=numpy.uint64(LARGEST_SEED), steps=numpy.int32(8), cfg=numpy.float32(1.5))
    assert json.dumps(changed["5"]["inputs"]["seed"]) == str(LARGEST_SEED)
    assert (changed["5"]["inputs"]["steps"], changed["5"]["inputs"]["cfg"]) == (8, 1.5)
    assert "must be a number" in refusal(txt2img(), "steps", numpy.bool_(True))


@pytest.mark.parametrize("value", [5, None, True, ["a"], {}, b"a"])
def test_what_is_no_text(value: object) -> None:
    assert "“prompt” must be a text, not" in refusal(txt2img(), "prompt", value)
    assert "“7.filename_prefix” must be a text" in refusal(txt2img(), "7.filename_prefix", value)


def test_a_broken_character() -> None:
    assert "broken character" in refusal(txt2img(), "prompt", "a \ud800")


def test_enumerations_become_plain() -> None:
    class Sampler(StrEnum):
        EULER = "euler_a"

    class Steps(IntEnum):
        FEW = 4

    changed = after(txt2img(), sampler_name=Sampler.EULER, steps=Steps.FEW)["5"]["inputs"]
    assert (type(changed["sampler_name"]), type(changed["steps"])) == (str, int)


def test_switches() -> None:
    graph = {"1": node("A", on=True)}
    assert after(graph, **{"1.on": False}) == {"1": node("A", on=False)}
    for value in (1, 0, "true", None):
        assert "must be true or false" in refusal(graph, "1.on", value)


def test_lists_and_mappings() -> None:
    graph = {"1": node("A", points=[[0, 0]], options={"a": 1}, nothing=None)}
    assert after(graph, **{"1.points": ((1, 2),)})["1"]["inputs"]["points"] == [[1, 2]]
    assert after(graph, **{"1.options": {"b": 2}})["1"]["inputs"]["options"] == {"b": 2}
    assert after(graph, **{"1.nothing": "x"})["1"]["inputs"]["nothing"] == "x"
    assert "must be a list" in refusal(graph, "1.points", "x")
    assert "must be a mapping" in refusal(graph, "1.options", [])
    assert "cannot be sent to the server: nan" in refusal(graph, "1.points", [math.nan])
    assert "cannot be sent to the server: a set" in refusal(graph, "1.nothing", {1})


# --- steps that samplers share


def shared_steps(at: int, **changed: Any) -> Graph:
    return txt2img(
        n5=ksampler_advanced(end_at_step=at, **changed),
        n8=ksampler_advanced(start_at_step=at, latent_image=["5", 0], **changed),
    )


@pytest.mark.parametrize(("steps", "at"), [(10, 8), (50, 40), (25, 20), (2, 1), (1, 1)])
def test_samplers_go_on_sharing_their_steps(steps: int, at: int) -> None:
    changed = after(shared_steps(20), steps=steps)
    inputs = [changed[id_]["inputs"] for id_ in ("5", "8")]
    assert [(one["steps"], one["start_at_step"], one["end_at_step"]) for one in inputs] == [
        (steps, 0, at),
        (steps, at, 10000),
    ]


def test_shared_steps_in_primitives() -> None:
    graph = shared_steps(0, steps=["20", 0]) | {
        "20": node("PrimitiveInt", value=20),
        "21": node("PrimitiveInt", value=10),
    }
    graph["5"]["inputs"]["end_at_step"] = graph["8"]["inputs"]["start_at_step"] = ["21", 0]
    changed = after(graph, steps=8)
    assert (changed["20"]["inputs"]["value"], changed["21"]["inputs"]["value"]) == (8, 4)


def test_steps_by_name_leave_the_rest_alone() -> None:
    changed = after(shared_steps(20), **{"5.steps": 10})
    assert changed["5"]["inputs"]["end_at_step"] == 20
    changed = after(shared_steps(20), steps=10, **{"5.end_at_step": 9})
    assert (changed["5"]["inputs"]["end_at_step"], changed["8"]["inputs"]["start_at_step"]) == (9, 8)


# --- whatever comes

names = st.sampled_from([*ROLES, "2.text", "Good.text", "5.cfg", "5.model", "nowhere", "x.y"]) | st.text(max_size=8)
values = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(0, 2**65)
    | st.floats()
    | st.text(st.characters(), max_size=5)
    | st.lists(st.integers(), max_size=2)
    | st.fractions()
)


@given(st.dictionaries(names, values, max_size=5))
def test_any_parameters_are_set_or_refused(parameters: dict[str, Any]) -> None:
    workflow, before = Workflow.load(txt2img()), copy.deepcopy(parameters)
    try:
        changed = set_parameters(workflow, parameters)
    except (UnknownParameter, AmbiguousParameter, InvalidValue) as error:
        str(error).encode()
    else:
        text = json.dumps(changed.api(), allow_nan=False)
        assert Workflow.load(text) == changed
        assert changed.nodes.keys() == workflow.nodes.keys()
        assert set_parameters(changed, parameters) == changed
    assert workflow.api() == txt2img()
    assert repr(parameters) == repr(before)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, LARGEST_SEED), st.integers(1, 2**40))
def test_fitting_values_arrive_as_they_are(prompt: str, seed: int, width: int) -> None:
    changed = after(txt2img(), prompt=prompt, seed=seed, width=width)
    expected = txt2img(n5=ksampler(seed=seed), n4=node("EmptyLatentImage", width=width, height=768, batch_size=1))
    expected["2"]["inputs"]["text"] = prompt
    assert changed == expected
