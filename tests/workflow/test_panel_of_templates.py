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
        "Film": defined({"start_image": ["IMAGE"], "end_image": ["IMAGE"], "model": ["MODEL"]}, output=["IMAGE"]),
        "Switch": defined({"switch": ["BOOLEAN", {}], "on_false": ["*"], "on_true": ["*"]}, output=["*"]),
        "LoraLoaderModelOnly": defined({"model": ["MODEL"], "lora_name": [["l.safetensors"]]}, output=["MODEL"]),
        "PrimitiveBoolean": defined({"value": ["BOOLEAN", {}]}, output=["BOOLEAN"]),
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


def groups(graph: Graph, file: dict[str, Any] | None = None) -> list[str]:
    """Titles of the groups that are shown, in their order."""
    return list(dict.fromkeys(found.group for found in by_key(graph, file).values() if found.shown))


def film(first: str, second: str) -> Graph:
    return {
        "1": node("Image", first, image="a.png"),
        "2": node("Image", second, image="b.png"),
        "3": node("Film", start_image=["1", 0], end_image=["2", 0]),
        "4": node("SaveImage", images=["3", 0], filename_prefix="x"),
    }


def test_pictures_of_one_title_are_called_by_what_they_feed() -> None:
    assert groups(film("Load Image", "Load Image")) == ["Load Image (start image)", "Load Image (end image)"]
    assert groups(film("Mine", "Yours")) == ["Mine", "Yours"]


def test_groups_that_nothing_tells_apart_are_counted() -> None:
    graph = film("Load Image", "Load Image")
    graph["5"] = node("Image", "Load Image", image="c.png")
    graph["6"] = node("SaveImage", images=["5", 0], filename_prefix="x")
    graph["7"] = node("Image", "Load Image 2", image="d.png")
    graph["8"] = node("SaveImage", images=["7", 0], filename_prefix="x")
    assert groups(graph) == ["Load Image", "Load Image 3", "Load Image 4", "Load Image 2"]


def test_a_prompt_and_a_negative_prompt_of_one_title_are_one_group() -> None:
    graph = txt2img()
    for text in ("2", "3"):
        graph[text]["_meta"] = {"title": "CLIP Text Encode (Prompt)"}
    assert groups(graph)[0] == "Prompt"
    assert {by_key(graph)[f"{text}.text"].group for text in ("2", "3")} == {"Prompt"}


def test_lines_of_one_name_in_a_subgraph_are_counted() -> None:
    inner = subgraph(
        "b0",
        ui_node(1, "PrimitiveInt", [20], title="Steps"),
        ui_node(2, "PrimitiveInt", [8], title="Steps"),
        ui_node(3, "Latent", [1, 1], {"width*": 1, "height*": 2}),
        links=[[1, 1, 0, 3, 0], [2, 2, 0, 3, 1]],
    )
    file = ui(ui_node(7, "b0", title="Make it"), subgraphs=[inner])
    found = by_key(to_api(file, TYPES), file)
    assert [found[key].label for key in ("7:1.value", "7:2.value")] == ["Steps", "Steps 2"]


def test_a_switch_stands_before_the_lora_that_it_turns_on() -> None:
    graph = txt2img(
        n5=ksampler_advanced(model=["20", 0]),
        n21=node("LoraLoaderModelOnly", "Faster", model=["1", 0], lora_name="l.safetensors"),
        n20=node("Switch", "Way", switch=["22", 0], on_false=["1", 0], on_true=["21", 0]),
        n22=node("PrimitiveBoolean", "Turbo", value=True),
    )
    assert by_key(graph)["22.value"].role == "switch"
    shown = groups(graph)
    assert shown.index("Turbo") + 1 == shown.index("Faster")
