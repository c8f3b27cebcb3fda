"""Choices in prompts, in Blender: of tasks and of imported workflows; what the gallery takes back."""

import json

import bpy
import pytest

from tests.blender import workflow_graphs

PROMPT = "a {red|green|blue} fox at __light__"


@pytest.fixture
def lists(module):
    """The folder of a person's lists, with one in it."""
    folder = module("blender.settings").user_folder("wildcards")
    (folder / "light.txt").write_text("dawn\ndusk\nnoon", encoding="utf-8")
    module("blender.tasks.asking").close()  # as after a start: nobody has read it
    yield folder
    (folder / "light.txt").unlink()
    module("blender.tasks.asking").close()


@pytest.fixture
def sent(module):
    """What the seed 7 makes of the prompt."""
    wildcards = module("workflow.wildcards")
    return wildcards.resolved(PROMPT, 7, {"light": ("dawn", "dusk", "noon")})


def test_a_task_is_sent_what_the_seed_chooses(server, comfyui, saved, lists, sent, records):
    comfyui.prompt = PROMPT
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    [result] = bpy.context.scene.comfyui.results
    assert result.image.name == f"{sent} 7"
    assert json.loads(result.image["comfyui"])["prompt"] == sent
    [record] = records()
    assert record.parameters["asked"] == {"prompt": PROMPT}
    assert comfyui.prompt == PROMPT


def test_a_list_that_is_not_there_is_said(server, comfyui, saved, lists):
    comfyui.prompt = "a fox at __lihgt__"
    with pytest.raises(RuntimeError, match=r"There is no list “lihgt\.txt”"):
        bpy.ops.comfyui.generate()


def test_an_imported_workflow_too(server, comfyui, saved, lists, sent, load, records, alone):
    graph = workflow_graphs.classic()
    encoder = next(node for node in graph.values() if node["class_type"] == "CLIPTextEncode")
    encoder["inputs"]["text"] = PROMPT
    sampler = next(node for node in graph.values() if "seed" in node["inputs"])
    sampler["inputs"]["seed"] = 7
    load(graph)
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    [record] = records()
    assert record.parameters["prompt"] == sent
    assert record.parameters["asked"] == {"prompt": PROMPT}
    assert sent in json.dumps(server.control(), ensure_ascii=False) or record.label == sent


def test_the_gallery_takes_back_what_was_sent(module, comfyui):
    reuse = module("blender.gallery.reuse").reuse_all
    history = module("generation.history")
    parameters = {"prompt": "a red fox", "seed": 7, "asked": {"prompt": "a {red|blue} fox"}}
    record = history.Record("x", module("generation.outcome").JobState.FINISHED, parameters=parameters)
    assert reuse(comfyui, record) == []
    assert comfyui.prompt == "a red fox"
    told = dict(module("blender.gallery.words").recipe(record))
    assert told["Asked"] == "a {red|blue} fox"
