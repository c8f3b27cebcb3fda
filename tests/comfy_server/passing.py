"""What most nodes are to a client: loaders, patches, guiders, conditionings. They pass values on by type.

What such a node gives has no size and no content that anybody could see; only empty latents have a size, and that is
computed from the node's own inputs. Whatever gives pictures, sound, numbers or texts is written out in other modules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .node_types import NodeType, inputs_of
from .nodes import Conditioning, Latent, Model
from .runs import NodeRun, Result

_MODELS = ("MODEL", "CLIP", "VAE")
_CONTENTS = frozenset(
    "IMAGE MASK VIDEO AUDIO SVG MESH VOXEL INT FLOAT STRING BOOLEAN COMBO * COMFY_MATCHTYPE_V3 FILE_3D_GLB".split()
)
_LENGTHS = ("length", "num_frames", "video_frames")
_UNSUPPORTED = "COMFY_DYNAMICGROUP_V3"


@dataclass(frozen=True)
class Made:
    """What a node made of its inputs, where nothing but these matters: noise, sigmas, a guider, an upscale model."""

    class_type: str
    inputs: dict[str, Any]

    def find(self, *names: str, default: Any = None) -> Any:
        """The first input of one of these names, its own or of what it was made from."""
        for name in names:
            if name in self.inputs:
                return self.inputs[name]
        found = (value.find(*names) for value in self.inputs.values() if isinstance(value, Made))
        return next((value for value in found if value is not None), default)


def fits(node_type: NodeType) -> bool:
    """Whether a class only passes on, or makes an empty latent of a size that it is given."""
    outputs = set(node_type["output"])
    inputs = {name: spec[0] for name, (_, spec) in inputs_of(node_type).items()}
    if not outputs or node_type["output_node"] or outputs & _CONTENTS or _UNSUPPORTED in inputs.values():
        return False
    return "LATENT" not in outputs or ({"width", "height"} <= inputs.keys() and "LATENT" not in inputs.values())


def pass_on(run: NodeRun, **inputs: Any) -> Result:
    """Each output is the input of its name and type, else the first of its type, else made of all inputs."""
    kinds = {name: spec[0] for name, (_, spec) in inputs_of(run.node_type).items()}
    values = []
    for kind, name in zip(run.node_type["output"], run.node_type["output_name"], strict=True):
        same = {name: value for name, value in inputs.items() if kinds.get(name) == kind}
        values.append(_given(run, kind, same.get(name, next(iter(same.values()), None)), inputs))
    return Result(tuple(values))


def _given(run: NodeRun, kind: str, before: Any, inputs: dict[str, Any]) -> Any:
    class_type = run.node_type["name"]
    if kind in _MODELS:
        changes = f"{class_type}({', '.join(map(str, _plain(inputs)))})"
        return Model(f"{before.name}+{changes}" if before is not None else changes)
    if kind == "CONDITIONING":
        return before or Conditioning(" ".join(value for value in _plain(inputs) if isinstance(value, str)))
    if kind == "LATENT":
        return _empty_latent(run.node_type, inputs)
    return Made(class_type, inputs) if before is None else before


def _plain(inputs: dict[str, Any]) -> list[str | int | float]:
    return [value for value in inputs.values() if isinstance(value, str | int | float)]


def _empty_latent(node_type: NodeType, inputs: dict[str, Any]) -> Latent:
    """Sides are cut to the step that the server tells, frames to 1 more than a multiple of theirs."""
    steps = {
        name: (spec[1] if len(spec) > 1 else {}).get("step", 1) for name, (_, spec) in inputs_of(node_type).items()
    }
    sides = [inputs[name] // grid * grid for name in ("width", "height") if (grid := max(8, steps[name]))]
    length = next((name for name in _LENGTHS if name in inputs), None)
    frames = (inputs[length] - 1) // steps[length] * steps[length] + 1 if length else 1
    return Latent(*sides, inputs.get("batch_size", 1), frames=frames)
