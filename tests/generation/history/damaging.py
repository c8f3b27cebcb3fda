"""What happens to a history's files, for its tests."""

from __future__ import annotations

import random
from pathlib import Path

NOISE = random.Random(1).randbytes(100_000)


def aside(folder: Path) -> list[Path]:
    return sorted(folder.glob("history.damaged-*.sqlite"))


def change(path: Path, where: int, what: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(where)
        file.write(what)


def cut(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        file.truncate(size)


def size(path: Path) -> int:
    return path.stat().st_size
