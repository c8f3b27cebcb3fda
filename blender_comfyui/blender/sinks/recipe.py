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
    return is_about(text, job_id) and output_of(text) == (job_id, number)


def is_about(text: object, job_id: str) -> bool:
    """Whether this recipe may be of that job. Quick; `output_of` reads it."""
    return isinstance(text, str) and job_id in text


def output_of(text: object) -> tuple[str, int] | None:
    """Return which job's output this recipe is of, and its number; None for what is no recipe."""
    try:
        made = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return None
    job_id, number = (made.get("prompt_id"), made.get("number")) if isinstance(made, dict) else (None, None)
    return (job_id, number) if isinstance(job_id, str) and isinstance(number, int) else None
