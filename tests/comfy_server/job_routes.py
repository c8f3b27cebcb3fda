"""/api/jobs of the newer servers."""

from __future__ import annotations

import uuid
from typing import Any

from aiohttp import web

from .prompt_queue import Item
from .site import Site, site_of

_STATES = ("pending", "in_progress", "completed", "failed", "cancelled")


def _all(site: Site) -> list[dict[str, Any]]:
    running, pending = site.queue.snapshot()
    jobs = [_waiting(item, "in_progress") for item in running] + [_waiting(item, "pending") for item in pending]
    jobs += [_ended(entry) for entry in site.queue.past(None, -1).values()]
    return sorted(jobs, key=lambda job: job["create_time"], reverse=True)


def _waiting(item: Item | list[Any], state: str) -> dict[str, Any]:
    created = item[3].get("create_time")
    return {"id": item[1], "status": state, "priority": item[0], "create_time": created, "outputs_count": 0}


def _ended(entry: dict[str, Any], full: bool = False) -> dict[str, Any]:
    item, status = entry["prompt"], entry["status"]
    messages = dict(status["messages"])
    job = _waiting(item, _state(status, messages))
    files = [
        {**file, "nodeId": node_id, "mediaType": kind}
        for node_id, shown in entry["outputs"].items()
        for kind, found in shown.items()
        for file in found
        if isinstance(file, dict)
    ]
    texts = [text for shown in entry["outputs"].values() for text in shown.get("text", [])]
    del job["outputs_count"]
    job["execution_start_time"] = messages["execution_start"]["timestamp"]
    job["execution_end_time"] = status["messages"][-1][1]["timestamp"]
    job["outputs_count"] = len(files) + len(texts)
    if "execution_error" in messages:
        job["execution_error"] = messages["execution_error"]
    if files:
        job["preview_output"] = next((file for file in files if file["type"] == "output"), files[0])
    workflow_id = (((item[3].get("extra_pnginfo") or {}).get("workflow")) or {}).get("id")
    if workflow_id:
        job["workflow_id"] = workflow_id
    if full:
        job |= {"outputs": entry["outputs"], "execution_status": status}
        job["workflow"] = {"prompt": item[2], "extra_data": item[3]}
    return job


def _state(status: dict[str, Any], messages: dict[str, Any]) -> str:
    if status["status_str"] == "success":
        return "completed"
    return "cancelled" if "execution_interrupted" in messages else "failed"


async def list_jobs(request: web.Request) -> web.Response:
    site = site_of(request)
    query = request.query
    wanted = [state for state in query.get("status", "").split(",") if state] or list(_STATES)
    unknown = [state for state in wanted if state not in _STATES]
    if unknown:
        return web.json_response({"error": f"Invalid status value(s): {', '.join(unknown)}"}, status=400)
    jobs = [job for job in _all(site) if job["status"] in wanted]
    offset = int(query.get("offset", 0))
    limit = int(query["limit"]) if "limit" in query else None
    page = jobs[offset:] if limit is None else jobs[offset : offset + limit]
    more = offset + len(page) < len(jobs)
    pagination = {"offset": offset, "limit": limit, "total": len(jobs), "has_more": more}
    return web.json_response({"jobs": page, "pagination": pagination})


async def get_job(request: web.Request) -> web.Response:
    site, job_id = site_of(request), request.match_info["job_id"]
    entry = site.queue.entry(job_id)
    if entry is not None:
        return web.json_response(_ended(entry, full=True))
    found = next((job for job in _all(site) if job["id"] == job_id), None)
    if found is None:
        return web.json_response({"error": "Job not found"}, status=404)
    return web.json_response(found)


def _cancel(site: Site, job_id: str) -> bool:
    if site.queue.is_running(job_id):
        site.executor.interrupt()
        return True
    return site.queue.delete(job_id)


async def cancel_job(request: web.Request) -> web.Response:
    return web.json_response({"cancelled": _cancel(site_of(request), request.match_info["job_id"])})


async def cancel_jobs(request: web.Request) -> web.Response:
    ids = (await request.json()).get("job_ids", [])
    invalid = [job_id for job_id in ids if not _is_uuid(job_id)]
    if invalid:
        return web.json_response({"error": "job_ids contains invalid id(s)", "invalid_ids": invalid}, status=400)
    results = [_cancel(site_of(request), job_id) for job_id in ids]
    return web.json_response({"cancelled": any(results)})


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def routes(site: Site) -> list[web.RouteDef]:
    """With their /api: there is no other way to them."""
    found = []
    if site.level.has_jobs:
        found += [web.get("/api/jobs", list_jobs), web.get("/api/jobs/{job_id}", get_job)]
    if site.level.has_job_cancel:
        found += [web.post("/api/jobs/cancel", cancel_jobs), web.post("/api/jobs/{job_id}/cancel", cancel_job)]
    return found
