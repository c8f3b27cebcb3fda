"""The pickers of a workflow's input files in a real window: an image with its mask, a sound, and a run."""

from typing import Any

from tests.blender import workflow_graphs as graphs
from tests.gui.studio import Studio
from tests.gui.test_workflow_panel import load

SIZE = (1000, 1000)

PAINTED = """
image = bpy.data.images.new("A very long name of a painting.001", 512, 512)
image.pixels.foreach_set((0.2, 0.4, 0.6, 1.0) * (512 * 512))
mask = bpy.data.images.new("Mask", 512, 512)
mask.pixels.foreach_set((1.0, 1.0, 1.0, 1.0) * (512 * 256) + (0.0, 0.0, 0.0, 1.0) * (512 * 256))
"""


def inpainting() -> dict[str, Any]:
    def node(class_type: str, title: str = "", **inputs: Any) -> dict[str, Any]:
        return {"class_type": class_type, "inputs": inputs, "_meta": {"title": title or class_type}}

    return graphs.classic() | {
        "5": node("VAEEncodeForInpaint", pixels=["20", 0], vae=["4", 2], mask=["20", 1], grow_mask_by=6),
        "20": node("LoadImage", "Photo to mend", image="example.png"),
        "21": node("LoadAudio", "Voice", audio="old.wav"),
        "22": node("SaveAudio", audio=["21", 0], filename_prefix="voice"),
    }


def test_input_files(studio: Studio) -> None:
    window = studio.window
    studio.open_panel("VIEW_3D")
    load(studio, inpainting(), "Mend.json")
    studio.panel("nothing-chosen", "VIEW_3D")
    window.run(PAINTED + "settings().media['20.image'].image = image\nmodule('regions').redraw()")
    window.settle()
    studio.panel("image", "VIEW_3D")
    window.run(
        "settings().media['20.image'].mask = bpy.data.images['Mask']\n"
        "settings().media['21.audio'].file = '/somewhere/voice of a fox.wav'\n"
        "module('regions').redraw()"
    )
    window.settle()
    studio.panel("image-and-mask", "VIEW_3D")


def test_a_painted_image_with_its_mask_runs(studio: Studio) -> None:
    window = studio.window
    studio.open_panel("VIEW_3D")
    graph = inpainting()
    del graph["21"], graph["22"]
    load(studio, graph, "Mend.json")
    window.run(PAINTED + "item = settings().media['20.image']\nitem.image, item.mask = image, mask")
    studio.generate("VIEW_3D")
    assert studio.wait_for_result().startswith("a red fox")
    studio.panel("ran", "VIEW_3D")
    [sent] = [request.json["prompt"] for request in studio.server.requests if request.route == "/prompt"]
    assert sent["20"]["inputs"]["image"].startswith("A very long name of a painting")
