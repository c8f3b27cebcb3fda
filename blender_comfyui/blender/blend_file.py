"""Which .blend is open: a result belongs to the one that it was asked from."""

from collections.abc import Mapping
from uuid import uuid4

import bpy
from bpy.app.handlers import persistent

_opened = [uuid4().hex]  # changes each time a file is opened, so that two unsaved files are told apart


def mark() -> dict[str, str]:
    """Return what a Request's context has to hold so that `is_open` recognises this file later."""
    return {"blend": bpy.data.filepath, "opened": _opened[0]}


def is_open(context: Mapping[str, str]) -> bool:
    """Whether the open file is the one of `context`: still open (under whatever name now), or opened again."""
    if context.get("opened") == _opened[0]:
        return True
    return bool(bpy.data.filepath) and context.get("blend") == bpy.data.filepath


@persistent
def _on_load(_file: object) -> None:
    _opened[0] = uuid4().hex


def register() -> None:
    bpy.app.handlers.load_post.append(_on_load)


def unregister() -> None:
    bpy.app.handlers.load_post.remove(_on_load)
