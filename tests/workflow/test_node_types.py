"""The view of a server's node classes, against hand-made definitions and broken ones."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_comfyui.workflow.errors import NotNodeTypes
from blender_comfyui.workflow.node_inputs import Autogrow, DynamicCombo, DynamicGroup, InputType
from blender_comfyui.workflow.node_types import NodeTypes

SAMPLER = {
    "input": {
        "required": {
            "cfg": [
                "FLOAT",
                {"default": 8.0, "min": 0.0, "max": 100.0, "step": 0.1, "round": 0.01, "tooltip": "How strictly."},
            ],
            "model": ["MODEL", {"tooltip": "A model."}],
            "sampler_name": [["euler", "heun"], {"advanced": True}],
            "text": ["STRING", {"multiline": True, "dynamicPrompts": True, "display_name": "Prompt"}],
        },
        "optional": {"mask": ["MASK"], "steps": ["INT", {"forceInput": True}]},
        "hidden": {"unique_id": "UNIQUE_ID"},
    },
    "input_order": {"required": ["model", "sampler_name"], "optional": ["steps"], "hidden": ["unique_id"]},
    "output": ["LATENT", ["a", "b"]],
    "output_name": ["latent"],
    "output_is_list": [False, True],
    "output_tooltips": ["The result."],
    "display_name": "Sample",
    "description": "Samples.",
    "category": "sampling",
    "python_module": "custom_nodes.some-pack.nodes",
    "output_node": True,
    "api_node": True,
    "deprecated": True,
}


def read(definition: Any) -> Any:
    return NodeTypes.from_object_info({"A": definition})["A"]


def only(spec: Any) -> InputType:
    (input_,) = read({"input": {"required": {"x": spec}}}).inputs
    return input_


def test_a_class_tells_what_it_is() -> None:
    sampler = read(SAMPLER)
    assert (sampler.class_type, sampler.display_name, sampler.category) == ("A", "Sample", "sampling")
    assert sampler.description == "Samples."
    assert sampler.output_node
    assert sampler.api_node
    assert sampler.deprecated
    assert not sampler.experimental
    assert sampler.hidden == ("unique_id",)
    assert sampler.node_pack == "some-pack"


def test_a_stock_class_is_of_comfyui() -> None:
    assert read({"python_module": "comfy_extras.nodes_video"}).node_pack == "ComfyUI"


def test_inputs_are_in_the_order_given_then_what_it_forgot() -> None:
    assert [input_.name for input_ in read(SAMPLER).inputs] == ["model", "sampler_name", "steps", "cfg", "text", "mask"]


def test_an_input_tells_its_limits_and_texts() -> None:
    cfg = read(SAMPLER).input("cfg")
    assert (cfg.default, cfg.minimum, cfg.maximum, cfg.step, cfg.round) == (8.0, 0.0, 100.0, 0.1, 0.01)
    assert (cfg.tooltip, cfg.label, cfg.required) == ("How strictly.", "cfg", True)
    text = read(SAMPLER).input("text")
    assert (text.label, text.multiline, text.dynamic_prompts, text.has_default) == ("Prompt", True, True, False)
    assert read(SAMPLER).input("sampler_name").advanced
    assert not read(SAMPLER).input("mask").required
    assert read(SAMPLER).input("nothing") is None


def test_outputs_have_names_types_and_tooltips() -> None:
    latent, menu = read(SAMPLER).outputs
    assert (latent.name, latent.type, latent.is_list, latent.tooltip) == ("latent", "LATENT", False, "The result.")
    assert (menu.name, menu.type, menu.is_list) == ("COMBO", "COMBO", True)


@pytest.mark.parametrize(
    ("spec", "widget"),
    [
        (["INT"], "INT"),
        (["INT", {"forceInput": True}], ""),
        ([["a"]], "COMBO"),
        (["COMBO", {"options": ["a"]}], "COMBO"),
        (["FLOAT,INT", {"widgetType": "FLOAT"}], "FLOAT"),
        (["FLOAT,INT"], ""),
        (["STRING", {"widgetType": "PAINTER"}], "PAINTER"),
        (["IMAGE", {}], ""),
        (["CURVE", {"forceInput": True}], ""),
        (["*"], ""),
    ],
)
def test_what_is_a_widget(spec: Any, widget: str) -> None:
    assert only(spec).widget == widget
    assert only(spec).is_widget == bool(widget)


def test_choices_of_both_kinds_of_menus() -> None:
    assert only([["a", "b"], {}]).choices == ("a", "b")
    assert only(["COMBO", {"options": ["a", 2]}]).choices == ("a", 2)


def test_a_file_menu_is_for_uploads() -> None:
    assert only([["a"], {"image_upload": True}]).uploads
    assert not only([["a"], {}]).uploads


def test_dynamic_combo() -> None:
    options = [{"key": "a", "inputs": {"required": {"w": ["INT"]}, "optional": {"m": ["MASK"]}}}, {"key": "b"}]
    input_ = only(["COMFY_DYNAMICCOMBO_V3", {"options": options}])
    assert isinstance(input_.dynamic, DynamicCombo)
    assert list(input_.dynamic.inputs) == ["a", "b"]
    assert [(child.name, child.required) for child in input_.dynamic.inputs["a"]] == [("w", True), ("m", False)]
    assert input_.is_widget


def test_autogrow() -> None:
    template = {"input": {"required": {"image": ["IMAGE"]}}, "prefix": "image", "min": 2, "max": 5}
    grown = only(["COMFY_AUTOGROW_V3", {"template": template}]).dynamic
    assert isinstance(grown, Autogrow)
    assert (grown.least, grown.most) == (2, 5)
    assert [name for name, _ in grown.row("images", 3)] == ["images.image3"]
    assert grown.index("image3") == 3
    assert grown.index("imagex") == -1


def test_autogrow_by_names() -> None:
    template = {"input": {"required": {"value": ["*"]}}, "names": ["a", "b"]}
    grown = only(["COMFY_AUTOGROW_V3", {"template": template}]).dynamic
    assert isinstance(grown, Autogrow)
    assert (grown.least, grown.most) == (1, 2)
    assert [name for name, _ in grown.row("values", 1)] == ["values.b"]
    assert (grown.index("b"), grown.index("c")) == (1, -1)


def test_match_type_is_a_socket_of_what_it_allows() -> None:
    input_ = only(["COMFY_MATCHTYPE_V3", {"template": {"template_id": "t", "allowed_types": "IMAGE,MASK"}}])
    assert (input_.type, input_.widget) == ("IMAGE,MASK", "")
    assert only(["COMFY_MATCHTYPE_V3", {}]).type == "*"


def test_dynamic_group() -> None:
    template = {"required": {"name": [["x"]], "strength": ["FLOAT"]}, "optional": {"model": ["MODEL"]}}
    group = only(["COMFY_DYNAMICGROUP_V3", {"template": template, "min": 1, "max": 3, "group_name": "LoRA"}]).dynamic
    assert isinstance(group, DynamicGroup)
    assert [field.name for field in group.inputs] == ["name", "strength"]
    assert (group.least, group.most, group.label) == (1, 3, "LoRA")


@pytest.mark.parametrize("answer", [None, [], "x", 5, {"A": 1}])
def test_what_is_no_list_of_classes_is_refused(answer: Any) -> None:
    with pytest.raises(NotNodeTypes, match="cannot be read"):
        NodeTypes.from_object_info(answer)


def test_a_malformed_class_is_unknown() -> None:
    types = NodeTypes.from_object_info({"A": {}, "B": 5})
    assert list(types) == ["A"]
    assert "B" not in types
    assert types.get("B") is None
    assert 5 not in types
    assert repr(types) == "<NodeTypes of 1 classes>"


@pytest.mark.parametrize("spec", [None, "INT", [], [None], [5], {"type": "INT"}])
def test_a_malformed_input_is_left_out(spec: Any) -> None:
    (left,) = read({"input": {"required": {"x": spec, "y": ["INT"]}}}).inputs
    assert left == InputType("y", "INT", True, "INT", (), {})


def test_rows_are_bounded() -> None:
    template = {"input": {"required": {"image": ["IMAGE"]}}, "prefix": "i", "min": 10**9, "max": 10**9}
    grown = only(["COMFY_AUTOGROW_V3", {"template": template}]).dynamic
    assert isinstance(grown, Autogrow)
    assert grown.most == 1000


def test_nesting_is_bounded() -> None:
    spec: Any = ["INT"]
    for _ in range(300):
        spec = ["COMFY_DYNAMICCOMBO_V3", {"options": [{"key": "a", "inputs": {"required": {"x": spec}}}]}]
    assert only(spec).is_widget


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.sampled_from(["INT", "COMBO", "a", ""]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                "input required optional hidden output options template key inputs min max names prefix "
                "widgetType default a b".split()
            ),
            inner,
            max_size=4,
        )
        | st.tuples(
            st.sampled_from("COMFY_DYNAMICCOMBO_V3 COMFY_AUTOGROW_V3 COMFY_DYNAMICGROUP_V3 COMFY_MATCHTYPE_V3".split()),
            inner,
        ).map(list)
    ),
    max_leaves=25,
)


@given(definition=JSON, spec=JSON)
def test_no_definition_makes_it_crash(definition: Any, spec: Any) -> None:
    types = NodeTypes.from_object_info({"A": {"input": {"required": {"x": spec}}}, "B": definition, "C": {}})
    for node_type in types.values():
        for input_ in node_type.inputs:
            assert isinstance(input_.label + input_.tooltip, str)
