"""Sentences in panels: Blender cuts what does not fit, so they are broken into lines here."""

from functools import lru_cache
from typing import TYPE_CHECKING

import blf
import bpy
from bpy.types import UILayout

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import IconItems

ICON = 24  # pixels that an icon takes of a line, at scale 1


def scale() -> float:
    """Return how much larger than usual the person wants everything drawn."""
    return bpy.context.preferences.system.ui_scale or 1.0  # 0 in background


def text_size() -> float:
    """Return the size of the texts in panels, in pixels."""
    return bpy.context.preferences.ui_styles[0].widget.points * scale()


def draw_sentence(layout: UILayout, text: str, width: int, *, icon: "IconItems" = "NONE") -> None:
    """Draw `text` in as many lines as it takes in `width` pixels; the icon stands before the first."""
    room = width - round((ICON if icon != "NONE" else 0) * scale())
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(lines_of(" ".join(text.split()), room, text_size())):
        column.label(text=line, icon=icon if number == 0 else "NONE" if icon == "NONE" else "BLANK1")


@lru_cache(maxsize=256)  # panels are drawn again and again
def lines_of(text: str, width: int, size: float) -> tuple[str, ...]:
    """Break `text` at spaces so that no line is wider than `width` pixels; longer words are cut."""
    blf.size(0, size)
    lines = [""]
    for word in text.split(" "):  # a no-break space is none
        longer = f"{lines[-1]} {word}".strip()
        if _fits(longer, width):
            lines[-1] = longer
            continue
        lines += _pieces(word, width)
    return tuple(line for line in lines if line)


@lru_cache(maxsize=256)
def shortened(text: str, width: int, size: float, tail: int = 0) -> str:
    """Return `text` as one line of at most `width` pixels, with an ellipsis where something is left out.

    The last `tail` characters stay: what tells two long names apart.
    """
    text = " ".join(text.split())
    blf.size(0, size)
    if _fits(text, width):
        return text
    end = "…" + text[len(text) - tail :]
    room = width - round(blf.dimensions(0, end)[0])
    kept = next((text[:length] for length in range(len(text) - tail, 0, -1) if _fits(text[:length], room)), "")
    return kept.rstrip() + end


def text_width(text: str) -> int:
    """Return how many pixels wide a text is in a panel."""
    blf.size(0, text_size())
    return round(blf.dimensions(0, text)[0])


def _pieces(word: str, width: int) -> list[str]:
    """Cut a word that is too long for a line: after a joint such as / or _ where there is one, else anywhere."""
    pieces = [""]
    for character in word:
        if pieces[-1] and not _fits(pieces[-1] + character, width):
            joint = max(pieces[-1].rfind(mark) for mark in "/\\_-.") + 1
            carried = pieces[-1][joint:] if joint else ""
            pieces[-1] = pieces[-1][: len(pieces[-1]) - len(carried)]
            pieces.append(carried)
        pieces[-1] += character
    return pieces


def _fits(text: str, width: int) -> bool:
    return blf.dimensions(0, text)[0] <= width
