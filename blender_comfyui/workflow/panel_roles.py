"""What each widget of a workflow is for, so that a panel can show what matters. No bpy, no network.

The roles of ``roles`` come first: they are what one value is set by. A panel wants more than these, and one for every
widget, so the graph is followed further, by names and by the types of the links that the server tells:

- **prompt**, **negative_prompt**: the texts behind the conditionings of every sampler, also where several make
  different pictures; the texts of nodes that make something without a conditioning (partner nodes, language models,
  detectors), through what joins, fills in and rewrites texts.
- **seed**, **steps**, **cfg**, **guidance**, **sampler_name**, **scheduler**, **denoise**, **length**, **fps**,
  **duration**: inputs of these names on nodes that sample or make something, through primitives.
- **width**, **height** and **size** (an aspect ratio, a resolution, megapixels, a scale): those of what is made, also
  where they are computed: all that goes into them through calculations, selectors, empty pictures and resized ones; and
  where a picture is encoded to begin with, what it is resized to.
- models by what their loader gives: **checkpoint**, **diffusion_model**, **vae**, **text_encoder**, **controlnet** and
  others; **lora** and **lora_strength**; **model** where a partner node has a choice of them.
- **switch**: what chooses between two ways through the graph, before the LoRA that it usually turns on.
- **image**, **mask**, **video**, **audio**, **mesh**, **file**: inputs that one can upload to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .graph import Node, Place, Workflow
from .node_types import NodeType, NodeTypes
from .panel_widgets import MEDIA, MODELS, SEED_NAMES, Kind, NodeWidget
from .roles import LATENTS, find_roles, is_noiseless, is_sampler, sampler_texts
from .texts import text_behind
from .tracing import passed_through, value_behind

# What a panel shows first.
PANEL_ROLES = (
    "prompt",
    "negative_prompt",
    "image",
    "mask",
    "video",
    "audio",
    "mesh",
    "file",
    "seed",
    "width",
    "height",
    "size",
    "batch_size",
    "length",
    "duration",
    "fps",
    "steps",
    "cfg",
    "guidance",
    "sampler_name",
    "scheduler",
    "denoise",
    "checkpoint",
    "diffusion_model",
    "model",
    "text_encoder",
    "clip_vision",
    "vae",
    "controlnet",
    "upscale_model",
    "switch",
    "lora",
    "lora_strength",
)

_PROMPTS = frozenset(
    "prompt positive_prompt text_prompt text tags lyrics caption description instruction query positive".split()
)
_NEGATIVES = frozenset({"negative_prompt", "negative_text_prompt", "negative"})
_SIZES = frozenset(
    "aspect_ratio ratio resolution size megapixels megapixel image_size image_resolution video_resolution quality_size "
    "target_size largest_size longer_edge longer_size shorter_size size_preset".split()
)
_SCALES = frozenset({"scale_by", "upscale_by"})
_SETTINGS = {
    "cfg_conds": "cfg",
    "cfg_scale": "cfg",
    "guidance_scale": "guidance",
    "num_frames": "length",
    "frames": "length",
    "video_frames": "length",
    "frames_number": "length",
    "frame_rate": "fps",
    "seconds": "duration",
    "duration_seconds": "duration",
} | {name: name for name in "steps cfg guidance sampler_name scheduler denoise length fps duration".split()}
_MAKING = frozenset({"LATENT", "SIGMAS", "GUIDER", "SAMPLER", "NOISE", "CONDITIONING", "VIDEO"})
_EMPTY = frozenset({"LATENT", "IMAGE"})
_LOADED = {
    "MODEL": "diffusion_model",
    "CLIP": "text_encoder",
    "VAE": "vae",
    "CLIP_VISION": "clip_vision",
    "CONTROL_NET": "controlnet",
    "MODEL_PATCH": "controlnet",
    "UPSCALE_MODEL": "upscale_model",
    "LATENT_UPSCALE_MODEL": "upscale_model",
}
_NUMBERS = frozenset({"INT", "FLOAT", "BOOLEAN", "COMBO", "STRING"})
_MODEL_MENUS = frozenset({"model", "model_name", "model_version"})
# What links of these names bring has no say in how large the picture becomes.
_NO_SIZE = ("model", "clip", "vae", "positive", "negative", "conditioning", "control_net", "audio")
_SIDES = ("width", "height")
_FARTHEST = 200


def panel_roles(
    workflow: Workflow, node_types: NodeTypes, widgets: Mapping[Place, tuple[NodeWidget, Kind]]
) -> dict[Place, str]:
    """Return the roles of widgets, the first that fits each; ``widgets`` are all that hold a value."""
    finding = _Finding(workflow, node_types, widgets)
    finding.of_samplers()
    finding.of_files()
    for node in workflow.nodes.values():
        finding.of_names(node)
    finding.of_sizes()
    return finding.roles


class _Finding:
    """Collects roles by place; what is found first stays."""

    def __init__(
        self, workflow: Workflow, node_types: NodeTypes, widgets: Mapping[Place, tuple[NodeWidget, Kind]]
    ) -> None:
        self.workflow = workflow
        self.nodes = workflow.nodes
        self.node_types = node_types
        self.widgets = widgets
        self.roles: dict[Place, str] = {}
        self.samplers = {node.id for node in self.nodes.values() if is_sampler(node)}
        self._makes: dict[str, bool] = {}

    def add(self, role: str, place: Place | None) -> None:
        if place is not None and place in self.widgets:
            self.roles.setdefault(place, role)

    def type(self, node: Node) -> NodeType | None:
        return self.node_types.get(node.class_type)

    def of_samplers(self) -> None:
        for role, places in find_roles(self.workflow).items():
            for place in places:
                if self.is_trusted(role, place) and not (role == "seed" and is_noiseless(self.nodes[place.node_id])):
                    self.add(role, place)
        texts = sampler_texts(self.workflow)
        for side, role in (("positive", "prompt"), ("negative", "negative_prompt")):
            for place in texts[side]:  # type: ignore[index]
                self.add(role, place)

    def is_trusted(self, role: str, place: Place) -> bool:
        """False for a size that only a name speaks for: a crop's, a padding's."""
        return role not in _SIDES or bool(self.samplers) or self.makes(self.nodes[place.node_id])

    def of_files(self) -> None:
        for place, (widget, kind) in self.widgets.items():
            if kind in MEDIA:
                self.add(kind.value, place)
            elif kind in MODELS:
                self.add(_model_role(widget, kind, self.type(self.nodes[place.node_id])), place)

    def of_names(self, node: Node) -> None:
        node_type = self.type(node)
        makes = self.makes(node)
        has_lora = any(self.roles.get(Place(node.id, name)) == "lora" for name in node.inputs)
        for name in node.inputs:
            short = name.rsplit(".", 1)[-1]
            if short in SEED_NAMES and not is_noiseless(node):
                self.add("seed", value_behind(self.nodes, Place(node.id, name)))
            elif short == "switch":
                self.add("switch", value_behind(self.nodes, Place(node.id, name)))
            elif has_lora and "strength" in short:
                self.add("lora_strength", value_behind(self.nodes, Place(node.id, name)))
            elif makes:
                self.of_maker(node, name, short, node_type)

    def of_maker(self, node: Node, name: str, short: str, node_type: NodeType | None) -> None:
        place = Place(node.id, name)
        if short in _SETTINGS:
            self.add(_SETTINGS[short], value_behind(self.nodes, place))
        elif short in _PROMPTS or short in _NEGATIVES:
            if self.takes_text(name, node_type):
                self.add("prompt" if short in _PROMPTS else "negative_prompt", text_behind(self.nodes, place))
        elif short in _MODEL_MENUS:
            self.add("model", place)

    def takes_text(self, name: str, node_type: NodeType | None) -> bool:
        """True for a text that is written, and not one of a conditioning, which its sampler speaks for."""
        if node_type is not None and any(output.type == "CONDITIONING" for output in node_type.outputs):
            return not self.samplers
        input_ = node_type.input(name) if node_type else None
        return input_ is None or input_.type == "STRING" or input_.dynamic is not None

    def makes(self, node: Node) -> bool:
        """True for a node that makes something: a partner's, a sampler, a source of latents, a language model."""
        if node.class_type not in self._makes:
            self._makes[node.class_type] = self.class_makes(self.type(node))
        return self._makes[node.class_type] or node.id in self.samplers

    def class_makes(self, node_type: NodeType | None) -> bool:
        if node_type is None or node_type.api_node:
            return True
        outputs = {output.type for output in node_type.outputs}
        if outputs & _MAKING:
            return True
        inputs = {input_.type for input_ in node_type.inputs}
        return bool(inputs & {"CLIP", "MODEL"}) or (outputs & _EMPTY == outputs and not inputs - _NUMBERS)

    def of_sizes(self) -> None:
        for node in self.nodes.values():
            for name in node.inputs:
                short = name.rsplit(".", 1)[-1]
                if short in _SCALES:
                    self.add_size("size", Place(node.id, name))
                elif not self.makes(node):
                    continue
                elif node.id in self.samplers and short in LATENTS and node.link(name):
                    self.of_latent(Place(node.id, name))
                elif short in _SIDES:
                    self.add_size(short, Place(node.id, name))
                elif short in _SIZES:
                    self.add_size("size", Place(node.id, name))

    def of_latent(self, place: Place) -> None:
        """Add what the picture that a sampler begins with is resized to; numbers without a side may be anything."""
        for source in self.computed_from(place):
            if source.input_name != "value" or self.side(source):
                self.add_computed(source)

    def add_size(self, role: str, place: Place) -> None:
        written = value_behind(self.nodes, place)
        if written is not None:
            self.add(role, written)
            return
        for source in self.computed_from(place):
            self.add_computed(source)

    def add_computed(self, place: Place) -> None:
        """Add what a size is computed from."""
        name, side = place.input_name.rsplit(".", 1)[-1], self.side(place)
        if side:
            self.add(side, place)
        elif (
            name in _SIZES
            or name == "multiplier"
            or (name == "value" and self.widgets[place][1] in (Kind.INTEGER, Kind.FLOAT))
        ):
            self.add("size", place)

    def side(self, place: Place) -> str:
        """Return which side a number is; of primitives, titles tell."""
        name = place.input_name.rsplit(".", 1)[-1]
        if name != "value":
            return name if name in _SIDES else ""
        title = self.nodes[place.node_id].title.casefold()
        return next((side for side in _SIDES if side in title), "")

    def computed_from(self, place: Place) -> Iterator[Place]:
        """Yield the widgets of all nodes that a number comes from, up to what makes or loads a picture."""
        seen: set[str] = set()
        waiting = [self.nodes[place.node_id].link(place.input_name)]
        while waiting and len(seen) < _FARTHEST:
            link = waiting.pop()
            node = self.nodes.get(link.node_id) if link else None
            if node is None or node.id in seen:
                continue
            seen.add(node.id)
            yield from (found for name in node.inputs if (found := Place(node.id, name)) in self.widgets)
            if not self.is_end(node):
                passed = passed_through(self.nodes, node)
                waiting.extend(link for name, link in node.links().items() if _leads_to_size(name, passed))

    def is_end(self, node: Node) -> bool:
        return node.id in self.samplers or any(
            self.widgets[place][1] in MEDIA for name in node.inputs if (place := Place(node.id, name)) in self.widgets
        )


def _leads_to_size(name: str, passed: str | None) -> bool:
    return name == passed if passed else not name.startswith(_NO_SIZE)


def _model_role(widget: NodeWidget, kind: Kind, node_type: NodeType | None) -> str:
    if kind is Kind.LORA:
        return "lora"
    name = widget.input_.name
    if name == "ckpt_name":
        return "checkpoint"
    outputs = [output.type for output in node_type.outputs] if node_type else []
    if len(outputs) > 1 and "vae" in name:
        return "vae"
    return next((_LOADED[type_] for type_ in outputs if type_ in _LOADED), "model")
