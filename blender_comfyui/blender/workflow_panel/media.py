"""What inputs of an imported workflow load: an image of Blender or a file here, in place of a file on the server.

Beside the custom property of such a value, which holds a name on the server, stands an item of `scene.comfyui.media`.
"""

from collections.abc import Iterator
from pathlib import Path

import bpy
from bpy.types import Scene, UILayout

from ...generation.request import Upload
from ...generation.uploads import server_name
from ...workflow.panel_parameters import Parameter
from ...workflow.panel_widgets import Kind
from .. import input_pictures
from . import values
from .building import Built
from .state import ComfyMedia, ComfyValues

PICTURES = frozenset({Kind.IMAGE, Kind.MASK})
_SUBFOLDERS = {Kind.MESH: "3d"}  # of the input folder, where ComfyUI's Load 3D looks


def is_chosen(item: ComfyMedia | None) -> bool:
    """Whether there is something to be sent in place of the name."""
    return item is not None and bool(item.image or item.file)


def names(kept: ComfyValues, built: Built) -> dict[str, str]:
    """Return under which names files are about to be sent, by the keys of their parameters."""
    return {parameter.key: server_name(_path(item, parameter)) for item, parameter in _chosen(kept, built)}


def uploads(scene: Scene, built: Built) -> tuple[Upload, ...]:
    """Return what is sent before the workflow. Raises InvalidValue for an image that shows nothing."""
    return tuple(_upload(scene, item, parameter) for item, parameter in _chosen(scene.comfyui.values, built))


def draw(column: UILayout, item: ComfyMedia, parameter: Parameter, *, takes_mask: bool) -> None:
    """What can be chosen; the name on the server comes below, as long as nothing is."""
    if parameter.kind not in PICTURES:
        column.prop(item, "file", text="", placeholder="A file of this computer")
        return
    column.template_ID(item, "image", open="image.open")
    if takes_mask and item.image is not None:
        column.label(text="Mask")
        column.template_ID(item, "mask", new="image.new", open="image.open")


def _chosen(kept: ComfyValues, built: Built) -> Iterator[tuple[ComfyMedia, Parameter]]:
    media = values.media(kept)
    for name, parameter in values.visible(kept, built):
        item = media.get(name)
        if item is not None and (item.image if parameter.kind in PICTURES else item.file):
            yield item, parameter


def _path(item: ComfyMedia, parameter: Parameter) -> Path:
    if parameter.kind not in PICTURES:
        return Path(bpy.path.abspath(item.file))
    file = None if item.mask else input_pictures.file_of(item.image)
    return file or Path(f"{item.image.name}.png")


def _upload(scene: Scene, item: ComfyMedia, parameter: Parameter) -> Upload:
    path = _path(item, parameter)
    places = tuple((place.node_id, place.input_name) for place in parameter.tied or (parameter.place,))
    is_drawn = parameter.kind in PICTURES and (item.mask or input_pictures.file_of(item.image) is None)
    return Upload(
        path,
        places,
        subfolder=_SUBFOLDERS.get(parameter.kind, ""),
        drawing=input_pictures.drawing_of(item.image, item.mask, scene) if is_drawn else None,
    )
