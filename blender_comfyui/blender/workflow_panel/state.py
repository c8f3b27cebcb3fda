"""The imported workflow as the .blend keeps it: with it, the panel is there again without file and server."""

import base64
import hashlib
import json
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, cast

from bpy.props import BoolProperty, PointerProperty, StringProperty
from bpy.types import Context, Image, PropertyGroup, Scene

from ..compat import RELATIVE_PATH
from .contents import Contents

_VERSION = 1
_LARGEST = 96 * 1024**2  # bytes; a .blend comes from anywhere, and what is packed in it, too
_REMEMBERED = 4


class ComfyValues(PropertyGroup):
    """`scene.comfyui.values`: one custom property for each value of the workflow that the panel shows.

    Custom properties need no class of their own when the file is opened, and take limits, keyframes and drivers.
    """


def _look_again(self: "ComfyMedia", _context: Context) -> None:
    """A file that was missing is not, once another one is chosen."""
    from . import checking, reception  # they know the classes of this module

    scene, known = cast(Scene, self.id_data), reception.definitions()
    if known is not None and checking.findings(scene.comfyui.imported).problems:
        checking.look(scene, known)


class ComfyMedia(PropertyGroup):
    """What an input loads instead of a file on the server (media.py); `name` is that of the value's property."""

    image: PointerProperty(
        name="Image", description="The image that is sent to the server", type=Image, update=_look_again
    )
    mask: PointerProperty(
        name="Mask",
        description="Where this image is white, the other one is masked: for most workflows, what is made anew",
        type=Image,
    )
    file: StringProperty(
        name="File",
        description="The file that is sent to the server",
        subtype="FILE_PATH",
        options=RELATIVE_PATH,
        update=_look_again,
    )


class ComfyImported(PropertyGroup):
    """`scene.comfyui.imported`: the workflow itself, and how its panel was arranged."""

    used: BoolProperty(name="Use the Imported Workflow", options={"HIDDEN"})
    title: StringProperty(name="Workflow", description="The name of the imported workflow")
    packed: StringProperty(options={"HIDDEN"})
    stamp: StringProperty(options={"HIDDEN"})  # of what is packed: cheap to compare with each drawing
    arranging: BoolProperty(
        name="Arrange", description="Choose what the panel shows, in which order and under which names"
    )
    layout: StringProperty(options={"HIDDEN"})  # shown.py; '' for the usual one
    preset: StringProperty(options={"HIDDEN"})  # the values of the preset that was chosen last, as JSON
    preset_name: StringProperty(options={"HIDDEN"})


_known: OrderedDict[str, Contents | None] = OrderedDict()


def keep(imported: ComfyImported, contents: Contents) -> None:
    """Put a workflow into the .blend."""
    record = {"version": _VERSION, "name": contents.name, "ui": contents.ui, "api": contents.api}
    record |= {"definitions": contents.definitions, "notes": contents.notes}
    # quickly rather than well: a list of 5,000 models shrinks to a tenth either way
    text, contents = _encoded(record, contents)
    packed = base64.b64encode(zlib.compress(text, 1)).decode()
    imported.packed, imported.title = packed, contents.name
    imported.stamp = hashlib.sha256(packed.encode()).hexdigest()[:16]
    _remember(imported.stamp, contents)


def contents(imported: ComfyImported) -> Contents | None:
    """Return the workflow that the .blend holds; None where it holds none, or what it holds is damaged."""
    stamp = imported.stamp
    if not stamp:
        return None
    if stamp not in _known:
        _remember(stamp, _unpacked(imported.packed))  # also that it is damaged: panels ask ten times a second
    return _known[stamp]


def forget(imported: ComfyImported) -> None:
    """Take the workflow out of the .blend."""
    for name in ("used", "title", "packed", "stamp", "layout", "preset", "preset_name"):
        imported.property_unset(name)


def _remember(stamp: str, contents: Contents | None) -> None:
    _known[stamp] = contents
    while len(_known) > _REMEMBERED:
        _known.popitem(last=False)


def _encoded(record: Mapping[str, Any], contents: Contents) -> tuple[bytes, Contents]:
    """Return a record as text in UTF-8, and what it holds: halves of characters, which crash Blender, become "?"."""
    text = json.dumps(record, ensure_ascii=False)
    try:
        return text.encode(), contents
    except UnicodeEncodeError:
        encoded = text.encode(errors="replace")
        return encoded, _read(json.loads(encoded)) or contents


def _unpacked(packed: str) -> Contents | None:
    try:
        text = zlib.decompressobj().decompress(base64.b64decode(packed), _LARGEST)
        record = json.loads(text)
        if rb"\ud" in text.lower():
            record = json.loads(json.dumps(record, ensure_ascii=False).encode(errors="replace"))
        return _read(record)
    except (ValueError, zlib.error, RecursionError):
        return None


def _read(record: object) -> Contents | None:
    match record:
        case {
            "name": str(name),
            "ui": dict() | None as ui,
            "api": dict() | None as api,
            "definitions": dict() as known,
        }:
            notes = record.get("notes")
            sentences = tuple(note for note in notes if isinstance(note, str)) if isinstance(notes, list) else ()
            return Contents(name, ui, api, known, sentences)
    return None
