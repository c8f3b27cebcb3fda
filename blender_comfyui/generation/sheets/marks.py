"""What is put on paper: pictures, frames and lines of text at their places. No Pillow here."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from .cards import Card
from .lettering import Line


class Tone(Enum):
    """What something is on a sheet; each medium has a colour for it."""

    PAPER = "paper"
    FRAME = "frame"
    RULE = "rule"
    STRONG = "strong"
    PLAIN = "plain"
    FAINT = "faint"


@dataclass(frozen=True)
class Box:
    """Left, top, width and height, in the sheet's own units, downwards from the top left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Fill:
    """An area of one tone."""

    box: Box
    tone: Tone


@dataclass(frozen=True)
class Picture:
    """A picture in the middle of its box, as large as fits."""

    box: Box
    card: Card


@dataclass(frozen=True)
class Text:
    """A line whose letters stand on `baseline` and begin at `x`."""

    x: float
    baseline: float
    line: Line
    size: float
    tone: Tone


Mark: TypeAlias = Fill | Picture | Text


@dataclass
class Page:
    """One page, as wide and high as its medium; a picture has just one."""

    width: float
    height: float = 0.0
    marks: list[Mark] = field(default_factory=list)
