"""What official templates taught about panels: several passes, scales of pictures, names that nobody chose."""

from __future__ import annotations

from typing import Any

from blender_comfyui.workflow.convert import to_api
from blender_comfyui.workflow.graph import Workflow
from blender_comfyui.workflow.node_types import NodeTypes
from blender_comfyui.workflow.panel_parameters import Parameter, panel_parameters
from tests.workflow.graphs import Graph, ksampler_advanced, node, txt2img
from tests.workflow.ui_graphs import STOCK, defined, subgraph, ui
from tests.workflow.ui_graphs import node as ui_node

SCALE = ["FLOAT", {"default": 1.0, "min": 0.01, "max": 8.0}]
TYPES = NodeTypes.from_object_info(
    STOCK
    | {
        "SaveImage": STOCK["SaveImage"] | {"output_node": True},
        "ImageScaleBy": defined({"image": ["IMAGE"], "scale_by": SCALE}, output=["IMAGE"]),
        "Encoder": defined({"pixels": ["IMAGE"], "vae": ["VAE"]}, output=["LATENT"]),
        "Resize": defined({"image": ["IMAGE"], "multiplier": SCALE}, output=["IMAGE"]),
        "PrimitiveInt": defined({"value": ["INT", {"default": 7}]}, output=["INT"]),
    }
)


def by_key(graph: Graph, file: dict[str, Any] | None = None) -> dict[str, Parameter]:
    return {found.key: found for found in panel_parameters(Workflow.load(graph), TYPES, file)}


def test_the_seed_of_a_pass_without_noise_is_not_shown() -> None:
    second = ksampler_advanced(add_noise="disable", noise_seed=0, latent_image=["5", 0])
    second["_meta"] = {"title": "Refiner"}
    found = by_key(
        txt2img(n5=ksampler_advanced(), n13=second, n6=node("VAEDecode", samples=["13", 0], vae=["1", 2])),
    )
    first, other = found["5.noise_seed"], found["13.noise_seed"]
    assert (first.role, first.shown, other.role, other.shown) == ("seed", True, "", False)
    assert found["13.cfg"].shown


def test_the_scale_of_a_picture_is_a_size() -> None:
    graph = {
        "1": node("Image", image="a.png"),
        "2": node("ImageScaleBy", image=["1", 0], scale_by=2.0),
        "3": node("SaveImage", images=["2", 0], filename_prefix="x"),
    }
    scale = by_key(graph)["2.scale_by"]
    assert (scale.role, scale.shown) == ("size", True)


def test_the_scale_of_the_picture_that_a_sampler_begins_with_is_a_size() -> None:
    graph = txt2img(
        n4=node("Encoder", pixels=["21", 0], vae=["1", 2]),
        n21=node("Resize", image=["20", 0], multiplier=4.0),
        n20=node("Image", image="a.png"),
    )
    scale = by_key(graph)["21.multiplier"]
    assert (scale.role, scale.shown) == ("size", True)


def test_names_that_the_editor_gave_to_what_is_promoted_say_nothing() -> None:
    inner = subgraph(
        "b0",
        ui_node(1, "PrimitiveInt", [1], {"value*": 1}, title="Width"),
        ui_node(2, "PrimitiveInt", [1], {"value*": 2}, title="Height"),
        ui_node(3, "Latent", [1, 1], {"width*": 3, "height*": 4}),
        links=[[1, -10, 0, 1, 0], [2, -10, 1, 2, 0], [3, 1, 0, 3, 0], [4, 2, 0, 3, 1]],
        inputs={"value": ("INT", [1]), "value_1": ("INT", [2])},
    )
    file = ui(ui_node(7, "b0", [640, 480], {"value*": None, "value_1*": None}, title="Make it"), subgraphs=[inner])
    found = by_key(to_api(file, TYPES), file)
    assert [(found[key].label, found[key].value) for key in ("7:1.value", "7:2.value")] == [
        ("Width", 640),
        ("Height", 480),
    ]


def test_what_is_set_together_is_shown_at_the_first_node() -> None:
    file = ui(
        ui_node(1, "PrimitiveNode", [640, "fixed"], title="Side"),
        ui_node(2, "Latent", [1, 1], {"width*": 2}),
        ui_node(3, "Latent", [1, 1], {"width*": 1}),
        links=[[1, 1, 0, 3, 0], [2, 1, 0, 2, 0]],
    )
    found = by_key(to_api(file, TYPES), file)
    assert [found["2.width"].shown, found["3.width"].shown] == [True, False]
