"""Small graphs for tests: pieces that are put together to what people build in ComfyUI."""

from __future__ import annotations

from typing import Any

Graph = dict[str, dict[str, Any]]


def node(class_type: str, title: str = "", **inputs: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"class_type": class_type, "inputs": inputs}
    if title:
        made["_meta"] = {"title": title}
    return made


def txt2img(**changed: dict[str, Any]) -> Graph:
    """The graph that ComfyUI starts with, nodes added or replaced by keyword (n5=… is node "5")."""
    graph = {
        "1": node("CheckpointLoaderSimple", ckpt_name="sd15.safetensors"),
        "2": node("CLIPTextEncode", "Good", text="a cat", clip=["1", 1]),
        "3": node("CLIPTextEncode", "Bad", text="blurry", clip=["1", 1]),
        "4": node("EmptyLatentImage", width=512, height=768, batch_size=1),
        "5": ksampler(),
        "6": node("VAEDecode", samples=["5", 0], vae=["1", 2]),
        "7": node("SaveImage", images=["6", 0], filename_prefix="x"),
    }
    return graph | {key.removeprefix("n"): value for key, value in changed.items()}


def ksampler(**changed: Any) -> dict[str, Any]:
    inputs: dict[str, Any] = {
        "seed": 1,
        "steps": 20,
        "cfg": 7.0,
        "sampler_name": "euler",
        "scheduler": "normal",
        "denoise": 1.0,
        "model": ["1", 0],
        "positive": ["2", 0],
        "negative": ["3", 0],
        "latent_image": ["4", 0],
    }
    return node("KSampler", **(inputs | changed))


def ksampler_advanced(**changed: Any) -> dict[str, Any]:
    inputs: dict[str, Any] = {
        "add_noise": "enable",
        "noise_seed": 1,
        "steps": 25,
        "cfg": 8,
        "sampler_name": "euler",
        "scheduler": "normal",
        "start_at_step": 0,
        "end_at_step": 10000,
        "return_with_leftover_noise": "disable",
        "model": ["1", 0],
        "positive": ["2", 0],
        "negative": ["3", 0],
        "latent_image": ["4", 0],
    }
    return node("KSamplerAdvanced", **(inputs | changed))


def empty_image() -> Graph:
    return {
        "1": node("EmptyImage", width=64, height=32, batch_size=1, color=0),
        "2": node("SaveImage", images=["1", 0], filename_prefix="x"),
    }
