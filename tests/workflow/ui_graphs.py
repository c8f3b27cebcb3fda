"""Workflows as the editor saves them, put together from pieces, and the definitions that they are converted with."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from blender_comfyui.workflow.convert import to_api
from blender_comfyui.workflow.node_types import NodeTypes

Json = dict[str, Any]

SEED = ["INT", {"default": 0, "min": 0, "max": 2**64 - 1, "control_after_generate": True}]
PROMPT = ["STRING", {"multiline": True, "dynamicPrompts": True}]


def defined(
    required: Json | None = None, optional: Json | None = None, output: list[Any] | None = None, **more: Any
) -> Json:
    """Describe a node class as /object_info does."""
    inputs = {"required": required or {}, "optional": optional or {}, "hidden": {"prompt": ["PROMPT"]}}
    return {"input": inputs, "output": output or [], **more}


STOCK = {
    "Loader": defined({"ckpt_name": [["m.safetensors", "n.safetensors"]]}, output=["MODEL", "CLIP", "VAE"]),
    "Encode": defined({"text": PROMPT, "clip": ["CLIP"]}, output=["CONDITIONING"]),
    "Latent": defined({"width": ["INT", {"default": 512}], "height": ["INT", {"default": 512}]}, output=["LATENT"]),
    "KSampler": defined(
        {
            "model": ["MODEL"],
            "seed": SEED,
            "steps": ["INT", {"default": 20}],
            "sampler_name": [["euler", "heun"]],
            "positive": ["CONDITIONING"],
            "latent_image": ["LATENT"],
        },
        output=["LATENT"],
    ),
    "Image": defined({"image": [["a.png"], {"image_upload": True}]}, output=["IMAGE", "MASK"]),
    "Invert": defined({"image": ["IMAGE"]}, output=["IMAGE"]),
    "SaveImage": defined({"images": ["IMAGE"], "filename_prefix": ["STRING", {"default": "ComfyUI"}]}),
    "Any": defined({"source": ["*"]}, output=["STRING"]),
    "Number": defined({"value": ["INT", {"default": 7}]}, output=["INT"]),
    "Words": defined({"value": ["STRING", {}]}, output=["STRING"]),
}


def node(
    id_: Any, type_: str, values: Any = (), inputs: Mapping[str, Any] | None = None, mode: int = 0, **more: Any
) -> Json:
    """One node; ``inputs`` are links by name, those of a widget with a * after the name."""
    slots = [
        {"name": name.rstrip("*"), "type": "*", "link": link}
        | ({"widget": {"name": name.rstrip("*")}} if name.endswith("*") else {})
        for name, link in (inputs or {}).items()
    ]
    values = list(values) if isinstance(values, tuple) else values
    return {"id": id_, "type": type_, "mode": mode, "inputs": slots, "widgets_values": values} | more


def ui(*nodes: Json, links: list[Any] = (), subgraphs: list[Json] = (), **more: Any) -> Json:  # type: ignore[assignment]
    """A workflow; links are [id, origin, slot, target, slot, type], of which the last two may be missing."""
    made: Json = {"nodes": list(nodes), "links": [[*link, 0, "*"][:6] for link in links], "version": 0.4, **more}
    if subgraphs:
        made["definitions"] = {"subgraphs": list(subgraphs)}
    return made


def subgraph(
    id_: str,
    *nodes: Json,
    inputs: Mapping[str, tuple[str, list[int]]] | None = None,
    outputs: Mapping[str, tuple[str, list[int]]] | None = None,
    links: list[Any] = (),  # type: ignore[assignment]
    **more: Any,
) -> Json:
    """A definition; its inputs and outputs are types with the ids of their links inside."""
    return {
        "id": id_,
        "name": id_,
        "nodes": list(nodes),
        "inputs": [{"name": name, "type": type_, "linkIds": ids} for name, (type_, ids) in (inputs or {}).items()],
        "outputs": [{"name": name, "type": type_, "linkIds": ids} for name, (type_, ids) in (outputs or {}).items()],
        "links": [
            dict(zip(("id", "origin_id", "origin_slot", "target_id", "target_slot"), [*link, 0][:5], strict=True))
            for link in links
        ],
        **more,
    }


def api(workflow: Json, definitions: Json | None = None, **options: Any) -> Json:
    """Convert, and make sure that nothing given has changed and that the result is plain JSON of its own."""
    before = copy.deepcopy(workflow)
    made = to_api(workflow, NodeTypes.from_object_info(STOCK | (definitions or {})), **options)
    assert workflow == before
    assert json.loads(json.dumps(made)) == made
    return made


def inputs_of(workflow: Json, node_id: str = "1", definitions: Json | None = None, **options: Any) -> Json:
    """Convert, and return the inputs of one node."""
    inputs: Json = api(workflow, definitions, **options)[node_id]["inputs"]
    return inputs


def widgets(values: Any, definition: Json, inputs: Mapping[str, Any] | None = None, links: list[Any] = ()) -> Json:  # type: ignore[assignment]
    """Return what a single node of a class sends, without the links of the others."""
    return inputs_of(ui(node(1, "Tested", values, inputs), node(2, "Image"), links=links), "1", {"Tested": definition})
