"""Official templates from the server's collection to a result in Blender, and what their panels changed on the way."""

import bpy
import pytest

from tests import official
from tests.blender.workflow_words import PanelRecorder, posted

pytestmark = [
    pytest.mark.skipif(not official.is_there(), reason=official.MISSING),
    pytest.mark.usefixtures("alone"),
]

FOX = "a red fox in the snow"
# what is set in the panel, by node and input, and what comes of it
RUNS = {
    "sdxl_simple_example": ({"5.width": 128, "5.height": 96, "6.text": FOX, "10.cfg": 5.5}, ".png", (128, 96)),
    "image_qwen_image": (
        {"76:58.width": 128, "76:58.height": 96, "76:6.text": FOX, "76:86.value": True},
        ".png",
        (128, 96),
    ),
    "image_flux2_klein_text_to_image": ({"75:68.value": 96, "75:69.value": 128, "76.value": FOX}, ".png", (96, 128)),
    "image_to_video_wan": ({"50.width": 64, "50.height": 48, "50.length": 9, "6.text": FOX}, ".mp4", (64, 48)),
    "ltxv_image_to_video": ({"77.width": 96, "77.height": 64, "77.length": 9, "72.cfg": 2.5}, ".mp4", (96, 64)),
    "utility-gan_upscaler": ({}, ".mp4", (384, 256)),
    "utility_interpolation_image_upscale": ({"3.scale_by": 3.0}, ".png", (288, 192)),
    "utility_seedvr2_3b_int8_upscale_image": ({"66:57.resize_type.multiplier": 1.5}, ".png", (144, 96)),
    "api_google_gemini_image": ({"5.prompt": FOX, "5.aspect_ratio": "16:9"}, ".png", (160, 90)),
}

# what a primitive sets as well
TIED = {"sdxl_simple_example": {"15.text": FOX}}


@pytest.fixture
def server(stand_in, preferences, tmp_path):
    """A stand-in that runs stock nodes, with the templates in its collection."""
    running = stand_in("--object-info", str(official.OBJECT_INFO), "--data-dir", str(tmp_path / "server"))
    official.offer(tmp_path / "server", *RUNS)
    preferences.host = running.url
    return running


@pytest.fixture
def opened(server):
    """``opened(name)`` takes a template of the server, which has all it needs, and returns the scene's settings."""

    def run(name):
        server.control(call="provide", args={"prompt": official.api(name)})
        assert bpy.ops.comfyui.open_workflow(source="TEMPLATE", name=name) == {"FINISHED"}
        return bpy.context.scene.comfyui

    return run


@pytest.fixture
def fill_in(module):
    """``fill_in(settings, values)`` sets what the panel shows, menus by what they say."""
    values = module("blender.workflow_panel.values")

    def run(chosen, wanted):
        for key, value in wanted.items():
            assert key in chosen.values, f"the panel does not show {key}: {list(chosen.values.keys())}"
            numbers = values.numbers(chosen.values, key)
            chosen.values[key] = numbers.get(value, value) if isinstance(value, str) else value

    return run


def said(prompt):
    """What nodes read of a prompt."""
    return {node_id: (node["class_type"], node["inputs"]) for node_id, node in prompt.items()}


@pytest.mark.parametrize("name", RUNS)
def test_a_template_comes_to_its_result(server, opened, fill_in, jobs, name):
    values, ending, size = RUNS[name]
    server.control(set={"partner_account": True, "partner_side": 160})
    fill_in(opened(name), values)

    assert bpy.ops.comfyui.generate() == {"FINISHED"}

    [prompt] = posted(server)
    assert said(prompt) == said(official.changed(official.api(name), values | TIED.get(name, {})))
    [entry] = jobs()
    assert entry.problem == ""
    [result] = entry.results
    image = bpy.data.images[result.name]
    assert image.filepath.endswith(ending)
    assert image.source == {".png": "FILE", ".mp4": "MOVIE"}[ending]
    assert tuple(image.size) == size


def test_an_image_of_blender_goes_through_an_upscaler(server, opened, fill_in, jobs):
    chosen = opened("utility_interpolation_image_upscale")
    fill_in(chosen, {"3.scale_by": 1.5})
    chosen.media["2.image"].image = bpy.data.images.new("Painting", 64, 32)
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    assert posted(server)[0]["2"]["inputs"]["image"].startswith("Painting")
    [entry] = jobs()
    [result] = entry.results
    assert tuple(bpy.data.images[result.name].size) == (96, 48)


def test_a_partner_node_without_an_account_is_a_sentence(opened, module):
    opened("api_google_gemini_image")
    with pytest.raises(RuntimeError, match="needs a Comfy account"):
        bpy.ops.comfyui.generate()
    layout = PanelRecorder()
    module("blender.job_view").draw(layout, 280)
    told = layout.text.replace("\n", " ")
    assert "“Nano Banana (Google Gemini Image)” needs a Comfy account" in told
    assert not bpy.data.images


def test_a_partner_node_runs_with_the_account_of_the_preferences(server, opened, preferences, jobs):
    preferences.account_key = "comfyui-s3cret"
    opened("api_google_gemini_image")
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    [entry] = jobs()
    assert entry.problem == ""
    requests = server.control()["requests"]
    [body] = [body for method, path, _, body in requests if (method, path) == ("POST", "/prompt")]
    assert body["extra_data"] == {"api_key_comfy_org": "comfyui-s3cret"}


def test_missing_models_say_where_they_are_to_be_had(server, panel):
    assert bpy.ops.comfyui.open_workflow(source="TEMPLATE", name="image_qwen_image") == {"FINISHED"}
    drawn = panel()
    assert "models/diffusion_models" in drawn.text.replace("\n", " ").replace("- ", "-")
    buttons = [one for one in drawn.drawn if one.name == "wm.url_open"]
    assert {button.text for button in buttons} == {"Get It from huggingface.co"}
    assert all(button.arguments["properties"].url.startswith("https://huggingface.co/") for button in buttons)
