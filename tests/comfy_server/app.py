"""The web application: all routes, and what stands before them."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from . import control, file_routes, job_routes, prompt_routes, template_routes
from .knobs import RecordedRequest
from .site import SITE, Site, site_of

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def make_app(site: Site, control_routes: list[web.RouteDef]) -> web.Application:
    middlewares = [_journal, _check_auth, _check_origin, _give_arranged_answer]
    app = web.Application(middlewares=middlewares, client_max_size=104857600)
    app[SITE] = site
    app.router.add_routes(control_routes)
    everywhere = [*prompt_routes.routes(), *file_routes.routes(), *template_routes.routes(), *_information_routes()]
    for route in everywhere:
        for start in ("", "/api"):
            app.router.add_route(route.method, site.prefix + start + route.path, route.handler)
    for route in [*job_routes.routes(site), *template_routes.more_routes(site)]:
        app.router.add_route(route.method, site.prefix + route.path, route.handler)
    app.router.add_get(site.prefix + "/{tail:.*}", _not_found)
    return app


async def _not_found(request: web.Request) -> web.StreamResponse:
    if _route(request) == "/":
        return web.Response(text="<!doctype html><title>ComfyUI</title>", content_type="text/html")
    response = web.StreamResponse(status=404)
    response.content_type = "application/octet-stream"
    response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write_eof()
    return response


# ---- before the routes


def _route(request: web.Request) -> str:
    path = request.path.removeprefix(site_of(request).prefix)
    return path.removeprefix("/api") or "/"


@web.middleware
async def _journal(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.path == control.PATH:
        return await handler(request)
    site = site_of(request)
    is_form = request.content_type.startswith("multipart/")
    body = b"" if is_form or not request.can_read_body else await request.read()
    path = request.path.removeprefix(site.prefix)
    record = RecordedRequest(
        request.method, path, _route(request), dict(request.query), request.headers.copy(), body, time.monotonic()
    )
    site.journal.note(lambda journal: journal.requests.append(record))
    return await handler(request)


@web.middleware
async def _check_auth(request: web.Request, handler: Handler) -> web.StreamResponse:
    auth = site_of(request).knobs.auth
    if auth is not None and request.path != control.PATH and request.headers.get(auth[0]) != auth[1]:
        return web.Response(status=401, text="401: Unauthorized")
    return await handler(request)


@web.middleware
async def _check_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """On loopback a page of another host or port is refused, as the server does against cross-site requests."""
    host, origin = urlsplit(f"//{request.host}"), urlsplit(request.headers.get("Origin", ""))
    if origin.hostname and host.hostname in _LOOPBACK:
        same_port = host.port == origin.port or None in (host.port, origin.port)
        if origin.hostname != host.hostname or not same_port:
            return web.Response(status=403)
    return web.Response() if request.method == "OPTIONS" else await handler(request)


@web.middleware
async def _give_arranged_answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """fail_next and cut_next; a route is named by its path or by its pattern (``GET /history/{prompt_id}``)."""
    knobs = site_of(request).knobs
    resource = request.match_info.route.resource
    pattern = (resource.canonical if resource else "").removeprefix(site_of(request).prefix).removeprefix("/api")
    for name in (f"{request.method} {_route(request)}", f"{request.method} {pattern}"):
        if knobs.fail_next.get(name):
            return _arranged(request, *knobs.fail_next[name].pop(0))
        if knobs.cut_next.get(name):
            return await _cut(request, await handler(request), knobs.cut_next[name].pop(0))
    return await handler(request)


def _arranged(request: web.Request, status: int, headers: Any, body: bytes | str | dict[str, Any]) -> web.Response:
    if status == 0:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()
    if isinstance(body, dict):
        return web.json_response(body, status=status, headers=headers)
    data = body.encode() if isinstance(body, str) else body
    return web.Response(status=status, headers=headers, body=data)


async def _cut(request: web.Request, whole: web.StreamResponse, length: int) -> web.StreamResponse:
    """The head of the real answer, the first ``length`` bytes of its body, then the end of the connection."""
    if isinstance(whole, web.FileResponse):
        data = whole._path.read_bytes()
    else:
        assert isinstance(whole, web.Response)
        data = bytes(whole.body or b"")  # type: ignore[arg-type]
    response = web.StreamResponse(status=whole.status, headers=whole.headers)
    response.content_length = len(data)
    await response.prepare(request)
    await response.write(data[:length])
    assert request.transport is not None
    request.transport.close()
    return response


# ---- information


async def system_stats(request: web.Request) -> web.Response:
    site = site_of(request)
    memory = {"vram_total": 25276510208, "vram_free": 25276510208 - 2**31}
    device = {"name": "cpu", "type": "cpu", "index": None, **memory}
    device |= {f"torch_{name}": value for name, value in memory.items()}
    return web.json_response({"system": site.level.system(site.port), "devices": [device]})


async def features(request: web.Request) -> web.Response:
    return web.json_response(site_of(request).level.features)


async def object_info(request: web.Request) -> web.Response:
    return web.json_response(site_of(request).node_types())


async def object_info_one(request: web.Request) -> web.Response:
    name, types = request.match_info["name"], site_of(request).node_types()
    return web.json_response({name: types[name]} if name in types else {})


async def models(request: web.Request) -> web.Response:
    return web.json_response(list(site_of(request).knobs.models))


async def models_in(request: web.Request) -> web.Response:
    found = site_of(request).knobs.models.get(request.match_info["folder"])
    return web.Response(status=404) if found is None else web.json_response(list(found))


async def embeddings(request: web.Request) -> web.Response:
    names = site_of(request).knobs.models["embeddings"]
    return web.json_response([name.rpartition(".")[0] or name for name in names])


async def empty_object(request: web.Request) -> web.Response:
    return web.json_response({})


async def users(request: web.Request) -> web.Response:
    return web.json_response({"storage": "server", "migrated": False})


def _information_routes() -> list[web.RouteDef]:
    return [
        web.get("/system_stats", system_stats),
        web.get("/features", features),
        web.get("/object_info", object_info),
        web.get("/object_info/{name}", object_info_one),
        web.get("/models", models),
        web.get("/models/{folder}", models_in),
        web.get("/embeddings", embeddings),
        web.get("/settings", empty_object),
        web.get("/users", users),
    ]
