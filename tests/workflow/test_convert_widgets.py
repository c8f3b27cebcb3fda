"""Conversion: which values go to which widgets, and how they are sent."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflow.ui_graphs import SEED, STOCK, Json, api, defined, inputs_of, node, ui, widgets

AB = [["a", "b"], {}]


def test_values_are_named_in_the_order_of_the_definition() -> None:
    definition = defined({"z": ["INT"], "a": ["FLOAT"]}, {"m": ["STRING"]})
    assert widgets([1, 2.5, "x"], definition) == {"z": 1, "a": 2.5, "m": "x"}


def test_input_order_goes_before_the_order_of_the_definition() -> None:
    definition = defined({"z": ["INT"], "a": ["INT"], "late": ["INT"]}, {"o": ["INT"], "p": ["INT"]})
    definition["input_order"] = {"required": ["a", "z"], "optional": ["p"], "hidden": ["prompt"]}
    assert widgets([1, 2, 3, 4, 5], definition) == {"a": 1, "z": 2, "p": 3, "late": 4, "o": 5}


def test_hidden_inputs_have_no_values() -> None:
    definition = defined({"a": ["INT"]})
    definition["input"]["hidden"] = {"b": ["INT"]}
    assert widgets([1, 2], definition) == {"a": 1}


def test_sockets_take_no_values() -> None:
    definition = defined({"m": ["MODEL"], "a": ["INT"], "f": ["FLOAT,INT"], "b": ["INT"]})
    assert widgets([1, 2], definition) == {"a": 1, "b": 2}


def test_widget_type_goes_before_the_type() -> None:
    definition = defined({"rate": ["FLOAT,INT", {"widgetType": "FLOAT"}], "b": ["INT"]})
    assert widgets([24, 2], definition) == {"rate": 24, "b": 2}


def test_forced_inputs_are_no_widgets() -> None:
    assert widgets([2], defined({"a": ["INT", {"forceInput": True}], "b": ["INT"]})) == {"b": 2}


@pytest.mark.parametrize(
    ("name", "spec", "value", "places"),
    [
        ("n", ["INT", {"control_after_generate": True}], 5, 2),
        ("n", ["INT", {"control_after_generate": "fixed"}], 5, 2),
        ("n", ["INT", {}], 5, 1),
        ("seed", ["INT", {}], 5, 2),
        ("noise_seed", ["INT", {}], 5, 2),
        ("seed", ["INT", {"control_after_generate": False}], 5, 1),
        ("my_seed", ["INT", {}], 5, 1),
        ("n", ["FLOAT", {"control_after_generate": True}], 0.5, 2),
        ("seed", ["FLOAT", {}], 0.5, 1),
        ("n", [["a", "b"], {"control_after_generate": True}], "b", 3),
        ("seed", [["a", "b"], {}], "b", 1),
        ("n", ["STRING", {"control_after_generate": True}], "b", 1),
        ("n", ["BOUNDING_BOX", {}], {"x": 1}, 5),
        ("n", ["MARKDOWN", {}], "x", 1),
        ("n", ["COLOR", {}], "#fff", 1),
        ("n", ["VIDEO_EDIT", {}], {"trim": {}}, 1),
        ("n", ["LOAD_3D", {}], "", 1),
    ],
)
def test_places_of_a_widget(name: str, spec: Any, value: Any, places: int) -> None:
    filler = ["fixed", "", "", ""][: places - 1]
    assert widgets([value, *filler, "next"], defined({name: spec, "z": ["STRING"]})) == {name: value, "z": "next"}


@pytest.mark.parametrize("kind", ["RESOLUTION_PREVIEW", "CAMERA_INFO_STATE"])
def test_widgets_without_a_place(kind: str) -> None:
    assert widgets([1], defined({"x": [kind, {}], "b": ["INT"]})) == {"b": 1}


def test_a_comparison_of_images_has_no_place_but_is_sent() -> None:
    definition = defined({"view": ["IMAGECOMPARE", {"socketless": True}], "b": ["INT"]})
    assert widgets([1], definition) == {"view": {"__value__": ["", ""]}, "b": 1}


def test_the_upload_button_is_never_sent() -> None:
    assert widgets(["x.png", "image"], STOCK["Image"]) == {"image": "x.png"}


def test_an_old_upload_input_takes_a_place_and_is_never_sent() -> None:
    definition = defined({"image": AB, "upload": ["IMAGEUPLOAD"], "b": ["INT"]})
    assert widgets(["x.png", "image", 3], definition) == {"image": "x.png", "b": 3}


@pytest.mark.parametrize("values", [None, [], {}, {"a": 5}, "text", 7])
def test_without_a_list_of_values_there_are_defaults(values: Any) -> None:
    definition = defined(
        {
            "i": ["INT", {"default": 3}],
            "j": ["INT"],
            "f": ["FLOAT"],
            "s": ["STRING"],
            "b": ["BOOLEAN"],
            "c": AB,
            "d": [["a", "b"], {"default": "b"}],
            "o": ["COMBO", {"options": ["x", "y"]}],
            "e": ["COMBO", {"options": []}],
            "m": ["COMBO", {"options": ["x"], "multi_select": {"chip": True}}],
        }
    )
    assert widgets(values, definition) == {
        "i": 3,
        "j": 0,
        "f": 0,
        "s": "",
        "b": False,
        "c": "a",
        "d": "b",
        "o": "x",
        "m": {"__value__": []},
    }


def test_a_missing_tail_takes_defaults_and_surplus_is_ignored() -> None:
    definition = defined({"a": ["INT", {"default": 1}], "b": ["INT", {"default": 2}]})
    assert widgets([9], definition) == {"a": 9, "b": 2}
    assert widgets([9, 8, 7, 6], definition) == {"a": 9, "b": 8}


def test_null_stays_but_in_menus_where_it_is_the_first_choice() -> None:
    menus = {"c": AB, "d": [["a", "b"], {"default": "b"}], "e": [[]], "m": ["COMBO", {"multi_select": True}]}
    made = widgets([None] * 6, defined({"i": ["INT"], "s": ["STRING"], **menus}))
    assert made == {"i": None, "s": None, "c": "a", "d": "a", "e": None, "m": {"__value__": []}}


@pytest.mark.parametrize(
    ("saved", "expected"),
    [(None, ""), (5, "5"), (1.0, "1"), (True, "true"), ([1, "b"], "1,b"), ({"a": 1}, "[object Object]"), ("a", "a")],
)
@pytest.mark.parametrize("spec", [["STRING", {"multiline": True}], ["MARKDOWN"]])
def test_a_field_of_several_lines_holds_texts_only(spec: Any, saved: Any, expected: str) -> None:
    assert widgets([saved], defined({"s": spec})) == {"s": expected}


@pytest.mark.parametrize(
    ("remote", "values", "expected"),
    [
        ({"route": "/x"}, ["a", False, 5], {"w": "a", "after": 5}),
        ({"route": "/x", "refresh_button": True}, ["a", False, "r", 5], {"w": "a", "refresh": "r", "after": 5}),
        ({"route": "/x", "refresh_button": True}, ["a"], {"w": "a", "refresh": "refresh", "after": 77}),
    ],
)
def test_a_menu_that_the_browser_fills_has_a_switch_and_a_button_beside_it(
    remote: Json, values: list[Any], expected: Json
) -> None:
    definition = defined({"w": ["COMBO", {"remote": remote}], "after": ["INT", {"default": 77}]})
    assert widgets(values, definition) == expected


def test_the_control_stands_after_the_button() -> None:
    menu = ["COMBO", {"remote": {"refresh_button": True}, "control_after_generate": True}]
    made = widgets(["a", False, "r", "fixed", "", 5], defined({"w": menu, "after": ["INT"]}))
    assert made == {"w": "a", "refresh": "r", "after": 5}


def test_nothing_is_coerced_or_held_against_limits() -> None:
    definition = defined({"i": ["INT", {"max": 5}], "c": AB, "b": ["BOOLEAN"]})
    assert widgets(["99", "no choice", "yes"], definition) == {"i": "99", "c": "no choice", "b": "yes"}


def test_a_mapping_with_as_many_values_as_places_is_taken_for_a_list() -> None:
    complete = {"seed": 5, "control": "fixed", "steps": 9, "sampler_name": "heun"}
    made = inputs_of(ui(node(1, "KSampler", complete)))
    assert made == {"seed": 5, "steps": 9, "sampler_name": "heun"}
    del complete["control"]
    assert inputs_of(ui(node(1, "KSampler", complete))) == {"seed": 0, "steps": 20, "sampler_name": "euler"}


@pytest.mark.parametrize("values", [[], [""], [None]])
def test_a_view_of_a_mesh_that_nobody_has_turned_is_the_browsers(values: list[Any]) -> None:
    made = widgets(values, defined({"viewport_state": ["LOAD_3D"], "image": ["LOAD_3D"]}))
    assert set(made) == {"viewport_state"}
    assert made["viewport_state"]["camera_info"]["fov"] == 35
    assert widgets([{"a": 1}], defined({"viewport_state": ["LOAD_3D"]})) == {"viewport_state": {"a": 1}}


def test_packs_read_mappings_by_name() -> None:
    definition = defined({"a": ["INT"], "b": ["INT"], "seed": SEED}, python_module="custom_nodes.VideoHelperSuite")
    values = {"b": 2, "seed": 7, "videopreview": {"hidden": False}}
    assert widgets(values, definition) == {"a": 0, "b": 2, "seed": 7}


@pytest.mark.parametrize(
    "formats", [{"gif": [], "mp4": [["crf", "INT", {}], ["pix", ["a"]], 5, [], [7]]}, 5, {"mp4": 5}]
)
def test_a_format_brings_values_of_its_own(formats: Any) -> None:
    definition = defined({"format": [["gif", "mp4"], {"formats": formats}]}, python_module="custom_nodes.vhs")
    brought = {"crf": 19, "pix": "a"} if isinstance(formats, dict) and "gif" in formats else {}
    assert widgets({"format": "mp4", "crf": 19, "pix": "a", "other": 1}, definition) == {"format": "mp4"} | brought
    assert widgets({"format": "gif", "crf": 19}, definition) == {"format": "gif"}


def test_values_by_name_are_ignored() -> None:
    workflow = ui(node(1, "Number", [3], widgets_values_named={"value": 4}))
    assert inputs_of(workflow) == {"value": 3}


def test_a_missing_control_shifts_all_that_follow() -> None:
    workflow = ui(node(1, "KSampler", [5, 20, "euler"]))
    assert inputs_of(workflow) == {"seed": 5, "steps": "euler", "sampler_name": "euler"}


@pytest.mark.parametrize("class_type", ["KSampler", "KSamplerAdvanced"])
def test_old_sampler_names_lose_their_prefix(class_type: str) -> None:
    workflow = ui(node(1, class_type, [5, "fixed", 20, "sample_heun"]))
    assert inputs_of(workflow, definitions={class_type: STOCK["KSampler"]})["sampler_name"] == "heun"


def test_other_classes_keep_that_prefix() -> None:
    assert widgets(["sample_heun"], defined({"sampler_name": AB})) == {"sampler_name": "sample_heun"}


def test_seeds_stay_exact() -> None:
    assert inputs_of(ui(node(1, "KSampler", [2**64 - 1, "fixed", 20, "euler"])))["seed"] == 2**64 - 1


def test_forced_inputs_of_old_files_lose_their_values() -> None:
    definition = defined({"seed": SEED, "f": ["INT", {"forceInput": True}], "b": ["INT"]})
    assert widgets([5, "fixed", 77, 3], definition) == {"seed": 5, "b": 3}
    assert widgets([5, "fixed", 3], definition) == {"seed": 5, "b": 3}


def test_lists_are_wrapped() -> None:
    assert widgets([["#fff", "#000"]], defined({"c": ["COLORS"]})) == {"c": {"__value__": ["#fff", "#000"]}}


def test_curves_say_that_they_are() -> None:
    curve = {"points": [[0, 0], [1, 1]], "interpolation": "linear"}
    definition = defined({"c": ["CURVE"]})
    assert widgets([curve], definition) == {"c": {"__type__": "CURVE", "__value__": curve}}
    assert widgets([[[0, 0]]], definition) == {"c": {"__type__": "CURVE", "__value__": [[0, 0]]}}


def test_a_links_goes_before_the_value() -> None:
    workflow = ui(node(1, "Latent", [64, 32], {"width*": 5}), node(2, "Number", [7]), links=[[5, 2, 0, 1, 0]])
    assert inputs_of(workflow) == {"width": ["2", 0], "height": 32}


def test_titles_go_along() -> None:
    made = api(
        ui(node(1, "Number", [3], title="My number"), node(2, "Number", [3]), node(3, "Words", ["x"])),
        {"Words": STOCK["Words"] | {"display_name": "Some words"}},
    )
    assert [each["_meta"]["title"] for each in made.values()] == ["My number", "Number", "Some words"]


def test_the_pack_and_its_version_go_along() -> None:
    properties = {"cnr_id": "some-pack", "aux_id": 5, "ver": "1.2", "Node name for S&R": "Number"}
    made = api(ui(node(1, "Number", [3], properties=properties)))
    assert made["1"]["_meta"] == {"title": "Number", "cnr_id": "some-pack", "ver": "1.2"}


# CustomCombo: people type the choices in.


def custom_combo(values: list[Any]) -> Json:
    return inputs_of(
        ui(node(1, "CustomCombo", values)), definitions={"CustomCombo": defined({"choice": ["COMBO", {}]})}
    )


def test_custom_choices_have_an_index_and_an_empty_one_at_the_end() -> None:
    expected = {"choice": "two", "index": 1, "option1": "one", "option2": "two", "option3": ""}
    assert custom_combo(["two", 0, "one", "two", ""]) == expected
    assert custom_combo(["two", 0, "one", "two"]) == expected


def test_a_custom_choice_that_is_none_has_the_index_minus_one() -> None:
    assert custom_combo(["x", 0, "one"])["index"] == -1
    assert custom_combo([]) == {"index": -1, "option1": ""}


# Dynamic types.


def combo(*options: tuple[str, Json, Json]) -> list[Any]:
    return [
        "COMFY_DYNAMICCOMBO_V3",
        {"options": [{"key": key, "inputs": {"required": need, "optional": may}} for key, need, may in options]},
    ]


RESIZE = defined(
    {
        "input": ["IMAGE"],
        "how": combo(
            ("size", {"w": ["INT", {"default": 1}], "h": ["INT", {"default": 2}]}, {}),
            ("match", {"other": ["IMAGE"]}, {"crop": AB}),
            ("none", {}, {}),
        ),
        "method": AB,
    }
)


def test_a_dynamic_combo_is_followed_by_what_its_choice_brings() -> None:
    assert widgets(["size", 64, 32, "b"], RESIZE) == {"how": "size", "how.w": 64, "how.h": 32, "method": "b"}
    assert widgets(["none", "b"], RESIZE) == {"how": "none", "method": "b"}


def test_a_dynamic_combo_brings_sockets_too() -> None:
    links = [[5, 2, 0, 1, 0]]
    made = widgets(["match", "b", "b"], RESIZE, {"input": None, "how.other": 5}, links)
    assert made == {"how": "match", "how.crop": "b", "method": "b", "how.other": ["2", 0]}


def test_a_dynamic_combo_without_a_value_has_its_first_choice() -> None:
    assert widgets([], RESIZE) == {"how": "size", "how.w": 1, "how.h": 2, "method": "a"}


def test_an_unknown_choice_brings_nothing() -> None:
    assert widgets(["other", "b"], RESIZE) == {"how": "other", "method": "b"}


def test_a_null_choice_becomes_the_first_after_the_values_are_dealt_out() -> None:
    assert widgets([None, "b"], RESIZE) == {"how": "size", "how.w": 1, "how.h": 2, "method": "b"}


def test_dynamic_combos_in_dynamic_combos() -> None:
    encoding = combo(("auto", {}, {}), ("own", {"crf": ["FLOAT"]}, {}))
    definition = defined(
        {"format": combo(("mp4", {"codec": combo(("h264", {"encoding": encoding}, {}))}, {})), "z": ["INT"]}
    )
    assert widgets(["mp4", "h264", "own", 20, 3], definition) == {
        "format": "mp4",
        "format.codec": "h264",
        "format.codec.encoding": "own",
        "format.codec.encoding.crf": 20,
        "z": 3,
    }


def autogrow(spec: Any, **template: Any) -> list[Any]:
    return ["COMFY_AUTOGROW_V3", {"template": {"input": {"required": {"x": spec}}, **template}}]


def test_grown_sockets_are_sent_where_they_are_linked_and_gaps_stay() -> None:
    definition = defined({"images": autogrow(["IMAGE"], prefix="image", min=1, max=5)})
    inputs = {"images.image0": 5, "images.image1": None, "images.image2": 6, "images.image3": None}
    links = [[5, 2, 0, 1, 0], [6, 2, 0, 1, 2]]
    expected = {"images.image0": ["2", 0], "images.image2": ["2", 0]}
    assert widgets([], definition, inputs, links) == expected


def test_grown_sockets_by_name() -> None:
    definition = defined({"values": autogrow(["*"], names=["a", "b"], min=1)})
    assert widgets([], definition, {"values.b": 5}, [[5, 2, 0, 1, 0]]) == {"values.b": ["2", 0]}


def test_what_is_linked_beyond_the_most_rows_is_kept() -> None:
    definition = defined({"images": autogrow(["IMAGE"], prefix="image", min=1, max=2)})
    made = widgets([], definition, {"images.image7": 5}, [[5, 2, 0, 1, 0]])
    assert made == {"images.image7": ["2", 0]}


@pytest.mark.parametrize(
    ("least", "most", "linked", "rows"), [(0, 9, None, 1), (1, 9, None, 2), (1, 2, 1, 2), (0, 9, 3, 5), (3, 9, 1, 4)]
)
def test_grown_widgets_take_a_value_for_each_row_shown(least: int, most: int, linked: int | None, rows: int) -> None:
    definition = defined({"n": autogrow(["INT"], prefix="n", min=least, max=most), "z": ["STRING"]})
    inputs = {} if linked is None else {f"n.n{linked}*": 5}
    made = widgets([*range(rows), "after"], definition, inputs, [[5, 2, 0, 1, 0]])
    assert made.pop("z") == "after"
    expected: Json = {f"n.n{row}": row for row in range(rows)}
    assert made == expected | ({} if linked is None else {f"n.n{linked}": ["2", 0]})


def test_grown_inputs_in_a_dynamic_combo() -> None:
    grown = autogrow(["IMAGE"], prefix="image", min=1, max=5)
    definition = defined({"mode": combo(("many", {"images": grown}, {})), "z": ["INT"]})
    made = widgets(["many", 3], definition, {"mode.images.image0": 5}, [[5, 2, 0, 1, 0]])
    assert made == {"mode": "many", "z": 3, "mode.images.image0": ["2", 0]}


def test_a_match_type_is_a_socket() -> None:
    template = {"template_id": "t", "allowed_types": "IMAGE,MASK"}
    definition = defined({"x": ["COMFY_MATCHTYPE_V3", {"template": template}], "b": ["INT"]})
    assert widgets([3], definition, {"x": 5}, [[5, 2, 0, 1, 0]]) == {"b": 3, "x": ["2", 0]}


GROUP = defined(
    {
        "loras": [
            "COMFY_DYNAMICGROUP_V3",
            {
                "template": {"required": {"name": AB}, "optional": {"strength": ["FLOAT", {"default": 1}]}},
                "min": 1,
                "max": 3,
            },
        ],
        "z": ["INT"],
    }
)


def test_a_dynamic_group_has_its_count_and_then_its_rows() -> None:
    assert widgets([2, "a", 0.5, "b", 0.7, 9], GROUP) == {
        "loras.0.name": "a",
        "loras.0.strength": 0.5,
        "loras.1.name": "b",
        "loras.1.strength": 0.7,
        "z": 9,
    }


def test_a_dynamic_group_has_at_least_its_least_rows_and_at_most_its_most() -> None:
    assert widgets([0, "b", 0.5, 9], GROUP) == {"loras.0.name": "b", "loras.0.strength": 0.5, "z": 9}
    assert widgets([], GROUP) == {"loras.0.name": "a", "loras.0.strength": 1, "z": 0}
    assert len(widgets([10**9], GROUP)) == 7


@pytest.mark.parametrize("count", [None, "2", True, -1, float("-inf")])
def test_an_odd_count_is_the_least(count: Any) -> None:
    made = inputs_of(ui(node(1, "G", [count, "b", 0.5, 9])), definitions={"G": GROUP})
    assert made == {"loras.0.name": "b", "loras.0.strength": 0.5, "z": 9}
