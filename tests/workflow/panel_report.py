"""For how many official templates a panel has a prompt, a seed, a size, an input image and an output.

``python -m tests.workflow.panel_report [--verbose]`` prints it; ``test_panel_report`` holds it to 95 %.

**Who has one** is decided by what a person sees in the editor, without following a single link: the nodes of the
editor's file that are neither muted nor bypassed, those inside its subgraphs too, and on them the widgets by their
names, as the server's definition has them. A workflow has

- a *prompt* where a node whose class speaks of text encoding or prompts, a partner node or a language model has a
  widget to write a text in, named as a prompt is, or where a node is titled "prompt";
- a *seed* where a node has a widget "seed" or "noise_seed";
- a *size* where a node that is no crop, padding, tiling, preview or mask tool has widgets "width" and "height", one of
  them fed by no other node, or one for megapixels, an aspect ratio or a resolution, or where a primitive is titled so;
- an *input image* where a node loads images, masks or videos from an upload;
- an *output* where a node's class says Save or Preview, or the server calls it an output node.

``NONE`` lists what this criterion takes for one, but a person who looks at the template would not, each with why.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from blender_comfyui.workflow.convert import to_api
from blender_comfyui.workflow.graph import Workflow
from blender_comfyui.workflow.node_types import NodeTypes
from blender_comfyui.workflow.outputs import outputs_of
from blender_comfyui.workflow.panel_parameters import Parameter, panel_parameters

FEATURES = ("prompt", "seed", "size", "input image", "output")

_TEXT_NAMES = {"prompt", "text", "positive", "positive_prompt", "text_prompt", "tags", "caption", "text_g", "clip_l"}
_TEXT_CLASSES = ("TextEncode", "Prompt", "TextGenerate", "LLM")
_SIZE_NAMES = {"megapixels", "aspect_ratio", "ratio", "resolution", "size", "image_size"}
_NO_SIZE = ("Crop", "Pad", "Tile", "Preview", "Mask", "Composite", "Area", "Region", "Stitch", "Render", "Draw")

_ANALYSIS = "its resolution is the one that depth is looked for in, not a picture's"
NONE = {
    "utility_depth_anything3_image_depth_estimation": {"size": _ANALYSIS},
    "utility_depth_anything3_video_depth_estimation": {"size": _ANALYSIS},
    "utility_sam3d_body": {"size": "a mesh's preview has one, and what is rendered is as large as the video"},
}


def active_nodes(ui: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the nodes that are neither muted nor bypassed, in subgraphs too."""
    definitions = {graph["id"]: graph for graph in ui.get("definitions", {}).get("subgraphs", [])}
    waiting = [ui]
    while waiting:
        graph = waiting.pop()
        for node in graph["nodes"]:
            if node.get("mode", 0) in (2, 4):
                continue
            if node["type"] in definitions:
                waiting.append(definitions[node["type"]])
            else:
                yield {**node, "linked": linked(graph, node)}


def linked(graph: Mapping[str, Any], node: Mapping[str, Any]) -> set[str]:
    """Return the inputs that another node feeds; what a subgraph promotes is a widget on the subgraph."""
    links = [link for link in graph["links"] if isinstance(link, dict)]
    promoted = {link["id"] for link in links if link["origin_id"] == -10}
    slots = node.get("inputs", [])
    return {slot["name"] for slot in slots if slot.get("link") is not None and slot["link"] not in promoted}


def widget_names(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, str]:
    """Return the types of a node's widgets by name, from the server's raw definition."""
    sections = definitions.get(node["type"], {}).get("input", {})
    specs = {**sections.get("required", {}), **sections.get("optional", {})}
    return {
        name: "COMBO" if isinstance(spec[0], list) or "DYNAMICCOMBO" in spec[0] else spec[0]
        for name, spec in specs.items()
        if not (len(spec) > 1 and spec[1].get("forceInput"))
    }


def expected(ui: Mapping[str, Any], definitions: Mapping[str, Any]) -> set[str]:
    """Return what a person would say that a workflow has."""
    return {feature for node in active_nodes(ui) for feature, has in HAS.items() if has(node, definitions)}


def has_prompt(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> bool:
    texts = {name for name, type_ in widget_names(node, definitions).items() if type_ == "STRING"}
    writes = any(word in node["type"] for word in _TEXT_CLASSES) or definitions.get(node["type"], {}).get("api_node")
    titled = "prompt" in (node.get("title") or "").lower() and "value" in texts
    return titled or (bool(writes) and bool(texts & _TEXT_NAMES))


def has_seed(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> bool:
    return not {"seed", "noise_seed"}.isdisjoint(widget_names(node, definitions))


def has_size(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> bool:
    title = (node.get("title") or "").lower()
    if node["type"] == "PrimitiveInt" and title in ("width", "height"):
        return True
    if any(word in node["type"] for word in _NO_SIZE):
        return False
    names = widget_names(node, definitions)
    free = {name for name in names if name not in node["linked"]}
    if any(names[name] in ("COMBO", "FLOAT", "INT", "STRING") for name in free & _SIZE_NAMES):
        return True
    return {"width", "height"} <= names.keys() and bool(free & {"width", "height"})


def has_image(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> bool:
    sections = definitions.get(node["type"], {}).get("input", {})
    options = [spec[1] for spec in sections.get("required", {}).values() if len(spec) > 1]
    return any(option.get("image_upload") or option.get("video_upload") for option in options)


def has_output(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> bool:
    return bool(definitions.get(node["type"], {}).get("output_node"))


HAS = {
    "prompt": has_prompt,
    "seed": has_seed,
    "size": has_size,
    "input image": has_image,
    "output": has_output,
}


def found(workflow: Workflow, node_types: NodeTypes, parameters: tuple[Parameter, ...]) -> set[str]:
    """Return what the panel of a workflow shows by default."""
    roles = {parameter.role for parameter in parameters if parameter.shown}
    features = {"prompt", "seed"} & roles
    if roles & {"width", "height", "size"}:
        features.add("size")
    if roles & {"image", "mask", "video"}:
        features.add("input image")
    if outputs_of(workflow, node_types):
        features.add("output")
    return features


def report(folder: Path) -> Iterator[tuple[str, set[str], set[str]]]:
    """Yield each template's name, what it should have and what its panel has."""
    definitions = json.loads((folder.parent / "object_info.json").read_text())
    node_types = NodeTypes.from_object_info(definitions)
    for path in sorted(folder.glob("*.ui.json")):
        name = path.name.removesuffix(".ui.json")
        ui = json.loads(path.read_text())
        workflow = Workflow(to_api(ui, node_types))
        wanted = expected(ui, definitions) - NONE.get(name, {}).keys()
        yield name, wanted, found(workflow, node_types, panel_parameters(workflow, node_types, ui))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("../shared/conversion/templates"))
    parser.add_argument("--verbose", action="store_true", help="say where something was not found, or more was")
    arguments = parser.parse_args()
    rows = list(report(arguments.folder))
    for feature in FEATURES:
        wanted = [row for row in rows if feature in row[1]]
        right = [row for row in wanted if feature in row[2]]
        more = [name for name, have, got in rows if feature in got - have]
        print(f"{feature}: {len(right)} of {len(wanted)} ({100 * len(right) / max(len(wanted), 1):.1f} %)")
        if arguments.verbose:
            print("  not found:", [name for name, _, got in wanted if feature not in got])
            print("  found beyond:", more)
    print(f"of {len(rows)} templates")


if __name__ == "__main__":
    main()
