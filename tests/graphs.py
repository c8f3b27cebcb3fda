"""Small API-format workflows that tests and benchmarks send. Colours make every one unlike the one before."""

from __future__ import annotations

import itertools
from typing import Any

Graph = dict[str, Any]
_colours = itertools.count(1)


def empty_save(size: int = 64, batch: int = 1, colour: int | None = None, prefix: str = "t") -> Graph:
    """EmptyImage → SaveImage: needs no model. `colour` is 0xRRGGBB; None gives one that was not used before."""
    return {
        "1": {
            "class_type": "EmptyImage",
            "inputs": {
                "width": size,
                "height": size,
                "batch_size": batch,
                "color": next(_colours) if colour is None else colour,
            },
        },
        "2": {
            "class_type": "SaveImage",
            "inputs": {"images": ["1", 0], "filename_prefix": prefix},
            "_meta": {"title": "Save final"},
        },
    }


def load_save(name: str = "example.png") -> Graph:
    """LoadImage ("The photo") → SaveImage."""
    return {
        "1": {"class_type": "LoadImage", "inputs": {"image": name}, "_meta": {"title": "The photo"}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "t"}},
    }


def load_save_mask() -> Graph:
    """LoadImage ("The photo") → its mask as a picture → SaveImage."""
    return load_save() | {
        "2": {"class_type": "MaskToImage", "inputs": {"mask": ["1", 1]}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "mask"}},
    }


def two_saves() -> Graph:
    """One picture, saved by two nodes: "Save final" and "Save inverted"."""
    return empty_save() | {
        "3": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
        "4": {
            "class_type": "SaveImage",
            "inputs": {"images": ["3", 0], "filename_prefix": "inverted"},
            "_meta": {"title": "Save inverted"},
        },
    }


def txt2img(steps: int = 4, size: int = 64, batch: int = 1, checkpoint: str = "random_sd15.safetensors") -> Graph:
    """The classic seven nodes; the seed differs each time."""
    return {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": checkpoint}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "a red cube", "clip": ["1", 1]}},
        "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "bad", "clip": ["1", 1]}},
        "4": {"class_type": "EmptyLatentImage", "inputs": {"width": size, "height": size, "batch_size": batch}},
        "5": {
            "class_type": "KSampler",
            "inputs": {
                "model": ["1", 0],
                "positive": ["2", 0],
                "negative": ["3", 0],
                "latent_image": ["4", 0],
                "seed": next(_colours),
                "steps": steps,
                "cfg": 7.0,
                "sampler_name": "euler",
                "scheduler": "normal",
                "denoise": 1.0,
            },
            "_meta": {"title": "Main sampler"},
        },
        "6": {"class_type": "VAEDecode", "inputs": {"samples": ["5", 0], "vae": ["1", 2]}},
        "7": {"class_type": "SaveImage", "inputs": {"images": ["6", 0], "filename_prefix": "sd"}},
    }


def raising(kind: str = "ValueError", message: str = "the tin is empty") -> Graph:
    """A node that fails while it runs (only where the probe nodes are, so not on a real server)."""
    graph = empty_save()
    graph["3"] = {
        "class_type": "ProbeRaise",
        "inputs": {"image": ["1", 0], "kind": kind, "message": message},
        "_meta": {"title": "Sardines"},
    }
    graph["2"]["inputs"]["images"] = ["3", 0]
    return graph
