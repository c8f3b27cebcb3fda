"""The workflows that come with the extension. No bpy here."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from .errors import NotAWorkflow

_PACKAGE = Path(__file__).resolve().parents[1]
# Installed, they lie in the package; in a checkout, beside it.
_FOLDERS = (_PACKAGE / "workflows", _PACKAGE.parent / "workflows")


def names() -> list[str]:
    """Return the names of the bundled workflows, sorted."""
    return sorted(_files())


def path(name: str) -> Path:
    """Return the file of a bundled workflow; raise NotAWorkflow for a name that is none."""
    try:
        return _files()[name]
    except KeyError:
        raise NotAWorkflow(f"There is no bundled workflow “{name}”. Choose one of: {', '.join(names())}.") from None


@cache
def text(name: str) -> str:
    """Return what a bundled workflow's file holds. Read once: Generate must not wait for a disk."""
    return path(name).read_text(encoding="utf-8")


def folder() -> Path:
    """Return the folder of what is bundled."""
    return next((folder for folder in _FOLDERS if folder.is_dir()), _FOLDERS[0])


@cache
def _files() -> dict[str, Path]:
    return {file.stem: file for file in folder().glob("*.json")}
