"""The table of faults: what befalls requests, their answers, and the server itself."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from blender_comfyui.comfy import errors
from tests import graphs
from tests.fault_proxy import faults as f
from tests.fault_proxy.proxy import Fault

from . import fault_row as act
from .fault_row import DELIVERED, NEW, OLD, Outcome, Row

LOOKS = ("GET /queue", "GET /history/{id}")
READS = ("GET /system_stats", "GET /object_info/{class}", *LOOKS, "GET /view")
STATUSES = (429, 500, 502, 503, 504)


def _about(route: str, name: str, faults: Sequence[Fault], expects: Outcome = DELIVERED, **more: Any) -> Row:
    """A row in which a route that is not asked by itself is asked."""
    if route == "GET /queue":
        more = {"during": act.until_spent, **more}
    if route == "GET /object_info/{class}":
        more = {"graph": act.with_servers_choice, **more}
    return Row(route, name, {route: faults}, expects, **more)


def statuses() -> Iterator[Row]:
    told = (errors.ServerFault,)
    for route, status in itertools.product((*READS, "POST /prompt"), STATUSES):
        own = status == 500 and route == "POST /prompt"
        yield _about(route, f"{status} once", [f.Say(status)], told if own else DELIVERED)
    for route, status in itertools.product((*READS, "POST /prompt"), (500, 503)):
        yield Row(
            route,
            f"{status}, always",
            {route: f.Say(status)},
            told,
            during=act.until_ended if route == "GET /queue" else None,
            graph=act.with_servers_choice if "object_info" in route else graphs.two_saves,
        )


def odd_answers() -> Iterator[Row]:
    once: dict[str, Fault] = {
        "hung up": f.HangUp(),
        "reset": f.HangUp(reset=True),
        "silence": f.Silence(),
        "a web page": f.page(),
        "a web page as JSON": f.page("application/json"),
        "cut half-way": f.Cut(),
        "cut half-way and reset": f.Cut(reset=True),
        "cut without a length": f.Cut(announced=False),
        "a head that drips": f.DripHead(),
        "headers that drip": f.DripHead(whole_headers=True),
        "headers without end": f.EndlessHead(),
        "a body that drips": f.DripBody(),
        "a body that drips in chunks": f.DripBody(chunked=True),
        "a body that drips to its length": f.DripBody(announced=True),
        "the answer twice": f.Twice(),
    }
    for route, (name, fault) in itertools.product((*LOOKS, "GET /view"), once.items()):
        yield _about(route, name, [fault])
    foreign: dict[str, Fault] = {
        "nothing in it": f.json(b"{}"),
        "a list": f.json(b"[]"),
        "null": f.json(b"null"),
        "NaN": f.json(b"NaN"),
        "too deep": f.json(b"[" * 100_000),
        "another's": f.json(b'{"6ba7b810-9dad-41d1-80b4-00c04fd430c8": {"outputs": {}, "status": {}}}'),
    }
    for route, (name, fault) in itertools.product(LOOKS, foreign.items()):
        yield _about(route, name, [fault])


# Sending

LOST_ANSWERS: dict[str, Fault] = {
    "hung up": f.HangUp(),
    "reset": f.HangUp(reset=True),
    "silence": f.Silence(),
    "500": f.Say(500),
    "502": f.Say(502),
    "503": f.Say(503),
    "504": f.Say(504),
    "a web page": f.page(),
    "no HTTP": f.Noise(),
    "no JSON": f.json(b"{"),
    "of no sense": f.json(b"[]"),
    "a head that drips": f.DripHead(),
    "headers without end": f.EndlessHead(),
}


def lost_answers() -> Iterator[Row]:
    for (name, fault), held in itertools.product(LOST_ANSWERS.items(), (False, True)):
        during = act.until_looked if held else None
        where = "found in the queue" if held else "found in the history"
        yield Row("accepted, answer lost", f"{name}, {where}", {"POST /prompt": [f.After(fault)]}, during=during)
    spoiled: dict[str, Fault] = {
        "cut half-way": f.Cut(),
        "cut without a length": f.Cut(announced=False),
        "a body that drips": f.DripBody(),
        "a body that drips in chunks": f.DripBody(chunked=True),
        "twice": f.Twice(),
    }
    for name, fault in spoiled.items():
        yield Row("accepted, answer lost", name, {"POST /prompt": [fault]})
    for name in ("hung up", "silence", "502"):
        yield Row("accepted, answer lost", name, {"POST /prompt": [f.After(LOST_ANSWERS[name])]}, level=OLD)


def never_came() -> Iterator[Row]:
    """The server did not get it: what can be sent again is, and the rest is said."""
    again = ("hung up", "reset", "silence", "502", "503", "504", "no JSON", "a head that drips", "headers without end")
    told = (errors.ServerFault, errors.NotAComfyServer)
    for name, fault in LOST_ANSWERS.items():
        yield Row(
            "POST /prompt", f"{name}, not accepted", {"POST /prompt": [fault]}, DELIVERED if name in again else told
        )
    for name in ("hung up", "a web page", "504"):
        expects = (errors.CannotConnect, *told)
        yield Row("POST /prompt", f"{name}, always", {"POST /prompt": LOST_ANSWERS[name]}, expects)


# Files


def pictures() -> Iterator[Row]:
    gone, broken = (errors.FileMissing,), (errors.FileBroken,)
    spoiled: dict[str, Fault] = {
        "a web page as a picture": f.page("image/png"),
        "a web page, whole": f.page(),
        "nothing": f.Say(200, b"", "image/png"),
        "another format": f.Say(200, b"GIF89a" + bytes(50), "image/png"),
        "a head without a body": f.Cut(0.02, announced=False),
        "cut before the last bytes": f.Cut(0.97, announced=False),
    }
    for name, fault in spoiled.items():
        yield Row("pictures", f"{name}, once", {"GET /view": [fault]})
        yield Row("pictures", f"{name}, always", {"GET /view": fault}, broken)
    cut = (*broken, errors.CannotConnect)
    yield Row("pictures", "404 once", {"GET /view": [f.Say(404)]})
    yield Row("pictures", "404, always", {"GET /view": f.Say(404)}, gone)
    yield Row("pictures", "cut half-way, always", {"GET /view": f.Cut()}, cut)
    yield Row("pictures", "cut without a length, always", {"GET /view": f.Cut(announced=False)}, broken)
    for name, fault in {"head": f.DripHead(), "body": f.DripBody(), "body in chunks": f.DripBody(chunked=True)}.items():
        yield Row(
            "pictures",
            f"a {name} that drips, always",
            {"GET /view": fault},
            (errors.TimedOut,),
            graph=graphs.empty_save,
        )


# The server


def servers() -> Iterator[Row]:
    away = (errors.CannotConnect,)
    for level in (NEW, OLD):
        yield Row("server", "restarted mid-run", during=act.restart, expects=(errors.Lost,), level=level)
    yield Row("server", "killed mid-run", during=act.kill, expects=away)
    yield Row("server", "restarted before the prompt came", {"POST /prompt": [f.Meanwhile(("stop", "start"))]})
    # the history has been read by then: no socket tells of the files before
    yield Row(
        "server",
        "restarted before the first file",
        {"GET /view": [f.Meanwhile(("stop", "start"))], "GET /ws": f.Say(404)},
    )
    yield Row("server", "refuses for a while, mid-run", during=act.refuse_for_a_while)
    yield Row("server", "refuses for good, mid-run", during=act.refuse_for_good, expects=away)
    yield Row("server", "refuses from the start", before=act.refuse, expects=away)
    for level in (NEW, OLD):
        yield Row(
            "server",
            "our queued prompt deleted",
            {},
            (errors.Lost,),
            before=act.occupy,
            during=act.delete_ours,
            level=level,
        )


# Cancelling


def cancels() -> Iterator[Row]:
    once: dict[str, Fault] = {
        **{str(status): f.Say(status) for status in STATUSES},
        "hung up": f.HangUp(),
        "silence": f.Silence(),
        "a web page": f.page(),
        "a body that drips": f.DripBody(),
        "done, answer lost": f.After(f.HangUp()),
    }
    routes = {"POST /jobs/{id}/cancel": NEW, "POST /queue": OLD, "POST /interrupt": OLD}
    for (route, level), (name, fault) in itertools.product(routes.items(), once.items()):
        yield Row("cancelling", f"{route} {name}", {route: [fault]}, during=act.cancel, cancels=True, level=level)


ROWS = (
    *statuses(),
    *odd_answers(),
    *lost_answers(),
    *never_came(),
    *pictures(),
    *servers(),
    *cancels(),
)
