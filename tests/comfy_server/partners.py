"""Partner nodes: they ask a service of somebody else's, which wants an account."""

from __future__ import annotations

import re
from typing import Any

from PIL import Image

from .nodes import moving
from .passing import Made
from .pictures import Recipe, draw
from .runs import NodeRun, Result
from .saving import Audio, Video

_PER_SECOND = 24
_SECONDS = 5


class UnauthorizedError(Exception):
    """Reported under the name ``Exception``, as the server raises it."""


def ask_partner(run: NodeRun, **inputs: Any) -> Result:
    """Fails as on a server where nobody has logged in, unless ``partner_account`` is set or a key came along."""
    if not (run.knobs.partner_account or run.account_key):
        raise UnauthorizedError("Unauthorized: Please login first to use this node.")
    run.check()
    return Result(tuple(_answer(run, kind, inputs) for kind in run.node_type["output"]))


def _answer(run: NodeRun, kind: str, inputs: dict[str, Any]) -> Any:
    if kind == "IMAGE":
        return [_picture(run, inputs)]
    if kind == "VIDEO":
        frames = round(_PER_SECOND * float(inputs.get("duration", _SECONDS)))
        return Video(moving(_picture(run, inputs), frames), _PER_SECOND, None)
    if kind == "AUDIO":
        return Audio(None, _SECONDS)
    return _text(inputs) if kind == "STRING" else Made(run.node_type["name"], inputs)


def _picture(run: NodeRun, inputs: dict[str, Any]) -> Image.Image:
    """Of the prompt, its longer side ``partner_side``, of the ratio that is asked for."""
    found = re.match(r"(\d+)[:x](\d+)$", str(inputs.get("aspect_ratio") or inputs.get("size")))
    wide, high = (int(found[1]), int(found[2])) if found else (1, 1)
    sides = [max(1, round(run.knobs.partner_side * side / max(wide, high))) for side in (wide, high)]
    return draw(Recipe(_text(inputs), seed=inputs.get("seed", 0)), *sides)


def _text(inputs: dict[str, Any]) -> str:
    texts = [value for value in inputs.values() if isinstance(value, str)]
    return str(inputs.get("prompt") or next(iter(texts), ""))
