"""Which .blend is open: a result belongs to the one that it was asked from.

Each .blend has an id, the same in all of its scenes: it is found again under another name, and also if it was never
saved and came back by recovery. A copy has the same id; there the path decides, as long as the first file is there.
"""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import NAMESPACE_URL, uuid4, uuid5

import bpy
from bpy.app.handlers import persistent
from bpy.types import Scene


@dataclass
class _OtherFiles:
    """Whether another file stands at a path. A thread looks: disks can be slow or away."""

    _found: dict[str, bool | None] = field(default_factory=dict)

    def stands(self, path: str, own: str) -> bool | None:
        """Return None until it is known."""
        if path not in self._found:
            self._found[path] = None
            threading.Thread(target=self._look, args=(path, own), name="comfyui-path", daemon=True).start()
        return self._found[path]

    def _look(self, path: str, own: str) -> None:
        try:
            self._found[path] = Path(path).is_file() and not (own and os.path.samefile(path, own))  # noqa: PTH121
        except OSError:
            self._found[path] = False


@dataclass
class _Opening:
    """One file from its opening to the next one's. `id` is kept here too, as undo takes it out of the scenes."""

    token: str = field(default_factory=lambda: uuid4().hex)  # tells two unsaved files apart
    id: str | None = None  # None: not looked for yet; '': the file has none
    is_as_saved: bool = False  # it was read from its own place on the disk, not from a recovered copy
    others: _OtherFiles = field(default_factory=_OtherFiles)


_opening = _Opening()


def mark() -> dict[str, str]:
    """Return what a Request's context has to hold so that `is_open` recognises this file later."""
    return {"blend": bpy.data.filepath, "blend_id": _stamp(), "opened": _opening.token}


def scene_by_number(number: int) -> Scene | None:
    """Return the scene with this `session_uid`: a scene keeps it as long as the file is open, also when renamed."""
    return next((scene for scene in bpy.data.scenes if scene.session_uid == number), None)


def is_open(context: Mapping[str, str]) -> bool | None:
    """Whether the open file is the one of `context`: still open (under whatever name now), or opened again.

    None means that it is not known yet; ask again a little later.
    """
    if is_same_opening(context):
        return True
    path, own = context.get("blend", ""), bpy.data.filepath
    is_same_path = bool(own) and os.path.normcase(path) == os.path.normcase(own)
    if not (context.get("blend_id") and _id()):
        return is_same_path
    if context["blend_id"] != _id():
        return False
    if is_same_path or not path:
        return True
    stands = _opening.others.stands(path, own)
    return None if stands is None else not stands


def is_same_opening(context: Mapping[str, str]) -> bool:
    """Whether the file has not been closed since: what Blender numbers anew with each opening has the same numbers."""
    return context.get("opened") == _opening.token


def identity() -> str:
    """Return the open file's id, '' as long as it has none. Changes nothing, for drawing."""
    return _id()


def is_as_saved() -> bool:
    """Whether the file was opened from its own place on the disk: what it held then, it holds for good."""
    return _opening.is_as_saved


def _id() -> str:
    if _opening.id is None:
        _opening.id = next((scene.comfyui.blend_id for scene in _own_scenes() if scene.comfyui.blend_id), "")
    return _opening.id


def _stamp() -> str:
    """Give the file its id, if it has none, and all scenes that lack it. A saved file gets the same one each time."""
    path = bpy.data.filepath
    _opening.id = _id() or str(uuid5(NAMESPACE_URL, path) if path else uuid4())
    for scene in _own_scenes():
        if scene.comfyui.blend_id != _opening.id:
            scene.comfyui.blend_id = _opening.id
    return _opening.id


def _own_scenes() -> list[Scene]:
    return [scene for scene in bpy.data.scenes if scene.library is None]


@persistent
def _on_load(file: str) -> None:
    """`file` is '' for the startup file: whoever begins with it begins another .blend."""
    global _opening
    _opening = _Opening(is_as_saved=bool(file) and file == bpy.data.filepath)
    if not file:
        _opening.id = ""
        for scene in _own_scenes():
            scene.comfyui.property_unset("blend_id")


@persistent
def _on_save(file: str) -> None:
    if file:  # not the startup file
        _stamp()


def register() -> None:
    bpy.app.handlers.load_post.append(_on_load)
    bpy.app.handlers.save_pre.append(_on_save)


def unregister() -> None:
    bpy.app.handlers.load_post.remove(_on_load)
    bpy.app.handlers.save_pre.remove(_on_save)
