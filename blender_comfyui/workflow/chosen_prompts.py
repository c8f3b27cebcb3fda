"""What a seed chooses in the prompts of any workflow. No bpy, no network."""

from __future__ import annotations

from .graph import Workflow
from .lora_prompts import is_encoded
from .parameters import read_parameters, set_parameters
from .roles import find_roles
from .wildcards import Lists, resolved


def with_choices(workflow: Workflow, lists: Lists) -> tuple[Workflow, dict[str, object]]:
    """Return a workflow whose prompts have nothing left to choose, and by role those prompts as they were written.

    The workflow's own seed chooses. A text that ComfyUI's own encoders do not read stays as it is: other nodes have
    choices of their own. Raises InvalidValue.
    """
    roles = find_roles(workflow)
    values = read_parameters(workflow)
    seed = values.get("seed")
    texts: dict[str, object] = {}
    asked: dict[str, object] = {}
    for role in ("prompt", "negative_prompt"):
        for number, place in enumerate(roles.get(role, ())):
            text = workflow.nodes[place.node_id].inputs.get(place.input_name)
            if not isinstance(text, str) or not is_encoded(workflow, place):
                continue
            where = f"{role} {number + 1}" if number else role
            found = resolved(text, seed if isinstance(seed, int) else 0, lists, where)
            if found != text:
                texts[f"{place.node_id}.{place.input_name}"] = found
                asked[role] = values[role]
    return (set_parameters(workflow, texts) if texts else workflow), asked
