import json

import pytest

from blender_comfyui.workflow import bundled
from blender_comfyui.workflow.errors import NotAWorkflow
from blender_comfyui.workflow.graph import Workflow
from blender_comfyui.workflow.node_types import NodeTypes
from blender_comfyui.workflow.preflight import preflight
from blender_comfyui.workflow.roles import ROLES, find_roles
from tests.conftest import SHARED


def test_the_basic_one_has_all_roles_and_loads_from_its_name() -> None:
    assert "sd_basic" in bundled.names()
    workflow = Workflow.load("sd_basic")
    assert tuple(find_roles(workflow)) == ROLES
    assert workflow.title("2") == "Prompt"
    assert workflow.title("3") == "Negative prompt"


def test_all_are_whole() -> None:
    for name in bundled.names():
        path = bundled.path(name)
        assert Workflow.load(path).api() == json.loads(path.read_text(encoding="utf-8"))
        assert Workflow.load(name) == Workflow.load(path)


@pytest.mark.parametrize("name", ["", "nothing", "../pyproject", "sd_basic.json", "/etc/passwd"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(NotAWorkflow, match=r"Choose one of: .*sd_basic"):
        bundled.path(name)


@pytest.fixture(scope="module")
def newest() -> NodeTypes:
    path = SHARED / "conversion" / "object_info.json"
    if not path.is_file():
        pytest.skip(f"no list of ComfyUI's nodes at {path}")
    return NodeTypes.from_object_info(json.loads(path.read_text("utf-8")))


@pytest.mark.parametrize("name", bundled.names())
def test_a_new_comfyui_lacks_only_models(newest: NodeTypes, name: str) -> None:
    assert {problem.kind for problem in preflight(Workflow.load(name), newest)} <= {"missing_model"}


@pytest.mark.parametrize("name", bundled.names())
def test_nodes_are_stock_and_have_titles_of_their_own(newest: NodeTypes, name: str) -> None:
    workflow = Workflow.load(name)
    titles = [node.title for node in workflow.nodes.values()]
    assert len(set(titles)) == len(titles)
    assert {newest[node.class_type].node_pack for node in workflow.nodes.values()} == {"ComfyUI"}
    assert all(workflow.meta(node_id).get("title") for node_id in workflow.nodes)


def test_there_is_one_for_each_task() -> None:
    assert bundled.names() == [
        "character_portrait",
        "controlnet_depth",
        "controlnet_pose",
        "grid",
        "image_to_image",
        "inpaint",
        "ltx_video",
        "scene_generation",
        "sd_basic",
        "upscale_4x",
    ]
    assert (bundled.folder() / "quality_mappings.yaml").is_file()
