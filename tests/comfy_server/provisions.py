"""What a prompt needs to be on a server: models, which are names here, and files in the input folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .dynamic_inputs import live_inputs
from .folders import Folders
from .knobs import Knobs
from .node_types import mark_of, upload_kind
from .nodes import moving
from .pictures import Recipe, draw
from .saving import Audio, write_sound, write_video

_SIZE = (96, 64)
_FRAMES, _PER_SECOND = 8, 8
_CODECS = {".wav": "pcm_s16le", ".flac": "flac"}


def provide(prompt: dict[str, Any], knobs: Knobs, folders: Folders) -> None:
    """Add what is missing. Classes that the server lacks are passed over."""
    for value, spec in _named(prompt, knobs):
        mark = mark_of(spec)
        if kind := upload_kind(spec):
            _put(folders.find_input(value), kind)
        elif mark.startswith("$models/"):
            folder = mark.removeprefix("$models/")
            known = knobs.models.get(folder, ())
            knobs.models[folder] = known if value in known else (*known, value)


def _named(prompt: dict[str, Any], knobs: Knobs) -> Iterator[tuple[str, list[Any]]]:
    """The texts that nodes hold, with what the server says of their inputs."""
    for node in prompt.values():
        node_type = knobs.node_types.get(node["class_type"])
        for name, (_, spec) in (live_inputs(node_type, node["inputs"]) if node_type else {}).items():
            if isinstance(value := node["inputs"].get(name), str):
                yield value, spec


def _put(path: Path, kind: str) -> None:
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = draw(Recipe(path.name), *_SIZE)
    if kind == "image":
        picture.save(path)
    elif kind == "video":
        write_video(path, moving(picture, _FRAMES), _PER_SECOND, "libx264", None, {})
    else:
        write_sound(path, Audio(None, _FRAMES / _PER_SECOND), _CODECS.get(path.suffix, "libmp3lame"))
