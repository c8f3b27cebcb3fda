"""Where a missing model is to be had, as far as the workflow's file says it."""

from __future__ import annotations

from typing import Any

import pytest

from blender_comfyui.workflow.graph import Workflow
from blender_comfyui.workflow.model_sources import ModelSource, sources_of, with_sources
from blender_comfyui.workflow.node_types import NodeTypes
from blender_comfyui.workflow.preflight import preflight

URL = "https://huggingface.co/somebody/fox/resolve/main/fox.safetensors?download=true"
TYPES = NodeTypes.from_object_info(
    {
        "CheckpointLoaderSimple": {
            "input": {"required": {"ckpt_name": [["other.safetensors"]]}},
            "output": ["MODEL"],
            "output_node": True,
        }
    }
)


def file_with(models: Any) -> dict[str, Any]:
    node = {"id": 1, "type": "CheckpointLoaderSimple", "inputs": [], "outputs": [], "properties": {"models": models}}
    return {"nodes": [node], "links": [], "version": 0.4}


def told(name: str = "fox.safetensors", url: str = URL, **more: Any) -> dict[str, Any]:
    return {"name": name, "url": url, "directory": "checkpoints"} | more


def test_a_missing_model_says_where_it_is_to_be_had() -> None:
    sources = sources_of(file_with([told()]))
    assert sources == {"fox.safetensors": ModelSource(URL, "checkpoints")}
    assert sources["fox.safetensors"].host == "huggingface.co"
    graph = {"1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "animals\\fox.safetensors"}}}
    workflow = Workflow.load(graph)
    [problem] = with_sources(preflight(workflow, TYPES), workflow, sources)
    assert problem.source == URL
    assert problem.sentence.endswith("or put the file into models/checkpoints.")


def test_models_of_subgraphs_are_found() -> None:
    inner = file_with([told()]) | {"id": "abc", "name": "Inner", "inputNode": {"id": -10}, "outputNode": {"id": -20}}
    ui = {"nodes": [], "links": [], "version": 0.4, "definitions": {"subgraphs": [inner]}}
    assert sources_of(ui)["fox.safetensors"].url == URL


@pytest.mark.parametrize(
    "models",
    [
        None,
        "x",
        [None, 1, "x", {}],
        [told(url="javascript:alert(1)")],
        [told(url="file:///etc/passwd")],
        [told(url="https://")],
        [told(url="https://[x/fox")],
        [told(url="https://a/\nb")],
        [told(url="https://a/" + "b" * 3000)],
        [told(name="")],
        [told(name=7)],
    ],
)
def test_what_no_browser_should_open_is_left_out(models: Any) -> None:
    assert sources_of(file_with(models)) == {}


@pytest.mark.parametrize("folder", [None, 7, "a\nb", "x" * 200])
def test_an_odd_folder_is_not_said(folder: Any) -> None:
    assert sources_of(file_with([told(directory=folder)]))["fox.safetensors"].folder == ""
