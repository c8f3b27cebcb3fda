"""One click, from the panel's settings to an image in the file."""

import json
from pathlib import Path

import bpy


def test_a_script_gets_the_picture_when_generate_returns(server, comfyui, saved):
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    [image] = [result.image for result in bpy.context.scene.comfyui.results]
    assert image.name == "a red fox in the snow 7"
    assert tuple(image.size) == (64, 64)
    assert image.filepath.startswith("//comfyui")
    assert Path(bpy.path.abspath(image.filepath)).is_file()
    recipe = json.loads(image["comfyui"])
    assert (recipe["prompt"], recipe["seed"], recipe["steps"]) == ("a red fox in the snow", 7, 2)
