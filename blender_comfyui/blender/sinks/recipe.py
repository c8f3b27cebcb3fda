"""How a result came about, kept with it as JSON. No bpy here."""

import json

from ...generation.outcome import Output
from ..job_list import Entry

KEY = "comfyui"  # the custom property on images and strips


def recipe(entry: Entry, output: Output) -> str:
    """Return prompt, seed and all other parameters, the workflow, and the server that ran it, as JSON."""
    request = entry.job.request
    made = {
        **request.parameters,
        "workflow": request.workflow_name,
        "node": output.node_title,
        "server_version": entry.job.server_version,
        "prompt_id": entry.id,
    }
    return json.dumps(made, ensure_ascii=False, default=str)
