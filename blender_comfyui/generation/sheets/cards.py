"""What a sheet shows, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_VIDEOS = frozenset(".mp4 .webm .mov .mkv .avi .m4v".split())


@dataclass(frozen=True)
class Card:
    """One picture and what stands below it: a `title` in one line, a longer `text`, and `facts` in one line.

    `picture` is a file; a video, one that is not there, or cannot be read, leaves a frame that says so. Without one the
    frame says `missing`.
    """

    picture: Path | None = None
    title: str = ""
    text: str = ""
    facts: str = ""
    missing: str = "No picture yet"

    @property
    def is_video(self) -> bool:
        """Whether it shows a video, of which only the name can be shown."""
        return self.picture is not None and self.picture.suffix.lower() in _VIDEOS


@dataclass(frozen=True)
class Sheet:
    """A contact sheet. `subtitle` stands small beside the title."""

    title: str
    cards: tuple[Card, ...]
    subtitle: str = ""


@dataclass(frozen=True)
class Table:
    """Pictures by two values: one card for each (row, column) from 0; where there is none, the frame is empty.

    `across` and `down` name the values, such as “Steps”; `notes` stand below the title, such as the prompt.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    cards: Mapping[tuple[int, int], Card] = field(default_factory=dict)
    across: str = ""
    down: str = ""
    notes: str = ""
