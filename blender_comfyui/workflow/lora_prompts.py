"""A stack of LoRAs, and those that prompts name, put into any workflow. No bpy, no network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .batch import OutputTypes
from .graph import Place, Workflow
from .lora_names import checked, on_server, taken_out
from .loras import Lora, with_loras
from .parameters import set_parameters
from .roles import find_roles

_ENCODERS = "CLIPTextEncode"  # ComfyUI's own begin so; nodes of others may read such tags themselves


def with_stack(
    workflow: Workflow, stack: Iterable[Lora], known: Sequence[str] = (), types: OutputTypes | None = None
) -> tuple[Workflow, tuple[Lora, ...]]:
    """Return the workflow with the LoRAs of a stack that are on, then those of its prompts; and these.

    ``known`` are the server's LoRAs, () where it has not told. A text that ComfyUI's own encoders do not read stays as
    it is. Raises InvalidValue for a LoRA that the server lacks, and for a tag that is none.
    """
    loras = [lora for lora in stack if lora.on]
    texts: dict[str, object] = {}
    for place in find_roles(workflow).get("prompt", ()):
        text = workflow.nodes[place.node_id].inputs.get(place.input_name)
        if not isinstance(text, str) or not is_encoded(workflow, place):
            continue
        rest, found = taken_out(text)
        if found:
            texts[f"{place.node_id}.{place.input_name}"] = rest
            loras += (lora for lora in found if lora not in loras)
    if not loras:
        return workflow, ()
    named = tuple(_named(checked(lora), known) for lora in loras)
    changed = set_parameters(workflow, texts) if texts else workflow
    return with_loras(changed, named, types), named


def is_encoded(workflow: Workflow, place: Place) -> bool:
    """Tell whether ComfyUI's own encoders read a text: themselves, or the primitive that holds it."""
    if workflow.nodes[place.node_id].class_type.startswith(_ENCODERS):
        return True
    readers = [
        node.class_type
        for node in workflow.nodes.values()
        if any(link.node_id == place.node_id for link in node.links().values())
    ]
    return bool(readers) and all(class_type.startswith(_ENCODERS) for class_type in readers)


def _named(lora: Lora, known: Sequence[str]) -> Lora:
    if not known:
        return lora
    return Lora(on_server(lora.name, known), lora.strength_model, lora.strength_clip)
