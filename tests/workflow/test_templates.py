"""Roles of the official templates, as realistic graphs as there are."""

import json
from pathlib import Path

from blender_comfyui.workflow.graph import Workflow
from blender_comfyui.workflow.parameters import set_parameters
from blender_comfyui.workflow.roles import find_roles, is_sampler

# Looked at one by one: the first makes eight pictures from eight texts, the second names what to segment.
WITHOUT_PROMPT = {"templates-1_click_multiple_character_angles-v1.0", "utility_sam3d_body"}

# What a person has to find where the graph leads through switches, language models and templates.
PROMPTS = {
    "audio_stable_audio_3_medium": "Tropical house track",
    "flux_depth_lora_example": "A cute ghost-shaped desktop",
    "hidream_e1_1": "Change the image to let the girl",
    "image_ernie_image_turbo": "A stylized cinematic",
    "image_hidream_o1": "Graceful female skincare",
    "image_krea2_turbo_t2i": "A high-resolution, surreal",
    "image_netayume_lumina_t2i": "@comfyanonymous",
    "image_omnigen2_t2i": "A cat with a crown",
    "template_sugar_coated_gummy_style_qwen": "cat",
    "video_bernini_r_image_editing": "make it night",
    "video_ltx2_5_t2v": "A close-up of an Arctic hunter",
}


def workflows(templates: Path) -> dict[str, Workflow]:
    return {path.name.removesuffix(".api.json"): Workflow.load(path) for path in sorted(templates.glob("*.api.json"))}


def test_a_prompt_is_found_wherever_a_text_is_encoded(templates: Path) -> None:
    encoding = {
        name: workflow
        for name, workflow in workflows(templates).items()
        if any("TextEncode" in node.class_type for node in workflow.nodes.values())
    }
    assert len(encoding) > 80
    without = {name for name, workflow in encoding.items() if "prompt" not in find_roles(workflow)}
    assert without == WITHOUT_PROMPT & encoding.keys()


def test_the_prompts_are_what_a_person_would_change(templates: Path) -> None:
    for name, beginning in PROMPTS.items():
        workflow = Workflow.load(templates / f"{name}.api.json")
        (place,) = find_roles(workflow)["prompt"]
        assert workflow.nodes[place.node_id].inputs[place.input_name].startswith(beginning), name


def test_a_prompt_is_never_a_negative_prompt(templates: Path) -> None:
    for name, workflow in workflows(templates).items():
        found = find_roles(workflow)
        assert not set(found.get("prompt", ())) & set(found.get("negative_prompt", ())), name


def test_every_sampling_template_has_its_sampler_settings(templates: Path) -> None:
    # marigold takes no noise, so it has no seed
    for name, workflow in workflows(templates).items():
        if any(is_sampler(node) for node in workflow.nodes.values()) and "marigold" not in name:
            assert "seed" in find_roles(workflow), name


def test_roles_of_all_templates_can_be_set_and_read_back(templates: Path) -> None:
    for name, workflow in workflows(templates).items():
        found = find_roles(workflow)
        values = {
            role: _other(workflow.nodes[places[0].node_id].inputs[places[0].input_name])
            for role, places in found.items()
        }
        if found.get("width") == found.get("height"):
            values.pop("height", None)
        changed = set_parameters(workflow, values)
        for role, value in values.items():
            for place in found[role]:
                assert changed.nodes[place.node_id].inputs[place.input_name] == value, (name, role)
        assert json.loads(json.dumps(changed.api())) == changed.api()


def _other(value: object) -> object:
    return f"{value}, changed" if isinstance(value, str) else value + 1  # type: ignore[operator]
