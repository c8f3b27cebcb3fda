"""Workflows out of files: JSON, and the pictures, videos, sounds and meshes that ComfyUI writes. No bpy, no network.

What a file is, its first bytes say, whatever its name. Of large files only the parts around the texts are read.
How servers write each kind is told in ``containers``.
"""

from __future__ import annotations

import contextlib
import io
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from .containers.bounded import MAX_PARTS, MAX_TEXT, Cut, Texts
from .containers.kinds import Kind, kind_of
from .containers.meshes import gltf_texts
from .errors import NotAWorkflow, TooLarge, UnreadableFile
from .json_text import decoded, parsed
from .shapes import Graphs, graphs_in
from .signatures import HEAD
from .wording import quoted

_JSON = "JSON"
_OURS = frozenset({"prompt", "workflow"})
_A1111 = "Automatic1111 or a program like it"
# What other programs call their texts; ComfyUI's own are preferred to them.
_MAKERS = {
    "parameters": _A1111,
    "invokeai_metadata": "InvokeAI",
    "invokeai_graph": "InvokeAI",
    "sd-metadata": "InvokeAI",
    "dream": "InvokeAI",
    "fooocus_scheme": "Fooocus",
    "generation_time": "NovelAI",
}


@dataclass(frozen=True)
class Embedded:
    """What a file holds; neither graph is checked yet.

    ``format`` is the kind of file, as “PNG”; ``maker`` the other program that wrote it, where that can be told;
    ``damage`` a sentence where there is a workflow that cannot be read, '' otherwise.
    """

    api: dict[str, Any] | None
    ui: dict[str, Any] | None
    format: str
    maker: str = ""
    damage: str = ""


def read_metadata(source: Path | bytes, name: str = "") -> Embedded:
    """Read the workflows of a file, or of a file's bytes with its name; both are None where it holds none.

    Raises, each with one sentence that names the file: UnreadableFile where there is no file or it may not be read;
    TooLarge; NotAWorkflow for an archive, a text that is no workflow, and what is no file that we know.
    """
    if isinstance(source, bytes):
        return _read(io.BytesIO(source), quoted(name or "The file"))
    called = quoted(name or source.name or str(source))
    with _opened(source, called) as file:
        return _read(file, called)


@contextlib.contextmanager
def _opened(path: Path, called: str) -> Iterator[BinaryIO]:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise UnreadableFile(f"{called} is a folder. Choose a file in it.")
        if not stat.S_ISREG(mode):  # a pipe would keep us waiting
            raise UnreadableFile(f"{called} is no file, but a device or the like. Choose a file.")
        with path.open("rb") as file:
            yield file
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UnreadableFile(f"{called} is not there any more. Check the path.") from error
    except PermissionError as error:
        raise UnreadableFile(f"{called} may not be read. Change its permissions, or copy it elsewhere.") from error
    except OSError as error:
        raise UnreadableFile(f"{called} cannot be read: {error.strerror or error}. Copy it elsewhere.") from error
    except ValueError as error:  # a path with a zero byte
        raise UnreadableFile(f"{called} is no name of a file. Check the path.") from error


def _read(file: BinaryIO, called: str) -> Embedded:
    head = file.read(HEAD)
    if not head:
        raise NotAWorkflow(f"{called} is empty. Choose another file.")
    kind = kind_of(head)
    if kind is None:
        return _read_text(file, called)
    if kind.is_archive:
        raise NotAWorkflow(f"{called} is a {kind.name} archive. Unpack it, and choose a file inside.")
    found = _Finds(called)
    for name, text in _bounded(kind, file):
        found.offer(name, text)
    return Embedded(found.graphs.api, found.graphs.ui, kind.name, found.maker, found.damage)


def _bounded(kind: Kind, file: BinaryIO) -> Texts:
    """Yield a file's texts up to where it is damaged, or they become more than any workflow."""
    left = MAX_TEXT
    with contextlib.suppress(Cut):
        for count, (name, text) in enumerate(kind.texts(file)):
            left -= len(text)
            if left < 0 or count > MAX_PARTS:
                return
            yield name, text


class _Finds:
    """Gathers what a file's texts hold: of several the first."""

    def __init__(self, called: str) -> None:
        self.graphs = Graphs()
        self.maker = self.damage = ""
        self._called = f"The workflow in {called}"

    def offer(self, name: str, text: str) -> None:
        name = name.strip().lower()
        if name not in _OURS:
            keyword, colon, rest = text.partition(":")
            if colon and keyword.strip().lower() in _OURS:  # as EXIF has it
                name, text = keyword.strip().lower(), rest
        text = text.strip("\0 \t\r\n")
        if text.startswith(("{", '"', "[")):
            self._take(name, text)
        elif "Steps: " in text and "Sampler: " in text:
            self.maker = self.maker or _A1111
        if name in _MAKERS:
            self.maker = self.maker or _MAKERS[name]

    def _take(self, name: str, text: str) -> None:
        try:
            self.graphs = self.graphs.filled_up(graphs_in(parsed(text, self._called)))
        except NotAWorkflow as error:
            if name in _OURS:
                self.damage = self.damage or str(error)


def _read_text(file: BinaryIO, called: str) -> Embedded:
    size = file.seek(0, 2)
    file.seek(0)
    if size > MAX_TEXT:
        raise TooLarge(
            f"{called} has {size >> 20} MB and is no file that ComfyUI writes workflows into; a workflow by itself has "
            f"at most {MAX_TEXT >> 20} MB. Choose another file."
        )
    value = parsed(decoded(file.read(), called), called)
    graphs = graphs_in(value)
    if graphs != Graphs():
        return Embedded(graphs.api, graphs.ui, _JSON)
    if isinstance(value, dict) and isinstance(value.get("asset"), dict):
        return _read_gltf(value, called)
    raise NotAWorkflow(f"{called} is no ComfyUI workflow: {_instead(value)}")


def _read_gltf(gltf: dict[str, Any], called: str) -> Embedded:
    found = _Finds(called)
    for name, text in gltf_texts(gltf):
        found.offer(name, text)
    return Embedded(found.graphs.api, found.graphs.ui, "glTF", found.maker, found.damage)


def _instead(value: Any) -> str:
    """Say what a JSON file holds that is no workflow, and what to do."""
    if isinstance(value, dict) and not value:
        return "it has no nodes. Export it again in ComfyUI."
    if isinstance(value, dict) and isinstance(value.get("templates"), list):
        return "it holds node templates. Put them into a workflow in ComfyUI, and save that."
    if isinstance(value, dict) and any(isinstance(part, dict) and "output_node" in part for part in value.values()):
        return "it is a server's list of node classes. Choose a file that ComfyUI saved or exported."
    if isinstance(value, dict):
        return "it is JSON of another kind. Choose a file that ComfyUI saved or exported."
    what = "a list" if isinstance(value, list) else "a single value"
    return f"it is {what}. Choose a file that ComfyUI saved or exported."
