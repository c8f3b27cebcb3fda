"""What people want to set in any workflow, found by following the links. No bpy, no network.

Roles are found from the samplers: a sampler is a node with a guider, or with a model or a positive conditioning
beside a seed, noise or sampler. From it the links lead to everything else:

- ``prompt`` and ``negative_prompt``: the texts behind its two conditionings, through everything that only changes
  these, and through primitives. A text that serves both sides is a prompt. What ConditioningZeroOut makes has no
  text. Samplers one after the other (base and refiner, high-resolution fix) share the prompt; where independent
  samplers have different texts, the workflow makes different pictures, and there is no such role. Where some
  samplers are given text, those without any are tools (depth estimators, upscalers) and left alone altogether.
- ``seed``, ``steps``, ``cfg``, ``sampler_name``, ``scheduler``: those of all samplers, their guiders, noises, sigmas.
- ``denoise`` and ``checkpoint``: only of the samplers that no other sampler comes before, because a second pass and
  a refiner have their own. The checkpoint is a ``ckpt_name`` behind the model, and all others that name the same file.
- ``width``, ``height``, ``batch_size``: of the empty latents that the samplers begin with, and with these the
  schedulers and models that must know the size. Where an image is encoded instead, there is none.

Without any sampler, a role is an input of the same name: every ``seed``; each other only where just one node has it,
and a size only on a node that makes something from values alone, such as EmptyImage.

A value that is linked is followed to the primitive that holds it; one that is computed is no place for a role.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .graph import Node, Place, Workflow
from .texts import Side, text_behind, texts_behind
from .tracing import source, value_at, value_behind

ROLES = (
    "prompt",
    "negative_prompt",
    "seed",
    "steps",
    "cfg",
    "sampler_name",
    "scheduler",
    "denoise",
    "width",
    "height",
    "batch_size",
    "checkpoint",
)
TEXT_ROLES = frozenset({"prompt", "negative_prompt", "sampler_name", "scheduler", "checkpoint"})
INTEGER_ROLES = frozenset({"seed", "steps", "width", "height", "batch_size"})

_SETTINGS = {
    "seed": "seed",
    "noise_seed": "seed",
    "steps": "steps",
    "cfg": "cfg",
    "cfg_conds": "cfg",
    "sampler_name": "sampler_name",
    "scheduler": "scheduler",
    "denoise": "denoise",
}
_WRITTEN = frozenset({"prompt", "negative_prompt"})
_OF_THE_FIRST_PASS = frozenset({"denoise"})
_SIZES = ("width", "height", "batch_size")
_PARTS = ("guider", "noise", "sampler", "sigmas")
# How samplers and guiders call their two sides; DualCFGGuider has two positives, the second without the text.
_SIDES: dict[str, Side] = {
    "positive": "positive",
    "conditioning": "positive",
    "cond1": "positive",
    "negative": "negative",
    "cond2": "negative",
}
LATENTS = (
    "latent_image",
    "latent",
    "samples",
    "video_latent",
    "samples1",
    "samples_to",
    "destination",
    "av_latent",
)


def find_roles(workflow: Workflow) -> Mapping[str, tuple[Place, ...]]:
    """Return the places of every role that the workflow has, in the order of ROLES; all hold values, no links."""
    search = _Search(workflow)
    if search.samplers:
        search.from_samplers()
    else:
        search.from_names()
    return {role: tuple(search.found[role]) for role in ROLES if role in search.found}


def sampler_texts(workflow: Workflow) -> Mapping[Side, tuple[Place, ...]]:
    """Return the texts behind the conditionings of all samplers, also where these make different pictures."""
    search = _Search(workflow)
    found: dict[Side, dict[Place, None]] = {"positive": {}, "negative": {}}
    for sampler in search.samplers:
        for side, places in search.texts(list(search.parts(sampler))).items():
            found["negative" if side == "negative" else "positive"].update(dict.fromkeys(places))
    return {side: tuple(places) for side, places in found.items()}


def is_sampler(node: Node) -> bool:
    """True for a node that samples: see the module's rule."""
    inputs = node.inputs
    if "guider" in inputs:
        return True
    if node.link("positive"):
        return any(name in inputs for name in ("seed", "noise_seed", "noise", "sampler", "sampler_name"))
    return node.link("model") is not None and "steps" in inputs and ("seed" in inputs or "noise_seed" in inputs)


def is_noiseless(node: Node) -> bool:
    """True for a sampler that goes on with what another one began: its seed does nothing."""
    return node.inputs.get("add_noise") in ("disable", False)


class _Search:
    """Collects places by role."""

    def __init__(self, workflow: Workflow) -> None:
        self.workflow = workflow
        self.nodes = workflow.nodes
        self.samplers = [node for node in self.nodes.values() if is_sampler(node)]
        self.found: dict[str, dict[Place, None]] = {}
        self.beginnings: dict[str, Node | None] = {}
        self.models: dict[str, Node | None] = {}
        self.loaders: set[str] = set()

    def add(self, role: str, node: Node, input_name: str) -> None:
        follow = text_behind if role in _WRITTEN else value_behind
        place = follow(self.nodes, Place(node.id, input_name))
        if place is None or (role == "seed" and is_noiseless(node)):
            return
        value = value_at(self.nodes, place)
        fits = isinstance(value, str) if role in TEXT_ROLES else _is_number(value)
        if fits:
            self.found.setdefault(role, {})[place] = None

    def from_samplers(self) -> None:
        parts = {sampler.id: list(self.parts(sampler)) for sampler in self.samplers}
        texts = {sampler.id: self.texts(parts[sampler.id]) for sampler in self.samplers}
        if any(texts[sampler.id]["positive"] for sampler in self.samplers):
            self.samplers = [sampler for sampler in self.samplers if texts[sampler.id]["positive"]]
            texts = {sampler.id: texts[sampler.id] for sampler in self.samplers}
        first = self.first_passes()
        self.add_texts(first, texts)
        first_ids = {sampler.id for sampler in first}
        for sampler in self.samplers:
            for part in parts[sampler.id]:
                for name, role in _SETTINGS.items():
                    if role not in _OF_THE_FIRST_PASS or sampler.id in first_ids:
                        self.add(role, part, name)
            self.add_size(sampler, parts[sampler.id])
        for sampler in first:
            for part in parts[sampler.id]:
                self.add_checkpoint(part)

    def first_passes(self) -> list[Node]:
        """Return the samplers that no other sampler comes before; all when they run in circles."""
        if len(self.samplers) == 1:
            return self.samplers
        later = self.workflow.fed_by(sampler.id for sampler in self.samplers)
        return [node for node in self.samplers if node.id not in later] or self.samplers

    def parts(self, sampler: Node) -> Iterator[Node]:
        """Yield a sampler and the nodes that hold its settings: guider, noise, sampler choice, sigmas."""
        seen: set[str] = set()
        waiting = [sampler]
        while waiting:
            part = waiting.pop()
            if part.id not in seen:
                seen.add(part.id)
                yield part
                waiting.extend(found[0] for name in _PARTS if (found := source(self.nodes, part, name)) is not None)

    def add_texts(self, first: list[Node], texts: Mapping[str, dict[str, list[Place]]]) -> None:
        positive = {place for sides in texts.values() for place in sides["positive"]}
        for sides in texts.values():
            sides["negative"] = [place for place in sides["negative"] if place not in positive]
        for role, side in (("prompt", "positive"), ("negative_prompt", "negative")):
            if self.agree([texts[sampler.id][side] for sampler in first]):
                for sides in texts.values():
                    for place in sides[side]:
                        self.found.setdefault(role, {})[place] = None

    def texts(self, parts: list[Node]) -> dict[str, list[Place]]:
        places: dict[str, list[Place]] = {"positive": [], "negative": []}
        for part in parts:
            for name, side in _SIDES.items():
                if name in part.inputs:
                    places[side] += texts_behind(self.nodes, part, name, side)
        return places

    def agree(self, texts: list[list[Place]]) -> bool:
        """True when independent samplers are given the same texts; those without any do not count."""
        given = [tuple(value_at(self.nodes, place) for place in places) for places in texts if places]
        return len(set(given)) <= 1

    def add_size(self, sampler: Node, parts: list[Node]) -> None:
        latent = self.empty_latent(sampler)
        if latent is None:
            return
        for name in _SIZES:
            self.add(name, latent, name)
        if "width" in latent.inputs:
            for node in (*parts, *(node for part in parts for node in self.model_chain(part))):
                if node.id != sampler.id and "width" in node.inputs and "height" in node.inputs:
                    self.add("width", node, "width")
                    self.add("height", node, "height")

    def empty_latent(self, sampler: Node) -> Node | None:
        """Return the node with a size that a sampler's latent begins as, past what only changes the latent."""
        node = self.beginning(sampler)
        if node is None or node.id == sampler.id:
            return None
        return node if any(name in node.inputs for name in _SIZES) else None

    def beginning(self, node: Node) -> Node | None:
        """Return where a latent comes from; None where it runs in a circle. Found once for all on the way."""
        way: dict[str, None] = {}
        while node.id not in self.beginnings:
            way[node.id] = self.beginnings[node.id] = None  # what comes back to the way runs in a circle
            found = self.linked(node, [name for name in LATENTS if node.link(name)])
            if found is None:
                self.beginnings[node.id] = node
                break
            node = found
        end = self.beginnings[node.id]
        self.beginnings.update(dict.fromkeys(way, end))
        return end

    def model_chain(self, part: Node) -> Iterator[Node]:
        """Yield the nodes that a model comes through, the loader last."""
        seen = {part.id}
        while True:
            if part.id not in self.models:
                links = [name for name in part.links() if name.startswith("model")]
                self.models[part.id] = self.linked(part, links)
            found = self.models[part.id]
            if found is None or found.id in seen:
                return
            part = found
            seen.add(part.id)
            yield part

    def linked(self, node: Node, input_names: list[str]) -> Node | None:
        """Return what feeds the first of these inputs."""
        found = source(self.nodes, node, input_names[0]) if input_names else None
        return found[0] if found else None

    def add_checkpoint(self, part: Node) -> None:
        loader = next((node for node in self.model_chain(part) if "ckpt_name" in node.inputs), None)
        if loader is None or loader.id in self.loaders:
            return
        self.loaders.add(loader.id)
        for node in self.nodes.values():
            if node.inputs.get("ckpt_name") == loader.inputs["ckpt_name"]:
                self.add("checkpoint", node, "ckpt_name")

    def from_names(self) -> None:
        for node in self.nodes.values():
            for role in ROLES:
                name = "ckpt_name" if role == "checkpoint" else role
                if name in node.inputs and (role not in _SIZES or self.makes_from_values(node)):
                    self.add(role, node, name)
        for role, places in list(self.found.items()):
            if len(places) > 1 and role != "seed":
                del self.found[role]

    def makes_from_values(self, node: Node) -> bool:
        return all(value_behind(self.nodes, Place(node.id, name)) for name in node.links())


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
