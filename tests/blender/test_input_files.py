"""Images of Blender and files of this computer as the inputs of a workflow: sent to the server with the click."""

from typing import Any

import bpy
import pytest

from tests.blender.workflow_words import posted, reopened

pytestmark = pytest.mark.usefixtures("alone")


def load_save(**more: Any) -> dict[str, Any]:
    return {
        "1": {"class_type": "LoadImage", "inputs": {"image": "example.png"}, "_meta": {"title": "The photo"}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "t"}},
    } | more


def load_save_mask() -> dict[str, Any]:
    return load_save() | {
        "2": {"class_type": "MaskToImage", "inputs": {"mask": ["1", 1]}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "mask"}},
    }


def painted(name: str = "Painting", colour: tuple[float, ...] = (0.2, 0.4, 0.6, 1.0), **options: Any) -> Any:
    image = bpy.data.images.new(name, 64, 32, **options)
    image.pixels.foreach_set(colour * (64 * 32))
    return image


def result() -> Any:
    """The picture that came last."""
    return bpy.context.scene.comfyui.results[-1].image


def colour(image: Any, at: int = 0) -> list[int]:
    """The pixel at this place of the bottom row."""
    return [round(255 * value) for value in image.pixels[at * image.channels : at * image.channels + 3]]


def item(name: str = "1.image") -> Any:
    return bpy.context.scene.comfyui.media[name]


def test_a_painted_image_is_sent(server, load):
    load(load_save())
    item().image = painted()
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    assert colour(result()) == [51, 102, 153]
    assert posted(server)[0]["1"]["inputs"]["image"].startswith("Painting_")


def test_a_float_image_is_sent_as_it_looks(server, load):
    load(load_save())
    item().image = painted(float_buffer=True, colour=(0.5, 0.0, 1.0, 1.0))
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    assert colour(result()) == [188, 0, 255]


def test_the_file_of_an_image_is_sent_as_it_is(server, load, tmp_path):
    painted().save(filepath=str(tmp_path / "a fox.png"))
    load(load_save())
    item().image = bpy.data.images.load(str(tmp_path / "a fox.png"))
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    assert colour(result()) == [51, 102, 153]
    assert posted(server)[0]["1"]["inputs"]["image"] == "a fox.png"


def test_what_was_painted_over_a_file_is_sent_not_the_file(server, load, tmp_path):
    painted().save(filepath=str(tmp_path / "fox.png"))
    load(load_save())
    image = item().image = bpy.data.images.load(str(tmp_path / "fox.png"))
    image.pixels.foreach_set((1.0, 0.0, 0.0, 1.0) * (64 * 32))
    assert image.is_dirty
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    assert colour(result()) == [255, 0, 0]


def test_a_packed_image_is_sent(server, load):
    load(load_save())
    image = item().image = painted()
    image.pack()
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    assert colour(result()) == [51, 102, 153]


def test_the_mask_is_where_the_second_image_is_white(server, load):
    load(load_save_mask())
    item().image = painted()
    mask = item().mask = bpy.data.images.new("Mask", 2, 1)
    mask.pixels.foreach_set((1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0))
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    assert [colour(result(), at) for at in (2, 61)] == [[255, 255, 255], [0, 0, 0]]


def test_the_last_render_is_sent_and_the_scene_stays_as_it_was(server, load, module):
    scene = bpy.context.scene
    load(load_save())
    strips = module("blender.compat").strips(scene.sequence_editor_create())
    length = {"length": 2} if bpy.app.version >= (5, 0, 0) else {"frame_end": 3}
    strips.new_effect(name="Red", type="COLOR", channel=1, frame_start=1, **length).color = (1.0, 0.0, 0.0)
    scene.view_settings.view_transform = "Standard"
    scene.render.resolution_x, scene.render.resolution_y = 64, 32
    scene.render.image_settings.file_format = "OPEN_EXR"
    bpy.ops.render.render()
    item().image = bpy.data.images["Render Result"]
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    assert colour(result()) == [255, 0, 0]
    assert tuple(result().size) == (64, 32)
    assert scene.render.image_settings.file_format == "OPEN_EXR"


def test_an_image_without_a_file_is_said_and_nothing_is_sent(server, load, tmp_path):
    load(load_save())
    image = item().image = bpy.data.images.new("Gone", 8, 8)
    image.source, image.filepath_raw = "FILE", str(tmp_path / "gone.exr")
    with pytest.raises(RuntimeError, match="“Gone” shows nothing"):
        bpy.ops.comfyui.generate()
    assert posted(server) == []


def test_a_file_that_is_gone_is_said(server, load, tmp_path):
    load(load_save())
    painted().save(filepath=str(tmp_path / "fox.png"))
    item().image = bpy.data.images.load(str(tmp_path / "fox.png"))
    (tmp_path / "fox.png").unlink()
    with pytest.raises(RuntimeError, match=r"“The photo”, image: the file .*fox\.png cannot be read"):
        bpy.ops.comfyui.generate()
    assert posted(server) == []


def test_a_name_that_the_server_lacks_is_a_problem_until_an_image_is_chosen(server, load, module):
    load(load_save())
    checking = module("blender.workflow_panel.checking")
    with pytest.raises(RuntimeError, match=r"“The photo”: the server has no input file “example\.png”"):
        bpy.ops.comfyui.generate()
    assert checking.marked(bpy.context.scene.comfyui.imported) == {"1.image"}
    item().image = painted()
    assert not checking.findings(bpy.context.scene.comfyui.imported).problems
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    assert len(posted(server)) == 1


def test_images_are_kept_in_the_blend_and_reset_lets_go(server, load, tmp_path):
    load(load_save())
    image = item().image = painted()
    image.pack()
    reopened(tmp_path / "input.blend")
    assert item().image.name == "Painting"
    assert bpy.ops.comfyui.generate() == {"FINISHED"}
    assert colour(result()) == [51, 102, 153]
    bpy.ops.comfyui.reset_value(name="1.image")
    assert item().image is None


def test_another_workflow_begins_without_images(server, load):
    load(load_save())
    item().image = painted()
    load(load_save())
    assert [one.image for one in bpy.context.scene.comfyui.media] == [None]


def test_a_mask_is_offered_only_where_something_takes_it(server, load, panel):
    for graph, offers in ((load_save(), False), (load_save_mask(), True)):
        load(graph)
        assert [drawn.name for drawn in panel().drawn if drawn.kind == "template_ID"] == ["image"]
        assert '["1.image"]' in [drawn.name for drawn in panel().drawn]
        item().image = painted()
        pickers = [drawn.name for drawn in panel().drawn if drawn.kind == "template_ID"]
        assert pickers == (["image", "mask"] if offers else ["image"])
        assert '["1.image"]' not in [drawn.name for drawn in panel().drawn]


def test_a_sound_is_a_file_and_its_path_is_relative_to_the_blend(server, load, panel, module, tmp_path):
    load({"1": {"class_type": "LoadAudio", "inputs": {"audio": "old.wav"}, "_meta": {"title": "Voice"}}})
    assert "file" in [drawn.name for drawn in panel().drawn]
    scene = reopened(tmp_path / "here.blend")
    item("1.audio").file = "//take 1.wav"
    media, building = module("blender.workflow_panel.media"), module("blender.workflow_panel.building")
    (upload,) = media.uploads(scene, building.built(scene.comfyui.imported))
    assert (upload.path, upload.places, upload.drawing) == (tmp_path / "take 1.wav", (("1", "audio"),), None)


def test_a_mesh_goes_where_load_3d_looks(load, module, tmp_path):
    described = {
        "Load3D": {
            "input": {"required": {"model_file": [[], {"file_upload": True}]}},
            "output": ["IMAGE", "LOAD_3D_ANIMATION"],
        }
    }
    media, building = module("blender.workflow_panel.media"), module("blender.workflow_panel.building")
    contents = module("blender.workflow_panel.contents").Contents(
        "mesh", None, {"1": {"class_type": "Load3D", "inputs": {"model_file": "3d/old.glb"}}}, described
    )
    scene = bpy.context.scene
    module("blender.workflow_panel.adopting").take(scene, contents)
    item("1.model_file").file = str(tmp_path / "fox.glb")
    (upload,) = media.uploads(scene, building.built(scene.comfyui.imported))
    assert upload.subfolder == "3d"
