"""What ComfyUI's nodes do to the pictures of a batch and to their places, without any pictures.

Written after nodes.py and comfy/sample.py of ComfyUI 0.3.64. A picture is a tuple that says what was done to it; the
noise that a sampler gives it is its seed and its place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from blender_comfyui.workflow.batch import Batch, find_batch, parts
from blender_comfyui.workflow.graph import Workflow
from tests.workflow.graphs import Graph

Picture = tuple[Any, ...]
Images = list[Picture]

TYPES: dict[str, list[str]] = {
    "EmptyLatentImage": ["LATENT"],
    "EmptyImage": ["IMAGE"],
    "LoadImage": ["IMAGE", "MASK"],
    "CheckpointLoaderSimple": ["MODEL", "CLIP", "VAE"],
    "CLIPTextEncode": ["CONDITIONING"],
    "PrimitiveInt": ["INT"],
    "KSampler": ["LATENT"],
    "LatentUpscale": ["LATENT"],
    "LatentComposite": ["LATENT"],
    "VAEDecode": ["IMAGE"],
    "VAEEncode": ["LATENT"],
    "ImageInvert": ["IMAGE"],
    "ImageBlend": ["IMAGE"],
    "Reroute": ["*"],
    "RepeatLatentBatch": ["LATENT"],
    "RepeatImageBatch": ["IMAGE"],
    "LatentFromBatch": ["LATENT"],
    "ImageFromBatch": ["IMAGE"],
    "SaveImage": [],
}


def batch_of(graph: Graph, types: dict[str, list[str]] | None = None, outputs: tuple[str, ...] = ()) -> Batch:
    return find_batch(Workflow.load(graph), TYPES | (types or {}), outputs)


def check_parts(graph: Graph, limit: int) -> None:
    """The parts together save what the whole batch saves; what does not depend on it is the same in each."""
    batch = batch_of(graph)
    whole = saved(graph)
    made = [saved(batch.part(first, count).api()) for first, count in parts(0, batch.size, limit)]
    for node_id, pictures in whole.items():
        if node_id in batch.members:
            assert [picture for part in made for picture in part[node_id]] == pictures
        else:
            assert all(part[node_id] == pictures for part in made)


@dataclass(frozen=True)
class Latent:
    pictures: Images
    places: list[int] | None = None  # "batch_index" in ComfyUI


def saved(graph: Graph) -> dict[str, Images]:
    """Return the pictures of every output node."""
    run = _Run(graph)
    return {node_id: run.value([node_id, 0]) for node_id, node in graph.items() if node["class_type"] == "SaveImage"}


class _Run:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.done: dict[str, Any] = {}

    def value(self, link: list[Any]) -> Any:
        node_id = link[0]
        if node_id not in self.done:
            node = self.graph[node_id]
            do: Callable[..., Any] = getattr(self, node["class_type"].lower())
            inputs = {name: self.value(v) if isinstance(v, list) else v for name, v in node["inputs"].items()}
            self.done[node_id] = do(**inputs)
        return self.done[node_id]

    def primitiveint(self, value: int) -> int:
        return value

    def emptylatentimage(self, batch_size: int, **_: Any) -> Latent:
        return Latent([("empty",)] * batch_size)

    def emptyimage(self, batch_size: int, **_: Any) -> Images:
        return [("plain",)] * batch_size

    def loadimage(self, image: str) -> Images:
        return [("file", image)]

    def checkpointloadersimple(self, ckpt_name: str) -> str:
        return ckpt_name

    def cliptextencode(self, text: str, clip: Any) -> str:
        return text

    def ksampler(self, seed: int, latent_image: Latent, **_: Any) -> Latent:
        places = latent_image.places or range(len(latent_image.pictures))
        pairs = zip(latent_image.pictures, places, strict=True)
        return Latent([("sampled", seed, place, picture) for picture, place in pairs], latent_image.places)

    def latentupscale(self, samples: Latent, **_: Any) -> Latent:
        return Latent([("larger", picture) for picture in samples.pictures], samples.places)

    def latentcomposite(self, samples_to: Latent, samples_from: Latent) -> Latent:
        return Latent(_together(samples_to.pictures, samples_from.pictures), samples_to.places)

    def vaedecode(self, samples: Latent, vae: Any = None) -> Images:
        return [("decoded", picture) for picture in samples.pictures]

    def vaeencode(self, pixels: Images, vae: Any = None) -> Latent:
        return Latent([("encoded", picture) for picture in pixels])

    def imageinvert(self, image: Images) -> Images:
        return [("inverted", picture) for picture in image]

    def imageblend(self, image1: Images, image2: Images) -> Images:
        return _together(image1, image2)

    def reroute(self, value: Any) -> Any:
        return value

    def repeatlatentbatch(self, samples: Latent, amount: int) -> Latent:
        assert 1 <= amount <= 64
        places = samples.places
        if places is not None:
            step = max(places) - min(places) + 1
            places = [place + turn * step for turn in range(amount) for place in places]
        return Latent(samples.pictures * amount, places)

    def repeatimagebatch(self, image: Images, amount: int) -> Images:
        return image * amount

    def latentfrombatch(self, samples: Latent, batch_index: int, length: int) -> Latent:
        assert 0 <= batch_index <= 63
        assert 1 <= length <= 64
        first = min(len(samples.pictures) - 1, batch_index)
        length = min(len(samples.pictures) - first, length)
        places = samples.places or list(range(len(samples.pictures)))
        return Latent(samples.pictures[first : first + length], places[first : first + length])

    def imagefrombatch(self, image: Images, batch_index: int, length: int) -> Images:
        assert 0 <= batch_index <= 4095
        first = min(len(image) - 1, batch_index)
        return image[first : first + length]

    def saveimage(self, images: Images, filename_prefix: str) -> Images:
        return images


def _together(first: Images, second: Images) -> Images:
    second = (second * math.ceil(len(first) / len(second)))[: len(first)]
    return [("together", *pair) for pair in zip(first, second, strict=True)]
