"""Routes of files: view, uploads, user data."""

from __future__ import annotations

import hashlib
import io
import json
import mimetypes
import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from aiohttp import web
from PIL import Image

from .folders import Folders, split_annotation
from .site import site_of


async def view(request: web.Request) -> web.StreamResponse:
    query = request.query
    if "filename" not in query:
        return web.Response(status=404)
    name = query["filename"]
    if not name or name.startswith("/") or ".." in name:
        return web.Response(status=400)
    name, annotated = split_annotation(name)
    base = site_of(request).folders.of_type(annotated or query.get("type", "output"))
    if base is None:
        return web.Response(status=400)
    folder = Path(os.path.normpath(base / query.get("subfolder", "")))
    if not folder.is_relative_to(base):
        return web.Response(status=403)
    path = folder / Path(name).name
    if not path.is_file():
        return web.Response(status=404)
    return _shown(path, query.get("preview"), query.get("channel"))


def _shown(path: Path, preview: str | None, channel: str | None) -> web.StreamResponse:
    disposition = f'filename="{path.name}"'
    if preview is None and channel in (None, "rgba"):
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return web.FileResponse(path, headers={"Content-Disposition": disposition, "Content-Type": kind})
    image_format, _, quality = (preview or "png").partition(";")
    image_format = image_format if image_format in ("webp", "jpeg") else "png" if preview is None else "webp"
    buffer = io.BytesIO()
    with Image.open(path) as image:
        shown = image.convert("RGBA").getchannel("A") if channel == "a" else image.convert("RGB")
        shown.save(buffer, image_format, quality=int(quality) if quality.isdigit() else 90)
    headers = {"Content-Disposition": disposition}
    return web.Response(body=buffer.getvalue(), content_type=f"image/{image_format}", headers=headers)


class _UploadRefused(Exception):
    pass


async def upload_image(request: web.Request) -> web.Response:
    post = await request.post()
    image = post.get("image")
    if not isinstance(image, web.FileField) or not image.filename:
        return web.Response(status=400)
    return _answer_upload(site_of(request).folders, post, image.filename, image.file.read())


async def upload_mask(request: web.Request) -> web.Response:
    """The uploaded picture's alpha becomes the alpha of ``original_ref``; a missing original writes no file."""
    post = await request.post()
    folders = site_of(request).folders
    reference = json.loads(str(post["original_ref"]))
    mask = post.get("image")
    if not isinstance(mask, web.FileField) or not mask.filename or ".." in reference["filename"]:
        return web.Response(status=400)
    original = folders.root / reference.get("type", "output") / reference.get("subfolder", "") / reference["filename"]
    if not original.is_file():
        return _answer_upload(folders, post, mask.filename, None)
    with Image.open(original) as picture, Image.open(mask.file) as alpha:
        masked = picture.convert("RGBA")
        masked.putalpha(alpha.convert("RGBA").getchannel("A").resize(masked.size))
    buffer = io.BytesIO()
    masked.save(buffer, "PNG", compress_level=4)
    return _answer_upload(folders, post, mask.filename, buffer.getvalue())


def _answer_upload(folders: Folders, post: Any, name: str, data: bytes | None) -> web.Response:
    kind, subfolder = post.get("type") or "input", post.get("subfolder", "")
    base = folders.of_type(kind)
    if base is None:
        raise ValueError(kind)
    folder = Path(os.path.normpath(base / subfolder))
    path = Path(os.path.normpath(folder / name))
    if not path.is_relative_to(base):
        return web.Response(status=400)
    if data is not None:
        folder.mkdir(parents=True, exist_ok=True)
        name = _store(folder, name, data, post.get("overwrite") in ("true", "1"))
    return web.json_response({"name": name, "subfolder": subfolder, "type": kind})


def _store(folder: Path, name: str, data: bytes, overwrite: bool) -> str:
    """The name under which the bytes now stand: another one if other bytes have it already."""
    stem, suffix = os.path.splitext(name)  # noqa: PTH122  (Path.suffix differs for '.x')
    path, count = folder / name, 0
    while path.exists() and not overwrite:
        if hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(data).digest():
            return path.name
        count += 1
        path = folder / f"{stem} ({count}){suffix}"
    path.write_bytes(data)
    return str(path.relative_to(folder))


async def list_userdata(request: web.Request) -> web.Response:
    if not request.query.get("dir"):
        return web.Response(status=400, text="Directory not provided")
    base = Path(os.path.normpath(site_of(request).folders.user / request.query["dir"]))
    if not base.is_relative_to(site_of(request).folders.user):
        return web.Response(status=403, text="Invalid directory")
    if not base.is_dir():
        return web.Response(status=404, text="Directory not found")
    recurse = request.query.get("recurse", "").lower() == "true"
    files = sorted(path for path in (base.rglob("*") if recurse else base.glob("*")) if path.is_file())
    names = [path.relative_to(base).as_posix() for path in files]
    if request.query.get("full_info", "").lower() == "true":
        in_milliseconds = site_of(request).level.is_strict
        found = [_file_info(path, name, in_milliseconds) for path, name in zip(files, names, strict=True)]
        return web.json_response(found)
    if request.query.get("split", "").lower() == "true":
        return web.json_response([[name, *name.split("/")] for name in names])
    return web.json_response(names)


def _file_info(path: Path, name: str, in_milliseconds: bool) -> dict[str, Any]:
    status = path.stat()
    modified, created = status.st_mtime, status.st_ctime
    if in_milliseconds:
        modified, created = int(modified * 1000), int(created * 1000)
    return {"path": name, "size": status.st_size, "modified": modified, "created": created}


def _user_file(request: web.Request) -> Path | None:
    user = site_of(request).folders.user
    path = Path(os.path.normpath(user / unquote(request.match_info["file"])))  # a second time, as the server does
    return path if path.is_relative_to(user) else None


async def get_userdata(request: web.Request) -> web.StreamResponse:
    path = _user_file(request)
    if path is None:
        return web.Response(status=403)
    return web.FileResponse(path) if path.is_file() else web.Response(status=404)


async def post_userdata(request: web.Request) -> web.Response:
    path = _user_file(request)
    if path is None:
        return web.Response(status=403)
    if request.query.get("overwrite") == "false" and path.exists():
        return web.Response(status=409, text="File already exists")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(await request.read())
    return web.json_response(path.relative_to(site_of(request).folders.user).as_posix())


async def delete_userdata(request: web.Request) -> web.Response:
    path = _user_file(request)
    if path is None or not path.is_file():
        return web.Response(status=403 if path is None else 404)
    path.unlink()
    return web.Response(status=204)


def routes() -> list[web.RouteDef]:
    return [
        web.get("/view", view),
        web.post("/upload/image", upload_image),
        web.post("/upload/mask", upload_mask),
        web.get("/userdata", list_userdata),
        web.get("/userdata/{file}", get_userdata),
        web.post("/userdata/{file}", post_userdata),
        web.delete("/userdata/{file}", delete_userdata),
    ]
