"""Files that are whole or not there, under names that every file system takes. No bpy here."""

from __future__ import annotations

import contextlib
import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

_FORBIDDEN = frozenset('<>:"/\\|?*')
_RESERVED = frozenset(
    "con prn aux nul conin$ conout$ com0 com1 com2 com3 com4 com5 com6 com7 com8 com9 com¹ com² com³ "
    "lpt0 lpt1 lpt2 lpt3 lpt4 lpt5 lpt6 lpt7 lpt8 lpt9 lpt¹ lpt² lpt³".split()
)
_LONGEST = 120  # bytes; file systems take 255, and encrypted ones 143


def safe_name(name: str) -> str:
    """Return a name as the beginning of a file's name: never empty, hidden, reserved, or too long."""
    text = unicodedata.normalize("NFC", name)
    text = "".join(character if character.isprintable() and character not in _FORBIDDEN else "_" for character in text)
    text = text.encode()[:_LONGEST].decode(errors="ignore").strip(". ")
    if text.partition(".")[0].strip().lower() in _RESERVED:
        text = f"_{text}"
    return text or "workflow"


@contextlib.contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write into that becomes ``path`` when all of it is on the disk; otherwise nothing changes.

    Raises OSError.
    """
    part = path.with_name(f".{uuid4().hex}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    _settle(path.parent)


def _settle(folder: Path) -> None:
    """Have the folder itself on the disk, with the file's name in it; not every file system can."""
    if os.name == "posix":
        with contextlib.suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
