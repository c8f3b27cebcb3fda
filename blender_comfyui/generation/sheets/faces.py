"""Which fonts write a text: those that are given (Blender's own), then those that are shipped, and the system's.

Pillow reads WOFF2, as Blender's are. The shipped ones are for machines that have none: DejaVu Sans has Latin, Greek,
Cyrillic, Arabic and Hebrew, Droid Sans Fallback Chinese and Japanese. What these lack is looked for in the system; and
where that has no better one, GNU Unifont has the signs of all other living scripts, in a coarse form.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

log = logging.getLogger(__name__)

SHIPPED = Path(__file__).with_name("fonts")
_ENDINGS = (".ttf", ".otf", ".ttc", ".woff2")
_UNFIT = re.compile(r"lastresort|mono|bold|italic|oblique|serif(?!s)|condensed|light|black|thin|medium", re.IGNORECASE)
_FIRST = re.compile(r"inter\b|notosans-|dejavusans\.", re.IGNORECASE)
_LAST = "UnifontRest.woff2"
_WIDE = re.compile(r"cjk|droidsansfallback", re.IGNORECASE)
# What usual systems have for the scripts that the shipped fonts lack.
_OF_SYSTEMS = re.compile(
    r"notosans|notoemoji|dejavusans\.|droidsans|unifont|symbola|freesans\.|nirmala|leelawui|seguisym|seguiemj|ebrima|"
    r"arial ?unicode|apple ?symbols|thonburi|kohinoor|devanagari|bangla|tamil|khmer|myanmar|lao|euphemia",
    re.IGNORECASE,
)
_MOST_FILES = 20_000
_COMPLEX = ((0x0900, 0x0DFF), (0x0E80, 0x109F), (0x1780, 0x17FF), (0x1A20, 0x1BFF), (0xA980, 0xAA7F))
# what no font has a sign for, and nobody has to see
_UNSEEN = frozenset("\u200b\u200c\u200d\u200e\u200f\ufe0e\ufe0f\u2060\ufeff")


class Faces:
    """The fonts for one sheet. Each is opened when a character first needs it. Not for several threads at once."""

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        given = [path for folder in folders for path in _fonts_in(folder)]
        shipped = _fonts_in(SHIPPED)
        self._paths = [*given, *(path for path in shipped if path.name != _LAST)]
        self._last = [path for path in shipped if path.name == _LAST]
        self._looked_at_system = False
        self._fonts: dict[tuple[Path, int, bool], FreeTypeFont | None] = {}
        self._chosen: dict[str, Path | None] = {}

    def font(self, character: str, size: int) -> FreeTypeFont:
        """Return the font in which a character is written, `size` in pixels; where no font has it, the first."""
        path = self._path(character)
        shaped = path is not None and is_complex(character) and _can_shape()
        found = self._opened(path, size, shaped) if path is not None else None
        return found or self._any(size)

    def has(self, character: str) -> bool:
        """Tell whether some font has a sign for a character."""
        return character in _UNSEEN or self._path(character) is not None

    def _path(self, character: str) -> Path | None:
        if character not in self._chosen:
            self._chosen[character] = self._found(character)
        return self._chosen[character]

    def _found(self, character: str) -> Path | None:
        paths = sorted(self._paths, key=lambda path: bool(_WIDE.search(path.name)) != _is_wide(character))
        found = next((path for path in paths if self._draws(path, character)), None)
        if found is None and not self._looked_at_system:
            self._looked_at_system = True
            self._paths += [*_fonts_of_system(), *self._last]
            return self._found(character)
        return found

    def _draws(self, path: Path, character: str) -> bool:
        """Whether a font has a sign of its own for a character: not the one that stands for those that it lacks."""
        font = self._opened(path, 24, False)
        if font is None:
            return False
        sign = font.getmask(character)
        nothing = font.getmask("\U0010fffe")
        if unicodedata.category(character) in ("Zs", "Mn", "Cf"):
            return font.getlength(character) != font.getlength("\U0010fffe") or bytes(sign) != bytes(nothing)
        return bool(sign.size[0]) and (sign.size, bytes(sign)) != (nothing.size, bytes(nothing))

    def _opened(self, path: Path, size: int, shaped: bool) -> FreeTypeFont | None:
        key = (path, size, shaped)
        if key not in self._fonts:
            from PIL import ImageFont

            layout = ImageFont.Layout.RAQM if shaped else ImageFont.Layout.BASIC
            try:
                self._fonts[key] = ImageFont.truetype(str(path), size, layout_engine=layout)
            except (OSError, ValueError):  # damaged, or a Pillow that cannot unpack it
                log.info("the font %s cannot be used", path, exc_info=True)
                self._fonts[key] = None
        return self._fonts[key]

    def _any(self, size: int) -> FreeTypeFont:
        from PIL import ImageFont

        for path in self._paths:
            if found := self._opened(path, size, False):
                return found
        font = ImageFont.load_default(size)
        if not isinstance(font, ImageFont.FreeTypeFont):
            raise OSError("This Pillow cannot write text: it was built without FreeType.")
        return font


def is_complex(character: str) -> bool:
    """Tell whether signs of a script change places and forms in a way that only a text engine knows."""
    return any(first <= ord(character) <= last for first, last in _COMPLEX)


@cache
def _can_shape() -> bool:
    from PIL import features

    return bool(features.check_feature("raqm") and features.check_feature("fribidi"))


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF" and ord(character) < 0x1F000


def _fonts_in(folder: Path) -> list[Path]:
    """The upright fonts of a folder, those for Latin first."""
    try:
        found = [path for path in folder.iterdir() if path.suffix.lower() in _ENDINGS]
    except OSError:
        return []
    fit = [path for path in found if not _UNFIT.search(path.stem)]
    return sorted(fit, key=lambda path: (not _FIRST.match(path.name), bool(_WIDE.search(path.name)), path.name))


def _fonts_of_system() -> list[Path]:
    found = [
        path
        for path in _files_of_system()
        if path.suffix.lower() in _ENDINGS and _OF_SYSTEMS.match(path.name) and not _UNFIT.search(path.stem)
    ]
    return sorted(found, key=lambda path: (not _FIRST.match(path.name), path.name))


def _files_of_system() -> Iterator[Path]:
    seen = 0
    for top in _folders_of_system():
        for folder, _, names in os.walk(top):
            for name in names:
                seen += 1
                if seen > _MOST_FILES:
                    return
                yield Path(folder, name)


def _folders_of_system() -> list[Path]:
    home = Path.home()
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA", str(home))
        return [Path(os.environ.get("WINDIR", "C:/Windows"), "Fonts"), Path(local, "Microsoft/Windows/Fonts")]
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts"]
    return [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), home / ".local/share/fonts", home / ".fonts"]
