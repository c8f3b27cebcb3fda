"""Parts of any batch in any graph, held against a model of what ComfyUI's nodes do."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from blender_comfyui.workflow.batch import parts
from blender_comfyui.workflow.errors import CannotSplit
from tests.workflow.batch_model import TYPES, batch_of, check_parts
from tests.workflow.graphs import Graph, node


@given(st.integers(1, 200), st.integers(1, 200))
def test_parts_cover_the_batch_and_begin_at_multiples(size: int, limit: int) -> None:
    found = list(parts(0, size, limit))
    assert [place for first, count in found for place in range(first, first + count)] == list(range(size))
    assert all(count <= limit and first % count == 0 for first, count in found)


@given(st.integers(2, 64), st.data())
def test_parts_go_on_smaller_where_one_was_too_large(size: int, data: st.DataObject) -> None:
    first, limit, made = 0, size, []
    while first < size:
        part = next(parts(first, size, limit))
        if part[1] > 1 and data.draw(st.booleans()):
            limit = part[1] // 2
            continue
        made.append(part)
        first += part[1]
    assert sum(count for _, count in made) == size
    assert all(first % count == 0 for first, count in made)


class Builder:
    """Draws a graph of nodes that work picture by picture; each step reads something that is there."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.graph: Graph = {}
        self.numbers: dict[str, int] = {}  # how many pictures a node gives
        self.latents: list[str] = []
        self.images: list[str] = []

    def put(self, class_type: str, number: int, **inputs: Any) -> None:
        node_id = str(len(self.graph) * 3 + 1)
        self.graph[node_id] = node(class_type, **inputs)
        self.numbers[node_id] = number
        if TYPES[class_type]:
            (self.images if TYPES[class_type][0] == "IMAGE" else self.latents).append(node_id)

    def beside(self, node_id: str, among: list[str]) -> list[Any]:
        """Something to put together with a node's pictures: as many, or one for all."""
        fitting = [other for other in among if self.numbers[other] in (1, self.numbers[node_id])]
        return [self.draw(st.sampled_from(fitting)), 0]

    def start(self, size: int) -> None:
        self.put("EmptyLatentImage", size, width=64, height=64, batch_size=size)
        self.put("EmptyImage", size, width=64, height=64, batch_size=size)
        self.put("LoadImage", 1, image="a.png")

    def step(self) -> None:
        latent, image = self.draw(st.sampled_from(self.latents)), self.draw(st.sampled_from(self.images))
        made, seen = self.numbers[latent], self.numbers[image]
        steps: list[Any] = [
            lambda: self.put("KSampler", made, seed=self.draw(st.integers(0, 3)), latent_image=[latent, 0]),
            lambda: self.put("LatentUpscale", made, samples=[latent, 0]),
            lambda: self.put("VAEDecode", made, samples=[latent, 0]),
            lambda: self.put("VAEEncode", seen, pixels=[image, 0]),
            lambda: self.put("ImageInvert", seen, image=[image, 0]),
            lambda: self.put(
                "LatentComposite", made, samples_to=[latent, 0], samples_from=self.beside(latent, self.latents)
            ),
            lambda: self.put("ImageBlend", seen, image1=[image, 0], image2=self.beside(image, self.images)),
            lambda: self.put("Reroute", made, value=[latent, 0]),
        ]
        self.draw(st.sampled_from(steps))()

    def end(self) -> None:
        for latent in list(self.latents):
            self.put("VAEDecode", self.numbers[latent], samples=[latent, 0])
        for image in list(self.images):
            self.put("SaveImage", self.numbers[image], images=[image, 0], filename_prefix="x")


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    builder = Builder(draw)
    builder.start(draw(st.integers(2, 20)))
    for _ in range(draw(st.integers(1, 10))):
        builder.step()
    builder.end()
    return builder.graph


@given(graphs(), st.sampled_from([1, 2, 4, 8, 16]))
def test_parts_of_any_graph_make_the_pictures_of_the_whole(graph: Graph, limit: int) -> None:
    check_parts(graph, limit)


ODD = [None, -1, 2.5, "8", "x", True, [], {}, ["7", 0], ["4", 5], ["1", -1], 10**30, float(2**70)]


@given(graphs(), st.data())
def test_no_graph_takes_it_by_surprise(graph: Graph, data: st.DataObject) -> None:
    """Odd values, links in circles and unknown classes: a batch or CannotSplit, never anything else."""
    for made in graph.values():
        for name in list(made["inputs"]):
            if data.draw(st.integers(0, 9)) == 0:
                made["inputs"][name] = data.draw(st.sampled_from(ODD))
        if data.draw(st.integers(0, 9)) == 0:
            made["class_type"] = data.draw(st.sampled_from(["Unknown", "Reroute", "RepeatImageBatch", "SamplerX"]))
    with contextlib.suppress(CannotSplit):
        batch = batch_of(graph)
        assert batch.size == 1 or batch.part(0, 1).nodes.keys() > graph.keys()
