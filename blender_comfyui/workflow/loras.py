"""LoRAs: out of prompts, and into any graph. No bpy, no network.

A stack of LoRAs is put behind the loader of a diffusion model, or behind the workflow's own LoRAs where it has some, so
that every way from the loader to something that uses the model goes through the whole stack once. The text encoder is
treated in the same way: the one that conditions what the model samples goes through the same nodes as the model
(``LoraLoader``), also where it was loaded apart; a model without one goes through ``LoraLoaderModelOnly``.

A model that nothing with a prompt samples, such as one that finds poses, is left alone where others are sampled.

Which links carry a model or a text encoder says the server (``types``). Without it ComfyUI's own loaders are known,
others by ComfyUI's own nodes that use what they give, and what comes behind them by the names of the inputs that read
it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count as numbers_from
from typing import Any, NamedTuple

from .batch import OutputTypes
from .graph import Link, Node, Place, Workflow
from .tracing import passed_through

_MODEL, _CLIP = "MODEL", "CLIP"
_WEIGHTS = (_MODEL, _CLIP)
_ADAPTING = frozenset({"*", ""})
_CONDITIONED = ("positive", "conditioning", "cond1")
_READERS = {_MODEL: re.compile(r"model\d*|unet"), _CLIP: re.compile(r"clip\d*")}
_USERS = {
    _MODEL: re.compile(r"KSampler(Advanced)?|SamplerCustom|(Basic|(Dual)?CFG)Guider"),
    _CLIP: re.compile(r"CLIPTextEncode.*"),
}
# What a server's answer is asked for otherwise (ComfyUI 0.3.64 to 0.38).
_BOTH = (_MODEL, _CLIP, "VAE")
_STOCK: Mapping[str, Sequence[object]] = {
    "CheckpointLoader": _BOTH,
    "CheckpointLoaderSimple": _BOTH,
    "DiffusersLoader": _BOTH,
    "unCLIPCheckpointLoader": _BOTH,
    "ImageOnlyCheckpointLoader": (_MODEL,),
    "UNETLoader": (_MODEL,),
    "CLIPLoader": (_CLIP,),
    "DualCLIPLoader": (_CLIP,),
    "TripleCLIPLoader": (_CLIP,),
    "QuadrupleCLIPLoader": (_CLIP,),
    "LTXAVTextEncoderLoader": (_CLIP,),
    "LoraLoader": (_MODEL, _CLIP),
    "LoraLoaderModelOnly": (_MODEL,),
}


@dataclass(frozen=True, slots=True)
class Lora:
    """One LoRA of a stack. ``name`` is as the server lists it; ``strength_clip`` None is as strong as for the model."""

    name: str
    strength_model: float = 1.0
    strength_clip: float | None = None
    on: bool = True

    @property
    def strengths(self) -> tuple[float, float]:
        """Return the strengths for the model and for the text encoder."""
        return self.strength_model, self.strength_model if self.strength_clip is None else self.strength_clip


def with_loras(workflow: Workflow, loras: Iterable[Lora], types: OutputTypes | None = None) -> Workflow:
    """Return a copy of a workflow with those LoRAs of a stack in it that are on, the first one next to the loader.

    ``types`` has the output types of the node classes, as /object_info names them. The given workflow stays as it is;
    it comes back unchanged where no LoRA is on, and where it has no diffusion model to put them behind.
    """
    stack = [lora for lora in loras if lora.on]
    if not stack:
        return workflow
    cuts = _Search(workflow, types or {}).cuts()
    return _Insertion(workflow, stack).made(cuts) if cuts else workflow


class _Cut(NamedTuple):
    """Where a stack goes: these readers of ``link`` read its end instead."""

    link: Link
    readers: tuple[Place, ...]


class _Pair(NamedTuple):
    """A stack for a model, for a text encoder, or for both; a model without readers only keeps its encoder company."""

    model: _Cut
    clip: _Cut | None = None


class _Search:
    """Finds where stacks belong."""

    def __init__(self, workflow: Workflow, types: OutputTypes) -> None:
        self.nodes = workflow.nodes
        self.types = types
        self.readers: dict[Link, list[Place]] = {}
        for node in workflow.nodes.values():
            for name, link in node.links().items():
                if link.node_id in workflow.nodes:
                    self.readers.setdefault(link, []).append(Place(node.id, name))
        self.kinds: dict[Link, str] = {}
        self.given: dict[str, list[Link]] = {}
        for link in self.readers:
            self.given.setdefault(link.node_id, []).append(link)
        for link in self.readers:
            self.kind(link)

    def cuts(self) -> list[_Pair]:
        models = self.sampled(list(self.of_kind(_MODEL)))
        clips: dict[int, list[_Cut]] = {}
        for clip in self.of_kind(_CLIP):
            number = self.partner(clip, models, clips)
            if number is not None:
                clips.setdefault(number, []).append(clip)
        pairs = []
        for number, model in enumerate(models):
            first, *others = clips.get(number, [None])
            pairs.append(_Pair(model, first))
            pairs += [_Pair(_Cut(model.link, ()), other) for other in others]
        return pairs

    def sampled(self, models: list[_Cut]) -> list[_Cut]:
        """Return those whose loaders feed something with a prompt; all, where none does."""
        roots = [self.loaders(model.link) for model in models]
        is_used = [any(self.is_conditioned(node_id) for node_id in self.users(model)) for model in models]
        used = set().union(*(found for found, is_it in zip(roots, is_used, strict=True) if is_it))
        return [model for model, found in zip(models, roots, strict=True) if found & used] or models

    def is_conditioned(self, node_id: str) -> bool:
        return any(self.nodes[node_id].link(name) for name in _CONDITIONED)

    def loaders(self, link: Link) -> set[str]:
        """Return the nodes that a model comes from."""
        found: set[str] = set()
        waiting = [link.node_id]
        while waiting:
            node_id = waiting.pop()
            if node_id not in found:
                found.add(node_id)
                waiting += [other.node_id for other in self.taken(self.nodes[node_id], _MODEL)]
        return {node_id for node_id in found if not self.taken(self.nodes[node_id], _MODEL)} or found

    def of_kind(self, kind: str) -> Iterator[_Cut]:
        """Yield where every way from a loader has passed the last LoRA of its own."""
        adapted = self.before_loras(kind)
        for link, readers in self.readers.items():
            if self.kinds[link] != kind:
                continue
            begins = link.node_id in adapted or not self.taken(self.nodes[link.node_id], kind)
            free = tuple(place for place in readers if place.node_id not in adapted)
            if begins and free:
                yield _Cut(link, free)

    def before_loras(self, kind: str) -> set[str]:
        """Return the workflow's own LoRA nodes and all that hands a model on to them."""
        own = (node for node in self.nodes.values() if "lora" in node.class_type.lower() and self.hands_on(node, kind))
        found: set[str] = set()
        waiting = [node.id for node in own]
        while waiting:
            node_id = waiting.pop()
            if node_id not in found:
                found.add(node_id)
                waiting += [link.node_id for link in self.taken(self.nodes[node_id], kind)]
        return found

    def hands_on(self, node: Node, kind: str) -> bool:
        gives = any(self.kinds[link] == kind for link in self.given.get(node.id, ()))
        return gives and bool(self.taken(node, kind))

    def taken(self, node: Node, kind: str) -> list[Link]:
        return [link for link in node.links().values() if self.kinds.get(link) == kind]

    def kind(self, link: Link, seen: frozenset[Link] = frozenset()) -> str:
        """Return what a link carries: MODEL, CLIP, or '' for anything else."""
        if link not in self.kinds and link not in seen:
            self.kinds[link] = self.kind_anew(link, seen | {link})
        return self.kinds.get(link, "")

    def kind_anew(self, link: Link, seen: frozenset[Link]) -> str:
        node = self.nodes[link.node_id]
        told = self.types.get(node.class_type, _STOCK.get(node.class_type))
        if told is not None:
            given = told[link.slot] if 0 <= link.slot < len(told) else ""
            if isinstance(given, str) and given not in _ADAPTING and not given.startswith("COMFY_"):
                return given if given in _WEIGHTS else ""
        else:
            used = [kind for kind in _WEIGHTS if self.is_used_as(link, kind)]
            if used:
                return used[0]
        taken = {self.kind(other, seen) for other in node.links().values() if other in self.readers}
        return next((kind for kind in _WEIGHTS if kind in taken and self.is_read_as(link, kind)), "")

    def is_read_as(self, link: Link, kind: str) -> bool:
        """Whether something takes it as this kind, also behind a switch."""
        behind = self.read_by(link, lambda place: bool(passed_through(self.nodes, self.nodes[place.node_id])))
        return any(_READERS[kind].fullmatch(place.input_name) for place in behind)

    def is_used_as(self, link: Link, kind: str) -> bool:
        """Whether ComfyUI's own nodes sample with it, or encode a text, also behind what changes it."""
        behind = self.read_by(link, lambda place: bool(_READERS[kind].fullmatch(place.input_name)))
        read = (place.node_id for place in behind if _READERS[kind].fullmatch(place.input_name))
        return any(_USERS[kind].fullmatch(self.nodes[node_id].class_type) for node_id in read)

    def read_by(self, link: Link, is_past: Callable[[Place], bool]) -> Iterator[Place]:
        """Yield what reads a link, and what comes behind those readers that can be looked past."""
        seen, waiting = {link}, [link]
        while waiting:
            for place in self.readers[waiting.pop()]:
                yield place
                behind = set(self.given.get(place.node_id, ())) - seen if is_past(place) else set()
                seen |= behind
                waiting += behind

    def partner(self, clip: _Cut, models: Sequence[_Cut], taken: Mapping[int, list[_Cut]]) -> int | None:
        """Return the number of the model that a text encoder belongs to, rather one that has none yet."""
        conditioned = self.reached([place.node_id for place in clip.readers])
        users = [self.users(model) for model in models]
        fitting = [number for number, used_by in enumerate(users) if used_by & conditioned]
        fitting.sort(key=lambda number: (models[number].link.node_id != clip.link.node_id, number in taken))
        return fitting[0] if fitting else None

    def users(self, cut: _Cut) -> set[str]:
        """Return the nodes that read a model behind a cut."""
        found: set[str] = set()
        waiting = [place.node_id for place in cut.readers]
        while waiting:
            node_id = waiting.pop()
            if node_id not in found:
                found.add(node_id)
                links = [link for link in self.given.get(node_id, ()) if self.kinds[link] == _MODEL]
                waiting += [place.node_id for link in links for place in self.readers[link]]
        return found

    def reached(self, ids: Iterable[str]) -> set[str]:
        """Return these nodes and all behind them, up to the first that use a model."""
        found: set[str] = set()
        waiting = list(ids)
        while waiting:
            node_id = waiting.pop()
            if node_id in found:
                continue
            found.add(node_id)
            if not self.taken(self.nodes[node_id], _MODEL):
                waiting += [place.node_id for link in self.given.get(node_id, ()) for place in self.readers[link]]
        return found


class _Insertion:
    """Adds stacks to a copy of a graph."""

    def __init__(self, workflow: Workflow, stack: Sequence[Lora]) -> None:
        self.graph = workflow.api()
        self.stack = stack
        used = {link.node_id for node in workflow.nodes.values() for link in node.links().values()}
        used |= self.graph.keys()
        self.ids = (str(number) for number in numbers_from(1) if str(number) not in used)

    def made(self, pairs: Iterable[_Pair]) -> Workflow:
        for model, clip in pairs:
            model_end, clip_end = model.link, clip.link if clip else None
            for lora in self.stack:
                node_id = self.put(lora, model_end, clip_end, for_model=bool(model.readers))
                model_end = Link(node_id, 0) if model.readers else model_end
                clip_end = Link(node_id, 1) if clip_end else None
            self.read_instead(model, model_end)
            if clip and clip_end:
                self.read_instead(clip, clip_end)
        return Workflow(self.graph)

    def put(self, lora: Lora, model: Link, clip: Link | None, for_model: bool) -> str:
        strength_model, strength_clip = lora.strengths
        inputs: dict[str, Any] = {"lora_name": lora.name, "strength_model": strength_model if for_model else 0.0}
        inputs |= {"strength_clip": strength_clip} if clip else {}
        inputs |= {"model": [*model]} | ({"clip": [*clip]} if clip else {})
        node_id = next(self.ids)
        class_type = "LoraLoader" if clip else "LoraLoaderModelOnly"
        self.graph[node_id] = {"class_type": class_type, "inputs": inputs, "_meta": {"title": f"LoRA {lora.name}"}}
        return node_id

    def read_instead(self, cut: _Cut, link: Link) -> None:
        for node_id, input_name in cut.readers:
            self.graph[node_id]["inputs"][input_name] = [*link]
