"""Parameters of panels: what they are, what is shown, in which order, and what is set together."""

from __future__ import annotations

import contextlib
import copy
import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blender_comfyui.workflow.convert import to_api
from blender_comfyui.workflow.errors import NotAWorkflow, WorkflowError
from blender_comfyui.workflow.graph import Place, Workflow
from blender_comfyui.workflow.node_types import NodeTypes
from blender_comfyui.workflow.panel_parameters import Parameter, panel_parameters
from blender_comfyui.workflow.panel_widgets import Kind
from tests.workflow.graphs import node as api_node
from tests.workflow.panel_nodes import NODES, TYPES
from tests.workflow.ui_graphs import STOCK, Json, defined, node, subgraph, ui

UI_TYPES = NodeTypes.from_object_info(STOCK | {"SaveImage": STOCK["SaveImage"] | {"output_node": True}})


def one_node(class_type: str, **inputs: Any) -> tuple[Parameter, ...]:
    return panel_parameters(Workflow.load({"1": api_node(class_type, **inputs)}), TYPES)


def one(class_type: str, input_name: str, **inputs: Any) -> Parameter:
    (found,) = [parameter for parameter in one_node(class_type, **inputs) if parameter.input_name == input_name]
    return found


def by_key(parameters: tuple[Parameter, ...]) -> dict[str, Parameter]:
    return {parameter.key: parameter for parameter in parameters}


# --- kinds


@pytest.mark.parametrize(
    ("name", "kind"),
    {
        "text": Kind.TEXT,
        "long": Kind.MULTILINE,
        "count": Kind.INTEGER,
        "strength": Kind.FLOAT,
        "on": Kind.BOOLEAN,
        "method": Kind.CHOICE,
        "seed": Kind.SEED,
        "rgb": Kind.COLOUR,
        "tint": Kind.COLOUR,
        "picture": Kind.IMAGE,
        "clip": Kind.VIDEO,
        "sound": Kind.AUDIO,
        "any_file": Kind.FILE,
        "unet": Kind.MODEL,
        "lora_name": Kind.LORA,
        "curve": Kind.OTHER,
    }.items(),
)
def test_kinds(name: str, kind: Kind) -> None:
    assert one("Everything", name).kind is kind


def test_a_mask_is_what_only_gives_a_mask() -> None:
    assert one("LoadMask", "image", image="a.png").kind is Kind.MASK


def test_a_model_that_the_server_lacks_is_still_a_model() -> None:
    assert one("EmptyMenus", "name", name="x.safetensors").kind is Kind.MODEL
    assert one("EmptyMenus", "name", name="x").kind is Kind.CHOICE


def test_numbers_have_the_servers_limits_and_seeds_64_bits() -> None:
    strength, seed = one("Everything", "strength"), one("Everything", "seed", seed=2**64 - 1)
    assert (strength.minimum, strength.maximum, strength.step, strength.round) == (-1.0, 2.0, 0.05, 0.01)
    assert (strength.default, strength.value, strength.tooltip) == (1.0, 1.0, "How much.")
    assert (seed.minimum, seed.maximum, seed.value, seed.control) == (0, 2**64 - 1, 2**64 - 1, "randomize")
    assert one("Everything", "count").control == ""


def test_menus_have_the_servers_choices() -> None:
    assert one("Everything", "method").choices == ("a", "b")
    assert one("Resize", "resize").choices == ("by size", "by factor", "by factor and crop")
    assert one("Own", "choice", choice="b", option1="a", option2="b", option3="").choices == ("a", "b")


def test_an_unknown_class_has_parameters_by_its_values() -> None:
    found = one_node("Unknown", a=1, b=2.0, c=True, d="x", e=["2", 0], f={"x": 1}, seed=4)
    assert {parameter.input_name: parameter.kind for parameter in found} == {
        "a": Kind.INTEGER,
        "b": Kind.FLOAT,
        "c": Kind.BOOLEAN,
        "d": Kind.TEXT,
        "seed": Kind.SEED,
    }


# --- dynamic inputs


def test_inputs_of_all_choices_are_there_with_their_conditions() -> None:
    found = one_node("Resize", resize="by size", **{"resize.width": 640})
    shown = {(p.key, p.visible_when) for p in found}
    assert shown == {
        ("1.resize", ()),
        ("1.resize.width", (("1.resize", ("by size",)),)),
        ("1.resize.factor", (("1.resize", ("by factor", "by factor and crop")),)),
        ("1.resize.crop", (("1.resize", ("by factor and crop",)),)),
        ("1.resize.crop.side", (("1.resize", ("by factor and crop",)), ("1.resize.crop", ("side",)))),
    }
    values = {p.key: p.value for p in found}
    assert values["1.resize.width"] == 640
    assert {p.key for p in found if p.is_visible(values)} == {"1.resize", "1.resize.width"}


def test_rows_are_those_that_the_workflow_has() -> None:
    found = one_node("Rows", **{"values.v0": 3, "values.v1": ["2", 0], "values.v2": 5})
    assert [(p.key, p.value) for p in found] == [("1.values.v0", 3), ("1.values.v2", 5)]


def test_a_wrapped_list_is_shown_as_a_list() -> None:
    assert one("Everything", "tags", tags={"__value__": ["x"]}).value == ["x"]


# --- what is shown


def test_roles_are_shown_first_and_the_rest_on_demand() -> None:
    graph = {
        "1": api_node("Loader", ckpt_name="m.safetensors"),
        "2": api_node("Encode", text="a cat", clip=["1", 1]),
        "4": api_node("Latent", width=512, height=512),
        "5": api_node(
            "KSampler",
            model=["1", 0],
            seed=1,
            steps=20,
            sampler_name="euler",
            positive=["2", 0],
            latent_image=["4", 0],
        ),
        "6": api_node("SaveImage", images=["5", 0], filename_prefix="x"),
    }
    found = panel_parameters(Workflow.load(graph), UI_TYPES)
    assert [(p.key, p.role) for p in found if p.shown] == [
        ("2.text", "prompt"),
        ("5.seed", "seed"),
        ("5.steps", "steps"),
        ("5.sampler_name", "sampler_name"),
        ("4.width", "width"),
        ("4.height", "height"),
        ("1.ckpt_name", "checkpoint"),
    ]
    assert [p.key for p in found if not p.shown] == ["6.filename_prefix"]
    assert [p.order for p in found] == list(range(8))


def test_titled_nodes_and_primitives_are_shown() -> None:
    graph = {
        "1": api_node("Everything", "My Look", count=1),
        "2": api_node("PrimitiveInt", "How many", value=3),
        "3": api_node("Everything", "everything", count=1),
    }
    found = by_key(panel_parameters(Workflow.load(graph), TYPES))
    assert found["1.count"].shown
    assert found["2.value"].shown
    assert found["2.value"].label == "How many"
    assert not found["3.count"].shown
    assert not found["1.curve"].shown


def test_partner_nodes() -> None:
    graph = {
        "1": api_node("Partner", prompt=["2", 0], negative_prompt="bad", aspect_ratio="1:1", seed=1, model="m1"),
        "2": api_node("StringConcatenate", string_a=["3", 0], string_b="in style", delimiter=" "),
        "3": api_node("PrimitiveString", value="a cat"),
    }
    found = by_key(panel_parameters(Workflow.load(graph), TYPES))
    roles = {key: parameter.role for key, parameter in found.items() if parameter.role}
    assert roles == {
        "3.value": "prompt",
        "1.negative_prompt": "negative_prompt",
        "1.aspect_ratio": "size",
        "1.seed": "seed",
        "1.model": "model",
    }


def test_a_size_is_followed_through_calculations() -> None:
    graph = {
        "1": api_node("Latent", width=["2", 0], height=["4", 1]),
        "2": api_node("Math", expression="a/2", **{"values.a": ["3", 0]}),
        "3": api_node("PrimitiveInt", "Width", value=1024),
        "4": api_node("GetSize", image=["5", 0]),
        "5": api_node("ScaleToPixels", image=["6", 0], megapixels=1.0),
        "6": api_node("LoadImage", image="a.png"),
    }
    found = by_key(panel_parameters(Workflow.load(graph), TYPES))
    assert (found["3.value"].role, found["5.megapixels"].role) == ("width", "size")


# --- what the editor's file adds


def boxed() -> Json:
    """A subgraph with a promoted text, seed and sampler, and two samplers that share the seed."""
    inner = subgraph(
        "b0",
        node(1, "Encode", ["inner"], {"clip": None, "text*": 1}),
        node(2, "KSampler", [5, "increment", 20, "euler"], {"seed*": 2}, title="First"),
        node(3, "KSampler", [5, "fixed", 20, "euler"], {"seed*": 3}),
        links=[[1, -10, 0, 1, 1], [2, -10, 1, 2, 0], [3, -10, 1, 3, 0]],
        inputs={"text": ("STRING", [1]), "seed": ("INT", [2, 3])},
    )
    inner["inputs"][0]["label"] = "What to see"
    return ui(node(7, "b0", ["outer", 9], {"text*": None, "seed*": None}, title="Make it"), subgraphs=[inner])


def test_promoted_widgets_have_the_names_and_the_place_that_their_author_gave_them() -> None:
    file = boxed()
    found = by_key(panel_parameters(Workflow(to_api(file, UI_TYPES)), UI_TYPES, file))
    text, seed, other = found["7:1.text"], found["7:2.seed"], found["7:3.seed"]
    assert (text.label, text.group, text.value, text.shown) == ("What to see", "Make it", "outer", True)
    assert (seed.value, seed.also, seed.shown, seed.control) == (9, (Place("7:3", "seed"),), True, "increment")
    assert (other.also, other.shown, other.control) == ((Place("7:2", "seed"),), False, "fixed")
    assert found["7:2.sampler_name"].group == "Make it"


def test_old_promotions_without_inputs() -> None:
    file = boxed()
    host = file["nodes"][0]
    host["properties"] = {"proxyWidgets": [["2", "sampler_name"], ["1", "text"], ["9", "nothing"]]}
    host["widgets_values"] = ["heun", "other", 0]
    found = by_key(panel_parameters(Workflow(to_api(file, UI_TYPES)), UI_TYPES, file))
    assert found["7:2.sampler_name"].shown
    assert found["7:2.sampler_name"].label == "sampler_name"
    assert found["7:2.sampler_name"].value == "heun"


def test_promoted_through_two_subgraphs() -> None:
    file = boxed()
    inner = file["definitions"]["subgraphs"][0]
    outer = subgraph(
        "a0",
        node(7, "b0", ["inner", 1], {"text*": 1, "seed*": 2}),
        links=[[1, -10, 0, 7, 0], [2, -10, 1, 7, 1]],
        inputs={"prompt": ("STRING", [1]), "dice": ("INT", [2])},
    )
    host = node(3, "a0", ["outermost", 8], {"prompt*": None, "dice*": None}, title="Outside")
    whole = ui(host, subgraphs=[inner, outer])
    found = by_key(panel_parameters(Workflow(to_api(whole, UI_TYPES)), UI_TYPES, whole))
    text, seed = found["3:7:1.text"], found["3:7:2.seed"]
    assert (text.value, text.label, text.group) == ("outermost", "prompt", "Outside")
    assert (seed.value, seed.label, seed.also) == (8, "dice", (Place("3:7:3", "seed"),))


@pytest.mark.parametrize("entry", [["7", "text"], ["7", "sampler_name", "2"]])
def test_old_promotions_of_what_a_nested_instance_shows(entry: list[str]) -> None:
    file = boxed()
    inner = file["definitions"]["subgraphs"][0]
    nested = node(
        7, "b0", ["inner", 1], {"text*": None, "seed*": None}, properties={"proxyWidgets": [["2", "sampler_name"]]}
    )
    host = node(3, "a0", ["heun"], title="Outside", properties={"proxyWidgets": [entry]})
    whole = ui(host, subgraphs=[inner, subgraph("a0", nested)])
    found = by_key(panel_parameters(Workflow(to_api(whole, UI_TYPES)), UI_TYPES, whole))
    key = "3:7:2.sampler_name" if entry[1] == "sampler_name" else "3:7:1.text"
    assert found[key].shown
    assert found[key].label == entry[1]


def test_a_primitive_of_the_editor_sets_all_that_it_feeds() -> None:
    file = ui(
        node(1, "PrimitiveNode", [640, "fixed"], title="Side"),
        node(2, "Latent", [1, 1], {"width*": 1, "height*": 2}),
        links=[[1, 1, 0, 2, 0], [2, 1, 0, 2, 1]],
    )
    found = by_key(panel_parameters(Workflow(to_api(file, UI_TYPES)), UI_TYPES, file))
    assert (found["2.width"].value, found["2.width"].label) == (640, "Side")
    assert found["2.width"].also == (Place("2", "height"),)
    assert [found["2.width"].shown, found["2.height"].shown] == [True, False]


def test_a_file_that_is_none() -> None:
    with pytest.raises(NotAWorkflow):
        panel_parameters(Workflow.load({"1": api_node("Latent")}), TYPES, {"1": {}})


# --- size


def test_the_choices_of_a_long_menu_are_kept_once() -> None:
    names = [f"folder/model {number}.safetensors" for number in range(5000)]
    types = NodeTypes.from_object_info(
        {"Big": defined({f"w{n}": [names] if n % 2 else ["FLOAT", {"default": 1.0}] for n in range(20)})}
    )
    found = panel_parameters(Workflow.load({str(n): api_node("Big", w0=0.5) for n in range(20)}), types)
    assert len(found) == 400
    assert found[1].choices is found[21].choices


# --- whatever comes

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-10, 2**65)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
)
links = st.tuples(st.sampled_from("123456"), st.integers(-1, 3)).map(list)
values = leaves | links | st.lists(leaves, max_size=2) | st.dictionaries(st.text(max_size=3), leaves, max_size=2)
input_names = st.sampled_from(
    "text prompt seed noise_seed width height positive negative model latent_image guider value megapixels "
    "resize resize.width resize.crop resize.crop.side values.v0 values.v1 image ckpt_name steps switch on_true".split()
)
graphs = st.dictionaries(
    st.sampled_from("123456"),
    st.builds(
        lambda class_type, inputs: {"class_type": class_type, "inputs": inputs},
        st.sampled_from([*NODES, "Nobody", "Reroute"]),
        st.dictionaries(input_names, values, max_size=6),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graph=graphs)
def test_every_graph_has_a_panel(graph: Json) -> None:
    before = copy.deepcopy(graph)
    workflow = Workflow.load(graph)
    found = panel_parameters(workflow, TYPES)
    assert graph == before
    assert workflow == Workflow.load(before)
    assert len({(p.key, p.when) for p in found}) == len(found)
    assert [p.order for p in found] == list(range(len(found)))
    assert len([key for key, _ in itertools.groupby(p.group_id for p in found)]) == len({p.group_id for p in found})
    for parameter in found:
        assert isinstance(parameter.choices, tuple)
        assert parameter.label
        assert workflow.nodes[parameter.node_id].link(parameter.input_name) is None


broken = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from("input required optional options template inputs key min max default output".split()),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graph=graphs, definition=broken, options=broken)
def test_broken_definitions_and_files_never_crash_a_panel(graph: Json, definition: Any, options: Any) -> None:
    spec = {"required": {"resize": ["COMFY_DYNAMICCOMBO_V3", options], "seed": ["INT", options], "text": [options]}}
    types = NodeTypes.from_object_info(NODES | {"Latent": definition, "Resize": {"input": spec, "output": options}})
    found = panel_parameters(Workflow.load(graph), types)
    assert all(isinstance(parameter.choices, tuple) for parameter in found)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_broken_files_raise_only_what_is_documented(data: st.DataObject) -> None:
    file: Json = boxed()
    host = file["nodes"][0]
    host["properties"] = data.draw(
        st.dictionaries(st.just("proxyWidgets"), st.lists(st.lists(leaves, max_size=3) | leaves, max_size=3) | leaves)
    )
    inner = file["definitions"]["subgraphs"][0]
    inner[data.draw(st.sampled_from(["inputs", "links", "nodes", "outputs"]))] = data.draw(broken)
    before = copy.deepcopy(file)
    workflow = Workflow.load({"7:1": api_node("Encode", text="x")})
    with contextlib.suppress(WorkflowError):
        panel_parameters(workflow, UI_TYPES, file)
    assert file == before
