"""What was placed in this .blend, kept in it: no result is placed twice, whatever happens in between.

A scene's `comfyui.results` has a line for each output that a sink placed. It is written in the same undo step, goes
to the disk in the same file, and stays when the picture itself is let go.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import bpy
from bpy.app.handlers import persistent
from bpy.types import Image, Scene

from .. import compat
from .recipe import KEY, is_about, output_of

if TYPE_CHECKING:
    from bpy.types import Strip  # named Sequence before 4.5

    from ..properties import ComfyResult

# of each scene: its number, how many lines it has, and where the first of them is in memory
_Signature: TypeAlias = tuple[tuple[int, int, int], ...]


@dataclass
class _Lines:
    """All lines of the file by their keys, read anew where the signature is another one.

    As long as a list's length and address are the same, the lines that were read from it are still there.
    """

    signature: _Signature | None = None
    found: dict[str, "ComfyResult"] = field(default_factory=dict)
    readings: int = 0


_lines = _Lines()


def key(job_id: str, number: int) -> str:
    return f"{job_id}/{number}"


def lines() -> Mapping[str, "ComfyResult"]:
    """Return all lines by their keys. Not to be kept: the next line that is entered may move them."""
    signature = _signature()
    if signature != _lines.signature:
        _lines.found = {line.name: line for scene in bpy.data.scenes for line in scene.comfyui.results}
        _lines.signature = signature
        _lines.readings += 1
    return _lines.found


def readings() -> int:
    """Return a number that grows whenever the lines are others, or may be."""
    lines()
    return _lines.readings


def holds(job_id: str, number: int) -> bool:
    """Whether this output has a line."""
    return key(job_id, number) in lines()


def placed_as(job_id: str, number: int) -> str | None:
    """Return the name of what this output became, '' where that is gone, None where it has no line."""
    line = lines().get(key(job_id, number))
    if line is None:
        return None
    if line.image is not None:
        return line.image.name
    made = (strip.name for strip, _ in _made_strips() if output_of(strip[KEY]) == (job_id, number))
    return next(made, "")


def enter_found(outputs: Collection[tuple[str, int]]) -> None:
    """Enter those of the outputs that are in the file without a line, as their scene was deleted.

    Looks at all that was made in this file.
    """
    missing = {output for output in outputs if not holds(*output)}
    jobs = {job_id for job_id, _ in missing}
    for made, scene in (*_made_images(), *_made_strips()) if missing else ():
        recipe = made[KEY]
        if len(jobs) == 1 and not is_about(recipe, *jobs):  # spares reading all the others
            continue
        output = output_of(recipe)
        if output in missing and scene is not None:
            missing.discard(output)
            enter(scene, *output, made if isinstance(made, Image) else None)


class Present:
    """What the file holds, looked at once for many questions. Not to be kept, as `lines`."""

    def __init__(self) -> None:
        self._lines = lines()
        editors = (scene.sequence_editor for scene in bpy.data.scenes)
        self._strips = [compat.strips(editor) for editor in editors if editor is not None]

    def first_name(self, job_id: str, named: Iterable[tuple[int, str]]) -> str:
        """Return what the first of these outputs that is still here is called now, '' where all are gone.

        `named` are numbers, and the names they were given.
        """
        for number, name in named:
            line = self._lines.get(key(job_id, number))
            if line is None:
                continue
            if (image := line.image) is not None:
                return image.name
            if any(name in strips for strips in self._strips):
                return name
        return ""


def enter(scene: Scene, job_id: str, number: int, image: Image | None = None) -> None:
    """Write down that an output was placed in this scene, and keep its image with it."""
    before = _signature()
    line = scene.comfyui.results.add()
    line.name = key(job_id, number)
    # a fake user would keep it for ever; this one goes with the scene
    line.image = image
    _note_entered(line, before)


def _note_entered(line: "ComfyResult", before: _Signature) -> None:
    """Spare reading all lines anew, as long as they stay where they are in memory: a file may hold thousands."""
    now = _signature()
    moved = any(old[2] != new[2] and old[1] for old, new in zip(before, now, strict=True))
    if before == _lines.signature and not moved:
        _lines.found.setdefault(line.name, line)
        _lines.signature = now
        _lines.readings += 1


def _signature() -> _Signature:
    results = ((scene.session_uid, scene.comfyui.results) for scene in bpy.data.scenes)
    return tuple((uid, len(own), own[0].as_pointer() if len(own) else 0) for uid, own in results)


def release(scene: Scene) -> int:
    """Let go of the images that nothing else uses; return how many. The lines stay."""
    unused = [line for line in scene.comfyui.results if line.image is not None and line.image.users <= 1]
    for line in unused:
        line.image = None
    return len(unused)


def _made_images() -> Iterator[tuple[Image, Scene | None]]:
    """All images of this file that a sink made, and the scene that is to keep those that no scene keeps."""
    local = [scene for scene in bpy.data.scenes if scene.library is None]
    keeper = bpy.context.scene if bpy.context.scene in local else next(iter(local), None)
    return ((image, keeper) for image in bpy.data.images if image.library is None and image.get(KEY))


def _made_strips() -> "Iterator[tuple[Strip, Scene]]":
    for scene in bpy.data.scenes:
        if scene.library is None and scene.sequence_editor is not None:
            yield from ((strip, scene) for strip in compat.strips(scene.sequence_editor) if strip.get(KEY))


@persistent
def _forget(_scene_or_file: object) -> None:
    _lines.signature, _lines.found = None, {}


_HANDLERS = (bpy.app.handlers.load_post, bpy.app.handlers.undo_post, bpy.app.handlers.redo_post)


def register() -> None:
    for handlers in _HANDLERS:
        handlers.append(_forget)


def unregister() -> None:
    for handlers in _HANDLERS:
        handlers.remove(_forget)
    _forget(None)
