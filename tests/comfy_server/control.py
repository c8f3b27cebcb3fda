"""/_control: the knobs and counters of a server in another process. Free of auth, prefix and the journal."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from .server import ComfyServer

PATH = "/_control"
_SETTABLE = (
    "step_delay", "post_delay", "history_delay", "refuse_websocket", "vram_batch_limit", "troubles", "previews",
    "preview_size", "drop_answer_next", "cut_next", "probe_tick", "checkpoints", "models",
    "partner_account", "partner_side",
)  # fmt: skip
_CALLS = ("drop_sockets", "silence", "hold", "release", "step", "provide")


def routes(server: ComfyServer) -> list[web.RouteDef]:
    async def get(request: web.Request) -> web.Response:
        return web.json_response(_report(server))

    async def post(request: web.Request) -> web.Response:
        """``{"set": {knob: value}, "call": name, "args": {…}}``, both optional; answers with the report."""
        body = await request.json()
        for name, value in body.get("set", {}).items():
            _set(server, name, value)
        if "call" in body:
            if body["call"] not in _CALLS:
                raise web.HTTPBadRequest(text=f"no such call: {body['call']}")
            await asyncio.to_thread(getattr(server, body["call"]), **body.get("args", {}))
        return web.json_response(_report(server))

    return [web.get(PATH, get), web.post(PATH, post)]


def _set(server: ComfyServer, name: str, value: Any) -> None:
    if name == "auth":
        server.auth = tuple(value) if value else None
    elif name == "fail_next":
        server.fail_next = {route: [(a[0], a[1], a[2]) for a in answers] for route, answers in value.items()}
    elif name in _SETTABLE:
        setattr(server, name, value)
    else:
        raise web.HTTPBadRequest(text=f"no such knob: {name}")


def _report(server: ComfyServer) -> dict[str, Any]:
    journal = server.journal
    return {
        "level": server.level.version,
        "posts": journal.posts,
        "frees": journal.frees,
        "executions": dict(journal.executions),
        "finished": dict(journal.finished),
        "nodes_run": dict(journal.nodes_run),
        "websockets_open": server.websockets_open,
        "requests": [[record.method, record.path, dict(record.headers), record.json] for record in journal.requests],
    }
