"""From a workflow of ComfyUI's editor to the API format that servers run. No bpy, no network."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from random import Random
from typing import Any

from .conversion.graphs import read
from .conversion.prompt import Prompt
from .node_types import NodeTypes


def to_api(
    ui: Mapping[str, Any], node_types: NodeTypes, *, rng: Random | None = None, now: datetime | None = None
) -> dict[str, Any]:
    """Convert a workflow of the editor (nodes, links, subgraphs) to ``{node id: {class_type, inputs, _meta}}``.

    The result is what the official front end 1.58.1 makes of the file with the same definitions, a new graph that
    shares nothing with ``ui``, which is never changed. Ids are the file's; a node inside a subgraph has the ids of
    the instances around it before its own (``19:7``), and progress comes back under them. It differs from the front
    end where that loses something:

    - whole numbers stay exact; JavaScript rounds seeds above 2**53;
    - a primitive's value also gets through reroutes, and into a subgraph's promoted input;
    - Set and Get nodes (KJNodes, Easy-Use) and rgthree's Reroute are followed, and nodes that only decorate the
      editor are left out, without their front-end extensions;
    - links in old group nodes (``workflow>name``) are followed; their nodes' ids are ``id:index``;
    - values that a node pack keeps by name (VideoHelperSuite) are understood without its extension;
    - links to nothing leave the input unlinked, where the front end refuses some of them; a link inside a subgraph is
      followed even where the subgraph's output does not list it;
    - links stay with the inputs that name them, where the front end loses them to the places of others, and so do
      links into the choices within a choice, and those that an old promoted widget without a value would cut;
    - an old group node that is muted or bypassed stays so; text that is no number stays in a number's place.

    ``rng`` chooses in ``{a|b}`` (by default Python's own generator), ``now`` is for ``%date:…%`` in file names.
    ``control_after_generate`` is for whoever queues, and does nothing here.

    Raises UnknownClasses, which names all classes that the server does not have; NotAWorkflow for what is no
    workflow of the editor; BrokenWorkflow for one that cannot be made sense of: wrong types, links in a circle,
    subgraphs that contain themselves or grow beyond all measure, values that JSON cannot hold.
    """
    return Prompt(read(ui), node_types, rng, now).made()
