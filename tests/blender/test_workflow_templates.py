"""Every official template becomes a panel, and as long as nobody touches it, what is sent is what its author made."""

import json
from pathlib import Path

import bpy
import pytest

from tests.blender.test_workflow_panel import PanelRecorder

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
        drawing.draw(layout, chosen.imported, chosen.values, 224)
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
