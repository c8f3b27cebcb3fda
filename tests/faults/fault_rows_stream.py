"""The table of faults: what befalls the websocket. It costs progress at most, never a picture."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from blender_comfyui.comfy import errors
from tests import graphs
from tests.fault_proxy import faults as f
from tests.fault_proxy import stream_faults as s
from tests.fault_proxy.proxy import Fault, StreamFault

from .fault_row import OLD, Row, drop, leave_a_file, only_over_the_socket, until_spent


def _polite(close_frame: bool) -> str:
    return "with a close frame" if close_frame else "without a close frame"


def dropped() -> Iterator[Row]:
    moments = {
        "status": "as soon as it is open",
        "execution_start": "before the start",
        "executing": "at the first node",
        "progress": "mid-run",
        "executed": "after an output node",
        "execution_success": "just before the end",
    }
    for (kind, moment), close_frame, streams in itertools.product(moments.items(), (True, False), (1, None)):
        if streams is None and kind not in ("status", "progress"):
            continue
        always = "" if streams else ", each time"
        name = f"{moment}, {_polite(close_frame)}{always}"
        yield Row("socket dropped", name, stream=s.Drop(kind, close_frame), streams=streams, graph=graphs.txt2img)
    for close_frame in (True, False):
        name = f"while a node is held, {_polite(close_frame)}"
        yield Row("socket dropped", name, during=drop(close_frame), graph=graphs.txt2img)
        yield Row("socket dropped", name, during=drop(close_frame), graph=graphs.txt2img, level=OLD)


def refused() -> Iterator[Row]:
    for status in (403, 404, 429, 500, 502, 503, 504):
        yield Row("socket refused", f"{status} once", {"GET /ws": [f.Say(status)]})
    yield Row("socket refused", "503, five times", {"GET /ws": [f.Say(503)] * 5}, during=until_spent)
    always: dict[str, Fault] = {
        "404": f.Say(404),
        "a web page": f.page(),
        "cut off": f.HangUp(reset=True),
        "no HTTP": f.Noise(),
        "silence": f.Silence(),
        "a head that drips": f.DripHead(),
        "headers that drip": f.DripHead(whole_headers=True),
        "headers without end": f.EndlessHead(),
        "a page without end": f.DripBody(announced=True, status=503),
    }
    for name, fault in always.items():
        yield Row("socket refused", f"{name}, always", {"GET /ws": fault})


def silent() -> Iterator[Row]:
    for kind in ("status", "execution_start", "progress", "execution_success"):
        yield Row("half-open silence", f"from “{kind}” on", stream=s.FallSilent(kind), graph=graphs.txt2img)


def misheard() -> Iterator[Row]:
    theirs = "theirs_00001_.png"
    spoiled: dict[str, StreamFault] = {
        "duplicated": s.Duplicated(),
        "backwards": s.Reordered(),
        "backwards, all": s.Reordered(size=1000),
        **{f"shuffled ({seed})": s.Reordered(6, seed) for seed in range(3)},
        "garbage among them": s.Garbled(),
        **{f"cut to {part:.0%}": s.Truncated(part) for part in (0.0, 0.5, 0.95)},
        "of foreign prompts": s.Foreign(theirs),
        "lies about our prompt": s.Foreign(theirs, as_ours=True),
        "broken off in a frame": s.HalfFrame("progress"),
        "a frame that drips": s.DripFrame("progress"),
        "a huge frame": s.HugeFrame("progress"),
        "a huge message in parts": s.HugeFrame("progress", announced=0),
        "a frame of no kind": s.RawBytes("progress", b"\x8b\x05hello"),
        "a control frame too long": s.RawBytes("progress", b"\x89\x7e\x01\x00" + bytes(256)),
        "a part of no message": s.RawBytes("progress", b"\x80\x05hello"),
        "a bad close frame": s.RawBytes("progress", b"\x88\x01\x03"),
        "no frames at all": s.RawBytes("progress", b"HTTP/1.1 400 Bad\r\n\r\n" * 9),
    }
    for name, fault in spoiled.items():
        before = leave_a_file if isinstance(fault, s.Foreign) else None
        yield Row("messages", name, stream=fault, graph=graphs.txt2img, before=before)
        if not isinstance(fault, s.OnMessage):  # what is said differs between the levels, framing does not
            yield Row("messages", name, stream=fault, graph=graphs.txt2img, before=before, level=OLD)


def heard_only() -> Iterator[Row]:
    lost = (errors.Lost,)
    spoiled: dict[str, StreamFault] = {"garbage among them": s.Garbled(), "shuffled": s.Reordered(3, 1)}
    for name, fault in spoiled.items():
        yield Row("pictures over the socket", name, stream=fault, graph=only_over_the_socket)
    for close_frame in (True, False):
        fault = s.Drop("preview", close_frame)
        yield Row(
            "pictures over the socket", f"dropped {_polite(close_frame)}", {}, lost, fault, graph=only_over_the_socket
        )


ROWS = (*dropped(), *refused(), *silent(), *misheard(), *heard_only())
