"""LoRAs of a stack and of prompts in workflows of any make."""

import pytest

from blender_comfyui.workflow.errors import InvalidValue
from blender_comfyui.workflow.graph import Workflow
from blender_comfyui.workflow.lora_prompts import with_stack
from blender_comfyui.workflow.loras import Lora
from tests.workflow.graphs import txt2img


def graph(prompt: str, class_type: str = "CLIPTextEncode") -> Workflow:
    made = txt2img()
    for node in made.values():
        if node["class_type"] == "CLIPTextEncode" and node["inputs"]["text"]:
            node["inputs"]["text"], node["class_type"] = prompt, class_type
            break
    return Workflow.load(made)


def loaded(workflow: Workflow) -> list[tuple[object, object, object]]:
    names = ("lora_name", "strength_model", "strength_clip")
    return [
        tuple(node.inputs[name] for name in names)  # type: ignore[misc]
        for node in workflow.nodes.values()
        if node.class_type == "LoraLoader"
    ]


def test_without_any_the_workflow_is_the_same() -> None:
    workflow = graph("a fox")
    assert with_stack(workflow, [Lora("ink", on=False)]) == (workflow, ())


def test_the_stack_comes_first_then_those_of_the_prompt() -> None:
    known = ("ink.safetensors", "sub\\oil.safetensors")
    changed, loras = with_stack(graph("a fox <lora:oil:0.5>"), [Lora("ink", 0.25, 0.75)], known)
    assert loras == (Lora("ink.safetensors", 0.25, 0.75), Lora("sub\\oil.safetensors", 0.5))
    assert loaded(changed) == [("ink.safetensors", 0.25, 0.75), ("sub\\oil.safetensors", 0.5, 0.5)]
    texts = [node.inputs["text"] for node in changed.nodes.values() if node.class_type == "CLIPTextEncode"]
    assert "a fox" in texts


def test_what_another_node_reads_itself_stays() -> None:
    workflow = graph("a fox <lora:oil:0.5>", "PackEncode")
    assert with_stack(workflow, ()) == (workflow, ())


def test_one_that_the_server_lacks_is_said() -> None:
    with pytest.raises(InvalidValue, match="no LoRA “oil”"):
        with_stack(graph("a fox <lora:oil>"), (), ("ink.safetensors",))
    assert with_stack(graph("a fox <lora:oil>"), ())[1] == (Lora("oil", 1.0),), "it may have it"
