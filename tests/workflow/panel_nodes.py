"""Node classes with inputs of every kind, for tests of panels and of what is checked before sending."""

from __future__ import annotations

from typing import Any

from blender_comfyui.workflow.node_types import NodeTypes
from tests.workflow.ui_graphs import SEED, STOCK, defined

FACTOR = ["FLOAT", {"default": 2.0, "min": 0.1, "max": 8.0}]
CROP = [
    "COMFY_DYNAMICCOMBO_V3",
    {
        "options": [
            {"key": "none", "inputs": {}},
            {"key": "side", "inputs": {"required": {"side": [["left", "right"]]}}},
        ]
    },
]
RESIZE = [
    "COMFY_DYNAMICCOMBO_V3",
    {
        "options": [
            {"key": "by size", "inputs": {"required": {"width": ["INT", {"default": 512, "min": 1, "max": 4096}]}}},
            {"key": "by factor", "inputs": {"required": {"factor": FACTOR}}},
            {"key": "by factor and crop", "inputs": {"required": {"factor": FACTOR, "crop": CROP}}},
        ]
    },
]
ROWS = [
    "COMFY_AUTOGROW_V3",
    {"template": {"input": {"required": {"v": ["INT", {}]}}, "prefix": "v", "min": 1, "max": 9}},
]
MATH = [
    "COMFY_AUTOGROW_V3",
    {"template": {"input": {"required": {"v": ["FLOAT,INT", {}]}}, "names": ["a", "b"], "min": 1}},
]

NODES: dict[str, Any] = STOCK | {
    "SaveImage": STOCK["SaveImage"] | {"output_node": True},
    "Everything": defined(
        {
            "text": ["STRING", {}],
            "long": ["STRING", {"multiline": True}],
            "count": ["INT", {"default": 1, "min": 0, "max": 100}],
            "strength": [
                "FLOAT",
                {"default": 1.0, "min": -1.0, "max": 2.0, "step": 0.05, "round": 0.01, "tooltip": "How much."},
            ],
            "on": ["BOOLEAN", {"default": True}],
            "method": [["a", "b"]],
            "seed": SEED,
            "rgb": ["INT", {"display": "color"}],
            "tint": ["COLOR", {}],
            "picture": [["a.png"], {"image_upload": True}],
            "clip": ["COMBO", {"options": [], "video_upload": True}],
            "sound": ["COMBO", {"options": [], "audio_upload": True}],
            "any_file": ["COMBO", {"options": [], "file_upload": True}],
            "unet": [["x.safetensors", "y.gguf"]],
            "lora_name": [["l.safetensors"]],
            "curve": ["CURVE", {}],
            "tags": ["COMBO", {"options": ["x", "y"], "multi_select": True}],
        },
        output=["IMAGE"],
    ),
    "LoadImage": defined({"image": [["a.png"], {"image_upload": True}]}, output=["IMAGE", "MASK"]),
    "LoadMask": defined({"image": [["a.png"], {"image_upload": True}]}, output=["MASK"]),
    "EmptyMenus": defined({"name": [[]]}),
    "Own": defined({"choice": ["COMBO", {"options": []}]}, output=["STRING"]),
    "Resize": defined({"resize": RESIZE, "input": ["IMAGE"]}, output=["IMAGE"]),
    "Rows": defined({"values": ROWS}, output=["INT"]),
    "Math": defined({"expression": ["STRING", {}], "values": MATH}, output=["FLOAT", "INT"]),
    "PrimitiveInt": defined({"value": ["INT", {}]}, output=["INT"]),
    "PrimitiveString": defined({"value": ["STRING", {}]}, output=["STRING"]),
    "StringConcatenate": defined(
        {"string_a": ["STRING", {}], "string_b": ["STRING", {}], "delimiter": ["STRING", {}]}, output=["STRING"]
    ),
    "GetSize": defined({"image": ["IMAGE"]}, output=["INT", "INT"]),
    "ScaleToPixels": defined({"image": ["IMAGE"], "megapixels": ["FLOAT", {"min": 0.01}]}, output=["IMAGE"]),
    "Partner": defined(
        {
            "prompt": ["STRING", {"multiline": True}],
            "negative_prompt": ["STRING", {"multiline": True}],
            "aspect_ratio": [["1:1", "16:9"]],
            "seed": SEED,
            "model": [["m1", "m2"]],
        },
        output=["IMAGE"],
        api_node=True,
    ),
}
TYPES = NodeTypes.from_object_info(NODES)
