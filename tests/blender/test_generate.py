"""Generate, from the panel's settings to images in the file."""

import json
import urllib.request
from pathlib import Path

import bpy
import pytest


def results():
    return [result.image for result in bpy.context.scene.comfyui.results if result.image]


def served(server):
    """The bytes of every picture that the server made, in order."""
    with urllib.request.urlopen(f"{server.url}/history", timeout=10) as answer:
        history = json.load(answer)
    pictures = [p for entry in history.values() for output in entry["outputs"].values() for p in output["images"]]
    pages = [f"{server.url}/view?filename={p['filename']}&type={p['type']}&subfolder=" for p in pictures]
    return [urllib.request.urlopen(page, timeout=10).read() for page in pages]


def test_a_script_has_the_picture_when_generate_returns(server, comfyui, saved):
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    [image] = results()
    assert image.name == "a red fox in the snow 7"
    assert tuple(image.size) == (64, 64)
    assert Path(bpy.path.abspath(image.filepath)).read_bytes() == served(server)[0]
    assert len(set(image.pixels[:])) > 10, "a picture, not a plain colour"


def test_files_lie_beside_the_blend_with_a_relative_path(server, comfyui, saved):
    bpy.ops.comfyui.generate()
    [image] = results()
    assert image.filepath.startswith("//comfyui")
    assert Path(bpy.path.abspath(image.filepath)).parent == saved.parent / "comfyui"


def test_files_of_an_unsaved_blend_lie_in_the_extensions_folder(server, comfyui, package):
    bpy.ops.comfyui.generate()
    [image] = results()
    folder = bpy.utils.extension_path_user(package, path="outputs")
    assert Path(image.filepath).parent == Path(folder)


def test_files_go_to_a_folder_of_the_persons_choice(server, comfyui, saved, preferences, tmp_path):
    preferences.output_folder = str(tmp_path / "elsewhere")
    bpy.ops.comfyui.generate()
    assert Path(bpy.path.abspath(results()[0].filepath)).parent == tmp_path / "elsewhere"


def test_the_recipe_is_in_the_image(server, comfyui, saved):
    comfyui.negative_prompt, comfyui.cfg = "blurry", 7.1
    bpy.ops.comfyui.generate()
    recipe = json.loads(results()[0]["comfyui"])
    wanted = {
        "prompt": "a red fox in the snow",
        "negative_prompt": "blurry",
        "seed": 7,
        "steps": 10,
        "cfg": 7.1,
        "width": 64,
        "checkpoint": "random_sd15.safetensors",
        "workflow": "sd_basic",
        "server_version": "0.27.0",
    }
    assert wanted.items() <= recipe.items()
    assert recipe["prompt_id"] in str(server.control()["finished"])


def test_a_batch_becomes_several_images(server, comfyui, saved):
    comfyui.batch_size = 3
    bpy.ops.comfyui.generate()
    assert len({image.filepath for image in results()}) == 3
    assert [Path(bpy.path.abspath(image.filepath)).read_bytes() for image in results()] == served(server)


def test_results_survive_saving_and_opening_though_nothing_shows_them(server, comfyui, saved):
    bpy.ops.comfyui.generate()
    assert not results()[0].use_fake_user
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(saved))
    [image] = results()
    assert tuple(image.size) == (64, 64)
    assert json.loads(image["comfyui"])["seed"] == 7


def test_the_size_can_be_the_renders(server, comfyui, saved):
    comfyui.size_source = "RENDER"
    render = bpy.context.scene.render
    render.resolution_x, render.resolution_y, render.resolution_percentage = 190, 160, 50
    bpy.ops.comfyui.generate()
    assert tuple(results()[0].size) == (96, 80)


def test_a_random_seed_differs_each_time_and_can_be_used_again(server, comfyui, saved):
    comfyui.seed_mode = "RANDOM"
    seeds = []
    for _ in range(2):
        bpy.ops.comfyui.generate()
        seeds.append(comfyui.last_seed)
    assert len(set(seeds)) == 2
    assert [str(json.loads(image["comfyui"])["seed"]) for image in results()] == seeds
    bpy.ops.comfyui.use_last_seed()
    assert (comfyui.seed_mode, comfyui.seed) == ("FIXED", seeds[1])


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("18446744073709551615", "18446744073709551615"), ("18446744073709551616", "18446744073709551615"), ("x", "0")],
)
def test_seeds_have_64_bits(comfyui, typed, kept):
    comfyui.seed = typed
    assert comfyui.seed == kept


def test_a_seed_of_64_bits_reaches_the_server(server, comfyui, saved):
    comfyui.seed = "18446744073709551615"
    bpy.ops.comfyui.generate()
    assert json.loads(results()[0]["comfyui"])["seed"] == 2**64 - 1
    posted = [body for method, path, _, body in server.control()["requests"] if (method, path) == ("POST", "/prompt")]
    assert posted[0]["prompt"]["5"]["inputs"]["seed"] == 2**64 - 1


def test_a_result_is_shown_in_an_empty_image_editor_and_replaces_only_ours(server, comfyui, saved):
    area = bpy.context.window_manager.windows[0].screen.areas[0]
    area.ui_type = "IMAGE_EDITOR"
    space = area.spaces.active
    bpy.ops.comfyui.generate()
    assert space.image == results()[0]
    comfyui.seed = "8"
    bpy.ops.comfyui.generate()
    assert space.image == results()[1]
    theirs = space.image = bpy.data.images.new("theirs", 8, 8)
    bpy.ops.comfyui.generate()
    assert space.image == theirs


def test_a_uv_editor_is_left_alone(server, comfyui, saved):
    area = bpy.context.window_manager.windows[0].screen.areas[0]
    area.ui_type = "UV"
    bpy.ops.comfyui.generate()
    assert area.spaces.active.image is None


@pytest.mark.parametrize("prompt", ["ü" * 200, "a " * 200, "日本" * 50, "../..\\x: \n\t*?", "", "CON"])
def test_any_prompt_makes_a_name_that_blender_and_the_disk_take(server, comfyui, saved, prompt):
    comfyui.prompt = prompt
    bpy.ops.comfyui.generate()
    [image] = results()
    assert len(image.name.encode()) <= 63
    assert image.name.endswith(" 7")
    assert Path(bpy.path.abspath(image.filepath)).parent == saved.parent / "comfyui"


def test_results_that_nothing_uses_can_be_released(server, comfyui, saved):
    for seed in ("1", "2"):
        comfyui.seed = seed
        bpy.ops.comfyui.generate()
    kept, released = (image.name for image in results())
    texture = bpy.data.textures.new("uses it", "IMAGE")
    texture.image, texture.use_fake_user = bpy.data.images[kept], True
    assert bpy.ops.comfyui.release_results() == {"FINISHED"}
    assert [image.name for image in results()] == [kept]
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(saved))
    assert kept in bpy.data.images
    assert released not in bpy.data.images
