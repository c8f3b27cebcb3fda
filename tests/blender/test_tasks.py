"""Tasks and tiers in the panel: what is asked for, what a tier sets, what a person sets instead, and what is sent."""

import importlib
import os
import sys
import threading
from types import SimpleNamespace

import bpy
import pytest

from tests.blender.recorder import Recorder
from tests.blender.workflow_words import posted, reopened
from tests.conftest import SHARED

OBJECT_INFO = SHARED / "conversion" / "object_info.json"
V15 = "v1-5-pruned-emaonly-fp16.safetensors"
MODELS = {
    "checkpoints": [V15, "sd_xl_base_1.0.safetensors", "ltx-video-2b-v0.9.5.safetensors", "own/日本.safetensors"],
    "text_encoders": ["t5xxl_fp16.safetensors"],
    "controlnet": ["control_v11p_sd15_openpose_fp16.safetensors", "control_v11f1p_sd15_depth_fp16.safetensors"],
    "upscale_models": ["RealESRGAN_x4plus.safetensors", "other.pth"],
    "loras": ["ink.safetensors", "sub dir\\墨.safetensors"],
}


@pytest.fixture
def full(stand_in, preferences):
    """A server with all that the bundled workflows need."""
    if not OBJECT_INFO.is_file():
        pytest.skip(f"no list of ComfyUI's nodes at {OBJECT_INFO}")
    server = stand_in("--object-info", str(OBJECT_INFO))
    server.control(set={"models": MODELS})
    preferences.host = server.url
    return server


@pytest.fixture
def asking(module):
    asking = module("blender.tasks.asking")
    yield asking
    asking.close()


@pytest.fixture
def chosen():
    settings = bpy.context.scene.comfyui
    settings.prompt, settings.seed_mode, settings.seed = "a red fox", "FIXED", "7"
    return settings


@pytest.fixture
def shown(asking, draw, until, module):
    """``shown()`` draws the panel until it tells of what is set now, with what the server has, and returns it."""
    models = module("blender.tasks.models")

    def run(**arguments):
        def is_there():
            draw()
            board = asking.board()
            is_known = board.error or (board.tiers and board.tiers[0].offer.is_available is not None)
            return not asking.expects_answers() and models.names("checkpoints") and is_known

        until(is_there)
        return draw(**arguments)

    return run


def tiers(layout):
    return [drawn for drawn in layout.drawn if drawn.name == "comfyui.set_tier"]


def greyed(layout):
    """The values that are the tier's, by parameter."""
    return {
        drawn.arguments["properties"].name: drawn.text
        for drawn in layout.drawn
        if drawn.name == "comfyui.override_parameter"
    }


def sent(server):
    return posted(server)[-1]


def inputs(prompt, class_type):
    return [node["inputs"] for node in prompt.values() if node["class_type"] == class_type]


# ---- what is shown


def test_a_tier_is_shown_with_its_description_its_time_and_its_values(full, chosen, shown):
    layout = shown()
    assert [drawn.text for drawn in tiers(layout)] == ["Low", "Standard", "High"]
    assert "A clean picture at 512 × 512. About 7 s, a first guess." in layout.text
    assert greyed(layout) == {
        "steps": "25",
        "cfg": "7",
        "sampler_name": "dpmpp_2m",
        "scheduler": "karras",
        "width": "512",
        "height": "512",
        "denoise": "1",
        "batch_size": "1",
    }
    bpy.ops.comfyui.set_tier(tier="high")
    assert greyed(shown())["steps"] == "40"


def test_long_names_of_tiers_stand_in_as_many_rows_as_they_need(module):
    drawing = module("blender.tasks.drawing")
    task = SimpleNamespace(tiers={"low": 1, "standard": 2, "high": 3, "film": 4})
    assert drawing._columns(task, set(), 224) == 4
    assert drawing._columns(task, {"standard"}, 224) == 3
    assert drawing._columns(SimpleNamespace(tiers={"low": 1, "a_tier_with_a_long_name_of_its_own": 2}), set(), 224) == 1


def test_before_the_tasks_are_read_there_is_a_panel(full, chosen, asking, draw):
    layout = draw()
    assert "Reading the tasks …" in layout.text
    assert "comfyui.generate" in layout.operators


def test_all_tasks_are_in_the_menu(full, chosen, shown):
    shown()
    layout = Recorder()
    bpy.types.COMFYUI_MT_workflow.draw(SimpleNamespace(layout=layout), bpy.context)
    names = [drawn.text for drawn in layout.drawn if drawn.name == "comfyui.set_task"]
    assert names[:3] == ["Image", "Portrait", "Scene"]
    assert len(names) == 10


@pytest.mark.parametrize(
    "task",
    "image_generation character_portrait scene_generation video_generation upscale inpaint image_to_image "
    "controlnet_pose controlnet_depth grid".split(),
)
def test_every_task_has_a_panel(full, chosen, shown, task):
    bpy.ops.comfyui.set_task(task=task)
    layout = shown()
    assert "comfyui.generate" in layout.operators
    assert ("prompt" in [drawn.name for drawn in layout.drawn]) is (task != "upscale")
    pictures = [drawn.name for drawn in layout.drawn if drawn.kind == "template_ID"]
    needs = {"upscale": 1, "inpaint": 2, "image_to_image": 1, "controlnet_pose": 1, "controlnet_depth": 1}
    assert pictures == ["input_image", "input_mask"][: needs.get(task, 0)]


def test_tiers_that_cannot_run_are_shown_with_the_reason_and_the_nearest_names(full, chosen, shown):
    full.control(set={"models": {**MODELS, "checkpoints": ["SD15\\v1-5-pruned-emaonly.safetensors"]}})
    layout = shown()
    assert [drawn.icon for drawn in tiers(layout)] == ["ERROR"] * 3
    assert layout.text.count("the server has no checkpoint") == 1, "once, not for each tier"
    [nearest] = [drawn for drawn in layout.drawn if drawn.name == "comfyui.use_model"]
    said = nearest.arguments["properties"]
    assert said.model == "SD15\\v1-5-pruned-emaonly.safetensors"
    assert nearest.text.endswith("y.safetensors"), "what tells two names apart is at their ends"
    bpy.ops.comfyui.use_model(name=said.name, model=said.model)
    layout = shown()
    assert [drawn.icon for drawn in tiers(layout)] == ["NONE"] * 3
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    assert inputs(sent(full), "CheckpointLoaderSimple")[0]["ckpt_name"] == "SD15\\v1-5-pruned-emaonly.safetensors"


def test_a_tier_that_cannot_run_fails_with_its_reason(full, chosen, shown, saved, records):
    full.control(set={"models": {**MODELS, "checkpoints": ["other.safetensors"]}})
    shown()
    with pytest.raises(RuntimeError, match="the server has no checkpoint"):
        bpy.ops.comfyui.generate()
    assert posted(full) == []


def test_one_tier_that_cannot_run_is_named_with_its_reason(full, chosen, shown, preferences, tmp_path, until):
    studio = tmp_path / "studio.yaml"
    studio.write_text(
        "tasks: {image_generation: {tiers: {film: {description: For the film., workflow: sd_basic, seconds: 9, "
        "parameters: {checkpoint: film.safetensors}}}}}"
    )
    preferences.studio_tiers = str(studio)
    until(lambda: [drawn.icon for drawn in tiers(shown())] == ["NONE"] * 3 + ["ERROR"])
    layout = shown()
    assert "Film: “Checkpoint”: the server has no checkpoint “film.safetensors”." in layout.text
    assert bpy.ops.comfyui.generate() == {"FINISHED"}, "the others can"
    preferences.studio_tiers = ""


def test_a_script_is_told_what_was_changed(full, chosen, saved, capfd):
    chosen.steps = 3
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    assert "“steps” stays “25”" in capfd.readouterr().out


def test_the_time_is_that_of_the_history_once_it_knows_enough(full, chosen, shown, until, module, saved):
    for _ in range(3):
        assert bpy.ops.comfyui.generate() == {"FINISHED"}
    until(lambda: "as 3 jobs on this server took" in shown().text)


# ---- what is set instead


def test_an_override_is_marked_and_given_back_with_a_click(full, chosen, shown):
    shown()
    assert bpy.ops.comfyui.override_parameter(name="steps") == {"FINISHED"}
    assert chosen.steps == 25, "it begins with the tier's"
    chosen.steps = 33
    layout = shown()
    assert "steps" not in greyed(layout)
    assert "steps" in [drawn.name for drawn in layout.drawn if drawn.kind == "prop"]
    [reset] = [drawn for drawn in layout.drawn if drawn.name == "comfyui.reset_parameter"]
    assert reset.arguments["properties"].name == "steps"
    bpy.ops.comfyui.generate()
    assert inputs(sent(full), "KSampler")[0]["steps"] == 33
    bpy.ops.comfyui.reset_parameter(name="steps")
    assert greyed(shown())["steps"] == "25"
    bpy.ops.comfyui.generate()
    assert inputs(sent(full), "KSampler")[0]["steps"] == 25


def test_parameters_without_a_property_of_their_own_belong_to_their_task(full, chosen, shown):
    bpy.ops.comfyui.set_task(task="character_portrait")
    layout = shown()
    assert greyed(layout)["Enlarge.scale_by"] == "1.25"
    assert "Enlarge" not in layout.text, "nothing else is called so here"
    bpy.ops.comfyui.override_parameter(name="Enlarge.scale_by")
    [item] = chosen.overrides
    assert (item.kind, item.value) == ("NUMBER", 1.25)
    item.number = 1.1
    assert "Enlarge.scale_by" not in greyed(shown())
    bpy.ops.comfyui.set_task(task="scene_generation")
    assert greyed(shown())["Enlarge.scale_by"] == "1.25"
    bpy.ops.comfyui.set_task(task="character_portrait")
    bpy.ops.comfyui.reset_parameters()
    assert not chosen.overrides


def test_what_is_kept_back_or_clamped_is_said_with_the_reason(full, chosen, shown):
    chosen.steps, chosen.width = 3, 500
    text = shown().text
    assert "“steps” stays “25”, the tier's: “3” is not compatible, it has to be at least 10." in text
    assert "“width” is 504 instead of 500: multiples of 8 from 64 to 2048 are allowed." in text
    assert "“steps” stays “25”" in shown(closed=("COMFYUI_task_settings",)).text, "also where they are folded away"
    bpy.ops.comfyui.generate()
    assert inputs(sent(full), "KSampler")[0]["steps"] == 25
    assert inputs(sent(full), "EmptyLatentImage")[0]["width"] == 504


def test_everything_can_be_given_back_at_once(full, chosen, shown):
    chosen.steps, chosen.size_source, chosen.checkpoint = 33, "RENDER", "own/日本.safetensors"
    shown()
    assert bpy.ops.comfyui.reset_parameters() == {"FINISHED"}
    assert not chosen.is_property_set("steps")
    assert chosen.size_source == "OWN"
    assert chosen.checkpoint == "own/日本.safetensors", "models stay"


def test_the_renders_size_goes_before_the_tiers(full, chosen, shown):
    chosen.size_source = "RENDER"
    render = bpy.context.scene.render
    render.resolution_x, render.resolution_y, render.resolution_percentage = 640, 360, 100
    assert "640" in shown().text
    bpy.ops.comfyui.generate()
    latent = inputs(sent(full), "EmptyLatentImage")[0]
    assert (latent["width"], latent["height"]) == (640, 360)


def test_overrides_are_in_the_blend(full, chosen, shown, tmp_path):
    bpy.ops.comfyui.set_task(task="grid")
    shown()
    chosen.steps = 12
    bpy.ops.comfyui.set_task(task="upscale")
    shown()
    bpy.ops.comfyui.override_parameter(name="scale_by")
    bpy.ops.comfyui.add_lora(lora="ink")
    settings = reopened(tmp_path / "kept.blend").comfyui
    assert (settings.task, settings.steps, settings.overrides[0].value) == ("upscale", 12, 0.75)
    assert settings.loras[0].lora == "ink"


def test_what_would_not_be_saved_is_not_changed(full, chosen, tmp_path):
    library = str(tmp_path / "library.blend")
    bpy.context.scene.name = "Linked"
    bpy.ops.wm.save_as_mainfile(filepath=library)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    with bpy.data.libraries.load(library, link=True) as (_, wanted):
        wanted.scenes = ["Linked"]
    bpy.context.window.scene = bpy.data.scenes["Linked"]
    names = "set_task set_tier override_parameter reset_parameter use_model search_model add_lora add_embedding"
    assert not any(getattr(bpy.ops.comfyui, name).poll() for name in names.split())


# ---- what is sent


def test_a_script_needs_no_panel(full, chosen, saved, records):
    chosen.task, chosen.tier = "scene_generation", "low"
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    assert inputs(sent(full), "KSampler")[0]["steps"] == 15
    [record] = records()
    assert (record.task, record.tier, record.workflow) == ("scene_generation", "low", "scene_generation")


def test_several_prompts_go_to_a_contact_sheet_one_by_one(full, chosen, shown):
    chosen.task, chosen.prompt = "grid", "a fox | a hare"
    shown()
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    texts = [node["text"] for node in inputs(sent(full), "CLIPTextEncode")]
    assert [text for text in texts if text] == ["a fox", "a hare", "a fox", "a hare"]


def picture(name, colour=(1.0, 0.2, 0.1, 1.0)):
    image = bpy.data.images.new(name, 64, 48)
    image.generated_color = colour
    return image


def test_pictures_that_are_in_no_file_are_sent(full, chosen, shown):
    chosen.task = "inpaint"
    shown()
    with pytest.raises(RuntimeError, match="“Inpaint” needs “image”"):
        bpy.ops.comfyui.generate()
    chosen.input_image, chosen.input_mask = picture("photo"), picture("hole", (1, 1, 1, 1))
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    [loaded] = inputs(sent(full), "LoadImage")
    [mask] = inputs(sent(full), "LoadImageMask")
    assert loaded["image"].startswith("photo")
    assert mask["image"].startswith("hole")


def test_an_image_that_shows_nothing_is_said_and_written_down(full, chosen, shown, records, until):
    chosen.task = "image_to_image"
    shown()
    image = bpy.data.images.new("gone", 8, 8)
    image.source, image.filepath = "FILE", "//nowhere.exr"
    chosen.input_image = image
    with pytest.raises(RuntimeError, match="“gone” shows nothing"):
        bpy.ops.comfyui.generate()
    until(records)
    [record] = records()
    assert (record.task, record.state, record.error_kind) == ("image_to_image", "failed", "ParameterValidationError")
    assert "“gone” shows nothing" in record.error
    assert record.label == "a red fox"


# ---- LoRAs


def test_the_stack_is_put_into_the_workflow(full, chosen, shown):
    bpy.ops.comfyui.add_lora(lora="ink.safetensors")
    bpy.ops.comfyui.add_lora(lora="sub dir\\墨.safetensors")
    bpy.ops.comfyui.add_lora(lora="ink.safetensors")
    first, _, third = chosen.loras
    first.strength_model, first.strength_clip, third.on = 0.5, 0.25, False
    bpy.ops.comfyui.move_lora(index=1, by=-1)
    chosen.prompt = "a fox <lora:ink:0.3>"
    layout = shown()
    assert "LoRAs (2)" in layout.text
    assert "From the prompt: ink:0.3" in layout.text
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    loras = inputs(sent(full), "LoraLoader")
    found = {(one["lora_name"], one["strength_model"], one["strength_clip"]) for one in loras}
    assert found == {
        ("sub dir\\墨.safetensors", 1.0, 1.0),
        ("ink.safetensors", 0.5, 0.25),
        ("ink.safetensors", 0.3, 0.3),
    }
    assert inputs(sent(full), "CLIPTextEncode")[0]["text"] == "a fox"
    bpy.ops.comfyui.remove_lora(index=0)
    assert len(chosen.loras) == 2


def test_a_lora_that_the_server_lacks_is_a_reason(full, chosen, shown):
    bpy.ops.comfyui.add_lora(lora="inkk")
    layout = shown()
    assert "The server has no LoRA “inkk”. Did you mean “ink.safetensors”?" in layout.text
    assert "Not on this server" in layout.text


def test_a_lora_shows_what_tells_it_apart_and_is_chosen_and_liked(full, chosen, shown, module):
    long = "styles/of the house/ink_and_wash_on_rice_paper_{}.safetensors"
    full.control(set={"models": {**MODELS, "loras": [long.format("v1"), long.format("v2"), "ink.safetensors"]}})
    bpy.ops.comfyui.add_lora(lora=long.format("v2"))
    bpy.ops.comfyui.add_lora(lora="ink")
    layout = shown()
    first, second = [drawn.text for drawn in layout.drawn if drawn.name == "comfyui.choose_lora"]
    assert (first[:4], first[-3:], second) == ("ink_", "_v2", "ink")
    liking = [drawn.arguments["properties"] for drawn in layout.drawn if drawn.name == "comfyui.toggle_favourite_model"]
    assert (liking[-1].folder, liking[-1].name) == ("loras", "ink.safetensors")
    bpy.ops.comfyui.toggle_favourite_model(folder="loras", name="ink.safetensors")
    assert module("blender.tasks.models").names("loras")[0] == "ink.safetensors"
    assert bpy.ops.comfyui.choose_lora(index=0, folder="loras", choice="0") == {"FINISHED"}
    assert [lora.lora for lora in chosen.loras] == ["ink.safetensors", "ink"]


# ---- models


def test_models_are_searched_with_favourites_first(full, chosen, shown, module, preferences):
    shown()
    models = module("blender.tasks.models")
    assert models.names("checkpoints") == tuple(MODELS["checkpoints"])
    bpy.ops.comfyui.toggle_favourite_model(folder="checkpoints", name="own/日本.safetensors")
    assert models.names("checkpoints")[0] == "own/日本.safetensors"
    assert bpy.ops.comfyui.search_model(name="checkpoint", folder="checkpoints", choice="0") == {"FINISHED"}
    assert chosen.checkpoint == "own/日本.safetensors"
    bpy.ops.comfyui.toggle_favourite_model(folder="checkpoints", name="own/日本.safetensors")
    assert not preferences.favourite_models


def test_embeddings_are_put_into_the_prompt(full, chosen, shown):
    full.control(set={"models": {**MODELS, "embeddings": ["neg/bad_hands.pt", "two words.pt"]}})
    assert "comfyui.add_embedding" in shown().operators
    assert bpy.ops.comfyui.add_embedding(folder="embeddings", choice="0") == {"FINISHED"}
    assert chosen.prompt == "a red fox embedding:neg/bad_hands"  # as the server lists it
    with pytest.raises(RuntimeError, match="has a space in its name"):
        bpy.ops.comfyui.add_embedding(folder="embeddings", choice="1")


def test_other_models_than_checkpoints_can_be_chosen_too(full, chosen, shown):
    bpy.ops.comfyui.set_task(task="upscale")
    layout = shown()
    assert "RealESRGAN_x4plus.safetensors" in [drawn.text for drawn in layout.drawn]
    bpy.ops.comfyui.use_model(name="model_name", model="other.pth")
    chosen.input_image = picture("small")
    shown()
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    assert inputs(sent(full), "UpscaleModelLoader")[0]["model_name"] == "other.pth"


def test_a_preferred_model_goes_before_the_workflows_own_and_after_what_is_set(full, chosen, shown, preferences):
    bpy.ops.comfyui.prefer_model(task="image_generation", name="checkpoint", model="own/日本.safetensors")
    shown()
    bpy.ops.comfyui.generate()
    assert inputs(sent(full), "CheckpointLoaderSimple")[0]["ckpt_name"] == "own/日本.safetensors"
    chosen.checkpoint = V15
    bpy.ops.comfyui.generate()
    assert inputs(sent(full), "CheckpointLoaderSimple")[0]["ckpt_name"] == V15
    bpy.ops.comfyui.prefer_model(task="image_generation", name="checkpoint", model="own/日本.safetensors")
    assert not preferences.preferred_models, "once more takes it back"


def test_models_are_refreshed_on_demand(full, chosen, shown, module, until):
    shown()
    full.control(set={"models": {**MODELS, "checkpoints": [V15, "new.safetensors"]}})
    bpy.ops.comfyui.refresh_models()
    until(lambda: "new.safetensors" in module("blender.tasks.models").names("checkpoints"))


# ---- files, preferences


def test_a_studios_file_is_picked_up_and_its_errors_are_said(full, chosen, shown, preferences, tmp_path, until):
    studio = tmp_path / "studio.yaml"
    studio.write_text(
        "tasks:\n  image_generation:\n    tiers:\n      film: {description: For the film., workflow: sd_basic, "
        "seconds: 9, parameters: {steps: 50}}\n"
    )
    shown()
    preferences.studio_tiers = str(studio)
    until(lambda: [drawn.text for drawn in tiers(shown())][-1] == "Film")
    bpy.ops.comfyui.set_tier(tier="film")
    bpy.ops.comfyui.generate()
    assert inputs(sent(full), "KSampler")[0]["steps"] == 50
    studio.write_text("tasks:\n  image_generation:\n    tears: {}\n")
    until(lambda: "studio.yaml, line 3, tasks.image_generation.tears" in shown().text)
    assert [drawn.text for drawn in tiers(shown())][-1] == "Film", "what could be used stays in force"
    preferences.studio_tiers = ""
    until(lambda: "Film" not in [drawn.text for drawn in tiers(shown())])
    assert "has no tier “film”" in shown().text


def test_an_imported_workflow_takes_a_tasks_place_in_one_scene(full, chosen, shown, load, records):
    from tests.blender import workflow_graphs as graphs

    graph = graphs.classic()
    graph["4"]["inputs"]["ckpt_name"] = V15
    load(graph, "house.json")
    assert bpy.ops.comfyui.imported_for_task(task="image_generation") == {"FINISHED"}
    assert not chosen.imported.used
    layout = shown()
    assert "Image: house" in [drawn.text for drawn in layout.drawn if drawn.kind == "menu"]
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    assert list(sent(full)) == list(graph)
    assert sent(full)["3"]["inputs"]["steps"] == 25, "with the tier's settings"
    assert records()[0].workflow == "house"
    bpy.ops.comfyui.imported_for_task(task="image_generation")
    assert "Image" in [drawn.text for drawn in shown().drawn if drawn.kind == "menu"]
    bpy.ops.comfyui.imported_for_task(task="image_generation")
    load(graph, "another.json")
    bpy.ops.comfyui.set_task(task="image_generation")
    assert "Image" in [drawn.text for drawn in shown().drawn if drawn.kind == "menu"], "that was the former one"


def test_an_imported_workflow_in_a_tasks_place_has_the_values_and_files_of_its_own_panel(full, chosen, shown, load):
    from tests.blender import workflow_graphs as graphs

    graph = graphs.classic()
    graph["4"]["inputs"]["ckpt_name"] = V15
    graph["20"] = {"class_type": "LoadImage", "inputs": {"image": "example.png"}}
    graph["21"] = {"class_type": "PreviewImage", "inputs": {"images": ["20", 0]}}
    load(graph, "house.json")
    chosen.values["3.denoise"] = 0.75
    chosen.media["20.image"].image = picture("photo")
    assert bpy.ops.comfyui.imported_for_task(task="image_generation") == {"FINISHED"}
    layout = shown()
    assert greyed(layout)["denoise"] == "0.75"
    assert "as its own panel has it" in layout.text
    assert "comfyui.use_workflow" in layout.operators, "where it is set"
    assert [drawn.icon for drawn in tiers(layout)] == ["NONE"] * 3, "the file on the server is not needed"
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    assert sent(full)["3"]["inputs"]["denoise"] == 0.75
    assert sent(full)["20"]["inputs"]["image"].startswith("photo")
    bpy.ops.comfyui.override_parameter(name="denoise")
    chosen.denoise = 0.5
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    assert sent(full)["3"]["inputs"]["denoise"] == 0.5, "what the task sets goes before"
    chosen.values["3.denoise"] = "damaged"
    with pytest.raises(RuntimeError, match="holds something else than it was made for"):
        bpy.ops.comfyui.generate()


def test_a_workflow_of_the_library_takes_a_tasks_place(full, chosen, shown, load, module, until, alone, records):
    from tests.blender import workflow_graphs as graphs

    graph = graphs.classic()
    graph["4"]["inputs"]["ckpt_name"] = V15
    load(graph, "studio.json")
    reception = module("blender.workflow_panel.reception")

    def kept():
        return next((entry for entry in reception.library() if entry.name == "studio"), None)

    until(kept)
    entry = kept()
    chosen.imported.used = False
    assert bpy.ops.comfyui.choose_task_workflow(task="image_generation", entry=entry.id) == {"FINISHED"}
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    assert list(sent(full)) == list(graph)
    reception.close()  # as after a restart: nobody has looked at the library
    until(lambda: "Image: studio" in [drawn.text for drawn in shown().drawn if drawn.kind == "menu"])
    bpy.ops.comfyui.delete_workflow(id=entry.id)
    until(lambda: kept() is None)
    chosen.steps = 31  # something else to be asked
    shown()
    with pytest.raises(RuntimeError, match="was chosen for this task cannot be used"):
        bpy.ops.comfyui.generate()
    until(lambda: "was chosen for this task cannot be used" in records()[0].error)
    bpy.ops.comfyui.choose_task_workflow(task="image_generation", entry="NONE")
    shown()
    assert bpy.ops.comfyui.generate() == {"FINISHED"}


def test_the_preferences_show_tasks_and_models(full, chosen, shown, preferences, module):
    shown()
    bpy.ops.comfyui.prefer_model(task="grid", name="checkpoint", model=V15)
    bpy.ops.comfyui.toggle_favourite_model(folder="loras", name="ink.safetensors")
    layout = Recorder()
    module("blender.tasks.preferences").draw(layout, preferences, 600, bpy.context.scene)
    assert "studio_tiers" in [drawn.name for drawn in layout.drawn]
    assert f"Checkpoint: {V15}" in layout.text
    assert "ink.safetensors" in layout.text


def test_a_result_of_a_tier_is_reused_as_one(full, chosen, shown, module):
    shown()
    history = module("generation.history")
    parameters = {"prompt": "x", "steps": 40, "cfg": 3.0, "width": 768, "height": 768, "loras": ["<lora:ink:0.5:0.25>"]}
    record = history.Record(
        "x",
        module("generation.outcome").JobState.FINISHED,
        parameters=parameters,
        workflow="sd_basic",
        task="image_generation",
        tier="high",
    )
    chosen.steps, chosen.workflow = 33, "grid"
    assert module("blender.gallery.reuse").reuse_all(chosen, record) == []
    assert (chosen.tier, chosen.cfg, chosen.workflow) == ("high", 3.0, "")
    assert not chosen.is_property_set("steps"), "it is the tier's"
    [lora] = chosen.loras
    assert (lora.lora, lora.strength_model, lora.strength_clip) == ("ink", 0.5, 0.25)


def test_loras_go_into_an_imported_workflow_too(full, chosen, load, panel, draw, module, until):
    from tests.blender import workflow_graphs as graphs

    graph = graphs.classic()
    graph["4"]["inputs"]["ckpt_name"] = V15
    graph["6"]["inputs"]["text"] = "a fox <lora:墨:0.5>"
    load(graph, "own.json")
    assert "comfyui.add_lora" in draw().operators
    bpy.ops.comfyui.add_lora(lora="ink")
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    loras = {(one["lora_name"], one["strength_model"]) for one in inputs(sent(full), "LoraLoader")}
    assert loras == {("ink.safetensors", 1.0), ("sub dir\\墨.safetensors", 0.5)}
    assert sent(full)["6"]["inputs"]["text"] == "a fox"
    chosen.loras[0].lora = "none"
    with pytest.raises(RuntimeError, match="no LoRA “none”"):
        bpy.ops.comfyui.generate()


def test_drawing_is_quick_with_thousands_of_models(full, chosen, shown, draw, module):
    """It reads what is known, and looks through no long list anew."""
    full.control(set={"models": {**MODELS, "loras": [f"folder/style {number}.safetensors" for number in range(5000)]}})
    for number in range(5):
        bpy.ops.comfyui.add_lora(lora=f"style {number}")
    shown()
    models = module("blender.tasks.models")
    assert models.names("loras") is models.names("loras")
    looks = module("blender.tasks.lora_rows")._on_server.cache_info().misses
    draw()
    assert module("blender.tasks.lora_rows")._on_server.cache_info().misses == looks


def test_drawing_touches_neither_disk_nor_network(full, chosen, shown, draw, load, module, preferences, monkeypatch):
    from tests.blender import workflow_graphs as graphs

    load(graphs.classic(), "house.json")
    bpy.ops.comfyui.add_lora(lora="ink")
    bpy.ops.comfyui.imported_for_task(task="image_generation")
    shown()
    touched = []

    def note(event, arguments):
        is_ours = watching and threading.current_thread() is threading.main_thread()
        if is_ours and event.partition(".")[0] in ("open", "os", "shutil", "socket", "sqlite3", "urllib", "subprocess"):
            touched.append((event, arguments))

    def noted_stat(*arguments, **options):
        note("os.stat", arguments)
        return stat(*arguments, **options)

    stat, watching = os.stat, False
    sys.addaudithook(note)  # it cannot be taken away, only told to be silent
    monkeypatch.setattr(os, "stat", noted_stat)
    watching = True
    for task in ("image_generation", "grid", "image_generation"):
        chosen.task = task
        draw()
        draw("SEQUENCE_EDITOR")
        module("blender.tasks.preferences").draw(Recorder(), preferences, 600, bpy.context.scene)
    watching = False
    assert touched == []


@pytest.mark.parametrize(
    "contents", [b"tasks: [", b"\xff\xfe\x00", b"tasks: {grid: {tiers: {low: 3}}}", None, "a folder"]
)
def test_a_damaged_studios_file_is_no_obstacle_to_starting(
    full, chosen, preferences, tmp_path, forget, package, draw, until, contents
):
    studio = tmp_path / "studio.yaml"
    if isinstance(contents, bytes):
        studio.write_bytes(contents)
    elif contents is not None:
        studio.mkdir()
    preferences.studio_tiers = str(studio)
    forget()
    until(lambda: "studio.yaml" in draw().text and tiers(draw()))
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    bpy.context.preferences.addons[package].preferences.studio_tiers = ""
    importlib.import_module(f"{package}.blender.tasks.asking").close()


def test_two_scenes_that_are_shown_at_once_do_not_ask_in_turns(full, chosen, shown, asking, until):
    other = bpy.data.scenes.new("other")
    other.comfyui.task = "grid"
    shown()

    def both():
        return [asking.want(scene).question for scene in (bpy.context.scene, other)]

    until(lambda: all(both()) and not asking.expects_answers())
    assert [question.order.task for question in both()] == ["image_generation", "grid"]
    when = asking._Current.asking.when
    both()
    assert asking._Current.asking.when == when, "nobody has to ask again"
