"""Pictures of templates: checked, made small, and kept on the disk, so that a page of them is there at once next time.

A picture is kept by its server and by all that the server says of its template: what is listed otherwise is fetched
anew. The folder is bounded, and nothing in it is needed: it may be deleted at any time, by whomever.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from ...comfy.errors import FileBroken
from ...comfy.offers import Template
from ..pictures import check_picture, make_thumbnail, thumbnail_pixels

log = logging.getLogger(__name__)

MAX_BYTES = 24 * 2**20  # of the folder: about 2000 pictures, three times the official collection
MAX_AGE = 30 * 86400.0  # seconds after which a picture is fetched anew: a new one may be listed as the old one was

Pixels: TypeAlias = tuple[int, int, bytes]  # width, height, float32 RGBA from the bottom row up


class TemplatePictures:
    """For one thread; other Blenders may use the same folder."""

    def __init__(self, folder: Path | None, max_bytes: int = MAX_BYTES) -> None:
        """Without a folder nothing is kept."""
        self._folder = folder
        self._max_bytes = max_bytes
        self._unlooked = max_bytes  # bytes written since the folder was looked through: it is at the first

    def pixels(
        self, server: str, template: Template, side: int, fetch: Callable[[Template], bytes | None]
    ) -> Pixels | None:
        """A picture of at most `side` pixels; None where there is none that can be shown.

        Raises what `fetch` raises, and OSError where there is no place on the disk to work in.
        """
        path = self._path(server, template, side)
        if path is not None and (kept := _kept(path)) is not None:
            return kept
        data = fetch(template)
        if not data:
            return None
        with TemporaryDirectory() as folder:
            made = Path(folder) / "small.webp"
            try:
                if not _made(data, Path(folder) / "fetched", made, side):
                    return None
                pixels = thumbnail_pixels(made)
            except FileBroken as error:
                log.info("the picture of %s: %s", template.name, error)
                return None
            if path is not None:
                self._keep(made, path)
        return pixels

    def _path(self, server: str, template: Template, side: int) -> Path | None:
        """No part of a name that a server chose becomes part of a path."""
        if self._folder is None:
            return None
        said = repr((server, template, side)).encode(errors="backslashreplace")
        return self._folder / f"{hashlib.sha256(said).hexdigest()[:32]}.webp"

    def _keep(self, made: Path, path: Path) -> None:
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(made, part)
            part.replace(path)
            self._unlooked += path.stat().st_size
        except OSError as error:  # a full disk: it is shown all the same
            log.info("the picture %s was not kept: %s", path.name, error)
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
        if self._unlooked > self._max_bytes // 8:
            self._unlooked = 0
            _bound(path.parent, self._max_bytes)


def _kept(path: Path) -> Pixels | None:
    try:
        if time.time() - path.stat().st_mtime < MAX_AGE:
            return thumbnail_pixels(path)
    except (FileBroken, OSError):  # there is none, or what a crash left of it
        pass
    return None


def _made(data: bytes, fetched: Path, made: Path, side: int) -> bool:
    fetched.write_bytes(data)
    check_picture(fetched, "thumbnail")  # whatever kind it is: the ending of its name is only what a list says
    return make_thumbnail(fetched, made, side)


def _bound(folder: Path, max_bytes: int) -> None:
    """Delete what was fetched first until the rest takes little enough room that some more can come."""
    try:
        found = [(entry.stat(), entry.path) for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False)]
    except OSError:  # another Blender is at it, too
        return
    size = sum(stat.st_size for stat, _ in found)
    for stat, path in sorted(found, key=lambda each: each[0].st_mtime):
        if size <= max_bytes - max_bytes // 8:
            return
        with contextlib.suppress(OSError):
            Path(path).unlink()
            size -= stat.st_size
