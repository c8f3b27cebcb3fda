"""Pictures and letterings for tests of sheets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from blender_comfyui.generation.sheets import faces
from blender_comfyui.generation.sheets.lettering import Lettering


@pytest.fixture(autouse=True)
def _no_fonts_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipeline's machine may have none."""
    monkeypatch.setattr(faces, "_fonts_of_system", list)


@pytest.fixture(scope="session")
def lettering() -> Lettering:
    return Lettering()


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    """``picture(colour, width, height)`` gives the file of a picture of one colour."""

    def made(colour: tuple[int, ...] = (200, 30, 40), width: int = 160, height: int = 90, name: str = "") -> Path:
        path = tmp_path / (name or f"{'-'.join(map(str, colour))}_{width}x{height}.png")
        Image.new("RGBA" if len(colour) == 4 else "RGB", (width, height), colour).save(path)
        return path

    return made
