"""A stack of LoRAs in any graph: every way from a loader to a sampler goes through all of it, once and in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from blender_comfyui.workflow.graph import Workflow
from blender_comfyui.workflow.loras import Lora, with_loras
from tests.workflow.graphs import Graph, ksampler, node

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=8)
STRENGTHS = st.floats(-2, 2, allow_nan=False)
STACKS = st.lists(st.builds(Lora, NAMES, STRENGTHS, st.none() | STRENGTHS, st.booleans()), max_size=4)


class Builder:
    """Draws a graph: loaders of both kinds, what changes models and text encoders, LoRAs, samplers in a row."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.graph: Graph = {}
        self.models: list[list[Any]] = []
        self.clips: list[list[Any]] = []

    def put(self, class_type: str, **inputs: Any) -> str:
        node_id = str(len(self.graph) * 2 + 1)
        self.graph[node_id] = node(class_type, **inputs)
        return node_id

    def one(self, among: list[list[Any]]) -> list[Any]:
        return list(self.draw(st.sampled_from(among)))

    def load(self) -> None:
        if self.draw(st.booleans()):
            node_id = self.put("CheckpointLoaderSimple", ckpt_name="x")
            self.models.append([node_id, 0])
            self.clips.append([node_id, 1])
        else:
            self.models.append([self.put("UNETLoader", unet_name="x"), 0])
            self.clips.append([self.put("DualCLIPLoader", clip_name1="x", clip_name2="y"), 0])

    def change(self) -> None:
        what = self.draw(st.sampled_from(["lora", "model only", "sampling", "last layer", "merge"]))
        if what == "lora":
            strengths = {"strength_model": 1.0, "strength_clip": 1.0}
            models = {"model": self.one(self.models), "clip": self.one(self.clips)}
            node_id = self.put("LoraLoader", lora_name="own", **strengths, **models)
            self.models.append([node_id, 0])
            self.clips.append([node_id, 1])
        elif what == "last layer":
            self.clips.append([self.put("CLIPSetLastLayer", clip=self.one(self.clips)), 0])
        elif what == "merge":
            both = {"model1": self.one(self.models), "model2": self.one(self.models)}
            self.models.append([self.put("ModelMergeSimple", ratio=0.5, **both), 0])
        else:
            class_type = "LoraLoaderModelOnly" if what == "model only" else "ModelSamplingDiscrete"
            self.models.append([self.put(class_type, model=self.one(self.models)), 0])

    def sample(self, latent: list[Any]) -> list[Any]:
        texts = [self.put("CLIPTextEncode", text="x", clip=self.one(self.clips)) for _ in range(2)]
        inputs = ksampler(
            model=self.one(self.models), positive=[texts[0], 0], negative=[texts[1], 0], latent_image=latent
        )
        return [self.put("KSampler", **inputs["inputs"]), 0]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    builder = Builder(draw)
    for _ in range(draw(st.integers(1, 2))):
        builder.load()
    for _ in range(draw(st.integers(0, 4))):
        builder.change()
    latent = [builder.put("EmptyLatentImage", width=64, height=64, batch_size=1), 0]
    for _ in range(draw(st.integers(1, 3))):
        latent = builder.sample(latent)
    return builder.graph


def ways(graph: Graph, node_id: str, name: str) -> Iterator[list[str]]:
    """All ways from an input up to a loader, as the ids on them."""
    source, slot = graph[node_id]["inputs"][name]
    giver = graph[source]
    is_clip = name.startswith("clip")
    names = [other for other in giver["inputs"] if other.startswith("clip" if is_clip else "model")]
    links = [other for other in names if isinstance(giver["inputs"][other], list)]
    assert slot == {"LoraLoader": 1, "CheckpointLoaderSimple": 1}.get(giver["class_type"], 0) * is_clip
    if not links:
        yield [source]
    for other in links:
        for way in ways(graph, source, other):
            yield [source, *way]


@given(graphs(), STACKS)
def test_every_way_goes_through_the_whole_stack_once(graph: Graph, stack: list[Lora]) -> None:
    result = with_loras(Workflow.load(graph), stack).api()
    wanted = [lora for lora in stack if lora.on]
    for node_id, sampler in graph.items():
        name = {"KSampler": "model", "CLIPTextEncode": "clip"}.get(sampler["class_type"])
        for way in ways(result, node_id, name) if name else ():
            passed = [result[id_] for id_ in reversed(way) if id_ not in graph]
            assert [one["inputs"]["lora_name"] for one in passed] == [lora.name for lora in wanted]
            number = 0 if name == "model" else 1
            strengths = [one["inputs"]["strength_model" if name == "model" else "strength_clip"] for one in passed]
            assert strengths == [lora.strengths[number] for lora in wanted]
            own = [number for number, id_ in enumerate(way) if id_ in graph and "Lora" in graph[id_]["class_type"]]
            new = [number for number, id_ in enumerate(way) if id_ not in graph]
            assert not own or not new or min(own) > max(new), "the workflow's own LoRAs come first"


@given(graphs(), STACKS)
def test_nothing_else_changes(graph: Graph, stack: list[Lora]) -> None:
    workflow = Workflow.load(graph)
    result = with_loras(workflow, stack).api()
    assert workflow.api() == graph
    for found in result.values():
        for name, value in found["inputs"].items():
            assert not isinstance(value, list) or value[0] in result, f"{name} is linked to nothing"
    for node_id, before in graph.items():
        assert result[node_id]["class_type"] == before["class_type"]
        values = {name: value for name, value in before["inputs"].items() if not isinstance(value, list)}
        after = {name: value for name, value in result[node_id]["inputs"].items() if not isinstance(value, list)}
        assert after == values
    if not any(lora.on for lora in stack):
        assert result == graph
