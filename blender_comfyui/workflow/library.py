"""The imported workflows of a person: one JSON file each, in a folder of the user's. No bpy, no network.

Everything here waits for the disk, so it is called off Blender's main thread; from any thread, and beside another
Blender on the same folder. A file is called ``<name>.<id>.json``. The id stays, whatever becomes of the name; the name
in the file counts, the one of the file is for whoever looks into the folder.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from .containers.bounded import MAX_TEXT
from .errors import BrokenWorkflow, CannotKeep, NotAWorkflow, NotConverted, NotInLibrary
from .importing import ImportedWorkflow, checked_api
from .json_text import MAX_DEPTH, decoded, parsed
from .library_files import safe_name, written
from .png_chunks import BrokenPng, copy_with_texts
from .wording import quoted

_VERSION = 1
_FILE = re.compile(r".*\.([0-9a-f]{12})\.json", re.DOTALL)
_LARGEST = 3 * MAX_TEXT
_LONGEST_NAME = 100


@dataclass(frozen=True)
class Entry:
    """One workflow of the library. ``source`` is the name of the file it came from, ``imported`` when (UTC)."""

    id: str
    name: str
    source: str
    imported: datetime
    has_ui: bool
    has_api: bool


@dataclass(frozen=True)
class Kept:
    """An entry with its graphs, which are the caller's own."""

    entry: Entry
    ui: dict[str, Any] | None
    api: dict[str, Any] | None


@dataclass(frozen=True)
class Listing:
    """All entries by name, and a sentence for each file that is none, or damaged."""

    entries: tuple[Entry, ...]
    problems: tuple[str, ...]


class Library:
    """The workflows in a folder, which is made when the first one is kept.

    Every method raises CannotKeep where the disk refuses, NotInLibrary for an id that is not there (any more).
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        self._known: dict[str, tuple[tuple[int, int], Entry | str]] = {}  # by file name: its state, what it is

    def entries(self) -> Listing:
        """Return what the library holds. Files that did not change are not read again."""
        with self._lock, _refusals(self._folder):
            if not self._folder.is_dir():
                return Listing((), ())
            found = [self._looked_at(path) for path in sorted(self._folder.glob("*.json"))]
            entries = sorted((e for e in found if isinstance(e, Entry)), key=lambda entry: entry.name.casefold())
            return Listing(tuple(entries), tuple(problem for problem in found if problem and isinstance(problem, str)))

    def get(self, id: str) -> Kept:
        """Return a workflow."""
        with self._lock, _refusals(self._folder):
            path = self._path(id)
            try:
                return self._read(path)
            except FileNotFoundError as error:  # deleted just now, by another Blender
                raise _gone(id) from error

    def add(self, imported: ImportedWorkflow) -> Entry:
        """Keep an imported workflow, with a number behind its name where there is one of this name already."""
        with self._lock:
            name = self._free_name(imported.name)
            now = datetime.now(UTC).replace(microsecond=0)
            entry = _entry(uuid4().hex[:12], name, imported.source, now, imported.ui, imported.api)
            return self._write(Kept(entry, imported.ui, imported.api))

    def rename(self, id: str, name: str) -> Entry:
        """Give a workflow another name; its id stays."""
        with self._lock:
            kept = self.get(id)
            entry = replace(kept.entry, name=self._free_name(name, besides=id))
            return self._write(replace(kept, entry=entry))

    def duplicate(self, id: str) -> Entry:
        """Keep a copy of a workflow under a name of its own."""
        with self._lock:
            kept = self.get(id)
            entry = replace(kept.entry, id=uuid4().hex[:12], name=self._free_name(kept.entry.name))
            return self._write(replace(kept, entry=entry))

    def keep_api(self, id: str, api: Mapping[str, Any]) -> Entry:
        """Keep what the editor's workflow of an entry was converted to; raise NotAWorkflow or BrokenWorkflow."""
        with self._lock:
            kept = self.get(id)
            graph = checked_api(api, quoted(kept.entry.name))
            return self._write(Kept(replace(kept.entry, has_api=True), kept.ui, graph))

    def delete(self, id: str) -> None:
        """Delete a workflow for good."""
        with self._lock, _refusals(self._folder):
            self._path(id).unlink(missing_ok=True)

    def export_api(self, id: str, path: Path) -> None:
        """Write a workflow in the API's format; raise NotConverted where only the editor's is there."""
        kept = self.get(id)
        if kept.api is None:
            raise NotConverted(
                f"{quoted(kept.entry.name)} has not been converted to the API format yet. "
                "Connect to a server that has its nodes, and try again."
            )
        with _refusals(path), written(path) as file:
            file.write(json.dumps(kept.api, indent=2).encode())

    def export_png(self, id: str, path: Path, picture: Path) -> None:
        """Write a copy of a PNG picture with a workflow inside, as ComfyUI's SaveImage does.

        Raises CannotKeep also where ``picture`` is no PNG.
        """
        kept = self.get(id)
        graphs = {"prompt": kept.api, "workflow": kept.ui}
        texts = {keyword: json.dumps(graph) for keyword, graph in graphs.items() if graph is not None}
        try:
            with _refusals(picture), picture.open("rb") as source, _refusals(path), written(path) as target:
                copy_with_texts(source, target, texts)
        except BrokenPng as error:
            raise CannotKeep(f"{quoted(picture.name)} is no whole PNG picture: {error}. Choose another one.") from error

    def _path(self, id: str) -> Path:
        found = next(iter(self._folder.glob(f"*.{id}.json")), None) if re.fullmatch("[0-9a-f]{12}", id) else None
        if found is None:
            raise _gone(id)
        return found

    def _looked_at(self, path: Path) -> Entry | str:
        try:
            status = path.stat()
            state = (status.st_mtime_ns, status.st_size)
            known = self._known.get(path.name)
            if known is None or known[0] != state:
                known = self._known[path.name] = state, self._read(path).entry
            return known[1]
        except NotInLibrary as error:
            self._known[path.name] = state, str(error)
            return str(error)
        except FileNotFoundError:  # deleted just now, by another Blender
            return ""
        except OSError as error:
            return f"{quoted(path.name)} in the library cannot be read: {error.strerror}."

    def _read(self, path: Path) -> Kept:
        called = f"{quoted(path.name)} in the library"
        match = _FILE.fullmatch(path.name)
        try:
            if match is None:
                raise NotAWorkflow(f"{called} is none of its files. Import it to use it.")
            if path.stat().st_size > _LARGEST:
                raise NotAWorkflow(f"{called} is too large. Delete it.")
            return _kept(match[1], parsed(decoded(path.read_bytes(), called), called, MAX_DEPTH + 1), called)
        except (NotAWorkflow, BrokenWorkflow) as error:
            raise NotInLibrary(str(error), id=match[1] if match else "") from error

    def _write(self, kept: Kept) -> Entry:
        entry = kept.entry
        path = self._folder / f"{safe_name(entry.name)}.{entry.id}.json"
        with _refusals(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            old = next(iter(self._folder.glob(f"*.{entry.id}.json")), path)
            with written(old) as file:
                file.write(json.dumps(_record(kept)).encode())
            old.replace(path)  # the content is there already, should this one fail
        return entry

    def _free_name(self, name: str, besides: str = "") -> str:
        name = " ".join("".join(character if character.isprintable() else " " for character in name).split())
        name = name[:_LONGEST_NAME].strip() or "Workflow"
        taken = {entry.name.casefold() for entry in self.entries().entries if entry.id != besides}
        stem, number = re.sub(r" \d{1,4}$", "", name) if name.casefold() in taken else name, 2
        while name.casefold() in taken:
            name, number = f"{stem} {number}", number + 1
        return name


def _gone(id: str) -> NotInLibrary:
    return NotInLibrary("This workflow is not in the library any more. Import it again.", id=id)


def _entry(
    id: str, name: str, source: str, imported: datetime, ui: dict[str, Any] | None, api: dict[str, Any] | None
) -> Entry:
    return Entry(id, name, source, imported, ui is not None, api is not None)


def _record(kept: Kept) -> dict[str, Any]:
    entry = kept.entry
    return {
        "version": _VERSION,
        "name": entry.name,
        "source": entry.source,
        "imported": entry.imported.isoformat(),
        "ui": kept.ui,
        "api": kept.api,
    }


def _kept(id: str, record: Any, called: str) -> Kept:
    damaged = NotAWorkflow(f"{called} is damaged. Delete it, and import the workflow again.")
    match record:
        case {"version": int(version)} if version > _VERSION:
            raise NotAWorkflow(f"{called} was written by a newer version of this extension. Update it to use that one.")
        case {"name": str(name), "source": str(source), "imported": str(imported), "ui": ui, "api": api}:
            if not isinstance(ui, dict | None) or not isinstance(api, dict | None) or (ui is None and api is None):
                raise damaged
            if api is not None:
                api = checked_api(api, called)
            return Kept(_entry(id, name, source, _time(imported), ui, api), ui, api)
    raise damaged


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
        return time if time.tzinfo else time.replace(tzinfo=UTC)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)


@contextlib.contextmanager
def _refusals(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CannotKeep(
            f"{quoted(str(path), 200)} cannot be read or written: {error.strerror or error}. "
            "Check the disk and its permissions."
        ) from error
