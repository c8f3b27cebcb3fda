"""A picture that was dropped and holds no workflow: it becomes what Blender itself would have made of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
from bpy.types import Context, Image, Scene

from .. import blend_file

_PICTURES = (".png", ".webp", ".jpg", ".jpeg")


@dataclass(frozen=True)
class Dropped:
    """What was dropped, and onto which kind of editor; `area` is that one's address, `scene` its `session_uid`."""

    path: Path
    editor: str
    area: int
    scene: int


def noticed(context: Context, path: Path) -> Dropped:
    area = context.area
    return Dropped(path, area.type if area else "", area.as_pointer() if area else 0, context.scene.session_uid)


def placed(dropped: Dropped) -> bool:
    """Place a picture as if it had not been ours to look at; return whether it was one."""
    if dropped.path.suffix.lower() not in _PICTURES or not dropped.path.is_file():
        return False
    try:
        image = bpy.data.images.load(str(dropped.path), check_existing=True)
    except RuntimeError:
        return False
    scene = blend_file.scene_by_number(dropped.scene)
    if dropped.editor == "VIEW_3D" and scene is not None:
        _add_reference(scene, image)
    elif dropped.editor == "IMAGE_EDITOR":
        _show(image, dropped.area)
    if not bpy.app.background:
        bpy.ops.ed.undo_push(message="Drop Image")
    return True


def _add_reference(scene: Scene, image: Image) -> None:
    empty: Any = bpy.data.objects.new(image.name, None)
    empty.empty_display_type, empty.data = "IMAGE", image
    empty.location = scene.cursor.location
    scene.collection.objects.link(empty)


def _show(image: Image, address: int) -> None:
    """In the editor that it was dropped onto; in another one where that was closed since."""
    areas = [area for window in bpy.context.window_manager.windows for area in window.screen.areas]
    editors = sorted((area for area in areas if area.type == "IMAGE_EDITOR"), key=lambda a: a.as_pointer() != address)
    if editors:
        editors[0].spaces.active.image = image
