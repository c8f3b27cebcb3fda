"""A batch as graphs of its parts, which make the pictures that the whole batch would have made. No bpy, no network.

ComfyUI draws the noise of a batch from one seed, picture after picture. ``LatentFromBatch`` takes some of them out
and notes their places in the batch, from which a sampler knows which noise is whose (``prepare_noise`` in ComfyUI's
comfy/sample.py). So a part is the same graph, cut right behind the nodes that give the batch its size:

- Every latent and image that comes out of these is cut, and whatever reads it reads the cut one instead.
- A node that makes a new latent from pictures, such as VAE Encode, forgets their places. Behind it the latent is
  repeated until it reaches them, and cut again. That needs parts that begin at a multiple of their size: ``parts``.

A batch whose pictures meet again, in a video or a grid, cannot be split; ``find_batch`` says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count as numbers_from
from typing import Any, TypeAlias

from .batch_rules import difference_in, may_hold_several, needs_whole_batch
from .errors import CannotSplit
from .graph import Link, Node, Place, Workflow
from .tracing import passed_through, value_at, value_behind
from .wording import quoted

OutputTypes: TypeAlias = Mapping[str, Sequence[object]]

TOOLS = frozenset({"LatentFromBatch", "RepeatLatentBatch", "ImageFromBatch"})
"""The stock classes that parts are made with."""
LARGEST = 64
"""The size of the largest batch that the first of them reaches the end of."""

_CUTTERS = {"LATENT": ("LatentFromBatch", "samples"), "IMAGE": ("ImageFromBatch", "image")}
_REPEATERS = {"RepeatLatentBatch": "amount", "RepeatImageBatch": "amount"}
# What else a node that gives the batch its size may hand on: the same for a part as for the whole.
_OF_NO_PICTURE = frozenset({"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", "MODEL", "CLIP", "VAE"})
# Take a latent and give a new one, without the places.
_FORGETFUL = frozenset({"HunyuanRefinerLatent", "LTXVAddGuide", "LTXVCropGuides"})
_FARTHEST = 50


@dataclass(frozen=True)
class Batch:
    """``size`` pictures, made by the nodes ``members`` out of what is cut at ``cuts`` (a LATENT or an IMAGE).

    ``renewed`` are latents that have forgotten their places. ``difference`` is a sentence that says why the pictures
    of a part can differ from those of the whole batch; '' where they are the same.
    """

    workflow: Workflow
    size: int = 1
    cuts: Mapping[Link, str] = field(default_factory=dict)
    members: frozenset[str] = frozenset()
    renewed: tuple[Link, ...] = ()
    difference: str = ""

    def part(self, first: int, count: int) -> Workflow:
        """Return the graph of ``count`` pictures from the place ``first``, counted from 0, on.

        Raises ValueError for pictures that the batch does not have, and where ``first`` is no multiple of ``count``.
        """
        if not 0 <= first < first + count <= self.size or first % count:
            raise ValueError(f"a batch of {self.size} has no part of {count} from {first} on")
        cutting = _Cutting(self, first, count)
        for link, kind in self.cuts.items():
            cutting.cut(link, kind)
        for link in self.renewed:
            cutting.renew(link)
        return Workflow(cutting.graph)


def parts(first: int, size: int, limit: int) -> Iterator[tuple[int, int]]:
    """Yield (first, count) of the parts of a batch of ``size`` from ``first`` on, none larger than ``limit``.

    Counts are powers of two; each begins at a multiple of its count if ``first`` is where a larger or equal one ended.
    """
    while first < size:
        count = power_of_two(min(limit, size - first))
        yield first, count
        first += count


def power_of_two(limit: int) -> int:
    """Return the greatest power of two up to ``limit``, which is 1 or more."""
    return 1 << (limit.bit_length() - 1)


def find_batch(workflow: Workflow, types: OutputTypes, outputs: Iterable[str] = ()) -> Batch:
    """Return the batch that a workflow makes; its size is 1 where nothing makes more than one picture.

    ``types`` has the output types of the node classes, as /object_info names them (``output``): of all classes that
    the workflow uses, and of TOOLS. ``outputs`` are the ids of the output nodes that run; all when empty.
    Raises CannotSplit for a batch that cannot be cut into parts.
    """
    search = _Search(workflow, types, outputs)
    if not search.givers:
        return Batch(workflow)
    search.find_members()
    return Batch(
        workflow,
        search.size,
        search.cuts,
        frozenset(search.members),
        search.renewed(),
        difference_in(search.nodes, search.givers, search.members),
    )


class _Cutting:
    """Adds nodes to a copy of a graph."""

    def __init__(self, batch: Batch, first: int, count: int) -> None:
        self.graph = batch.workflow.api()
        self.first = first
        self.count = count
        last = first + count
        self.title = f"Picture {last} of {batch.size}" if count == 1 else f"Pictures {first + 1}–{last} of {batch.size}"
        links = {link.node_id for node in batch.workflow.nodes.values() for link in node.links().values()}
        self.ids = (str(number) for number in numbers_from(1) if not {str(number)} & (links | self.graph.keys()))

    def cut(self, link: Link, kind: str) -> None:
        self.put_behind(link, [_CUTTERS[kind] + ({"batch_index": self.first, "length": self.count},)])

    def renew(self, link: Link) -> None:
        cut = (*_CUTTERS["LATENT"], {"batch_index": self.first, "length": self.count})
        repeat = ("RepeatLatentBatch", "samples", {"amount": self.first // self.count + 1})
        self.put_behind(link, [repeat, cut] if self.first else [cut])

    def put_behind(self, link: Link, steps: Sequence[tuple[str, str, dict[str, int]]]) -> None:
        """Have all that reads a link read the last of these steps, and the first of these the link."""
        readers = [
            (node["inputs"], name)
            for node in self.graph.values()
            for name, value in node["inputs"].items()
            if value == [*link]
        ]
        for class_type, input_name, values in steps:
            node_id = next(self.ids)
            inputs: dict[str, Any] = {input_name: [*link], **values}
            self.graph[node_id] = {"class_type": class_type, "inputs": inputs, "_meta": {"title": self.title}}
            link = Link(node_id, 0)
        for inputs, name in readers:
            inputs[name] = [*link]


class _Search:
    """Looks for the batch in those nodes that run."""

    def __init__(self, workflow: Workflow, types: OutputTypes, outputs: Iterable[str]) -> None:
        wanted = workflow.ancestors(outputs)
        self.nodes = {id_: node for id_, node in workflow.nodes.items() if not wanted or id_ in wanted}
        self.types = types
        links = (link for node in self.nodes.values() for link in node.links().values())
        self.links = [link for link in dict.fromkeys(links) if link.node_id in self.nodes]
        self.kinds = {link: self.kind(link) for link in self.links}
        sizes = {link.node_id: self.own_size(link) for link in self.links if self.kinds[link] in _CUTTERS}
        self.givers = {node_id: size for node_id, size in sizes.items() if size > 1}
        self.size = max(self.givers.values(), default=1)
        self.cuts: dict[Link, str] = {}
        self.members: set[str] = set()

    def find_members(self) -> None:
        self.cuts = {link: self.cut_kind(link) for link in self.links if self.is_cut(link)}
        self.members = self.readers_of(self.cuts)
        for node in self.nodes.values():
            self.check(node)
        self.check_size()

    def kind(self, link: Link, farther: int = _FARTHEST) -> str:
        """Return the type of what goes along a link; '*' where only the server could tell."""
        node = self.nodes.get(link.node_id)
        given = self.types.get(node.class_type, ()) if node else ()
        kind = given[link.slot] if 0 <= link.slot < len(given) else "*"
        if not isinstance(kind, str):
            return "COMBO"  # its options
        kind = "*" if kind.startswith("COMFY_") else kind
        passed = passed_through(self.nodes, node) if node and farther else None
        source = node.link(passed) if node and passed else None
        return self.kind(source, farther - 1) if source else kind

    def own_size(self, link: Link) -> int:
        """Return how many pictures a node makes of one, or of none."""
        node = self.nodes[link.node_id]
        name = _REPEATERS.get(node.class_type, "batch_size")
        if name not in node.inputs:
            return 1
        place = value_behind(self.nodes, Place(node.id, name))
        size = _whole(value_at(self.nodes, place)) if place else None
        if size is None:
            raise _refusal(f"the size of the batch in {quoted(node.title)} is worked out by another node")
        return size

    def is_cut(self, link: Link) -> bool:
        return link.node_id in self.givers and self.kinds[link] not in _OF_NO_PICTURE

    def cut_kind(self, link: Link) -> str:
        kind = self.kinds[link]
        if kind not in _CUTTERS:
            title = quoted(self.nodes[link.node_id].title)
            raise _refusal(f"{title} also gives out {quoted(kind)}, which fits only the whole batch")
        return kind

    def readers_of(self, links: Iterable[Link]) -> set[str]:
        """Return the nodes that read these links, and all that read from those."""
        found: set[str] = set()
        starts = set(links)
        while True:
            new = {
                node.id
                for node in self.nodes.values()
                if node.id not in found
                and any(link in starts or link.node_id in found for link in node.links().values())
            }
            if not new:
                return found
            found |= new

    def check(self, node: Node) -> None:
        title = quoted(node.title)
        if node.id in self.givers:
            if node.id in self.members:
                raise _refusal(f"{title} multiplies what is a batch before it")
            if self.givers[node.id] != self.size:
                raise _refusal(f"its workflow has batches of {self.givers[node.id]} and of {self.size}")
            if node.class_type in _REPEATERS and any(may_hold_several(each) for each in self.before(node)):
                raise _refusal(f"{title} repeats a file that may hold more than one picture")
        elif needs_whole_batch(node.class_type):
            raise _refusal(f"{title} works with the batch as a whole")

    def before(self, node: Node) -> Iterator[Node]:
        found = {node.id}
        waiting = [node]
        while waiting:
            for link in waiting.pop().links().values():
                if link.node_id in self.nodes and link.node_id not in found:
                    found.add(link.node_id)
                    waiting.append(self.nodes[link.node_id])
                    yield self.nodes[link.node_id]

    def check_size(self) -> None:
        latents = "LATENT" in self.cuts.values() or bool(self.renewed())
        if latents and self.size > LARGEST:
            raise _refusal(f"{self.size} are more than ComfyUI can take apart; {LARGEST} it could")
        tools = {_CUTTERS[kind][0] for kind in self.cuts.values()} | (TOOLS - {"ImageFromBatch"} if latents else set())
        missing = sorted(tools - self.types.keys())
        if missing:
            raise _refusal(f"the server does not have the node {missing[0]}")

    def renewed(self) -> tuple[Link, ...]:
        """Return the latents that have forgotten the places of their pictures."""
        latents = [link for link in self.links if link.node_id in self.members and self.kinds[link] == "LATENT"]
        return tuple(link for link in latents if not self.keeps_places(self.nodes[link.node_id]))

    def keeps_places(self, node: Node) -> bool:
        """True for a node that hands on the first latent it is given, with all that was noted on it."""
        if node.class_type in _FORGETFUL:
            return False
        for link in node.links().values():
            kind = self.kinds.get(link, "*")
            if kind in ("LATENT", "*"):
                return kind == "*" or link in self.cuts or link.node_id in self.members
        return False


def _whole(value: object) -> int | None:
    """Return a number as the server reads it."""
    if isinstance(value, int | float | str):
        try:
            return int(value)
        except (ValueError, OverflowError):
            return None
    return None


def _refusal(reason: str) -> CannotSplit:
    return CannotSplit(f"The batch cannot run in parts: {reason}.")
