"""Routes of prompts: post, queue, history, interrupt, free, and the websocket."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from aiohttp import WSMsgType, web

from .site import Site, now_ms, site_of
from .validation import error, invalid_prompt_id, validate

_SECRET = ("api_key_comfy_org", "auth_token_comfy_org")


async def post_prompt(request: web.Request) -> web.StreamResponse:
    site = site_of(request)
    site.journal.note(lambda journal: setattr(journal, "posts", journal.posts + 1))
    body = await request.json()
    answer = _accept(site, body)
    if site.knobs.post_delay:
        await asyncio.sleep(site.knobs.post_delay)
    if site.knobs.drop_answer_next > 0:
        site.knobs.drop_answer_next -= 1
        assert request.transport is not None
        request.transport.abort()
    return answer


def _refused(problem: dict[str, Any], node_errors: dict[str, Any] | None = None) -> web.Response:
    return web.json_response({"error": problem, "node_errors": node_errors or {}}, status=400)


def _accept(site: Site, body: dict[str, Any]) -> web.Response:
    number: float
    if "number" in body:
        number = float(body["number"])
    else:
        number = site.next_number()
        number = -number if body.get("front") else number
    if "prompt" not in body:
        return _refused(error("no_prompt", "No prompt provided", "No prompt provided"))
    prompt_id = body.get("prompt_id", str(uuid.uuid4()))
    if site.level.is_strict and (problem := invalid_prompt_id(prompt_id)):
        return _refused(problem)
    prompt_id = str(prompt_id)
    targets = body.get("partial_execution_targets")
    verdict = validate(body["prompt"], site.node_types(), site.level, site.folders, targets)
    if verdict.error:
        return _refused(verdict.error, verdict.node_errors)
    item = (number, prompt_id, body["prompt"], _extra_data(site, body), verdict.outputs)
    site.queue.account_keys[prompt_id] = (body.get("extra_data") or {}).get("api_key_comfy_org", "")
    site.queue.put(item)
    answer = {"prompt_id": prompt_id, "number": number, "node_errors": verdict.node_errors}
    return web.json_response(answer)


def _extra_data(site: Site, body: dict[str, Any]) -> dict[str, Any]:
    extra = dict(body.get("extra_data") or {})
    if "client_id" in body:
        extra["client_id"] = body["client_id"]
    if site.level.is_strict:
        extra = {name: value for name, value in extra.items() if name not in _SECRET}
        extra["create_time"] = now_ms()
    return extra


async def get_prompt(request: web.Request) -> web.Response:
    return web.json_response(site_of(request).status()["status"])


async def get_queue(request: web.Request) -> web.Response:
    running, pending = site_of(request).queue.snapshot()
    return web.json_response({"queue_running": running, "queue_pending": pending})


async def post_queue(request: web.Request) -> web.Response:
    queue = site_of(request).queue
    body = await request.json()
    if body.get("clear"):
        queue.clear()
    for prompt_id in body.get("delete", []):
        queue.delete(prompt_id)
    return web.Response()


async def get_history(request: web.Request) -> web.Response:
    limit, offset = request.query.get("max_items"), request.query.get("offset")
    past = site_of(request).queue.past(int(limit) if limit else None, int(offset) if offset else -1)
    return web.json_response(past)


async def get_history_entry(request: web.Request) -> web.Response:
    prompt_id = request.match_info["prompt_id"]
    entry = site_of(request).queue.entry(prompt_id)
    return web.json_response({prompt_id: entry} if entry else {})


async def post_history(request: web.Request) -> web.Response:
    queue = site_of(request).queue
    body = await request.json()
    if body.get("clear"):
        queue.forget_all()
    for prompt_id in body.get("delete", []):
        queue.forget(prompt_id)
    return web.Response()


async def post_interrupt(request: web.Request) -> web.Response:
    site = site_of(request)
    try:
        body = await request.json()
    except ValueError:
        body = {}
    prompt_id = body.get("prompt_id")
    if not prompt_id or site.queue.is_running(prompt_id):
        site.executor.interrupt()
    return web.Response()


async def post_free(request: web.Request) -> web.Response:
    body = await request.json()
    site = site_of(request)
    site.journal.note(lambda journal: setattr(journal, "frees", journal.frees + 1))
    if body.get("free_memory"):
        site.queue.wants_free = True
    return web.Response()


async def websocket(request: web.Request) -> web.StreamResponse:
    site = site_of(request)
    if site.knobs.refuse_websocket:
        return web.Response(status=site.knobs.refuse_websocket)
    socket = web.WebSocketResponse(autoping=False, autoclose=False, max_msg_size=0)
    await socket.prepare(request)
    messenger = site.messenger
    client_id = request.query.get("clientId", "") or uuid.uuid4().hex
    messenger.sockets[client_id] = socket
    messenger.flags[client_id] = {}
    messenger.open[socket] = request
    try:
        await messenger.send_to(socket, "status", {**site.status(), "sid": client_id})
        if site.executor.client_id == client_id and site.executor.last_node_id is not None:
            await messenger.send_to(socket, "executing", {"node": site.executor.last_node_id})
        site.journal.touch()
        await _listen(site, client_id, socket)
        while socket in messenger.silent and request.transport and not request.transport.is_closing():
            await asyncio.sleep(0.02)  # half-open: not even the close frame is answered
    finally:
        # the register is by client id alone: an older socket's end takes a newer one's place away
        messenger.sockets.pop(client_id, None)
        messenger.flags.pop(client_id, None)
        messenger.open.pop(socket, None)
        messenger.silent.discard(socket)
        site.journal.touch()
    return socket


async def _listen(site: Site, client_id: str, socket: web.WebSocketResponse) -> None:
    first = True
    async for message in socket:
        if message.type == WSMsgType.PING and socket not in site.messenger.silent:
            await socket.pong(message.data)
        if message.type != WSMsgType.TEXT:
            continue
        try:
            data = message.json()
        except ValueError:
            continue
        if first and isinstance(data, dict) and data.get("type") == "feature_flags":
            site.messenger.flags[client_id] = data.get("data") or {}
            await site.messenger.send_to(socket, "feature_flags", site.level.features)
        first = False


def routes() -> list[web.RouteDef]:
    return [
        web.get("/ws", websocket),
        web.get("/prompt", get_prompt),
        web.post("/prompt", post_prompt),
        web.get("/queue", get_queue),
        web.post("/queue", post_queue),
        web.get("/history", get_history),
        web.get("/history/{prompt_id}", get_history_entry),
        web.post("/history", post_history),
        web.post("/interrupt", post_interrupt),
        web.post("/free", post_free),
    ]
