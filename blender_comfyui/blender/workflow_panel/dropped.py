"""A picture that was dropped and holds no workflow: it becomes what Blender itself would have made of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
from bpy.types import Context, Image, Scene

_PICTURES = (".png", ".webp", ".jpg", ".jpeg")


@dataclass(frozen=True)
class Dropped:
    """What was dropped, and onto which kind of editor."""

    path: Path
    editor: str
    scene: str


def noticed(context: Context, path: Path) -> Dropped:
    return Dropped(path, context.area.type if context.area else "", context.scene.name)


def placed(dropped: Dropped) -> bool:
    """Place a picture as if it had not been ours to look at; return whether it was one."""
    if dropped.path.suffix.lower() not in _PICTURES or not dropped.path.is_file():
        return False
    try:
        image = bpy.data.images.load(str(dropped.path), check_existing=True)
    except RuntimeError:
        return False
    scene = bpy.data.scenes.get(dropped.scene)
    if dropped.editor == "VIEW_3D" and scene is not None:
        _add_reference(scene, image)
    elif dropped.editor == "IMAGE_EDITOR":
        _show(image)
    if not bpy.app.background:
        bpy.ops.ed.undo_push(message="Drop Image")
    return True


def _add_reference(scene: Scene, image: Image) -> None:
    empty: Any = bpy.data.objects.new(image.name, None)
    empty.empty_display_type, empty.data = "IMAGE", image
    empty.location = scene.cursor.location
    scene.collection.objects.link(empty)


def _show(image: Image) -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "IMAGE_EDITOR":
                area.spaces.active.image = image
                return
