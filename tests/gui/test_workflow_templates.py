"""Panels of official templates in a real window. Servers of tests lack their nodes, so they are looked at only."""

import json
from pathlib import Path

import pytest

from blender_comfyui.workflow.convert import to_api
from blender_comfyui.workflow.node_types import NodeTypes
from tests.gui.studio import Studio

SIZE = (1440, 1000)
CASES = Path(__file__).resolve().parents[3] / "shared" / "conversion"
TAKE = """
import json
record = json.loads(open({path!r}, encoding="utf-8").read())
contents = module("workflow_panel.contents").Contents(**record)
module("workflow_panel.adopting").take(bpy.context.scene, contents)
module("regions").redraw()
"""


@pytest.mark.parametrize("name", ["qwen", "video", "upscaler", "partner"])
def test_a_template_is_a_panel(studio: Studio, name: str) -> None:
    if not CASES.is_dir():
        pytest.skip("the official templates are not here: ../shared/conversion")
    patterns = {"qwen": "image_qwen*", "video": "video_wan*", "upscaler": "*upscal*", "partner": "api_*"}
    path = sorted((CASES / "templates").glob(f"{patterns[name]}.ui.json"))[0]
    node_types = NodeTypes.from_object_info(json.loads((CASES / "object_info.json").read_text(encoding="utf-8")))
    ui = json.loads(path.read_text(encoding="utf-8"))
    api = to_api(ui, node_types)
    described = node_types.described(node["class_type"] for node in api.values())
    record = {"name": path.name.removesuffix(".ui.json"), "ui": ui, "api": api, "definitions": described}
    kept = studio.window.folder / "template.json"
    kept.write_text(json.dumps(record), encoding="utf-8")
    studio.open_panel("VIEW_3D")
    studio.window.run(TAKE.format(path=studio.window.place.inside(kept)))
    studio.window.settle()

    studio.panel(name, "VIEW_3D")

    assert studio.window.run("len(settings().values.keys())")
