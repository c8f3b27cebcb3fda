"""The texts in files whose head is JSON: GLB, and safetensors with latents or models. No bpy here.

ComfyUI's SaveGLB writes them as ``asset.extras`` (``comfy_extras/nodes_hunyuan3d.py``), SaveLatent and the nodes that
save checkpoints as ``__metadata__`` (``nodes.py``, ``comfy_extras/nodes_model_merging.py``).
glTF 2.0, "GLB File Format Specification"; https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
from typing import Any, BinaryIO

from ..errors import NotAWorkflow
from ..json_text import decoded, parsed
from .bounded import Cut, Texts, exactly, number


def glb_texts(file: BinaryIO) -> Texts:
    """Yield the extras of a GLB file; its first chunk is all that is read."""
    file.seek(12)
    head = exactly(file, 8)
    if head[4:] == b"JSON":
        yield from gltf_texts(_parsed(exactly(file, number(head[:4], little=True))))


def gltf_texts(gltf: Any) -> Texts:
    """Yield the extras of a glTF scene."""
    asset = gltf.get("asset") if isinstance(gltf, dict) else None
    yield from _each(asset.get("extras") if isinstance(asset, dict) else None)


def safetensors_texts(file: BinaryIO) -> Texts:
    """Yield the metadata of a safetensors file."""
    file.seek(0)
    header = _parsed(exactly(file, number(exactly(file, 8), little=True)))
    yield from _each(header.get("__metadata__") if isinstance(header, dict) else None)


def _parsed(data: bytes) -> Any:
    try:
        return parsed(decoded(data, ""), "")
    except NotAWorkflow as error:
        raise Cut from error


def _each(extras: Any) -> Texts:
    if isinstance(extras, dict):
        for name, value in extras.items():
            yield name, value if isinstance(value, str) else json.dumps(value)
