"""What has to be known of nodes and samplers before a batch is made in parts. No bpy, no network.

Read in ComfyUI's source (0.3.64), and for its samplers measured there, picture by picture (tests/live/test_parts.py).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import PurePosixPath

from .graph import Node, Place
from .tracing import Nodes, value_at, value_behind
from .wording import quoted

_WHOLE_BATCH = re.compile(
    # join, choose from or count a batch; put all of it in one file; or take it as the pictures of one film
    r"batch|video|animat|frames|folder|director|grid|collage|webm|(?<![a-z])gif|^ADE_",
    re.IGNORECASE,
)
_WHOLE_BATCH_TOO = frozenset({"SaveLatent", "Load3D"})
_SEVERAL = frozenset({".gif", ".apng", ".webp", ".tif", ".tiff", ".mpo"})

# With these, a picture comes out the same whatever is sampled beside it. The others draw noise while they sample, for
# all pictures at once, or choose their steps by all of them.
_STEADY_SAMPLERS = frozenset(
    "euler euler_cfg_pp heun heunpp2 dpm_2 lms dpm_fast dpmpp_2m dpmpp_2m_cfg_pp ipndm ipndm_v deis res_multistep "
    "res_multistep_cfg_pp gradient_estimation gradient_estimation_cfg_pp ddim uni_pc uni_pc_bh2".split()
)
_STEADY_CLASSES = frozenset({"SamplerCustom", "SamplerCustomAdvanced", "SamplerLMS", "SamplerEulerCFGpp"})
_STEADY_SEEDS = frozenset({"KSampler", "KSamplerAdvanced", "SamplerCustom"})
_OVER_THE_BATCH = frozenset(
    {"PerpNeg", "PerpNegGuider", "Mahiro", "EasyCache", "LazyCache", "HyperTile", "TomePatchModel"}
)
_MAY_HAVE_FOUR_CHANNELS = frozenset({"EmptyLatentImage", "RepeatLatentBatch"})
_SEEDS = ("seed", "noise_seed")


def needs_whole_batch(class_type: str) -> bool:
    """True for nodes that cannot work with a part of a batch: known by their names, as they do not say it otherwise."""
    return class_type in _WHOLE_BATCH_TOO or bool(_WHOLE_BATCH.search(class_type))


def may_hold_several(node: Node) -> bool:
    """True for a loader whose file can hold more than one picture."""
    name = node.inputs.get("image")
    file = PurePosixPath(name.split(" [")[0] if isinstance(name, str) else "")
    return node.class_type == "LoadLatent" or file.suffix.lower() in _SEVERAL


def difference_in(nodes: Nodes, givers: Collection[str], members: Collection[str]) -> str:
    """Return a sentence on why the pictures of a part can differ from those of the whole batch; '' if they do not.

    ``givers`` are the nodes that give the batch its size, ``members`` all behind them. Sizes count where they are
    written in a node.
    """
    reasons = [_of_sampler(nodes, node) or _of_guidance(node) for node in nodes.values()]
    reasons += [_of_seed(node) for node in nodes.values() if node.id in members]
    if any(nodes[id_].class_type in _MAY_HAVE_FOUR_CHANNELS for id_ in givers):
        reasons += [_of_size(nodes, node) for node in nodes.values() if node.id in givers or node.id in members]
    reason = next((reason for reason in reasons if reason), "")
    return f"{reason}, so the pictures can differ from those of one whole batch." if reason else ""


def _of_sampler(nodes: Nodes, node: Node) -> str:
    place = value_behind(nodes, Place(node.id, "sampler_name"))
    name = value_at(nodes, place) if place else node.class_type
    if place:
        steady = str(name) in _STEADY_SAMPLERS
    else:
        steady = not node.class_type.startswith("Sampler") or node.class_type in _STEADY_CLASSES
    return "" if steady else f"The sampler {quoted(name)} draws or measures something for all pictures at once"


def _of_guidance(node: Node) -> str:
    steady = node.class_type not in _OVER_THE_BATCH
    return "" if steady else f"{quoted(node.title)} measures or chooses something for all pictures at once"


def _of_seed(node: Node) -> str:
    steady = node.class_type in _STEADY_SEEDS or not any(name in node.inputs for name in _SEEDS)
    return "" if steady else f"{quoted(node.title)} has a seed for all pictures at once"


def _of_size(nodes: Nodes, node: Node) -> str:
    """PyTorch draws noise sixteen numbers at a time: a picture that has some left over changes that of the next one."""
    width, height = _written(nodes, node, "width"), _written(nodes, node, "height")
    steady = (width // 8) * (height // 8) * 4 % 16 == 0
    return "" if steady else f"At {width} × {height} pixels a picture's noise depends on the one before it"


def _written(nodes: Nodes, node: Node, name: str) -> int:
    """A size in pixels; 0 where none is written."""
    place = value_behind(nodes, Place(node.id, name))
    value = value_at(nodes, place) if place else None
    return value if isinstance(value, int) else 0
