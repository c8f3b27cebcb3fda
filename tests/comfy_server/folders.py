"""The server's input, output and temp folders, and the names of files in them."""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path

_ANNOTATION = re.compile(r"^(?P<name>.*) ?\[(?P<type>input|output|temp)\]$", re.DOTALL)


class Folders:
    """``root`` gets the folders input, output, temp and user."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        for name in ("input", "output", "temp", "user"):
            (self.root / name).mkdir(parents=True, exist_ok=True)

    def of_type(self, kind: str | None) -> Path | None:
        return self.root / kind if kind in ("input", "output", "temp") else None

    @property
    def user(self) -> Path:
        return self.root / "user"

    @property
    def templates(self) -> Path:
        """The official templates and their index; not there unless a test makes it."""
        return self.root / "templates"

    @property
    def custom_nodes(self) -> Path:
        """Node packs with their example_workflows; not there unless a test makes it."""
        return self.root / "custom_nodes"

    def empty_temp(self) -> None:
        """As a server does when it starts."""
        shutil.rmtree(self.root / "temp", ignore_errors=True)
        (self.root / "temp").mkdir()

    def input_files(self) -> list[str]:
        return sorted(path.name for path in (self.root / "input").iterdir() if path.is_file())

    def find_input(self, name: str) -> Path:
        """The file of a LoadImage value such as ``a.png``, ``sub/a.png`` or ``a.png [temp]``."""
        name, kind = split_annotation(name)
        return self.root / (kind or "input") / name

    def place(self, prefix: str, kind: str, width: int, height: int) -> tuple[Path, str, int, str]:
        """Folder, file stem, next free counter and subfolder for a filename_prefix.

        Raises RuntimeError for a prefix that leaves the folder.
        """
        base = self.root / kind
        prefix = _expand(prefix, width, height)
        subfolder = str(Path(prefix).parent) if "/" in prefix else ""
        stem = Path(prefix).name
        folder = (base / subfolder).resolve()
        if not folder.is_relative_to(base):
            raise OutsideFolderError(folder, base)
        folder.mkdir(parents=True, exist_ok=True)
        return folder, stem, _next_counter(folder, stem), subfolder


def split_annotation(name: str) -> tuple[str, str | None]:
    """``a.png [temp]`` -> ``a.png``, ``temp``."""
    found = _ANNOTATION.match(name)
    return (found["name"].strip(), found["type"]) if found else (name, None)


class OutsideFolderError(Exception):
    """Reported under the name ``Exception``, as the server raises it."""

    def __init__(self, folder: Path, base: Path) -> None:
        common = os.path.commonpath((folder, base))
        super().__init__(
            "**** ERROR: Saving image outside the output folder is not allowed."
            f"\n full_output_folder: {folder}\n         output_dir: {base}\n         commonpath: {common}"
        )


def _expand(prefix: str, width: int, height: int) -> str:
    if "%" not in prefix:
        return prefix
    now = time.localtime()
    values = {"width": str(width), "height": str(height), "year": str(now.tm_year)}
    values |= {"month": f"{now.tm_mon:02}", "day": f"{now.tm_mday:02}", "hour": f"{now.tm_hour:02}"}
    values |= {"minute": f"{now.tm_min:02}", "second": f"{now.tm_sec:02}"}
    for name, value in values.items():
        prefix = prefix.replace(f"%{name}%", value)
    return prefix


def _next_counter(folder: Path, stem: str) -> int:
    """One more than the greatest counter of a file ``<stem>_<counter>_…`` in the folder."""
    taken = re.compile(re.escape(stem) + r"_(\d+)")
    counters = [int(found[1]) for path in folder.iterdir() if (found := taken.match(path.name))]
    return max(counters, default=0) + 1
