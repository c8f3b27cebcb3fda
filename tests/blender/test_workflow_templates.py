"""Every official template becomes a panel, and as long as nobody touches it, what is sent is what its author made."""

import json
from pathlib import Path

import bpy
import pytest

from tests.blender.workflow_words import PanelRecorder

CASES = Path(__file__).resolve().parents[3] / "shared" / "conversion"


@pytest.fixture
def node_types(module):
    if not CASES.is_dir():
        pytest.skip("the official templates are not here: ../shared/conversion")
    raw = json.loads((CASES / "object_info.json").read_text(encoding="utf-8"))
    return module("workflow.node_types").NodeTypes.from_object_info(raw)


@pytest.fixture
def take(module, node_types):
    """``take(ui)`` puts a workflow of the editor into the scene and returns what it was converted to."""
    contents = module("blender.workflow_panel.contents").Contents

    def run(ui):
        api = module("workflow.convert").to_api(ui, node_types)
        described = node_types.described(node["class_type"] for node in api.values())
        module("blender.workflow_panel.adopting").take(bpy.context.scene, contents("template", ui, api, described))
        return api

    return run


def templates():
    return sorted((CASES / "templates").glob("*.ui.json"))


def test_panels_of_templates_change_nothing(module, take):
    building, checking, drawing = (
        module(f"blender.workflow_panel.{name}") for name in ("building", "checking", "drawing")
    )
    chosen = bpy.context.scene.comfyui
    drawn = 0
    for path in templates():
        api = take(json.loads(path.read_text(encoding="utf-8")))
        assert checking.graph(chosen.values, building.built(chosen.imported)).api() == api, path.name
        layout = PanelRecorder()
        drawing.draw(layout, chosen.imported, chosen.values, 224, lambda: None)
        drawn += bool(layout.drawn)
    assert drawn == len(templates())


def test_all_values_of_templates_can_be_shown_saved_and_loaded(module, take, tmp_path):
    values, building, checking = (
        module(f"blender.workflow_panel.{name}") for name in ("values", "building", "checking")
    )
    for path in templates()[::12]:
        api = take(json.loads(path.read_text(encoding="utf-8")))
        built = building.built(bpy.context.scene.comfyui.imported)
        values.write_all(bpy.context.scene.comfyui.values, built, built.parameters)
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "template.blend"))
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "template.blend"))
        building._known.clear()
        chosen = bpy.context.scene.comfyui
        assert checking.graph(chosen.values, building.built(chosen.imported)).api() == api, path.name


FACTOR = ["FLOAT", {"default": 1.0, "min": 0.1, "max": 8.0, "step": 0.1}]
MAKER = {
    "input": {
        "required": {
            "size": [
                "COMFY_DYNAMICCOMBO_V3",
                {
                    "options": [
                        {"key": "by size", "inputs": {"required": {"width": ["INT", {"default": 512, "max": 4096}]}}},
                        {"key": "by factor", "inputs": {"required": {"factor": FACTOR}}},
                    ]
                },
            ],
            "tint": ["COLOR", {"default": "#336699"}],
            "hard": ["BOOLEAN", {"default": False}],
            "count": ["INT", {"default": 1, "min": 0, "max": 2**63}],
            "order": [[1, 2, 4], {}],
        }
    },
    "output": ["IMAGE"],
    "output_node": True,
}
MADE = {"size": "by size", "size.width": 640, "tint": "#336699", "hard": False, "count": 3, "order": 2}


@pytest.fixture
def maker(module):
    """A node with a dynamic input, a colour, a switch, a number without limits and a menu of numbers, all shown."""
    contents = module("blender.workflow_panel.contents").Contents
    api = {"1": {"class_type": "Maker", "inputs": dict(MADE), "_meta": {"title": "Maker"}}}
    module("blender.workflow_panel.adopting").take(bpy.context.scene, contents("maker", None, api, {"Maker": MAKER}))
    chosen = bpy.context.scene.comfyui
    for name in module("blender.workflow_panel.building").built(chosen.imported).parameters:
        bpy.ops.comfyui.show_value(name=name)
    return chosen


@pytest.fixture
def sent(module):
    """``sent()`` are the inputs that the node would be sent with."""
    return lambda: module("blender.workflow_panel.running").read(bpy.context.scene).nodes["1"].inputs


@pytest.fixture
def drawn(module):
    """``drawn()`` are the names of all that the panel shows."""

    def run():
        layout, chosen = PanelRecorder(), bpy.context.scene.comfyui
        module("blender.workflow_panel.drawing").draw(layout, chosen.imported, chosen.values, 224, lambda: None)
        return [one.name for one in layout.drawn]

    return run


def test_dynamic_inputs_come_and_go_with_their_menu(module, maker, sent, drawn):
    assert sent() == MADE
    assert '["1.size.width"]' in drawn()
    assert '["1.size.factor"]' not in drawn()
    maker.values["1.size"] = module("blender.workflow_panel.values").numbers(maker.values, "1.size")["by factor"]
    maker.values["1.size.factor"] = 2.5
    assert '["1.size.width"]' not in drawn()
    assert '["1.size.factor"]' in drawn()
    wanted = {name: value for name, value in MADE.items() if name != "size.width"}
    assert sent() == wanted | {"size": "by factor", "size.factor": 2.5}


def test_each_kind_of_value_is_animated_and_sent_as_its_kind(module, maker, sent):
    scene, numbers = bpy.context.scene, module("blender.workflow_panel.values").numbers(maker.values, "1.order")
    count = maker.values.id_properties_ui("1.count").as_dict()["max"]
    assert count > 2**31 - 1000
    last = {"1.tint": (1.0, 0.0, 0.0), "1.hard": True, "1.count": count, "1.order": numbers["4"]}
    for name, value in last.items():
        scene.keyframe_insert(f'comfyui.values["{name}"]', frame=1)
        maker.values[name] = value
        scene.keyframe_insert(f'comfyui.values["{name}"]', frame=10)
    scene.frame_set(1)
    assert sent() == MADE
    scene.frame_set(10)
    assert sent() == MADE | {"tint": "#ff0000", "hard": True, "count": count, "order": 4}
    assert [type(sent()[name]) for name in ("hard", "count", "order")] == [bool, int, int]


def test_switches_are_drawn_as_switches(maker):
    assert isinstance(maker.values["1.hard"], bool)
