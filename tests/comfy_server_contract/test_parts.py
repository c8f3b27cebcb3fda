"""Parts of a batch, as ComfyUI's own nodes take them out: the very pictures of the whole batch."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from PIL import Image, ImageDraw

from .client import Client
from .test_knobs import pictures, txt2img

LEVELS = ("0.3.64", "0.27.0")


def saved(client: Client, graph: dict[str, Any]) -> list[bytes]:
    return [picture.tobytes() for picture in pictures(client, graph)]


def cut(graph: dict[str, Any], first: int, count: int, source: str = "4") -> dict[str, Any]:
    """The graph with a part of what ``source`` gives before its sampler."""
    inputs = {"samples": [source, 0], "batch_index": first, "length": count}
    sampler = graph["5"] | {"inputs": graph["5"]["inputs"] | {"latent_image": ["20", 0]}}
    return graph | {"20": {"class_type": "LatentFromBatch", "inputs": inputs}, "5": sampler}


@pytest.mark.parametrize("level", LEVELS)
def test_parts_are_the_pictures_of_the_whole(level: str, comfy_server: Any) -> None:
    server = comfy_server(level)
    client = Client(server)
    whole = saved(client, txt2img(batch_size=4))
    assert saved(client, cut(txt2img(batch_size=4), 0, 2)) == whole[:2]
    assert saved(client, cut(txt2img(batch_size=4), 2, 2)) == whole[2:]
    server.vram_batch_limit = 1
    assert saved(client, cut(txt2img(batch_size=4), 3, 1)) == whole[3:]


def test_a_part_of_a_part(comfy_server: Any) -> None:
    client = Client(comfy_server())
    whole = saved(client, txt2img(batch_size=6))
    graph = cut(txt2img(batch_size=6), 1, 2, source="21")
    inputs = {"samples": ["4", 0], "batch_index": 2, "length": 4}
    assert saved(client, graph | {"21": {"class_type": "LatentFromBatch", "inputs": inputs}}) == whole[3:5]


def test_a_part_beyond_the_end_has_the_last_picture(comfy_server: Any) -> None:
    client = Client(comfy_server())
    whole = saved(client, txt2img(batch_size=3))
    assert saved(client, cut(txt2img(batch_size=3), 7, 2)) == whole[2:]


def test_repeating_a_part_gives_it_farther_places(comfy_server: Any) -> None:
    client = Client(comfy_server())
    whole = saved(client, txt2img(batch_size=6))
    graph = cut(txt2img(batch_size=6), 2, 2, source="21")
    graph["21"] = {"class_type": "RepeatLatentBatch", "inputs": {"samples": ["22", 0], "amount": 3}}
    inputs = {"samples": ["4", 0], "batch_index": 2, "length": 2}
    graph["22"] = {"class_type": "LatentFromBatch", "inputs": inputs}
    assert saved(client, graph) == whole[4:]


def test_an_encoded_picture_forgets_its_place(comfy_server: Any) -> None:
    """As the real VAEEncode does, so that a second sampler counts from 0 again."""
    client = Client(comfy_server())
    second = txt2img()["5"]["inputs"] | {"latent_image": ["8", 0], "denoise": 1.0}
    more = {
        "8": {"class_type": "VAEEncode", "inputs": {"pixels": ["6", 0], "vae": ["1", 2]}},
        "9": {"class_type": "KSampler", "inputs": second},
        "10": {"class_type": "VAEDecode", "inputs": {"samples": ["9", 0], "vae": ["1", 2]}},
    }
    graph = txt2img(batch_size=4) | more
    graph["7"]["inputs"]["images"] = ["10", 0]
    whole = saved(client, graph)
    assert saved(client, cut(graph, 2, 2)) != whole[2:]
    assert saved(client, cut(graph, 0, 2)) == whole[:2]


def test_a_mask_goes_with_every_part(comfy_server: Any) -> None:
    server = comfy_server()
    client = Client(server)
    mask = Image.new("RGB", (128, 64))
    ImageDraw.Draw(mask).rectangle((64, 0, 127, 63), fill="white")
    mask.save(server.folders.root / "input" / "mask.png")
    image = {"width": 128, "height": 64, "batch_size": 4, "color": 0x808080}
    graph = txt2img() | {
        "8": {"class_type": "EmptyImage", "inputs": image},
        "9": {"class_type": "VAEEncode", "inputs": {"pixels": ["8", 0], "vae": ["1", 2]}},
        "10": {"class_type": "LoadImageMask", "inputs": {"image": "mask.png", "channel": "red"}},
        "11": {"class_type": "SetLatentNoiseMask", "inputs": {"samples": ["9", 0], "mask": ["10", 0]}},
    }
    graph["5"]["inputs"]["latent_image"] = ["11", 0]
    whole = pictures(client, graph)
    assert {whole[3].getpixel((x, 9)) for x in range(64)} == {(128, 128, 128)}
    assert saved(client, cut(graph, 2, 2, source="11")) == [picture.tobytes() for picture in whole[2:]]


def test_images_out_of_a_batch_of_images(comfy_server: Any) -> None:
    client = Client(comfy_server())
    whole = saved(client, txt2img(batch_size=3))
    graph = txt2img(batch_size=3)
    graph["8"] = {"class_type": "RepeatImageBatch", "inputs": {"image": ["6", 0], "amount": 2}}
    graph["9"] = {"class_type": "ImageFromBatch", "inputs": {"image": ["8", 0], "batch_index": 2, "length": 2}}
    graph["7"]["inputs"]["images"] = ["9", 0]
    assert saved(client, graph) == [whole[2], whole[0]]


def test_frees_are_counted(comfy_server: Any) -> None:
    server = comfy_server()
    requests.post(server.url + "/free", json={"unload_models": True, "free_memory": True}, timeout=5)
    assert server.journal.frees == 1
    assert requests.get(server.url + "/_control", timeout=5).json()["frees"] == 1


def test_places_beyond_what_the_nodes_count_to_are_refused(comfy_server: Any) -> None:
    client = Client(comfy_server())
    answer = client.post(cut(txt2img(batch_size=4), 64, 65))
    problems = answer.json()["node_errors"]["20"]["errors"]
    assert {problem["extra_info"]["input_name"] for problem in problems} == {"batch_index", "length"}
