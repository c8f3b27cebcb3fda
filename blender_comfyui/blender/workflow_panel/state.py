"""The imported workflow as the .blend keeps it: with it, the panel is there again without file and server."""

import base64
import hashlib
import json
import zlib
from collections import OrderedDict

from bpy.props import BoolProperty, StringProperty
from bpy.types import PropertyGroup

from .contents import Contents

_VERSION = 1
_LARGEST = 256 * 1024**2  # bytes; a .blend comes from anywhere, and what is packed in it, too
_REMEMBERED = 4


class ComfyValues(PropertyGroup):
    """`scene.comfyui.values`: one custom property for each value of the workflow that the panel shows.

    Custom properties need no class of their own when the file is opened, and take limits, keyframes and drivers.
    """


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


_known: OrderedDict[str, Contents] = OrderedDict()


def keep(imported: ComfyImported, contents: Contents) -> None:
    """Put a workflow into the .blend."""
    record = {"version": _VERSION, "name": contents.name, "ui": contents.ui, "api": contents.api}
    record |= {"definitions": contents.definitions, "notes": contents.notes}
    # quickly rather than well: a list of 5,000 models shrinks to a tenth either way
    packed = base64.b64encode(zlib.compress(json.dumps(record).encode(), 1)).decode()
    imported.packed, imported.title = packed, contents.name
    imported.stamp = hashlib.sha256(packed.encode()).hexdigest()[:16]
    _remember(imported.stamp, contents)


def contents(imported: ComfyImported) -> Contents | None:
    """Return the workflow that the .blend holds; None where it holds none, or what it holds is damaged."""
    stamp = imported.stamp
    if not stamp:
        return None
    if stamp not in _known:
        unpacked = _unpacked(imported.packed)
        if unpacked is None:
            return None
        _remember(stamp, unpacked)
    return _known[stamp]


def forget(imported: ComfyImported) -> None:
    """Take the workflow out of the .blend."""
    for name in ("used", "title", "packed", "stamp", "layout", "preset", "preset_name"):
        imported.property_unset(name)


def _remember(stamp: str, contents: Contents) -> None:
    _known[stamp] = contents
    while len(_known) > _REMEMBERED:
        _known.popitem(last=False)


def _unpacked(packed: str) -> Contents | None:
    try:
        text = zlib.decompressobj().decompress(base64.b64decode(packed), _LARGEST)
        record = json.loads(text)
    except (ValueError, zlib.error, RecursionError):
        return None
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
