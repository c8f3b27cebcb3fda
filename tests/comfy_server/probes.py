"""Probes: nodes that are slow, that fail, block or tell something, and PreviewAny."""

from __future__ import annotations

from typing import Any

from .nodes import Images
from .runs import Blocked, NodeRun, OutOfMemoryError, Result, node


@node
def ProbeSleep(  # noqa: N802
    run: NodeRun, image: Images, seconds: float, interruptible: bool, salt: int
) -> Result:
    if not interruptible:
        run.sleep(seconds * 10 * run.knobs.probe_tick)
        return Result((image,))
    ticks = max(1, round(seconds * 10))
    for tick in range(ticks):
        run.sleep(run.knobs.probe_tick)
        run.check()
        run.progress(tick + 1, ticks)
    return Result((image,))


@node
def ProbeRaise(run: NodeRun, image: Images, kind: str, message: str) -> Result:  # noqa: N802
    if kind == "OOM":
        text = f"Allocation on device 0 would exceed allowed memory. (out of memory)\n{message}"
        raise OutOfMemoryError(text)
    raise {"ValueError": ValueError, "KeyError": KeyError}[kind](message)


@node
def ProbeBlock(run: NodeRun, image: Images, message: str) -> Result:  # noqa: N802
    return Result((Blocked(message or None),))


@node
def ProbeTextOut(run: NodeRun, text: str) -> Result:  # noqa: N802
    return Result((), {"text": [text]})


@node
def ProbeProgressText(run: NodeRun, text: str) -> Result:  # noqa: N802
    run.send_text(text)
    return Result()


@node
def PreviewAny(run: NodeRun, source: Any) -> Result:  # noqa: N802
    text = source if isinstance(source, str) else str(source)
    return Result((text,), {"text": [text]})
