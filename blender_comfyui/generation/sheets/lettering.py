"""Text as it is written: in the order of the eye, in fonts that have its signs, broken into lines, cut with “…”."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from .faces import Faces
from .joining import joined

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

_MIRRORED = dict(zip("()[]{}<>«»‹›", ")(][}{><»«›‹", strict=True))
_MOST = 4_000  # letters of a text that are looked at; no caption shows as many
_DOTS = "…"


@dataclass(frozen=True)
class Line:
    """A line of text. ``seen`` is it in the order of the eye, with every sign as it is in the text; ``is_rtl`` says
    that its paragraph is read from the right."""

    text: str
    seen: str
    width: float
    is_rtl: bool = False


class Lettering:
    """Measures and writes text; sizes and widths in units of which one is `scale` pixels."""

    def __init__(self, folders: Sequence[Path] = (), scale: float = 1.0, faces: Faces | None = None) -> None:
        self.faces = faces or Faces(folders)
        self.scale = scale
        self._widths: dict[tuple[str, int], float] = {}

    def scaled(self, scale: float) -> Lettering:
        """Return one of another scale, with the same fonts."""
        return Lettering(scale=scale, faces=self.faces)

    def width(self, text: str, size: float) -> float:
        """Return how wide a text is."""
        return self._pixels(text, self._size(size)) / self.scale

    def lines(self, text: str, size: float, width: float, most: int) -> tuple[Line, ...]:
        """Break a text into at most so many lines; what does not fit is cut with “…”."""
        text = " ".join(text[:_MOST].split())
        is_rtl = _is_rtl(text)
        found: list[str] = []
        for line in self._broken(text, size, width):
            if len(found) == most:
                found[-1] = self._cut(f"{found[-1]} {line}", size, width)
                break
            found.append(line)
        return tuple(self.line(line, size, is_rtl) for line in found)

    def line(self, text: str, size: float, is_rtl: bool | None = None) -> Line:
        """Return a text as one line, however long."""
        is_rtl = _is_rtl(text) if is_rtl is None else is_rtl
        return Line(text, "".join(_ordered(text, is_rtl, False)), self.width(text, size), is_rtl)

    def write(self, canvas: ImageDraw, x: float, baseline: float, line: Line, size: float, ink: object) -> None:
        """Write a line on a picture; `x` and `baseline` are where it begins, in pixels."""
        for piece, font in self._pieces(_ordered(joined(line.text), line.is_rtl), self._size(size)):
            canvas.text((x, baseline), piece, fill=ink, font=font, anchor="ls")  # type: ignore[arg-type]
            x += font.getlength(piece)

    def _size(self, size: float) -> int:
        return max(1, round(size * self.scale))

    def _pixels(self, text: str, size: int) -> float:
        key = (text, size)
        if key not in self._widths:
            pieces = self._pieces(_ordered(joined(text), False), size)
            self._widths[key] = sum(font.getlength(piece) for piece, font in pieces)
        return self._widths[key]

    def _pieces(self, text: str, size: int) -> Iterator[tuple[str, FreeTypeFont]]:
        """Cut a text, ordered for the eye, where the font changes."""
        fonts: list[tuple[str, FreeTypeFont]] = []
        for character in text:
            follows = unicodedata.category(character) == "Cf"  # unseen, such as what joins two letters
            font = fonts[-1][1] if fonts and follows else self.faces.font(character, size)
            fonts.append((character, font))
        for _, group in groupby(fonts, key=lambda pair: id(pair[1])):
            pairs = list(group)
            yield "".join(character for character, _ in pairs), pairs[0][1]

    def _broken(self, text: str, size: float, width: float) -> Iterator[str]:
        line, length = "", 0.0
        for word in _words(text):
            for part in self._fitting(word, size, width):
                more = self.width(part, size)
                if line and length + self.width(part.rstrip(), size) > width:
                    yield line.rstrip()
                    line, length = "", 0.0
                line, length = line + part, length + more
        if line:
            yield line.rstrip()

    def _fitting(self, word: str, size: float, width: float) -> Iterator[str]:
        """A word that is wider than a line, in parts."""
        if self.width(word.rstrip(), size) <= width:
            yield word
            return
        part = ""
        for character in word:
            if part and self.width(part + character, size) > width:
                yield part
                part = ""
            part += character
        yield part

    def _cut(self, text: str, size: float, width: float) -> str:
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            if self.width(text[:middle].rstrip() + _DOTS, size) <= width:
                low = middle
            else:
                high = middle - 1
        return text[:low].rstrip(" ,.;:–-") + _DOTS


def _words(text: str) -> Iterator[str]:
    """Cut a text where a line may end: after spaces, and beside the signs of East Asian scripts."""
    word = ""
    for character in text:
        is_closing = unicodedata.category(character) in ("Pe", "Pf", "Po", "Mn", "Mc")
        if word and (word[-1] == " " or _breaks(word[-1]) or _breaks(character)) and not is_closing:
            yield word
            word = ""
        word += character
    if word:
        yield word


def _breaks(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"


def _is_rtl(text: str) -> bool:
    strong = (unicodedata.bidirectional(character) for character in text)
    return next((kind in ("R", "AL") for kind in strong if kind in ("L", "R", "AL")), False)


def _ordered(text: str, is_rtl: bool, turned: bool = True) -> str:
    """Return a text in the order of the eye, from left to right; `turned`: with brackets as they are drawn."""
    if not is_rtl and not any(unicodedata.bidirectional(character) in ("R", "AL", "AN") for character in text):
        return text
    from fpdf.bidi import BidiParagraph
    from fpdf.enums import TextDirection

    direction = TextDirection.RTL if is_rtl else TextDirection.LTR
    ordered = BidiParagraph(text, base_direction=direction).get_reordered_characters()
    return "".join(_seen(one.character, turned and one.embedding_level % 2 == 1) for one in ordered)


def _seen(character: str, is_turned: bool) -> str:
    """Marks stay before their letters, as they are now: their signs have no width, and lie over what comes next."""
    return _MIRRORED.get(character, character) if is_turned else character
