"""Workflows for tests of the panel that is made of any workflow."""

import json
from pathlib import Path
from typing import Any

SAMPLER = "3"


def classic() -> dict[str, Any]:
    """A graph as people export it, of classes that the stand-in server has."""
    return {
        SAMPLER: _node(
            "KSampler",
            seed=2**63 + 3,
            steps=2,
            cfg=7.1,
            sampler_name="euler",
            scheduler="normal",
            denoise=1.0,
            model=["4", 0],
            positive=["6", 0],
            negative=["7", 0],
            latent_image=["5", 0],
        ),
        "4": _node("CheckpointLoaderSimple", ckpt_name="random_sd15.safetensors"),
        "5": _node("EmptyLatentImage", width=64, height=64, batch_size=1),
        "6": _node("CLIPTextEncode", "Positive", text="a red fox", clip=["4", 1]),
        "7": _node("CLIPTextEncode", "Negative", text="blurry", clip=["4", 1]),
        "8": _node("VAEDecode", samples=[SAMPLER, 0], vae=["4", 2]),
        "9": _node("SaveImage", filename_prefix="fox", images=["8", 0]),
    }


def broken() -> dict[str, Any]:
    """The same with a class and a checkpoint that the server lacks, and a number beyond its limits."""
    graph = classic()
    graph["4"]["inputs"]["ckpt_name"] = "random_sd15_v2.safetensors"
    graph[SAMPLER]["inputs"]["cfg"] = 500.0
    graph["77"] = _node("SomebodysUpscaler", "Sharper", image=["8", 0], strength=0.5)
    return graph


def broken_ui() -> dict[str, Any]:
    """The same as a file of the editor, with its nodes side by side."""
    loader = _ui(1, "CheckpointLoaderSimple", [], ["MODEL", "CLIP", "VAE"], ["random_sd15_v2.safetensors"])
    texts = [
        _ui(number, "CLIPTextEncode", [("clip", "CLIP")], ["CONDITIONING"], [text])
        for number, text in ((2, "a fox"), (3, "blurry"))
    ]
    sampled = [
        ("model", "MODEL"),
        ("positive", "CONDITIONING"),
        ("negative", "CONDITIONING"),
        ("latent_image", "LATENT"),
    ]
    nodes = [
        loader,
        *texts,
        _ui(4, "EmptyLatentImage", [], ["LATENT"], [64, 64, 1]),
        _ui(5, "KSampler", sampled, ["LATENT"], [7, "fixed", 2, 500.0, "euler", "normal", 1.0]),
        _ui(6, "VAEDecode", [("samples", "LATENT"), ("vae", "VAE")], ["IMAGE"], []),
        _ui(7, "SaveImage", [("images", "IMAGE")], [], ["fox"]),
        _ui(8, "SomebodysUpscaler", [("image", "IMAGE")], ["IMAGE"], [0.5]),
    ]
    ends = ((1, 1, 2, 0), (1, 1, 3, 0), (1, 0, 5, 0), (2, 0, 5, 1), (3, 0, 5, 2), (4, 0, 5, 3))
    ends += ((5, 0, 6, 0), (1, 2, 6, 1), (6, 0, 7, 0), (6, 0, 8, 0))
    links = []
    for number, (giver, slot, taker, at) in enumerate(ends, 1):
        given, taken = nodes[giver - 1]["outputs"][slot], nodes[taker - 1]["inputs"][at]
        given["links"].append(number)
        taken["link"] = number
        links.append([number, giver, slot, taker, at, given["type"]])
    return {"last_node_id": 8, "last_link_id": len(links), "nodes": nodes, "links": links, "groups": [], "version": 0.4}


def large(nodes: int = 80) -> dict[str, Any]:
    """Many samplers one after the other: more than five widgets each."""
    graph = classic()
    latent = [SAMPLER, 0]
    for number in range(100, 100 + nodes):
        sampler = {**graph[SAMPLER]["inputs"], "latent_image": latent}
        graph[str(number)] = _node("KSampler", f"Sampler {number}", **sampler)
        latent = [str(number), 0]
    graph["8"]["inputs"]["samples"] = latent
    return graph


def written(path: Path, graph: dict[str, Any]) -> str:
    path.write_text(json.dumps(graph), encoding="utf-8")
    return str(path)


def _node(class_type: str, title: str = "", /, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs, "_meta": {"title": title or class_type}}


def _ui(
    number: int, kind: str, inputs: list[tuple[str, str]], outputs: list[str], values: list[object]
) -> dict[str, Any]:
    return {
        "id": number,
        "type": kind,
        "pos": [0, 0],
        "size": [200, 100],
        "flags": {},
        "order": number,
        "mode": 0,
        "inputs": [{"name": name, "type": type_, "link": None} for name, type_ in inputs],
        "outputs": [{"name": type_, "type": type_, "links": []} for type_ in outputs],
        "properties": {},
        "widgets_values": values,
    }
