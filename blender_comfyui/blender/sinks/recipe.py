"""How a result came about, kept with it as JSON. No bpy here."""

import json

from ..job_list import Entry, Result

KEY = "comfyui"  # the custom property on images and strips


def recipe(entry: Entry, result: Result) -> str:
    """Return prompt, seed and all other parameters, the workflow, and the server that ran it, as JSON."""
    making = entry.making
    made = {
        **making.parameters,
        "workflow": making.workflow,
        "node": result.output.node_title,
        "server_version": making.server_version,
        "prompt_id": entry.id,
        "number": result.number,
    }
    return json.dumps(made, ensure_ascii=False, default=str)


def names_output(text: object, job_id: str, number: int) -> bool:
    """Whether this recipe is of that output of that job."""
    if not isinstance(text, str) or job_id not in text:  # spares reading all the others
        return False
    try:
        made = json.loads(text)
    except ValueError:
        return False
    return isinstance(made, dict) and (made.get("prompt_id"), made.get("number")) == (job_id, number)
