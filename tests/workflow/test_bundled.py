import json

import pytest

from blender_comfyui.workflow import bundled
from blender_comfyui.workflow.errors import NotAWorkflow
from blender_comfyui.workflow.graph import Workflow
from blender_comfyui.workflow.roles import ROLES, find_roles


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
