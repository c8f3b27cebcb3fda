"""Sentences in panels: Blender cuts what does not fit, so they are broken into lines here."""

from functools import lru_cache

import blf
import bpy
from bpy.types import UILayout


def draw_sentence(layout: UILayout, text: str, width: int, *, icon: str = "NONE") -> None:
    """Draw `text` in as many lines as it takes in `width` pixels; the icon stands before the first."""
    system = bpy.context.preferences.system
    scale = system.ui_scale or 1.0  # 0 in background
    size = bpy.context.preferences.ui_styles[0].widget.points * scale
    room = width - round(24 * scale if icon != "NONE" else 8 * scale)
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(lines_of(text, room, size)):
        column.label(text=line, icon=icon if number == 0 else "NONE" if icon == "NONE" else "BLANK1")


@lru_cache(maxsize=256)  # panels are drawn again and again
def lines_of(text: str, width: int, size: float) -> tuple[str, ...]:
    """Break `text` at spaces so that no line is wider than `width` pixels; longer words are cut."""
    blf.size(0, size)
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if _fits(longer, width):
            lines[-1] = longer
            continue
        lines += _pieces(word, width)
    return tuple(line for line in lines if line)


def _pieces(word: str, width: int) -> list[str]:
    pieces = [""]
    for character in word:
        if pieces[-1] and not _fits(pieces[-1] + character, width):
            pieces.append("")
        pieces[-1] += character
    return pieces


def _fits(text: str, width: int) -> bool:
    return blf.dimensions(0, text)[0] <= width
