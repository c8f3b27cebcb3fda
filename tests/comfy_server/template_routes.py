"""Routes of workflows to begin with: the official templates, those of node packs, and replacements of nodes."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from .site import Site, site_of


async def official(request: web.Request) -> web.StreamResponse:
    """A flat folder; without the templates package there is none."""
    name = request.match_info["path"]
    path = site_of(request).folders.templates / name
    if path.suffix != ".json":
        await asyncio.to_thread(site_of(request).knobs.picture_gate.pass_through, lambda: False)
    return web.Response(status=404) if "/" in name or not path.is_file() else web.FileResponse(path)


async def of_packs(request: web.Request) -> web.Response:
    found: dict[str, list[str]] = {}
    for path in sorted(site_of(request).folders.custom_nodes.glob("*/example_workflows/*.json")):
        found.setdefault(path.parent.parent.name, []).append(path.stem)
    return web.json_response(found)


async def of_pack(request: web.Request) -> web.StreamResponse:
    module, name = request.match_info["module"], request.match_info["name"]
    folder = site_of(request).folders.custom_nodes / module / "example_workflows"
    path = folder / name
    return web.FileResponse(path) if path.parent == folder and path.is_file() else web.Response(status=404)


async def node_replacements(request: web.Request) -> web.Response:
    return web.json_response(site_of(request).knobs.node_replacements)


def routes() -> list[web.RouteDef]:
    """Those that stand under /api as well."""
    return [web.get("/workflow_templates", of_packs)]


def more_routes(site: Site) -> list[web.RouteDef]:
    """Those that stand in one place only, as static files did in old releases, and those of new releases."""
    found = [web.get("/templates/{path:.*}", official), web.get("/api/workflow_templates/{module}/{name}", of_pack)]
    if site.level.is_strict:
        found += [web.get(start + "/node_replacements", node_replacements) for start in ("", "/api")]
    return found


def replacement(new: str, inputs: dict[str, str], values: dict[str, Any] | None = None, old: str = "") -> Any:
    """One replacement as ``/node_replacements`` has it: ``inputs`` are old names by new ones."""
    mapping: list[dict[str, Any]] = [{"new_id": name, "old_id": old_name} for name, old_name in inputs.items()]
    mapping += [{"new_id": name, "set_value": value} for name, value in (values or {}).items()]
    return {
        "new_node_id": new,
        "old_node_id": old,
        "old_widget_ids": None,
        "input_mapping": mapping,
        "output_mapping": [{"new_idx": 0, "old_idx": 0}],
    }
