"""All stock node classes that this server can run, from the definitions that a real one gave."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from .abilities import ability
from .node_types import NODE_TYPES, NodeType, inputs_of, upload_kind

_FOLDERS = {
    "ckpt_name": "checkpoints",
    "unet_name": "diffusion_models",
    "vae_name": "vae",
    "lora_name": "loras",
    "control_net_name": "controlnet",
    "style_model_name": "style_models",
    "audio_encoder_name": "audio_encoders",
    "text_encoder": "text_encoders",
} | {f"clip_name{number}": "text_encoders" for number in ("", 1, 2, 3, 4)}
_FOLDERS_OF = {
    ("CLIPVisionLoader", "clip_name"): "clip_vision",
    ("UpscaleModelLoader", "model_name"): "upscale_models",
    ("LatentUpscaleModelLoader", "model_name"): "latent_upscale_models",
    ("ModelPatchLoader", "name"): "model_patches",
}


@functools.cache
def stock(object_info: Path) -> dict[str, NodeType]:
    """The classes of an answer to /object_info that can run here, with the probes and all else of this server.

    Menus of models and files are this server's own; a menu of models that is not known here stays as it was.
    """
    told: dict[str, NodeType] = json.loads(object_info.read_text("utf-8"))
    known = {name: _marked(node_type) for name, node_type in told.items() if ability(node_type) is not None}
    return {**NODE_TYPES, **known}


def _marked(node_type: NodeType) -> NodeType:
    for name, (_, spec) in inputs_of(node_type).items():
        kind = upload_kind(spec)
        folder = _FOLDERS_OF.get((node_type["name"], name)) or _FOLDERS.get(name)
        if kind:
            _mark(spec, f"$input/{kind}")
        elif folder:
            _mark(spec, f"$models/{folder}")
    return node_type


def _mark(spec: list[Any], mark: str) -> None:
    if spec[0] == "COMBO":
        spec[1]["options"] = mark
    elif isinstance(spec[0], list):
        spec[0] = mark
